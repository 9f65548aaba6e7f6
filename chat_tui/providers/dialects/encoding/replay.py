"""What a provider wants returned with an answer, unchanged, such as signed thinking or encrypted reasoning.

A turn keeps it as JSON: `{"dialect": "anthropic", "model": "claude-…", "content": …}`. Only the dialect that wrote the
content reads it, and only models of the same family get it back: no other can verify the signatures.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.providers.catalogue.model_name import bare_id

Json = Any

_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d\d-\d\d|latest)$")


def write_replay(dialect: str, model_id: str, content: Json) -> str:
    """Return the text for `Turn.replay`; `model_id` is the model that has answered, as its server calls it."""
    return json.dumps({"dialect": dialect, "model": model_id, "content": content})


def read_replay(turn: Turn, dialect: str, model: Model) -> Json:
    """Return the content that this dialect wrote for a turn, if the model's family has answered it; else None."""
    if not turn.replay:
        return None
    try:
        told = msgspec.json.decode(turn.replay)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("dialect") != dialect:
        return None
    is_same = turn.model == model.name or is_same_family(str(told.get("model")), model.id)
    return told.get("content") if is_same else None


def is_same_family(one: str, other: str) -> bool:
    """Return whether two ids name the same model, dates and makers aside."""
    return _DATE.sub("", bare_id(one)) == _DATE.sub("", bare_id(other))
