"""Commands that change conversations and turns."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from chat_tui.core.conversation import Conversation, Turn, TurnDelta, now
from chat_tui.core.errors import ConversationNotFound, HistoryError
from chat_tui.core.route import Route
from chat_tui.history import records
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.database.packing import pack_route
from chat_tui.history.database.process_locks import ProcessLock
from chat_tui.history.queries import attachments, reads
from chat_tui.history.records import microseconds, storable
from chat_tui.history.search import index


def add_conversation(db: StoreConnection, conversation: Conversation, owner: str | None = None) -> None:
    """Add a conversation with the turns of its path; `owner` as in `add_turn`."""
    created = microseconds(conversation.created)
    updated = created if conversation.updated is None else microseconds(conversation.updated)
    prompt = conversation.system_prompt
    db.execute(
        "INSERT INTO conversation (id, title, system_prompt, preset, settings, pinned, created, updated)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            conversation.id,
            storable(conversation.title),
            None if prompt is None else storable(prompt),
            storable(conversation.preset),
            storable(conversation.settings),
            conversation.pinned,
            created,
            updated,
        ),
    )
    for turn in conversation.path:
        add_turn(db, conversation.id, turn, owner)


def add_turn(
    db: StoreConnection,
    conversation_id: str,
    turn: Turn,
    owner: str | None = None,
    *,
    new_key: int | None = None,
    moves_path: bool = True,
) -> None:
    """Add a turn below its parent and make it the end of the current path; one with the state `streaming` can grow.

    Without `moves_path`, a path that does not end with the parent stays as it is. `owner` is the id of the store that
    lets it grow, by default this one. Without a `new_key` its key is higher than all others. Raises
    `ConversationNotFound`; `HistoryError` if the parent is not in the conversation.
    """
    conversation = conversation_key(db, conversation_id)
    parent = None
    if turn.parent is not None:
        parent = db.execute(
            "SELECT key FROM turn WHERE key = ? AND conversation = ?",
            (reads.key_of(db, "turn", turn.parent), conversation),
        ).fetchone()
        if parent is None:
            raise HistoryError("The turn that this one follows is not in the history.")
    streaming = turn.state == "streaming"
    text = storable(turn.text)
    key = db.execute(
        "INSERT INTO turn (key, id, conversation, parent, role, state, created, owner, verdict, kept, model, strategy,"
        " cost, details, text, thinking) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new_key,
            turn.id,
            conversation,
            parent and parent[0],
            turn.role,
            turn.state,
            microseconds(turn.created),
            (db.owner_id if owner is None else owner) if streaming else "",
            turn.verdict,
            turn.kept,
            storable(turn.model),
            storable(turn.strategy),
            turn.cost,
            records.encode_details(turn),
            text,
            storable(turn.thinking),
        ),
    ).lastrowid
    assert key is not None
    attachments.add(db, key, turn.attachments)
    if not streaming:
        index.add(db, key, text)
    # After the clock was set back, a conversation does not become older than it was.
    db.execute(
        "UPDATE conversation SET leaf = iif(? OR leaf IS ?, ?, leaf), updated = max(updated, ?) WHERE key = ?",
        (moves_path, parent and parent[0], key, microseconds(now()), conversation),
    )


def append_delta(db: sqlite3.Connection, piece: TurnDelta) -> None:
    """Add to a growing answer; a quick answer that has grown is replaced. Raises `HistoryError` if it does not grow."""
    if piece.quick is not None:
        record = records.encode_details(Turn("assistant", "", quick=piece.quick))
        db.execute("UPDATE turn SET details = ? WHERE id = ? AND state = 'streaming'", (record, piece.turn_id))
    added = db.execute(
        "INSERT INTO piece (turn, text, thinking) SELECT key, ?, ? FROM turn WHERE id = ? AND state = 'streaming'",
        (storable(piece.text), storable(piece.thinking), piece.turn_id),
    ).rowcount
    if not added:
        if db.execute("SELECT 1 FROM turn WHERE id = ?", (piece.turn_id,)).fetchone() is None:
            raise _deleted_error()
        raise HistoryError("This answer is not growing any more: the piece was not saved.")


def finish(db: sqlite3.Connection, turn: Turn, route: Route | None) -> None:
    """Store an answer as it ended, instead of its parts. Raises `ConversationNotFound` if it is gone."""
    found = db.execute("SELECT key, conversation, indexed, text FROM turn WHERE id = ?", (turn.id,)).fetchone()
    if found is None:
        raise _deleted_error()
    key, conversation, indexed, before = found
    if turn.role == "tool":
        # A result's images come with its end.
        attachments.add(db, key, turn.attachments)
    if indexed:
        index.remove(db, key, before)
    _settle(db, key, turn)
    db.execute("DELETE FROM route WHERE turn = ?", (key,))
    if route is not None:
        db.execute("INSERT INTO route (turn, record) VALUES (?, ?)", (key, pack_route(records.encode_json(route))))
    db.execute("UPDATE conversation SET updated = max(updated, ?) WHERE key = ?", (microseconds(now()), conversation))


def _settle(db: sqlite3.Connection, key: int, turn: Turn) -> None:
    text = storable(turn.text)
    db.execute(
        "UPDATE turn SET state = ?, owner = '', model = ?, strategy = ?, cost = ?, details = ?, text = ?, thinking = ?"
        " WHERE key = ?",
        (
            turn.state,
            storable(turn.model),
            storable(turn.strategy),
            turn.cost,
            records.encode_details(turn),
            text,
            storable(turn.thinking),
            key,
        ),
    )
    index.add(db, key, text)
    db.execute("DELETE FROM piece WHERE turn = ?", (key,))


def end_orphans(db: sqlite3.Connection, owner: ProcessLock, *, own: bool = False) -> None:
    """End the growing answers of stores that are gone as broken ones; `own` includes those of this store."""
    owners = [name for (name,) in db.execute("SELECT DISTINCT owner FROM turn WHERE state = 'streaming'")]
    for name in owners:
        if (own and name == owner.id) or not owner.is_alive(name):
            keys = db.execute("SELECT key FROM turn WHERE state = 'streaming' AND owner = ?", (name,)).fetchall()
            for (key,) in keys:
                _settle(db, key, records.orphan(reads.turn(db, key)))


def retitle(db: sqlite3.Connection, conversation_id: str, title: str) -> None:
    """Change the title. Raises `ConversationNotFound`."""
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET title = ? WHERE key = ?", (storable(title), key))


def set_system_prompt(db: sqlite3.Connection, conversation_id: str, text: str | None) -> None:
    """Set the system prompt; None uses the config's. Raises `ConversationNotFound`."""
    key = conversation_key(db, conversation_id)
    db.execute(
        "UPDATE conversation SET system_prompt = ? WHERE key = ?", (None if text is None else storable(text), key)
    )


