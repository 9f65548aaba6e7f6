"""Reads a part of a conversation's path, so that a long conversation is opened without reading all of it."""

from __future__ import annotations

import msgspec

from chat_tui.core.conversation import ConversationWindow, WindowRange, window_bounds
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.queries import reads
from chat_tui.history.records import TURN_COLUMNS

# In the order of keys, which is that of the path (see `reads`).
_KEYS = """
    WITH RECURSIVE path (key, parent, role) AS (
        SELECT key, parent, role FROM turn WHERE key = ?
        UNION ALL SELECT turn.key, turn.parent, turn.role
            FROM turn JOIN path ON turn.key = path.parent AND turn.key < path.key
    )
    SELECT key, role FROM path ORDER BY key
"""
_TURNS = f"""
    SELECT key, parent, owner, {TURN_COLUMNS} FROM turn WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key
"""


def window(db: StoreConnection, conversation_id: str, asked: WindowRange) -> ConversationWindow:
    """A part of a conversation's current path. Raises `ConversationNotFound`."""
    row = reads.conversation_row(db, conversation_id)
    path = list(db.execute(_KEYS, (row.leaf,)))
    place = None
    if asked.turn:
        key = reads.key_of(db, "turn", asked.turn)
        place = next((place for place, (found, _role) in enumerate(path) if found == key), None)
    first, end = window_bounds([role for _key, role in path], asked, place)
    shown = [key for key, _role in path[first:end]]
    # The turn before it is the parent of the first one.
    before = {key: reads.id_of(db, key) for key, _role in path[max(0, first - 1) : first]}
    rows = db.execute(_TURNS, (msgspec.json.encode(shown).decode(),))
    conversation = reads.conversation_of(db, conversation_id, row, rows, before, is_end=end == len(path))
    return ConversationWindow(conversation, first, len(path))
