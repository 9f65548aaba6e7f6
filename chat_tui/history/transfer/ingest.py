"""The command that adds a part of an imported conversation.

It can be repeated: what is stored already is found by its key, so that an import that was interrupted anywhere is
completed by the next one.

Earlier versions stored an answer with tool calls as one turn, with the calls as its thinking. Such an answer stays as
it is: none of the turns that it consists of now is added, and what follows them is added below it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from chat_tui.core.conversation import Conversation, Turn, new_id
from chat_tui.core.errors import HistoryError
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.queries import writes
from chat_tui.history.records import decode_details, microseconds, storable
from chat_tui.history.transfer.records import ConversationHeader, ImportedTurn, SkippedRecord

# Parents have lower keys, which ends the walk in any store.
_IS_ABOVE = """
    WITH RECURSIVE above (key, steps) AS (
        SELECT :end, 0 UNION ALL
        SELECT parent, steps + 1 FROM turn JOIN above USING (key)
        WHERE parent >= :leaf AND parent < key AND steps < :most
    )
    SELECT 1 FROM above WHERE key = :leaf
"""


class ImportOutcome(msgspec.Struct, frozen=True):
    """What was stored of a part of a conversation."""

    is_new: bool
    """Whether the conversation was not stored before this part."""
    added: int = 0
    known: int = 0
    """Turns that were stored already."""
    skipped: tuple[SkippedRecord, ...] = ()


def add_imported(db: StoreConnection, head: ConversationHeader, arrivals: Sequence[ImportedTurn]) -> ImportOutcome:
    """Add the conversation and those of these turns that are not stored yet; stored turns are not changed.

    The current path becomes the source's, unless the user has continued elsewhere since.
    """
    found = _conversation(db, head)
    if found is None:
        id = head.key if head.keeps_ids else new_id()
        bare = Conversation(id, head.title, head.system_prompt, head.created, head.updated)
        bare = msgspec.structs.replace(bare, pinned=head.pinned, preset=head.preset, settings=head.settings)
        writes.add_conversation(db, bare, owner="")
        if import_key := head.import_key if head.keeps_ids else head.key:
            # The conversation may have been imported from there already.
            db.execute("UPDATE OR IGNORE conversation SET import_key = ? WHERE id = ?", (storable(import_key), id))
    else:
        id, deleted = found
        if deleted is not None and deleted <= 0:
            return ImportOutcome(
                False, skipped=(SkippedRecord(head.title or head.key, "it is being erased: import it again"),)
            )
    before, leaf, updated = db.execute("SELECT key, leaf, updated FROM conversation WHERE id = ?", (id,)).fetchone()
    added = known = 0
    end = None
    skipped: list[SkippedRecord] = []
    for arrival in arrivals:
        place = _place(db, before, head, arrival.key, arrival.answer)
        if place is None:
            try:
                place = _add(db, id, before, head, arrival)
            except HistoryError as error:
                skipped.append(SkippedRecord(f"turn {arrival.key}", error.title))
                continue
            added += 1
        else:
            known += 1
        end = place if arrival.on_path else end
    # Earlier parts have moved the leaf as far as they reach, so no walk is longer than this part, and the time of the
    # whole import is proportional to its turns.
    walk = {"end": end, "leaf": leaf, "most": len(arrivals)}
    if end is not None and (leaf is None or db.execute(_IS_ABOVE, walk).fetchone()):
        leaf = end
    # An import restores a deleted conversation. Adding turns has set `updated` to now, which is corrected.
    db.execute(
        "UPDATE conversation SET leaf = ?, updated = ?, deleted = NULL WHERE key = ?",
        (leaf, max(updated, microseconds(head.updated)), before),
    )
    return ImportOutcome(found is None, added, known, tuple(skipped))


def _conversation(db: sqlite3.Connection, head: ConversationHeader) -> tuple[str, int | None] | None:
    column = "id" if head.keeps_ids else "import_key"
    found: tuple[str, int | None] | None = db.execute(
        f"SELECT id, deleted FROM conversation WHERE {column} = ?", (storable(head.key),)
    ).fetchone()
    return found


def _place(db: sqlite3.Connection, conversation: int, head: ConversationHeader, key: str, answer: str) -> int | None:
    """The stored turn with this import key, or the whole answer that an earlier version stored instead; `answer` is the
    key of that one."""
    found = _stored(db, conversation, head, key)
    if found is None and answer:
        found = _stored(db, conversation, head, answer)
        # With its own calls, it is one of the turns of an answer that is split.
        if found is not None and decode_details(found[1]).calls:
            found = None
    return None if found is None else found[0]


def _stored(db: sqlite3.Connection, conversation: int, head: ConversationHeader, key: str) -> tuple[int, object] | None:
    column = "id" if head.keeps_ids else "import_key"
    found: tuple[int, object] | None = db.execute(
        f"SELECT key, details FROM turn WHERE {column} = ? AND conversation = ?", (storable(key), conversation)
    ).fetchone()
    return found


def _add(db: StoreConnection, id: str, conversation: int, head: ConversationHeader, arrival: ImportedTurn) -> int:
    """The new turn's key. Raises `HistoryError` if its parent is missing or its id is taken."""
    parent = None
    if arrival.parent is not None:
        above = _place(db, conversation, head, arrival.parent, arrival.parent_answer)
        if above is None:
            raise HistoryError("the turn that it follows is not there")
        (parent,) = db.execute("SELECT id FROM turn WHERE key = ?", (above,)).fetchone()
    turn_id = arrival.turn.id if head.keeps_ids else new_id()
    if head.keeps_ids and db.execute("SELECT 1 FROM turn WHERE id = ?", (turn_id,)).fetchone():
        raise HistoryError("its id belongs to a turn of another conversation")
    created = arrival.turn.created or head.created
    turn = msgspec.structs.replace(arrival.turn, id=turn_id, parent=parent, created=created)
    _write(db, id, turn, arrival)
    (key,) = db.execute("SELECT key FROM turn WHERE id = ?", (turn_id,)).fetchone()
    if import_key := arrival.import_key if head.keeps_ids else arrival.key:
        db.execute("UPDATE OR IGNORE turn SET import_key = ? WHERE key = ?", (storable(import_key), key))
    return int(key)


def _write(db: StoreConnection, conversation_id: str, turn: Turn, arrival: ImportedTurn) -> None:
    if arrival.route is None:
        writes.add_turn(db, conversation_id, turn, owner="")
        return
    # The route of an answer is stored when it ends.
    writes.add_turn(db, conversation_id, msgspec.structs.replace(turn, state="streaming", text=""), owner="")
    writes.finish(db, turn, arrival.route)
