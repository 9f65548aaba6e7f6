"""Checks `[keys]` of the config: which rows can be rebound, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.keys import Keys, _character_to_key, key_to_character

from chat_tui.core.errors import KeymapError
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.actions.action import DIGITS, Action, Where
from chat_tui.tui.actions.table import BY_ID, TABLE

# Where letters are words: in the lists they filter.
_WRITTEN_IN = ("everywhere", "prompt", "find bar", "lists", "history list", "screens", "choice", "model list")


def rebind(overrides: Mapping[str, str]) -> tuple[dict[str, str], list[KeymapError]]:
    """The rows of `[keys]` that can be used, by id, and what is wrong with the others."""
    from difflib import get_close_matches

    good: dict[str, list[str]] = {}
    wrong: list[KeymapError] = []
    for id, text in overrides.items():
        name, keys = shorten(id, 60), _keys(text)
        strange = next((key for key in keys if not _is_key(key)), None)
        typed = next((key for key in keys if _is_typed(key)), None)
        if id not in BY_ID:
            near = get_close_matches(id, list(BY_ID), n=2)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Press F1 to see the ids."
            wrong.append(KeymapError(f"[keys]: unknown id `{name}`.", hint))
        elif why := BY_ID[id].fixed:
            wrong.append(KeymapError(f"[keys]: `{name}` cannot be rebound: {why}.", "Remove it from [keys]."))
        elif not keys:
            wrong.append(KeymapError(f"[keys]: `{name}` has no key.", "Use a key such as `ctrl+k`."))
        elif strange:
            wrong.append(
                KeymapError(f"[keys]: `{name}`: unknown key `{strange}`.", "Use a key such as `ctrl+k`, `f10` or `g`.")
            )
        elif typed and BY_ID[id].where in _WRITTEN_IN and keys != BY_ID[id].keys.split(","):
            wrong.append(
                KeymapError(
                    f"[keys]: `{name}`: the key `{typed}` is needed for typing there.",
                    "Use a key such as `ctrl+k` or `f10`.",
                )
            )
        else:
            good[id] = keys
    while conflict := _conflict(good):
        id, owner, key = conflict
        # Its own key comes back, which may be in the way of another row: so look again.
        del good[id]
        hint = f"Give one of them another key; `{id}` keeps its own."
        wrong.append(KeymapError(f"[keys]: `{id}` takes the key `{key}` of `{owner}`.", hint))
    return {id: ",".join(keys) for id, keys in good.items()}, wrong


def together(wrong: Sequence[KeymapError]) -> KeymapError:
    """Several faults in one notice, since a pile of them would push one another away."""
    told = "; ".join(error.title.removeprefix("[keys]: ").rstrip(".") for error in wrong)
    return KeymapError(f"[keys]: {len(wrong)} entries cannot be used; their keys are unchanged.", f"{told}.")


def _conflict(changed: Mapping[str, Sequence[str]]) -> tuple[str, str, str] | None:
    """A rebound row, another row that acts in the same place, and the key that both have."""
    for id, keys in changed.items():
        fresh = set(keys) - set(BY_ID[id].keys.split(","))
        for other in TABLE:
            theirs = changed.get(other.id, DIGITS.get(other.keys, other.keys.split(",")))
            if other.id != id and _meet(other, BY_ID[id]) and (both := fresh.intersection(theirs)):
                return id, other.id, min(both)
    return None


_TOGETHER: Sequence[set[Where]] = (
    {"lists", "history list"},
    {"lists", "screens"},
    {"history list", "screens"},
    {"texts", "screens"},
    {"comparison", "screens"},
    {"comparison", "texts"},
    {"context", "screens"},
    {"context", "lists"},
    {"choice", "lists"},
    {"choice", "screens"},
    {"model list", "lists"},
)


def _meet(one: Action, other: Action) -> bool:
    """Whether both keys act at the same time."""
    places = {one.where, other.where}
    if places == {"transcript", "side by side"}:
        # Of the transcript's keys only its own act on a column.
        return one.inner or other.inner
    return len(places) == 1 or "everywhere" in places or places in _TOGETHER


def _is_key(key: str) -> bool:
    """Whether Textual knows a key of this name."""
    *modifiers, last = key.split("+") if key != "+" else [key]
    named = {str(one.value) for one in Keys} | {_character_to_key(chr(code)) for code in range(33, 127)}
    return set(modifiers) <= {"ctrl", "shift", "alt", "super"} and (len(last) == 1 or last in named or key in named)


def _is_typed(key: str) -> bool:
    """Whether it writes a character."""
    character = key_to_character(key)
    return character is not None and character.isprintable()


def _keys(text: str) -> list[str]:
    """Return the keys as Textual writes them: names in lower case, single letters unchanged, since `R` is not `r`."""
    keys = [part.strip() for part in shorten(text, 80).split(",")]
    return [_character_to_key(key) if len(key) == 1 else key.lower() for key in keys if key]
