"""Processors of other packages: entry points of the group `chat_tui.processors`, loaded when insights are shown.

Any exception of a plug-in becomes a `PlugInError` that names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Protocol, TypeVar

from chat_tui.core.errors import PlugInError
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.text.excerpts import shorten

GROUP = "chat_tui.processors"
"""The group of entry points; each is a function without arguments that returns a `PlugIn`."""
MOST_FIGURES = 12
"""The most figures of one plug-in."""

T = TypeVar("T")

_HINT = "Its insights are skipped. Fix or remove the package that provides it."


class PlugIn(Protocol):
    """A processor of another package, a new one for each answer. It is called in a thread."""

    def feed(self, text: str) -> None:
        """Add text of the answer, including code."""

    def record(self) -> dict[str, str | int | float]:
        """Short texts or numbers by their labels, so far."""


class EntryPoint(Protocol):
    """The part of `importlib.metadata.EntryPoint` that is used."""

    @property
    def name(self) -> str: ...
    def load(self) -> Callable[[], PlugIn]: ...


class _Guarded:
    """Wraps a plug-in: raises only `PlugInError`, and returns bounded text without control characters."""

    def __init__(self, name: str, own: PlugIn) -> None:
        self._name, self._own = name, own

    def feed(self, text: str) -> None:
        _call(self._name, lambda: self._own.feed(text))

    def record(self) -> dict[str, str | int | float]:
        return _call(self._name, lambda: _figures(self._own.record()))


def _figures(said: Mapping[str, object]) -> dict[str, str | int | float]:
    figures: dict[str, str | int | float] = {}
    for label, value in islice(said.items(), MOST_FIGURES):
        # NaN and infinity are not valid JSON.
        is_number = isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < 1e15
        figures[clean_line(str(label), 40)] = value if is_number else clean_line(str(value), 120)  # type: ignore[assignment]
    return figures


def _call(name: str, does: Callable[[], T]) -> T:
    try:
        return does()
    except Exception as error:
        why = shorten(f"{type(error).__name__}: {error}", 200).rstrip(".")
        raise PlugInError(f"The processor `{name}` failed: {why}.", _HINT) from error


def load_plug_ins(points: Iterable[EntryPoint]) -> tuple[dict[str, PlugIn], list[PlugInError]]:
    """The plug-ins of these entry points by name, and the errors of those that cannot be loaded."""
    plug_ins: dict[str, PlugIn] = {}
    errors: list[PlugInError] = []
    for point in points:
        name = clean_line(point.name, 40)
        try:
            plug_ins[name] = _Guarded(name, _call(name, lambda point=point: point.load()()))  # type: ignore[misc]
        except PlugInError as error:
            errors.append(error)
    return plug_ins, errors


def installed_plug_ins() -> tuple[dict[str, PlugIn], list[PlugInError]]:
    """The plug-ins of all installed packages, and errors, as `load_plug_ins` returns them."""
    from importlib.metadata import entry_points

    return load_plug_ins(entry_points(group=GROUP))
