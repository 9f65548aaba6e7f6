"""The arguments of a tool call as rows that a person can read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from chat_tui.core.text.control_characters import clean
from chat_tui.core.tools import decode_arguments

LONGEST = 50_000
"""Characters of arguments that are read as JSON and shown; more is cut."""
_LONGEST_NAME, _MOST = 200, 200
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)
"""Characters without a width: words that a person does not see must not reach a tool."""


class ArgumentRow(NamedTuple):
    """An argument by its name; the name is empty where the arguments are no object."""

    name: str
    value: str


def argument_rows(arguments: str | Mapping[str, Any]) -> Sequence[ArgumentRow]:
    """Return the arguments one by one, in order; as one row of raw text if they are no JSON object, or too long."""
    if isinstance(arguments, str):
        decoded = decode_arguments(arguments) if len(arguments) <= LONGEST else None
        if decoded is None:
            return [ArgumentRow("", _bounded(arguments))]
        arguments = decoded
    shown = islice(arguments.items(), _MOST)
    rows = [ArgumentRow(visible(name[:_LONGEST_NAME]), _bounded(_text_of(value))) for name, value in shown]
    more = len(arguments) - len(rows)
    return [*rows, ArgumentRow("", f"… {more:,} more arguments")] if more else rows


def visible(text: str) -> str:
    """Return text without what a terminal obeys, and with the code in place of each character that nobody would see."""
    return INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", clean(text))


def _bounded(text: str) -> str:
    cut = len(text) - LONGEST
    return visible(text[:LONGEST]) + (f"\n… {cut:,} more characters" if cut > 0 else "")


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
