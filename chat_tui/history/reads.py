"""What is asked of the store. Rows become records one by one: between two rows the event loop can run."""

from __future__ import annotations

import sqlite3
from datetime import datetime

import msgspec

from chat_tui.conversation import Conversation, Summary, Turn
from chat_tui.errors import ConversationNotFound
from chat_tui.history import rows
from chat_tui.history.owners import Owner
from chat_tui.history.rows import TURN_COLUMNS, moment, storable
from chat_tui.route import Route
from chat_tui.text_safety import clean_line

PROMPT_CHARACTERS = 1_000_000
"""Of all recalled prompts together."""

# Parents have lower keys than their children, so the order of keys is the order of the path; asking for it here too
# ends the walk even in a damaged store with a ring of parents.
_PATH = f"""
    WITH RECURSIVE path (key, parent) AS (
        SELECT key, parent FROM turn WHERE key = ?
        UNION ALL SELECT turn.key, turn.parent FROM turn JOIN path ON turn.key = path.parent AND turn.key < path.key
    )
    SELECT key, owner, {TURN_COLUMNS} FROM turn WHERE key IN (SELECT key FROM path) ORDER BY key
"""

_SUMMARIES = """
    SELECT id, title, created, updated,
        (SELECT count(*) FROM turn WHERE turn.conversation = conversation.key),
        (SELECT model FROM turn WHERE turn.conversation = conversation.key AND role = 'assistant'
            ORDER BY turn.key DESC LIMIT 1)
    FROM conversation WHERE deleted IS NULL ORDER BY updated DESC, key DESC LIMIT ? OFFSET ?
"""


def not_found(conversation_id: str) -> ConversationNotFound:
    """The error for an id that no conversation has."""
    return ConversationNotFound(
        f"No conversation has the id `{clean_line(conversation_id, 60)}`.", "`/history` shows those that are there."
    )


def conversations(db: sqlite3.Connection, limit: int, offset: int) -> list[Summary]:
    """Newest first."""
    return [
        Summary(id, title, moment(created), moment(updated), turns, model or "")
        for id, title, created, updated, turns, model in db.execute(_SUMMARIES, (limit, offset))
    ]


def conversation(db: sqlite3.Connection, conversation_id: str, owner: Owner) -> Conversation:
    """With its current path; raises `ConversationNotFound`."""
    found = db.execute(
        "SELECT title, system_prompt, created, updated, leaf FROM conversation WHERE id = ?",
        (storable(conversation_id),),
    ).fetchone()
    if found is None:
        raise not_found(conversation_id)
    title, system_prompt, created, updated, leaf = found
    path: list[Turn] = []
    parent = None
    for key, owner_id, *row in db.execute(_PATH, (leaf,)):
        turn = rows.turn(tuple(row), parent)
        if turn.state == "streaming":
            turn = _grown(db, key, turn)
            if not owner.is_alive(owner_id):
                turn = rows.orphan(turn)
        path.append(turn)
        parent = turn.id
    return Conversation(conversation_id, title, system_prompt, moment(created), moment(updated), tuple(path))


def turn(db: sqlite3.Connection, key: int) -> Turn:
    """One turn with the pieces that have come, without its parent."""
    row = db.execute(f"SELECT {TURN_COLUMNS} FROM turn WHERE key = ?", (key,)).fetchone()
    return _grown(db, key, rows.turn(row, None))


def _grown(db: sqlite3.Connection, key: int, turn: Turn) -> Turn:
    pieces = list(db.execute("SELECT text, thinking FROM piece WHERE turn = ? ORDER BY key", (key,)))
    text = turn.text + "".join(text for text, _ in pieces)
    thinking = turn.thinking + "".join(thinking for _, thinking in pieces)
    return msgspec.structs.replace(turn, text=text, thinking=thinking)


def route(db: sqlite3.Connection, turn_id: str) -> Route | None:
    """How this answer came about; None when it is not known."""
    found = db.execute(
        "SELECT record FROM route JOIN turn ON turn.key = route.turn WHERE turn.id = ?", (turn_id,)
    ).fetchone()
    return None if found is None else rows.route(found[0])


def prompts(db: sqlite3.Connection, limit: int) -> list[str]:
    """The user's last distinct prompts, newest first, `PROMPT_CHARACTERS` at most (but always one)."""
    known: dict[str, None] = {}
    size = 0
    for (text,) in db.execute("SELECT text FROM turn WHERE role = 'user' AND deleted IS NULL ORDER BY key DESC"):
        if text in known:
            continue
        size += len(text)
        if known and (len(known) >= limit or size > PROMPT_CHARACTERS):
            break
        known[text] = None
    return list(known)[: max(0, limit)]


def draft(db: sqlite3.Connection, conversation_id: str) -> str:
    """The unsent text; empty when there is none."""
    found = db.execute("SELECT text FROM draft WHERE conversation = ?", (conversation_id,)).fetchone()
    return "" if found is None else str(found[0])


def place(db: sqlite3.Connection, name: str) -> str:
    """What was kept under this name; empty when nothing was."""
    found = db.execute("SELECT value FROM place WHERE name = ?", (name,)).fetchone()
    return "" if found is None else str(found[0])


def spent(db: sqlite3.Connection, since: datetime) -> float:
    """US dollars for the answers since then."""
    (total,) = db.execute("SELECT total(cost) FROM turn WHERE created >= ?", (rows.microseconds(since),)).fetchone()
    return float(total)
