"""Recognises the table of a row by its shape: the number and types of its values, and what is specific to the table.

Shapes are read from a new store. Migrations only add columns at the end, so older rows are shorter.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from chat_tui.core.text.bounds import EARLIEST, LATEST
from chat_tui.history.database import packing
from chat_tui.history.records import microseconds
from chat_tui.history.recovery.records import RecoveredRow, Value

KEPT = {
    "conversation": 11,
    "turn": 19,
    "piece": 4,
    "route": 2,
    "content": 3,
    "attachment": 5,
    "ending": 2,
    "draft": 3,
    "place": 2,
    "erased_cost": 2,
}
"""The tables that are recovered, with the number of columns that each had originally. A row that fits two of them (one
whole number is an `ending`, or a cost without cents) goes to the first."""
BUILT_ANEW = ("turn_words", "turn_grams", "turn_tokens", "word_grams", "word", "index_gap", "sqlite_sequence")
"""Prefixes of the tables that are rebuilt."""

_HIGHEST_KEY = 1 << 40
_ID_CHARACTERS = 1000
_NAME = re.compile(r"[a-z][a-z_-]{0,30}")
"""Matches roles and states, including those of later versions."""
_HASH = re.compile(r"[0-9a-f]{32}")
_EARLIEST, _LATEST = microseconds(EARLIEST), microseconds(LATEST)
_TIMES = ("created", "updated", "deleted")

Record = dict[str, Value]


class TableColumn(NamedTuple):
    """A column of a table."""

    name: str
    kinds: tuple[type, ...]
    required: bool
    default: Value
    """The value for a row that lacks it; if None and `required`, such a row does not fit."""


class TableSchema(NamedTuple):
    """A table's shape."""

    name: str
    columns: tuple[TableColumn, ...]
    key: str
    """The column that is the rowid; empty if there is none."""
    least: int
    """The number of columns of its oldest rows."""

    def record(self, row: RecoveredRow, *, leniently: bool = False) -> Record | None:
        """The row as a record of this table; None if it does not fit. `leniently` replaces values of a wrong type.

        A truncated row may lack columns at its end.
        """
        count = len(row.values)
        if count > len(self.columns) or (count < self.least and not row.cut) or not 0 < row.key < _HIGHEST_KEY:
            return None
        record: Record = {}
        for place, column in enumerate(self.columns):
            value = row.values[place] if place < count else None
            if column.name == self.key:
                if value is not None:
                    return None
                value = row.key
            elif place >= count:
                value = column.default
            elif value is None:
                if column.required and not leniently:
                    return None
                value = column.default
            elif not isinstance(value, column.kinds):
                if not leniently:
                    return None
                value = column.default
            if value is None and column.required:
                return None
            record[column.name] = value
        return _bound_times(record) if _CHECKS[self.name](record) else None


def tables(fresh: sqlite3.Connection) -> dict[str, TableSchema]:
    """The shapes of the tables that are recovered, by name."""
    return {name: _table(fresh, name, least) for name, least in KEPT.items()}


def _table(fresh: sqlite3.Connection, name: str, least: int) -> TableSchema:
    columns: list[TableColumn] = []
    key = ""
    for _, column, kind, required, default, primary in fresh.execute(f"PRAGMA table_info({name})"):
        if primary and kind == "INTEGER":
            key = column
        columns.append(
            TableColumn(column, _kinds(name, column, kind), bool(required or primary), _default(kind, default))
        )
    return TableSchema(name, tuple(columns), key, least)


def _kinds(table: str, column: str, kind: str) -> tuple[type, ...]:
    if (table, column) == ("route", "record"):
        # Packed since schema 2.
        return (str, bytes)
    return {"INTEGER": (int,), "REAL": (float, int), "TEXT": (str,), "BLOB": (bytes,)}[kind]


def _default(kind: str, default: str | None) -> Value:
    """A column's default, from its SQL text."""
    if default is None:
        return None
    return int(default) if kind == "INTEGER" else default.strip("'")


def _bound_times(record: Record) -> Record:
    """The record with impossible times removed."""
    for name in _TIMES:
        time = record.get(name)
        if isinstance(time, int) and not _EARLIEST <= time <= _LATEST:
            record[name] = None if name == "deleted" or "role" in record else 0
    return record


# -- what is specific to a table ---------------------------------------------------------------------------------------


def table_of(row: RecoveredRow, known: Sequence[TableSchema]) -> tuple[TableSchema, Record] | None:
    """The first table that the row fits, with its record; None if it fits none."""
    for table in known:
        if (record := table.record(row)) is not None:
            return table, record
    return None


def _is_key(value: Value) -> bool:
    return isinstance(value, int) and 0 < value < _HIGHEST_KEY


def _is_id(value: Value) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _ID_CHARACTERS


def _is_conversation(record: Record) -> bool:
    return _is_id(record["id"])


def _is_turn(record: Record) -> bool:
    named = all(_NAME.fullmatch(str(record[name])) for name in ("role", "state"))
    return named and _is_id(record["id"]) and _is_key(record["conversation"])


def _is_content(record: Record) -> bool:
    return _HASH.fullmatch(str(record["id"])) is not None


def _is_route(record: Record) -> bool:
    kept = record["record"]
    return isinstance(kept, str | bytes) and packing.unpack_route(kept) is not None


def _is_erased_cost(record: Record) -> bool:
    return isinstance(record["dollars"], float | int)


_CHECKS: Mapping[str, Callable[[Record], bool]] = {
    "conversation": _is_conversation,
    "turn": _is_turn,
    "piece": lambda record: _is_key(record["turn"]),
    "route": _is_route,
    "content": _is_content,
    "attachment": lambda record: _is_key(record["turn"]) and _is_key(record["content"]),
    "ending": lambda record: _is_key(record["turn"]),
    "draft": lambda record: True,
    "place": lambda record: True,
    "erased_cost": _is_erased_cost,
}
