"""What Tab completes in line mode: commands, their arguments, and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

from chat_tui.core.attachments.mentions import mention_at, mention_of

_MOST_ENTRIES = 1_000
"""Entries of a folder that are looked at."""


class WordCompletion(NamedTuple):
    """A text that may replace what is before the cursor."""

    text: str
    replaces: int
    """Number of characters before the cursor that it replaces."""


Complete: TypeAlias = Callable[[str], Sequence[WordCompletion]]
"""Returns the completions of the text before the cursor."""
Values: TypeAlias = Callable[[], Iterable[str]]


def complete_argument(typed: str, values: Iterable[str]) -> list[WordCompletion]:
    """Return the values that begin with what is typed, in any letter case."""
    wanted = typed.casefold()
    return [WordCompletion(value, len(typed)) for value in values if value.casefold().startswith(wanted)]


def complete_path(typed: str) -> list[WordCompletion]:
    """Return the files and folders, these with a slash, whose paths begin with what is typed."""
    return [WordCompletion(path, len(typed)) for path in _paths(typed)]


def complete_mention(text: str) -> list[WordCompletion]:
    """Return the files that the `@path` at the end of a text may name."""
    line = text.rpartition("\n")[2]
    mention = mention_at(line, len(line))
    if mention is None:
        return []
    found = _paths(mention.path)
    return [WordCompletion(mention_of(path, not path.endswith("/")), len(line) - mention.begin) for path in found]


def complete_setting(typed: str, names: Sequence[str], values: Mapping[str, Sequence[str]]) -> list[WordCompletion]:
    """Return the names of settings, or behind a name its values."""
    name, space, value = typed.partition(" ")
    return complete_argument(value, values.get(name, ())) if space else complete_argument(name, names)


def _paths(typed: str) -> Iterator[str]:
    folder, slash, name = typed.rpartition("/")
    try:
        with os.scandir(os.path.expanduser(folder + slash) or ".") as entries:
            found = sorted(
                f"{entry.name}/" if entry.is_dir() else entry.name
                for entry in islice(entries, _MOST_ENTRIES)
                if entry.name.startswith(name) and (name or not entry.name.startswith("."))
            )
    except (OSError, ValueError):
        return
    yield from (f"{folder}{slash}{each}" for each in found)
