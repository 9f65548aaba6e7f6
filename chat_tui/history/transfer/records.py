"""Imported conversations and turns. Keys are the source's own ids, by which a second import finds the first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from chat_tui.core.attachments.attachment import ATTACHABLE_TYPES, TEXT, Attachment, media_type_of
from chat_tui.core.conversation import Turn, now
from chat_tui.core.errors import HistoryError
from chat_tui.core.route import Route
from chat_tui.core.settings.conversation_settings import without_costs
from chat_tui.core.settings.preset import without_switches
from chat_tui.core.text.bounds import bounded_time
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.text.sanitizer import sanitize

RECORD_BYTES = 100_000_000
"""The longest JSON record of a conversation."""
TEXT_CHARACTERS = 10_000_000
"""The longest text of a turn; longer ones are truncated."""
KEY_CHARACTERS = 200

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_ID_DIGITS = 21
"""The length of ids that are made here, like those of new conversations and turns."""


class ImportRefused(HistoryError):
    """The whole file cannot be imported."""


class BadRecord(Exception):
    """One record cannot be read; the message says why."""


class SkippedRecord(msgspec.Struct, frozen=True):
    """A record, or a part of one, that was not imported."""

    record: str
    """Its title or id, or its number in the file."""
    reason: str


class ImportedTurn(msgspec.Struct, frozen=True):
    """A turn to import."""

    key: str
    """Unique in its conversation."""
    parent: str | None
    """The key of its parent, which is imported before it."""
    turn: Turn
    """Its id is used only if the header's `keeps_ids` is true, and its `parent` never."""
    route: Route | None = None
    on_path: bool = True
    """Whether it is on the conversation's current path."""
    import_key: str = ""
    """If ids are kept: its key in the program that it was first imported from."""
    answer: str = ""
    """The key of the answer that earlier versions stored instead, with tool calls as thinking; empty if it is `key`."""
    parent_answer: str = ""
    """The same for the parent."""


class ConversationHeader(msgspec.Struct, frozen=True):
    """A conversation to import, without its turns."""

    key: str
    """Its id if ids are kept; otherwise the program's name and the id there."""
    created: datetime
    updated: datetime
    title: str = ""
    system_prompt: str | None = None
    pinned: bool = False
    preset: str = ""
    settings: str = ""
    keeps_ids: bool = False
    """Whether it comes from chat-tui, so that its keys are ids."""
    import_key: str = ""
    """If ids are kept: its key in the program that it was first imported from."""


class ImportedConversation:
    """A conversation to import. `turns` can be iterated once, parents first, and includes what was skipped.

    All formats go through this class: ids, texts, names, numbers and times are safe to store and to show.
    """

    def __init__(self, head: ConversationHeader, turns: Iterator[ImportedTurn | SkippedRecord]) -> None:
        self.head = _safe_header(head)
        self.turns = (
            _safe_turn(item, is_id=head.keeps_ids) if isinstance(item, ImportedTurn) else item for item in turns
        )


def safe_id(id: str) -> str:
    """The id if it has at most 64 letters, digits and `._:-`; otherwise a hash of it.

    Equal ids give equal results, so that parents, and conversations of an earlier import, are found.
    """
    return id if _ID.fullmatch(id) else sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_DIGITS]


def _safe_key(key: str, *, is_id: bool) -> str:
    """A key of another program may have any character except control characters; otherwise it is hashed."""
    return safe_id(key) if is_id or not key or clean_line(key, KEY_CHARACTERS * 2) != key else key


def _safe_header(head: ConversationHeader) -> ConversationHeader:
    created = bounded_time(head.created) or bounded_time(head.updated) or now()
    return msgspec.structs.replace(
        sanitize(head),
        key=_safe_key(head.key, is_id=head.keeps_ids),
        created=created,
        updated=bounded_time(head.updated) or created,
        preset=without_switches(head.preset),
        settings=without_costs(head.settings),
        import_key=head.import_key and _safe_key(head.import_key, is_id=False),
    )


def _safe_turn(imported: ImportedTurn, *, is_id: bool) -> ImportedTurn:
    turn = sanitize(imported.turn)
    files = tuple(map(_safe_file, turn.attachments))
    turn = msgspec.structs.replace(turn, id=imported.turn.id and safe_id(imported.turn.id), attachments=files)
    return msgspec.structs.replace(
        imported,
        key=_safe_key(imported.key, is_id=is_id),
        parent=None if imported.parent is None else _safe_key(imported.parent, is_id=is_id),
        turn=turn,
        route=imported.route and sanitize(imported.route),
        import_key=imported.import_key and _safe_key(imported.import_key, is_id=False),
        answer=imported.answer and _safe_key(imported.answer, is_id=is_id),
        parent_answer=imported.parent_answer and _safe_key(imported.parent_answer, is_id=is_id),
    )


def _safe_file(file: Attachment) -> Attachment:
    """The file with a type that attachments may have, since servers and browsers are sent the type."""
    known = file.media_type in ATTACHABLE_TYPES
    media_type = file.media_type if known else media_type_of(file.content[:16]) or TEXT
    name = clean_line(file.name, 200) or "file"
    return msgspec.structs.replace(file, name=name, media_type=media_type)


def text_or_empty(value: Any) -> str:
    """The value if it is a text, truncated to `TEXT_CHARACTERS`; otherwise empty."""
    return value[:TEXT_CHARACTERS] if isinstance(value, str) else ""
