"""Queries for conversations and turns. Rows become records one by one, so that the event loop can run in between."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from chat_tui.core.conversation import Conversation, ConversationSummary, DeletedConversation, Tree, Turn
from chat_tui.core.errors import ConversationNotFound
from chat_tui.core.route import Route
from chat_tui.core.text.excerpts import shorten
from chat_tui.history import records as rows
from chat_tui.history.database import packing
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.queries import attachments as attached
from chat_tui.history.records import TURN_COLUMNS, moment, storable
from chat_tui.history.stored_text import clean_line_of, clean_text_of, text_of

PROMPT_CHARACTERS = 1_000_000
"""The most characters of all recalled prompts together."""
_PROMPTS_READ = 20
"""How many are read for each one that is wanted, since prompts may be repeated."""

# Parents have lower keys than their children, so the order of keys is the order of the path; asking for it here too
# ends the walk even in a damaged store with a ring of parents.
_PATH = f"""
    WITH RECURSIVE path (key, parent) AS (
        SELECT key, parent FROM turn WHERE key = ?
        UNION ALL SELECT turn.key, turn.parent FROM turn JOIN path ON turn.key = path.parent AND turn.key < path.key
    )
    SELECT key, parent, owner, {TURN_COLUMNS} FROM turn WHERE key IN (SELECT key FROM path) ORDER BY key
"""
_ALL = f"SELECT key, parent, owner, {TURN_COLUMNS} FROM turn WHERE conversation = ? ORDER BY key"
_SIBLINGS = f"""
    SELECT key, parent, owner, {TURN_COLUMNS} FROM turn INDEXED BY turn_parent
    WHERE parent = ? AND role = ? ORDER BY key
"""
_FIRST_SIBLINGS = f"""
    SELECT key, parent, owner, {TURN_COLUMNS} FROM turn INDEXED BY turn_root
    WHERE conversation = ? AND parent IS NULL AND role = ? ORDER BY key
"""

_FORKS = """
    SELECT key, id, parent, role FROM turn INDEXED BY turn_parent WHERE parent IN (
        SELECT parent FROM turn INDEXED BY turn_parent WHERE parent IN (SELECT value FROM json_each(?))
        GROUP BY parent HAVING count(*) > 1
    )
    UNION ALL
    SELECT key, id, parent, role FROM turn INDEXED BY turn_root WHERE conversation = ? AND parent IS NULL
    ORDER BY key
"""

# A summary is no version of the question that follows the same turn.
_BELOW = "SELECT id FROM turn INDEXED BY turn_parent WHERE parent = ? AND role <> 'summary' ORDER BY key"
_FIRST = "SELECT id FROM turn INDEXED BY turn_root WHERE parent IS NULL AND conversation = ? ORDER BY key"

_PROMPTS = """
    SELECT text FROM turn JOIN conversation ON conversation.key = turn.conversation AND conversation.deleted IS NULL
    WHERE role = 'user' ORDER BY turn.key DESC LIMIT ?
"""

# A path ends with an answer, with a question whose answer has not come, or with results of tool calls.
_COLUMNS = """
    conversation.id, title, conversation.created, updated,
        (SELECT count(*) FROM turn WHERE turn.conversation = conversation.key),
        coalesce(nullif(leaf.model, ''), (
            WITH RECURSIVE above (key, parent, model, steps) AS (
                SELECT leaf.key, leaf.parent, '', 0
                UNION ALL SELECT turn.key, turn.parent, turn.model, steps + 1
                    FROM turn JOIN above ON turn.key = above.parent AND turn.key < above.key
                    WHERE above.model = '' AND steps < 100
            )
            SELECT model FROM above WHERE model <> ''
        ), ''),
        pinned, unread,
        (SELECT sum(cost) FROM turn WHERE turn.conversation = conversation.key),
        conversation.deleted
