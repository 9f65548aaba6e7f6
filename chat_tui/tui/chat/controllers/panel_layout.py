"""Which panels there is room for, and which of them are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

WIDE, MIDDLE = 110, 80
"""Columns from which history list and stats panel are shown by themselves."""
BOTH = 100
"""Columns from which the two of them leave the chat enough room."""
SMALLEST = (40, 12)
LOW = 30
"""Rows from which on blank ones part the panels at the side."""
INSIGHTS = "insights"


class PanelVisibility(NamedTuple):
    """The panels that are shown at a size."""

    history: bool
    stats: bool
    insights: bool
    """Where there are insights at all."""
    narrow: bool
    """The history list covers the chat."""
    low: bool
    too_small: bool
    """Nothing can be shown."""


class PanelLayout:
    """Decides which panels are shown. `wanted` says whether one is open, by its name and the room that there is, such
    as `history.wide`; without an entry the room alone decides."""

    def __init__(self, wanted: Mapping[str, bool]) -> None:
        self._wanted = dict(wanted)

    def at(self, width: int, height: int) -> PanelVisibility:
        """Return the panels for a terminal of this size."""
        room = _room(width)
        history = self._wanted.get(f"history.{room}", width >= WIDE)
        crowded = history and MIDDLE <= width < BOTH
        return PanelVisibility(
            history=history,
            stats=not crowded and self._wanted.get(f"stats.{room}", width >= MIDDLE),
            insights=not crowded and self._wanted.get(INSIGHTS, width >= MIDDLE),
            narrow=width < MIDDLE,
            low=height < LOW,
            too_small=width < SMALLEST[0] or height < SMALLEST[1],
        )

    def want(self, panel: str, width: int, *, open: bool) -> str:
        """Open or fold a panel wherever there is as much room; the name under which that is kept for the next start,
        empty where it is not."""
        room = _room(width)
        self._wanted[f"{panel}.{room}"] = open
        # In a narrow terminal the list covers the chat: nobody wants to begin so.
        return "" if (panel, room) == ("history", "narrow") else f"{panel}.{room}"

    def want_insights(self, *, open: bool) -> None:
        """Open or fold the insights, however much room there is."""
        self._wanted[INSIGHTS] = open

    def excludes_both(self, width: int) -> bool:
        """Whether there is room for the history list or the stats panel, but not for both."""
        return MIDDLE <= width < BOTH


def _room(width: int) -> str:
    """Return the name of a width: panels are remembered for each."""
    return "wide" if width >= WIDE else "middle" if width >= MIDDLE else "narrow"
