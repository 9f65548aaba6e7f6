"""The files of turns. Content that several turns share is stored once, under an id made of its hash."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.history.records import storable
from chat_tui.history.stored_text import clean_line_of, text_of

_ID_CHARACTERS = 32


def add(db: sqlite3.Connection, turn: int, attachments: Sequence[Attachment]) -> None:
    """Store the files of a turn. One without content refers to stored content by its id."""
    for attachment in attachments:
        db.execute(
            "INSERT INTO attachment (turn, content, name, media_type) VALUES (?, ?, ?, ?)",
            (turn, _content(db, attachment), storable(attachment.name), storable(attachment.media_type)),
        )


def _content(db: sqlite3.Connection, attachment: Attachment) -> int:
    id = attachment.id
    if attachment.content or not _exists(db, id):
        id = sha256(attachment.content).hexdigest()[:_ID_CHARACTERS]
        db.execute("INSERT OR IGNORE INTO content (id, bytes) VALUES (?, ?)", (id, attachment.content))
    return int(db.execute("SELECT key FROM content WHERE id = ?", (id,)).fetchone()[0])


def _exists(db: sqlite3.Connection, id: str) -> bool:
    return db.execute("SELECT 1 FROM content WHERE id = ?", (storable(id),)).fetchone() is not None


def of_conversation(db: sqlite3.Connection, conversation: int) -> dict[int, tuple[Attachment, ...]]:
    """The files of a conversation's turns by the turn's key, without content."""
    found: dict[int, tuple[Attachment, ...]] = {}
    for turn, name, media_type, id, size in db.execute(
        "SELECT turn.key, name, media_type, content.id, length(bytes)"
        " FROM turn JOIN attachment ON attachment.turn = turn.key JOIN content ON content.key = attachment.content"
        " WHERE turn.conversation = ? ORDER BY attachment.key",
        (conversation,),
    ):
        file = Attachment(clean_line_of(name), clean_line_of(media_type), b"", id, size)
        found[turn] = (*found.get(turn, ()), file)
    return found


def contents(db: sqlite3.Connection, turn_ids: Sequence[str]) -> dict[str, tuple[Attachment, ...]]:
    """The files of these turns by the turn's id, with content; turns without files are left out."""
    found: dict[str, tuple[Attachment, ...]] = {}
    for turn, name, media_type, id, content in db.execute(
        "SELECT turn.id, name, media_type, content.id, bytes"
        " FROM turn JOIN attachment ON attachment.turn = turn.key JOIN content ON content.key = attachment.content"
        " WHERE turn.id IN (SELECT value FROM json_each(?)) ORDER BY attachment.key",
        (msgspec.json.encode([storable(id) for id in turn_ids]).decode(),),
    ):
        content = content if isinstance(content, bytes) else text_of(content).encode()
        file = Attachment(clean_line_of(name), clean_line_of(media_type), content, id, len(content))
        found[turn] = (*found.get(turn, ()), file)
    return found


def attachment(db: sqlite3.Connection, conversation_id: str, turn_id: str, number: int) -> Attachment | None:
    """A file of a turn with its content, by its position from 0; None if the conversation has no such turn, or the turn
    no such file."""
    row = db.execute(
        "SELECT name, media_type, content.id, bytes"
        " FROM turn JOIN conversation ON conversation.key = turn.conversation AND conversation.deleted IS NULL"
        " JOIN attachment ON attachment.turn = turn.key JOIN content ON content.key = attachment.content"
        " WHERE turn.id = ? AND conversation.id = ? ORDER BY attachment.key LIMIT 1 OFFSET ?",
        (storable(turn_id), storable(conversation_id), number),
    ).fetchone()
    if row is None:
        return None
    name, media_type, id, content = row
    content = content if isinstance(content, bytes) else text_of(content).encode()
    return Attachment(clean_line_of(name), clean_line_of(media_type), content, id, len(content))


def drop_unused(db: sqlite3.Connection, contents: Sequence[int]) -> None:
    """Erase those of these contents that no turn uses any more."""
    for key in contents:
        db.execute(
            "DELETE FROM content WHERE key = ? AND NOT EXISTS (SELECT 1 FROM attachment WHERE content = ?)", (key, key)
        )