"""
_FROM = "FROM conversation LEFT JOIN turn AS leaf ON leaf.key = conversation.leaf"
_SUMMARY = f"SELECT {_COLUMNS} {_FROM}"
_SUMMARIES_OF = f"""
    SELECT {_COLUMNS}, conversation.key {_FROM} WHERE conversation.key IN (SELECT value FROM json_each(?))
"""
_SUMMARIES = f"""
    {_SUMMARY}
    WHERE conversation.deleted IS NULL ORDER BY pinned DESC, updated DESC, conversation.key DESC LIMIT ? OFFSET ?
"""
# 0 is the time of those that are being erased.
_DELETED = f"""
    {_SUMMARY}
    WHERE conversation.deleted > 0 ORDER BY conversation.deleted DESC, conversation.key DESC LIMIT ?
"""


def not_found(conversation_id: str) -> ConversationNotFound:
    """The error for an id that no conversation has."""
    return ConversationNotFound(
        f"No conversation has the id `{shorten(conversation_id, 60)}`.",
        "List them with `/history` or `chat-tui history list`.",
    )


def version(db: sqlite3.Connection) -> int:
    """A number that changes when another connection writes to the store, in this process or another one."""
    return int(db.execute("PRAGMA data_version").fetchone()[0])


def summaries(db: sqlite3.Connection, limit: int = 200, offset: int = 0) -> list[ConversationSummary]:
    """A page of the history list: pinned conversations first, then the newest."""
    return [_summary(row) for row in db.execute(_SUMMARIES, (limit, offset))]


def summaries_of(db: sqlite3.Connection, keys: Sequence[int]) -> dict[int, ConversationSummary]:
    """The rows of the history list for these keys of conversations, by key."""
    asked = msgspec.json.encode(list(keys)).decode()
    return {row[-1]: _summary(row[:-1]) for row in db.execute(_SUMMARIES_OF, (asked,))}


def deleted_conversations(db: sqlite3.Connection, limit: int = 200) -> list[DeletedConversation]:
    """The deleted conversations that can be restored, the last deleted one first."""
    return [DeletedConversation(_summary(row), moment(row[-1])) for row in db.execute(_DELETED, (limit,))]


def count_deleted(db: sqlite3.Connection) -> int:
    """How many deleted conversations can be restored."""
    return int(db.execute("SELECT count(*) FROM conversation WHERE deleted > 0").fetchone()[0])


def _summary(row: tuple[Any, ...]) -> ConversationSummary:
    id, title, created, updated, turns, model, pinned, unseen, cost, _deleted = row
    return ConversationSummary(
        text_of(id),
        clean_line_of(title),
        moment(created),
        moment(updated),
        turns,
        clean_line_of(model),
        bool(pinned),
        bool(unseen),
        cost,
    )


def key_of(db: sqlite3.Connection, table: Literal["conversation", "turn"], id: str) -> int | None:
    """The key of the row with this id; None if there is none.

    An id with an invalid byte is displayed with U+FFFD, and found by that, too.
    """
    found = db.execute(f"SELECT key FROM {table} WHERE id = ?", (storable(id),)).fetchone()
    if found is None and "\ufffd" in id:
        keys = (key for key, garbled in db.execute(f"SELECT key, id FROM {table}") if garbled == id)
        return next(keys, None)
    return None if found is None else int(found[0])


def id_of(db: sqlite3.Connection, key: int) -> str:
    """The id of the turn with this key, which must exist."""
    return text_of(db.execute("SELECT id FROM turn WHERE key = ?", (key,)).fetchone()[0])


class ConversationRow(NamedTuple):
    """What the store has of a conversation besides its turns."""

    key: int
    leaf: int | None
    """Key of the last turn of the current path; None if the path is empty."""
    title: str
    system_prompt: str | None
    created: int
    updated: int
    pinned: int
    preset: str
    settings: str


def conversation_row(db: sqlite3.Connection, conversation_id: str) -> ConversationRow:
    """The row of a conversation. Raises `ConversationNotFound`."""
    found = db.execute(
        "SELECT key, leaf, title, system_prompt, created, updated, pinned, preset, settings FROM conversation"
        " WHERE key = ? AND deleted IS NULL",
        (key_of(db, "conversation", conversation_id),),
    ).fetchone()
    if found is None:
        raise not_found(conversation_id)
    return ConversationRow(*found)


def conversation(db: StoreConnection, conversation_id: str) -> Conversation:
    """A conversation with its current path; attachments come without content. Raises `ConversationNotFound`."""
    row = conversation_row(db, conversation_id)
    return conversation_of(db, conversation_id, row, db.execute(_PATH, (row.leaf,)), {}, is_end=True)


def conversation_of(
    db: StoreConnection,
    conversation_id: str,
    row: ConversationRow,
    turns: Iterable[tuple[Any, ...]],
    keys: dict[int, str],
    *,
    is_end: bool,
) -> Conversation:
    """A conversation with these turns, whose path they end if `is_end`. `keys` has the id of the turn before them."""
    path = _turns(db, row.key, turns, keys)
    shown = {turn.id for turn in path}
    below = () if not is_end else db.execute(_BELOW, (row.leaf,)) if row.leaf else db.execute(_FIRST, (row.key,))
    return Conversation(
        conversation_id,
        clean_line_of(row.title),
        None if row.system_prompt is None else clean_text_of(row.system_prompt),
        moment(row.created),
        moment(row.updated),
        path,
        {id: ids for id, ids in _forks(db, row.key, keys).items() if id in shown},
        bool(row.pinned),
        text_of(row.preset),
        text_of(row.settings),
        tuple(id for (id,) in below),
    )


def changed_conversation(
    db: StoreConnection, conversation_id: str, seen: int | None
) -> tuple[int, Conversation | None]:
    """The store's `version`, and the conversation unless that version is still the one `seen`, both of one moment.

    Raises `ConversationNotFound`.
    """
    current = version(db)
    return current, None if current == seen else conversation(db, conversation_id)


def tree(db: StoreConnection, conversation_id: str) -> Tree:
    """A conversation with all its branches and routes. Raises `ConversationNotFound`."""
    whole = conversation(db, conversation_id)
    key, import_key = db.execute(
        "SELECT key, coalesce(import_key, '') FROM conversation WHERE key = ?",
        (key_of(db, "conversation", conversation_id),),
    ).fetchone()
    import_keys = dict(
        db.execute("SELECT id, import_key FROM turn WHERE conversation = ? AND import_key IS NOT NULL", (key,))
    )
    turns = _turns(db, key, db.execute(_ALL, (key,)), {})
    records = db.execute(
        "SELECT turn.id, record FROM turn JOIN route ON route.turn = turn.key WHERE turn.conversation = ?", (key,)
    )
    routes = {id: known for id, record in records if (known := packing.unpack_route(record)) is not None}
    return Tree(whole, turns, whole.path[-1].id if whole.path else "", routes, import_key, import_keys)


def siblings(db: StoreConnection, turn_id: str) -> list[Turn]:
    """The turns with the same parent and role, including this one, oldest first; none if the turn is unknown."""
    found = db.execute(
        "SELECT turn.conversation, turn.parent, turn.role, above.id"
        " FROM turn LEFT JOIN turn AS above ON above.key = turn.parent WHERE turn.key = ?",
        (key_of(db, "turn", turn_id),),
    ).fetchone()
    if found is None:
        return []
    conversation, parent, role, parent_id = found
    if parent is None:
        return list(_turns(db, conversation, db.execute(_FIRST_SIBLINGS, (conversation, role)), {}))
    return list(_turns(db, conversation, db.execute(_SIBLINGS, (parent, role)), {parent: parent_id}))


def _turns(
    db: StoreConnection,
    conversation: int,
    found: Iterable[tuple[Any, ...]],
    keys: dict[int, str],
) -> tuple[Turn, ...]:
    """The turns of these rows, parents first. `keys` maps keys of turns to ids, and gets those of the new turns."""
    attachments = attached.of_conversation(db, conversation)
    turns: list[Turn] = []
    for key, parent, owner_id, *row in found:
        turn = rows.turn(tuple(row), keys.get(parent), attachments.get(key, ()))
        keys[key] = turn.id
        if turn.state == "streaming":
            turn = _with_deltas(db, key, turn)
            if not db.is_alive(owner_id):
                turn = rows.orphan(turn)
        turns.append(turn)
    return tuple(turns)


def _forks(db: sqlite3.Connection, conversation: int, keys: dict[int, str]) -> dict[str, tuple[str, ...]]:
    """For each of these turns (ids by key) that has siblings, the ids of all siblings."""
    parents = msgspec.json.encode(list(keys)).decode()
    groups: dict[tuple[int | None, str], list[str]] = {}
    for _, id, parent, role in db.execute(_FORKS, (parents, conversation)):
        groups.setdefault((parent, role), []).append(id)
    known = set(keys.values())
    return {id: tuple(ids) for ids in groups.values() if len(ids) > 1 for id in ids if id in known}


def turn(db: sqlite3.Connection, key: int) -> Turn:
    """One turn by its key, with what was added to a growing answer, without the id of its parent."""
    row = db.execute(f"SELECT {TURN_COLUMNS} FROM turn WHERE key = ?", (key,)).fetchone()
    return _with_deltas(db, key, rows.turn(row, None))


def _with_deltas(db: sqlite3.Connection, key: int, turn: Turn) -> Turn:
    pieces = list(db.execute("SELECT text, thinking FROM piece WHERE turn = ? ORDER BY key", (key,)))
    text = turn.text + clean_text_of("".join(text_of(text) for text, _ in pieces))
    thinking = turn.thinking + clean_text_of("".join(text_of(thinking) for _, thinking in pieces))
    return msgspec.structs.replace(turn, text=text, thinking=thinking)


def route(db: sqlite3.Connection, turn_id: str) -> Route | None:
    """How an answer came about; None if that is not known."""
    found = db.execute(
        "SELECT record FROM route JOIN turn ON turn.key = route.turn WHERE turn.id = ?", (turn_id,)
    ).fetchone()
    return None if found is None else packing.unpack_route(found[0])


def prompts(db: sqlite3.Connection, limit: int = 200) -> list[str]:
    """The user's last distinct prompts, newest first; with more than `PROMPT_CHARACTERS`, only the newest of them."""
    known: dict[str, None] = {}
    size = 0
    for (value,) in db.execute(_PROMPTS, (limit * _PROMPTS_READ,)):
        text = clean_text_of(value)
        if text in known:
            continue
        size += len(text)
        if known and (len(known) >= limit or size > PROMPT_CHARACTERS):
            break
        known[text] = None
    return list(known)[: max(0, limit)]


def draft(db: sqlite3.Connection, conversation_id: str) -> str:
    """The unsent text of a conversation; empty if there is none."""
    found = db.execute("SELECT text FROM draft WHERE conversation = ?", (conversation_id,)).fetchone()
    return "" if found is None else clean_text_of(found[0])


def place(db: sqlite3.Connection, name: str) -> str:
    """The text that `writes.set_place` stored; empty if there is none."""
    found = db.execute("SELECT value FROM place WHERE name = ?", (name,)).fetchone()
    return "" if found is None else str(found[0])


def places(db: sqlite3.Connection, prefix: str) -> dict[str, str]:
    """The texts of all places whose keys begin so, by their whole key."""
    # The key of a place is a text of ours, so the character after the last one of the prefix ends the range.
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return dict(db.execute("SELECT name, value FROM place WHERE name >= ? AND name < ?", (prefix, end)))
