"""Makes bindings, the names of keys in sentences and the footer from the table of actions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from textual.binding import Binding

from chat_tui.tui.actions.action import Action, Where
from chat_tui.tui.actions.table import BY_ID, TABLE

_NAMES = {
    "escape": "Esc",
    "enter": "Enter",
    "pageup": "PageUp",
    "pagedown": "PageDown",
    "slash": "/",
    "left": "Left",
    "right": "Right",
    "up": "Up",
    "down": "Down",
    "home": "Home",
    "end": "End",
    "tab": "Tab",
    "question_mark": "?",
    "left_square_bracket": "[",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
}
_TOLD = {"transcript.end", "prompt.send"}
"""Their names mean these in sentences, though other places have the same keys."""
_NOT_FIRST = {"answer.cancel", "copy.or_cancel"}
"""A widget that has a use for these keys goes first: a popup that is open, a selection in the prompt."""


def bindings(where: Where = "everywhere", *, inner: bool = False) -> list[Binding]:
    """Textual's bindings for the rows of this place, the inner ones or the others."""
    return [
        Binding(row.keys or _no_key(row), row.action, row.name, id=row.id, show=False, priority=_goes_first(row))
        for row in TABLE
        if row.action and row.where == where and row.inner == inner
    ]


def _no_key(row: Action) -> str:
    """A key that no terminal sends, so that `[keys]` can give this action one."""
    return f"unbound-{row.id}"


def _goes_first(row: Action) -> bool:
    """Whether a key works before the widget that has the focus. Letters do not: they may be text."""
    return row.where == "everywhere" and row.id not in _NOT_FIRST


def format_keys(keys: str) -> str:
    """Keys as people read them, such as `Ctrl+L or F2`."""
    return " or ".join(_format_key(key.strip()) for key in keys.split(","))


def _format_key(key: str) -> str:
    if len(key) == 1:
        return key
    parts = key.split("+")
    return "+".join(
        _NAMES.get(part, part.upper() if len(part) <= 3 and part[0] == "f" else part.capitalize()) for part in parts
    )


def textual_key(label: str) -> str:
    """A key as Textual writes it, of how people read it; empty for rows of digits such as `1–4`."""
    named = {label: key for key, label in _NAMES.items()}
    if label in named or "–" in label:
        return named.get(label, "")
    parts = label.split("+") if len(label) > 1 else [label]
    return "+".join(named.get(part, part if len(parts) == 1 and len(part) == 1 else part.lower()) for part in parts)


def first_key(id: str, changed: Mapping[str, str]) -> str:
    """An action's first key as people read it, empty if it has none; `changed` holds rebound keys by id."""
    keys = changed.get(id) or BY_ID[id].keys
    return _format_key(keys.split(",")[0])


def keys_to(id: str, changed: Mapping[str, str], *, from_prompt: bool) -> str:
    """What is pressed for an action on a message, such as `Tab c` from the prompt and `c` in the messages."""
    key = first_key(id, changed)
    is_away = from_prompt and BY_ID[id].where == "transcript"
    return f"{first_key('prompt.complete', changed)} {key}" if is_away else key


def as_bound(text: str, changed: Mapping[str, str]) -> str:
    """A sentence that names keys as they come along, with those that are bound now; letters are no names in it."""
    rows = [row for row in TABLE if row.id in changed and (row.where == "everywhere" or row.id in _TOLD)]
    names = {first_key(row.id, {}): first_key(row.id, changed) for row in rows if row.keys}
    if not names:
        return text
    known = "|".join(map(re.escape, names))
    return re.sub(rf"(?<![\w+])(?:{known})(?![\w+])", lambda found: names[found[0]], text)


def footer(ids: Iterable[str], changed: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """(key, word) for the footer, in this order; `changed` holds rebound keys by id."""
    return [(first_key(id, changed), BY_ID[id].label) for id in ids]
