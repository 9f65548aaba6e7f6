"""Looks whether the history was changed, by this process or another one."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.conversation import HistoryState, RunningTurn
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.queries import reads
from chat_tui.history.records import moment, storable
from chat_tui.history.stored_text import clean_line_of, text_of

LISTED = 200
"""How many conversations of the list are looked at, from its beginning."""

_LIST = """
    SELECT key, title, pinned, updated FROM conversation WHERE deleted IS NULL
    ORDER BY pinned DESC, updated DESC, key DESC LIMIT ?
"""
# An answer of this process is followed while it grows, so its pieces are no change.
_CONVERSATION = """
    SELECT conversation.deleted, leaf, settings, preset, system_prompt, turn.state, turn.owner,
        (SELECT count(*) FROM turn WHERE turn.conversation = conversation.key),
        (SELECT sum((verdict + 2) * key) FROM turn WHERE turn.conversation = conversation.key AND verdict IS NOT NULL),
        iif(turn.state = 'streaming' AND turn.owner <> ?, (SELECT max(key) FROM piece WHERE piece.turn = leaf), 0)
    FROM conversation LEFT JOIN turn ON turn.key = leaf WHERE conversation.id = ?
"""
_RUNNING = """
    SELECT conversation.id, title, turn.id, turn.model, turn.created, owner
    FROM turn JOIN conversation ON conversation.key = turn.conversation
    WHERE state = 'streaming' AND owner <> ? AND conversation.deleted IS NULL ORDER BY turn.key
"""


def look(
    db: StoreConnection, before: HistoryState, conversations: Sequence[str], notes_prefixes: Sequence[str] = ()
) -> HistoryState:
    """The state of the history with the marks of these conversations; `before` itself if nothing was written since.

    `notes_prefixes` begin the keys of the places that are read.
    """
    version = (reads.version(db), db.total_changes)
    # A process that was killed writes nothing any more, so what runs elsewhere is always looked at.
    if version == before.version and not before.running and before.marks.keys() == set(conversations):
        return before
    listed = tuple(db.execute(_LIST, (LISTED,)))
    return HistoryState(
        version,
        hash((listed, reads.count_deleted(db))),
        {id: _mark(db, id) for id in conversations},
        tuple(_running(db)),
        {key: text for prefix in notes_prefixes for key, text in reads.places(db, prefix).items()},
    )


def _mark(db: StoreConnection, conversation_id: str) -> int:
    found = db.execute(_CONVERSATION, (db.owner_id, storable(conversation_id))).fetchone()
    if found is None:
        return 0
    *rest, owner, turns, verdicts, pieces = found
    return hash((*rest, db.is_alive(owner) if owner else True, turns, verdicts, pieces))


def _running(db: StoreConnection) -> list[RunningTurn]:
    rows = db.execute(_RUNNING, (db.owner_id,)).fetchall()
    return [
        RunningTurn(text_of(id), clean_line_of(title), text_of(turn), clean_line_of(model), moment(created))
        for id, title, turn, model, created, owner in rows
        if db.is_alive(owner)
    ]
