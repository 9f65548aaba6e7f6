"""Decides which panels are shown, by the room that there is and the user's choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MIDDLE = 80
"""Columns from which panels are beside the chat; with fewer, the history list covers it."""
HISTORY_COLUMNS, SIDE_COLUMNS = 30, 32
"""Width of the history list, and of the panels at the right."""
CHAT_COLUMNS = 83
"""Columns that the chat keeps when a panel opens by itself. Until all panels fit, the chat gets no more: it would lose
them to the next panel in a wider terminal."""
WIDE = CHAT_COLUMNS + SIDE_COLUMNS
"""Columns from which the stats panel opens by itself."""
WIDEST = WIDE + HISTORY_COLUMNS
"""Columns from which the history list opens by itself, too."""
FEWEST_CHAT_COLUMNS = 40
"""Columns that the chat keeps beside panels that the user opens."""
BOTH = FEWEST_CHAT_COLUMNS + HISTORY_COLUMNS + SIDE_COLUMNS
"""Columns from which the user can open both panels."""
SMALLEST = (40, 12)
LOW = 30
"""Rows from which blank rows separate the panels at the right."""
INSIGHTS = "insights"


class PanelVisibility(NamedTuple):
    """The panels that are shown at a size."""

    history: bool
    stats: bool
    insights: bool
    """Whether the insights are shown; the stats panel is then unfolded."""
    narrow: bool
    """Whether the history list covers the chat."""
    low: bool
    too_small: bool
    """Whether the terminal is too small to show anything."""
    margin: int = 0
    """Columns that are left free around the chat."""


class PanelLayout:
    """Decides which panels are shown. `wanted` says whether one is open, by its name and the room that there is, such
    as `history.wide`; without an entry the room alone decides."""

    def __init__(self, wanted: Mapping[str, bool]) -> None:
        self._wanted = dict(wanted)

    def at(self, width: int, height: int) -> PanelVisibility:
        """Return the panels for a terminal of this size."""
        room = _room(width)
        history = self._wanted.get(f"history.{room}", width >= WIDEST)
        crowded = history and MIDDLE <= width < BOTH
        stats = not crowded and self._wanted.get(f"stats.{room}", width >= WIDE)
        by_hand = (history, stats) != (width >= WIDEST, width >= WIDE)
        left = width - SIDE_COLUMNS * stats - CHAT_COLUMNS
        return PanelVisibility(
            history=history,
            stats=stats,
            insights=not crowded and self._wanted.get(INSIGHTS, stats),
            narrow=width < MIDDLE,
            low=height < LOW,
            too_small=width < SMALLEST[0] or height < SMALLEST[1],
            margin=0 if by_hand or width >= WIDEST else max(0, left),
        )

    def want(self, panel: str, width: int, *, open: bool) -> str:
        """Open or close a panel in all terminals of about this width; returns the name under which the choice
        is stored, empty if it is not stored."""
        room = _room(width)
        self._wanted[f"{panel}.{room}"] = open
        # In a narrow terminal the list covers the chat: it must not do so at the next start.
        return "" if (panel, room) == ("history", "narrow") else f"{panel}.{room}"

    def want_insights(self, *, open: bool) -> None:
        """Open or close the insights, at every size."""
        self._wanted[INSIGHTS] = open

    def excludes_both(self, width: int) -> bool:
        """Whether there is room for the history list or the stats panel, but not for both."""
        return MIDDLE <= width < BOTH


def _room(width: int) -> str:
    """Return the name of a range of widths: choices are stored for each."""
    return "wide" if width >= WIDE else "middle" if width >= MIDDLE else "narrow"
