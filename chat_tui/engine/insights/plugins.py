"""Processors of other packages: entry points of the group `chat_tui.processors`, looked for when insights are on.

This is the border to code that is not ours: whatever it raises becomes a `PlugInError` that names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Protocol, TypeVar

from chat_tui.core.errors import PlugInError
from chat_tui.core.text.control_characters import clean_line

GROUP = "chat_tui.processors"
"""The group of entry points: name -> a function without arguments that makes a `PlugIn`."""
MOST_FIGURES = 12
"""Of one plug-in."""

T = TypeVar("T")

_HINT = "Its insights are skipped. Fix or remove the package that provides it."


class PlugIn(Protocol):
    """What another package's function gives, a new one for each answer. It is called in a thread."""

    def feed(self, text: str) -> None:
        """The next piece of the answer's text, code and all."""

    def record(self) -> dict[str, str | int | float]:
        """What it has to say by now: a few words or numbers by their labels."""


class EntryPoint(Protocol):
    """What is asked of `importlib.metadata.EntryPoint`."""

    @property
    def name(self) -> str: ...
    def load(self) -> Callable[[], PlugIn]: ...


class _Guarded:
    """A plug-in from elsewhere: raises nothing but `PlugInError`, and what it says is bounded and clean."""

    def __init__(self, name: str, own: PlugIn) -> None:
        self._name, self._own = name, own

    def feed(self, text: str) -> None:
        _of(self._name, lambda: self._own.feed(text))

    def record(self) -> dict[str, str | int | float]:
        return _of(self._name, lambda: _figures(self._own.record()))


def _figures(said: Mapping[str, object]) -> dict[str, str | int | float]:
    figures: dict[str, str | int | float] = {}
    for label, value in islice(said.items(), MOST_FIGURES):
        # A number that is none has no place in JSON.
        is_number = isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < 1e15
        figures[clean_line(str(label), 40)] = value if is_number else clean_line(str(value), 120)  # type: ignore[assignment]
    return figures


def _of(name: str, does: Callable[[], T]) -> T:
    try:
        return does()
    except Exception as error:
        why = clean_line(f"{type(error).__name__}: {error}", 200).rstrip(".")
        raise PlugInError(f"The processor `{name}` failed: {why}.", _HINT) from error


def made(points: Iterable[EntryPoint]) -> tuple[dict[str, PlugIn], list[PlugInError]]:
    """The plug-ins of these entry points by name, and what is wrong with those that cannot be loaded."""
    plug_ins: dict[str, PlugIn] = {}
    troubles: list[PlugInError] = []
    for point in points:
        name = clean_line(point.name, 40)
        try:
            plug_ins[name] = _Guarded(name, _of(name, lambda point=point: point.load()()))  # type: ignore[misc]
        except PlugInError as error:
            troubles.append(error)
    return plug_ins, troubles


def loaded() -> tuple[dict[str, PlugIn], list[PlugInError]]:
    """Those of all installed packages."""
    from importlib.metadata import entry_points

    return made(entry_points(group=GROUP))