def set_preset(db: sqlite3.Connection, conversation_id: str, text: str) -> None:
    """Set the preset, which is JSON that the store does not read; empty for none. Raises `ConversationNotFound`."""
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET preset = ? WHERE key = ?", (storable(text), key))


def set_settings(db: sqlite3.Connection, conversation_id: str, text: str) -> None:
    """Set the conversation's own settings, which are JSON that the store does not read; empty for none.

    Raises `ConversationNotFound`.
    """
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET settings = ? WHERE key = ?", (storable(text), key))


def pin(db: sqlite3.Connection, conversation_id: str, pinned: bool) -> None:
    """Pin or unpin: pinned conversations come first in the list. Raises `ConversationNotFound`."""
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET pinned = ? WHERE key = ?", (pinned, key))


def set_unseen(db: sqlite3.Connection, conversation_id: str, unseen: bool) -> None:
    """Set whether an answer has ended that nobody has seen. Raises `ConversationNotFound`."""
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET unread = ? WHERE key = ?", (unseen, key))


def judge(db: sqlite3.Connection, turn_id: str, verdict: bool | None) -> None:
    """Set the verdict on an answer; None removes it. Raises `HistoryError` without the turn."""
    if not db.execute("UPDATE turn SET verdict = ? WHERE id = ?", (verdict, storable(turn_id))).rowcount:
        raise _no_turn_error()


def keep(db: sqlite3.Connection, turn_id: str, kept: bool | None) -> None:
    """Set whether an exchange is always sent, never, or if it fits (None). Raises `HistoryError` without the turn."""
    if not db.execute("UPDATE turn SET kept = ? WHERE id = ?", (kept, storable(turn_id))).rowcount:
        raise _no_turn_error()


def _deleted_error() -> ConversationNotFound:
    return ConversationNotFound("The conversation of this answer was deleted from the history.")


def _no_turn_error() -> HistoryError:
    return HistoryError("This turn is not in the history.", "Open the conversation again.")


def save_draft(db: sqlite3.Connection, conversation_id: str, text: str) -> None:
    """Store the unsent text of a conversation, `""` for one that has not begun; an empty text removes it."""
    if not text:
        db.execute("DELETE FROM draft WHERE conversation = ?", (conversation_id,))
        return
    db.execute(
        "INSERT OR REPLACE INTO draft (conversation, updated, text) VALUES (?, ?, ?)",
        (conversation_id, microseconds(now()), storable(text)),
    )


def set_place(db: sqlite3.Connection, key: str, value: str) -> None:
    """Store a short text by key; an empty one removes it."""
    if not value:
        db.execute("DELETE FROM place WHERE name = ?", (key,))
        return
    db.execute("INSERT OR REPLACE INTO place (name, value) VALUES (?, ?)", (key, storable(value)))


def change_place(db: sqlite3.Connection, key: str, edit: Callable[[str], str]) -> str:
    """Change a text that `set_place` has stored, in one step, and return it."""
    text = edit(reads.place(db, key))
    set_place(db, key, text)
    return text


def conversation_key(db: sqlite3.Connection, conversation_id: str) -> int:
    """The key of a conversation, also if it is deleted and not yet erased. Raises `ConversationNotFound`."""
    found = db.execute(
        "SELECT key FROM conversation WHERE key = ? AND coalesce(deleted, 1) > 0",
        (reads.key_of(db, "conversation", conversation_id),),
    ).fetchone()
    if found is None:
        raise reads.not_found(conversation_id)
    return int(found[0])
