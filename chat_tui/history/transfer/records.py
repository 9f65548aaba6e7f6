"""What an import is made of. Keys are the source's own names for things: they make a second import find the first."""

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
from chat_tui.core.preset import without_switches
from chat_tui.core.route import Route
from chat_tui.core.text.bounds import bounded_time
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.text.sanitizer import sanitized

RECORD_BYTES = 100_000_000
"""Of one conversation in a JSON file."""
TEXT_CHARACTERS = 10_000_000
"""Of one turn; what follows is cut."""
KEY_CHARACTERS = 200

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_ID_DIGITS = 21
"""Of an id that is made here, like those of new conversations and turns."""


class ImportRefused(HistoryError):
    """The file as a whole cannot be imported."""


class BadRecord(Exception):
    """One record cannot be read; its text says why."""


class SkippedRecord(msgspec.Struct, frozen=True):
    """What was not imported."""

    record: str
    """Which: its title or id, or its number in the file."""
    reason: str


class ImportedTurn(msgspec.Struct, frozen=True):
    """A turn that comes in."""

    key: str
    """Unlike all others of its conversation."""
    parent: str | None
    """The key of its parent, which comes earlier."""
    turn: Turn
    """Its own id counts only where the head says that ids are kept; its `parent` does not."""
    route: Route | None = None
    on_path: bool = True
    """Whether it stands on the conversation's current path."""
    import_key: str = ""
    """Where ids are kept: its key in the program that it was imported from before."""


class ConversationHeader(msgspec.Struct, frozen=True):
    """A conversation that comes in, without its turns."""

    key: str
    """Its id, where ids are kept; else the program's name and its id there."""
    created: datetime
    updated: datetime
    title: str = ""
    system_prompt: str | None = None
    pinned: bool = False
    preset: str = ""
    keeps_ids: bool = False
    """It is from a store like ours: its keys are ids."""
    import_key: str = ""
    """Where ids are kept: its key in the program that it was imported from before."""


class ImportedConversation:
    """A conversation that comes in: `turns` can be walked once, parents first, and may hold what had to be skipped.

    This is the border for imports, whatever the format: ids, texts, names, numbers and times come out of it safe to
    store and to show.
    """

    def __init__(self, head: ConversationHeader, turns: Iterator[ImportedTurn | SkippedRecord]) -> None:
        self.head = _safe_head(head)
        self.turns = (
            _safe_arrival(item, is_id=head.keeps_ids) if isinstance(item, ImportedTurn) else item for item in turns
        )


def safe_id(id: str) -> str:
    """The id if it is made of letters, digits and `._:-`, at most 64; else an id made of it.

    The same id always gives the same result, so parents are found, and a second import finds the first.
    """
    return id if _ID.fullmatch(id) else sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_DIGITS]


def _safe_key(key: str, *, is_id: bool) -> str:
    """Names that other programs give may hold any character but those that a terminal obeys."""
    return safe_id(key) if is_id or not key or clean_line(key, KEY_CHARACTERS * 2) != key else key


def _safe_head(head: ConversationHeader) -> ConversationHeader:
    created = bounded_time(head.created) or bounded_time(head.updated) or now()
    return msgspec.structs.replace(
        sanitized(head),
        key=_safe_key(head.key, is_id=head.keeps_ids),
        created=created,
        updated=bounded_time(head.updated) or created,
        preset=without_switches(head.preset),
        import_key=head.import_key and _safe_key(head.import_key, is_id=False),
    )


def _safe_arrival(arrival: ImportedTurn, *, is_id: bool) -> ImportedTurn:
    turn = sanitized(arrival.turn)
    files = tuple(map(_safe_file, turn.attachments))
    turn = msgspec.structs.replace(turn, id=arrival.turn.id and safe_id(arrival.turn.id), attachments=files)
    return msgspec.structs.replace(
        arrival,
        key=_safe_key(arrival.key, is_id=is_id),
        parent=None if arrival.parent is None else _safe_key(arrival.parent, is_id=is_id),
        turn=turn,
        route=arrival.route and sanitized(arrival.route),
        import_key=arrival.import_key and _safe_key(arrival.import_key, is_id=False),
    )


def _safe_file(file: Attachment) -> Attachment:
    """Servers and browsers are told the type: it must be one of those that a file may have."""
    known = file.media_type in ATTACHABLE_TYPES
    media_type = file.media_type if known else media_type_of(file.content[:16]) or TEXT
    name = clean_line(file.name, 200) or "file"
    return msgspec.structs.replace(file, name=name, media_type=media_type)


def words(value: Any) -> str:
    """The value if it is a text, at most `TEXT_CHARACTERS` of it; else nothing."""
    return value[:TEXT_CHARACTERS] if isinstance(value, str) else ""
