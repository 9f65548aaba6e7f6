"""Updates a stored conversation from memory, after writes that failed or turns that were lost by damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.queries import writes
from chat_tui.history.records import storable


def reconcile(
    db: StoreConnection, conversation: Conversation, others: Sequence[Turn] = (), *, begins: bool = True
) -> None:
    """Add what is missing of a conversation, and replace turns whose text differs.

    `others` are turns beside its path, parents before their children. A missing conversation is added if it `begins`;
    otherwise it was deleted: raises `ConversationNotFound`.
    """
    path = conversation.path
    if not begins:
        writes.conversation_key(db, conversation.id)
    elif db.execute("SELECT 1 FROM conversation WHERE id = ?", (conversation.id,)).fetchone() is None and not (
        _adopt_recovered(db, conversation)
    ):
        writes.add_conversation(db, msgspec.structs.replace(conversation, path=()))
    for place, turn in enumerate(path):
        _reconcile_turn(db, conversation.id, turn, path[place + 1 :])
    for turn in others:
        _reconcile_turn(db, conversation.id, turn, ())
    db.execute(
        "UPDATE conversation SET leaf = (SELECT key FROM turn WHERE id = ?) WHERE id = ?",
        (path[-1].id if path else None, conversation.id),
    )


def _adopt_recovered(db: sqlite3.Connection, conversation: Conversation) -> bool:
    """Whether recovery has found turns of this conversation, but not itself: then it takes over what recovery made."""
    for turn in conversation.path:
        found = db.execute(
            "SELECT conversation.key FROM turn JOIN conversation ON conversation.key = turn.conversation"
            " WHERE turn.id = ? AND conversation.id = 'recovered' || conversation.key",
            (turn.id,),
        ).fetchone()
        if found is not None:
            db.execute(
                "UPDATE conversation SET id = ?, title = ?, system_prompt = ?, preset = ?, settings = ?, pinned = ?"
                " WHERE key = ?",
                (
                    conversation.id,
                    storable(conversation.title),
                    None if conversation.system_prompt is None else storable(conversation.system_prompt),
                    storable(conversation.preset),
                    storable(conversation.settings),
                    conversation.pinned,
                    found[0],
                ),
            )
            return True
    return False


def _reconcile_turn(db: StoreConnection, conversation_id: str, turn: Turn, behind: Sequence[Turn]) -> None:
    """`behind` are the turns that follow it on the path."""
    found = db.execute("SELECT state, text FROM turn WHERE id = ?", (turn.id,)).fetchone()
    if found is None:
        writes.add_turn(db, conversation_id, turn, new_key=_key_between(db, turn, behind))
    elif turn.state != "streaming" and (found[0] == "streaming" or found[1] != storable(turn.text)):
        writes.finish(db, turn, None)
    if turn.parent is not None:
        # Recovery attaches a turn whose parent was lost to an earlier turn.
        db.execute(
            "UPDATE turn SET parent = above.key FROM (SELECT key, conversation FROM turn WHERE id = ?) AS above"
            " WHERE id = ? AND parent IS NOT above.key AND above.key < turn.key"
            " AND above.conversation = turn.conversation",
            (turn.parent, turn.id),
        )


def _key_between(db: sqlite3.Connection, turn: Turn, behind: Sequence[Turn]) -> int | None:
    """The first free key after the parent's, since keys grow along a path and those of lost turns are free.

    None if no later turn is stored: a new key will do.
    """
    below = next((key for later in behind if (key := _key(db, later.id)) is not None), None)
    if below is None:
        return None
    above = _key(db, turn.parent) if turn.parent is not None else 0
    taken = {key for (key,) in db.execute("SELECT key FROM turn WHERE key > ? AND key < ?", (above, below))}
    return next((key for key in range((above or 0) + 1, below) if key not in taken), None)


def _key(db: sqlite3.Connection, id: str) -> int | None:
    found = db.execute("SELECT key FROM turn WHERE id = ?", (id,)).fetchone()
    return None if found is None else int(found[0])
