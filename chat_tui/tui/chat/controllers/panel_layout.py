"""Which panels there is room for, and which of them are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MIDDLE = 80
"""Columns from which panels stand beside the chat; in fewer the history list covers it."""
HISTORY_COLUMNS, SIDE_COLUMNS = 30, 32
"""Of the history list, and of the models over the figures."""
CHAT_COLUMNS = 83
"""What the chat keeps when a panel opens by itself. Until there is room for all panels it gets no more, since it would
have to give that back to the next panel in a wider terminal."""
WIDE = CHAT_COLUMNS + SIDE_COLUMNS
"""Columns from which the stats panel opens by itself."""
WIDEST = WIDE + HISTORY_COLUMNS
"""Columns from which the history list does, too."""
FEWEST_CHAT_COLUMNS = 40
"""What is left of the chat beside panels that were opened by hand."""
BOTH = FEWEST_CHAT_COLUMNS + HISTORY_COLUMNS + SIDE_COLUMNS
"""Columns from which both can be opened by hand."""
SMALLEST = (40, 12)
LOW = 30
"""Rows from which on blank ones part the panels at the side."""
INSIGHTS = "insights"


class PanelVisibility(NamedTuple):
    """The panels that are shown at a size."""

    history: bool
    stats: bool
    insights: bool
    """Where there are insights at all; with them the stats panel is unfolded."""
    narrow: bool
    """The history list covers the chat."""
    low: bool
    too_small: bool
    """Nothing can be shown."""
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
