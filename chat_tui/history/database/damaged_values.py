"""Finds damage that SQLite reads without an error: invalid UTF-8, invalid JSON, files that differ from their hash."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import sha256

import msgspec

from chat_tui.history.database import packing
from chat_tui.history.records import TurnDetails

_CONVERSATIONS = "SELECT id, id, title, system_prompt, preset, settings FROM conversation"
_CONVERSATION_FIELDS = ("id", "title", "system prompt", "preset", "settings")
_TURNS = """
    SELECT conversation.id, turn.id, turn.id, role, state, model, strategy, details, text, thinking
    FROM turn JOIN conversation ON conversation.key = turn.conversation
"""
_TURN_FIELDS = ("id", "role", "state", "model", "strategy", "details", "text", "thinking")
_PIECES = """
    SELECT conversation.id, turn.id, piece.text, piece.thinking
    FROM piece JOIN turn ON turn.key = piece.turn JOIN conversation ON conversation.key = turn.conversation
"""
_ROUTES = """
    SELECT conversation.id, turn.id, typeof(record) = 'text', record
    FROM route JOIN turn ON turn.key = route.turn JOIN conversation ON conversation.key = turn.conversation
"""
_FILES = """
    SELECT conversation.id, turn.id, attachment.name, content.id, bytes
    FROM attachment JOIN content ON content.key = attachment.content JOIN turn ON turn.key = attachment.turn
    JOIN conversation ON conversation.key = turn.conversation
"""
_STRUCTURAL = {"id", "role", "state"}
"""A row cannot be found or used without these fields; recovery repairs them."""


class DamagedValue(msgspec.Struct, frozen=True):
    """A damaged value."""

    sentence: str
    structural: bool = False
    """Whether the row cannot be used until it is repaired."""


def damaged_values(db: sqlite3.Connection) -> Iterator[DamagedValue]:
    """All damaged values of a store. The connection must return texts as bytes."""
    for id, *values in db.execute(_CONVERSATIONS):
        place = f"conversation {_text(id)}"
        yield from _invalid_texts(_CONVERSATION_FIELDS, values, place)
        for field, value in zip(_CONVERSATION_FIELDS[-2:], values[-2:], strict=True):
            if value and _is_text(value) and not _is_json(value):
                yield DamagedValue(f"The {field} of {place} cannot be read.")
    for conversation, turn, *values in db.execute(_TURNS):
        place = f"turn {_text(turn)} in conversation {_text(conversation)}"
        yield from _invalid_texts(_TURN_FIELDS, values, place)
        details = values[_TURN_FIELDS.index("details")]
        if details is not None and _is_text(details) and not _is_details(details):
            yield DamagedValue(f"The details of {place} (tokens, times, errors) cannot be read.")
    for conversation, turn, *values in db.execute(_PIECES):
        yield from _invalid_texts(
            ("text", "thinking"), values, f"turn {_text(turn)} in conversation {_text(conversation)}"
        )
    for conversation, turn, is_text, record in db.execute(_ROUTES):
        if packing.unpack_route(record.decode("utf-8", "replace") if is_text else record) is None:
            place = f"turn {_text(turn)} in conversation {_text(conversation)}"
            yield DamagedValue(f"The route of {place} cannot be read.")
    for conversation, turn, name, id, content in db.execute(_FILES):
        if not isinstance(content, bytes) or not sha256(content).hexdigest().startswith(_text(id)):
            place = f"turn {_text(turn)} in conversation {_text(conversation)}"
            yield DamagedValue(f"The file {_text(name)} of {place} has changed or is damaged.")


def _invalid_texts(fields: tuple[str, ...], values: list[object], place: str) -> Iterator[DamagedValue]:
    for field, value in zip(fields, values, strict=True):
        if not isinstance(value, bytes):
            continue
        try:
            value.decode()
        except UnicodeDecodeError as error:
            yield DamagedValue(
                f"The {field} of {place} is damaged from character {len(value[: error.start].decode()) + 1} on.",
                field in _STRUCTURAL,
            )


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _is_details(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=TurnDetails)
    except msgspec.ValidationError:
        # Details of a later version are valid JSON.
        return _is_json(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
