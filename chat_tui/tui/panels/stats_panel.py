"""The figures of the running or last answer, at the right of the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.message import Message

from chat_tui.core.usage.spending import Spending
from chat_tui.core.usage.stream_stats import Phase, StreamStats
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.delayed_calls import call_after
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, wrap

PAUSE_SECONDS = 0.25
"""It is painted at most so often; an ending is painted at once."""

_ROLES: dict[Phase, str] = {
    "idle": "dim",
    "queued": "warning",
    "retrying": "warning",
    "paused": "warning",
    "thinking": "secondary",
    "answering": "accent",
    "streaming": "accent",
    "complete": "success",
    "length": "warning",
    "cancelled": "warning",
    "broken": "error",
    "failed": "error",
    "refused": "warning",
    "empty": "error",
}
_ENDINGS = frozenset({"complete", "length", "cancelled", "broken", "failed", "refused", "empty"})
TWO_COLUMNS, GAP = 52, 3
"""From this width on the rows stand in two columns, with so many cells between."""
SPACED = 24
"""From this height on blank lines part the groups."""
_FULL = 0.9
"""From this share on the context gauge warns, and the day's budget."""


class _Row(NamedTuple):
    rank: int
    """Rows of a high rank are left out first where the panel is too low."""
    line: Line


def stats_lines(
    figures: StreamStats, spending: Spending, width: int, height: int = SPACED, *, unfolded: bool = False
) -> list[Line]:
    """The panel's lines: what is known, what the running answer will tell, and `unfolded` also what few people need;
    then the notes there are. Where it is too low for blank lines the groups stand close together; where it is too low
    for all rows the most important ones stay."""
    groups = [
        [_state(figures, width)],
        _pace(figures, width),
        _tokens(figures, width),
        _money(figures, spending, width),
        _more(figures, width, unfolded=unfolded),
    ]
    filled = [group for group in groups if group]
    rows = [row for group in filled for row in group]
    if height < len(rows):
        last = sorted(row.rank for row in rows)[max(1, height) - 1]
        return [row.line for row in rows if row.rank <= last]
    gap: list[Line] = [()] if height >= SPACED else []
    lines = [line for group in filled for line in (*gap, *(row.line for row in group))]
    return lines[len(gap) :] + _notes(figures, width, gap)


def _beside(figures: StreamStats, spending: Spending, width: int, *, unfolded: bool) -> list[Line]:
    """The rows in two columns: what is going on at the left, what it takes at the right."""
    column = (width - GAP) // 2
    left = [_state(figures, column), *_pace(figures, column), *_more(figures, column, unfolded=unfolded)]
    right = [*_tokens(figures, column), *_money(figures, spending, column)]
    blank = _Row(0, ())
    lines = [
        (*first.line, Span(" " * (column + GAP - sum(cell_len(span.text) for span in first.line))), *second.line)
        for first, second in zip_longest(left, right, fillvalue=blank)
    ]
    return lines + _notes(figures, width, [])


def _will_tell(figures: StreamStats, value: object) -> bool:
    """Whether there is a value, or the running answer will bring one: rows keep their places while it runs."""
    return value is not None or (figures.phase != "idle" and figures.phase not in _ENDINGS)


def _pace(figures: StreamStats, width: int) -> list[_Row]:
    rows = []
    if _will_tell(figures, figures.ttft_seconds):
        rows.append(_Row(2, _row("TTFT", formatting.ttft(figures.ttft_seconds), width)))
    if _will_tell(figures, figures.rate):
        speed = formatting.speed(figures.rate, figures.rate_estimated)
        rows.append(_Row(1, _row("Tokens/s", speed, width)))
        rows.append(_Row(10, (Span(formatting.sparkline(figures.sparkline, width), "accent"),)))
    return rows


def _more(figures: StreamStats, width: int, *, unfolded: bool) -> list[_Row]:
    """The line that unfolds the rest, and the rest: how it was routed, percentiles, thinking."""
    if figures.phase == "idle" and not unfolded:
        return []
    mark = "▾ More" if unfolded else "▸ More"
    rows = [_Row(11, apart(Span(mark, "dim"), Span("/insights", "dim"), width))]
    if not unfolded:
        return rows
    if route := formatting.tries(figures, width - len("Route ")):
        rows.append(_Row(12, _row("Route", route, width)))
    if figures.gap_p50_seconds is not None:
        rows.append(_Row(14, _row("Gaps p50 p95", formatting.gaps(figures), width)))
    if figures.thinking_tokens is not None:
        thinking = formatting.tokens(figures.thinking_tokens, figures.thinking_estimated)
        rows.append(_Row(13, _row("Thinking", thinking, width)))
    return rows


def _tokens(figures: StreamStats, width: int) -> list[_Row]:
    rows = []
    if _will_tell(figures, figures.prompt_tokens):
        rows.append(_Row(7, _row("Tokens in", formatting.prompt_tokens(figures, width - len("Tokens in ")), width)))
    if _will_tell(figures, figures.completion_tokens):
        told = formatting.tokens(figures.completion_tokens, figures.completion_estimated)
        rows.append(_Row(5, _row("Tokens out", told, width)))
    # Where the model's window is not known, the other rows say it all.
    if _will_tell(figures, figures.context_tokens) and (figures.context_window or figures.context_tokens is None):
        rows += [_Row(4, _context(figures, width)), _Row(9, _gauge(figures, width))]
    return rows


def _money(figures: StreamStats, spending: Spending, width: int) -> list[_Row]:
    today, budget = spending.today or 0.0, spending.budget
    dear = budget is not None and today >= _FULL * budget
    rows = []
    if figures.cost is not None or figures.price is not None:
        rows.append(_Row(3, _row("Cost", formatting.full_cost(figures, width - len("Cost ")), width)))
    # What one answer took is all that the conversation, or the day, took, as long as it is the only one.
    if spending.conversation and formatting.cost(spending.conversation) != formatting.cost_of(figures):
        rows.append(_Row(8, _row("Conversation", formatting.cost(spending.conversation), width)))
    if budget is not None or (today and formatting.cost(today) != formatting.cost(spending.conversation)):
        rows.append(_Row(6, _row("Today", formatting.today(spending), width, "warning" if dear else "text")))
    return rows


def _row(label: str, value: str, width: int, role: str = "text") -> Line:
    role = "dim" if value == formatting.UNKNOWN else role
    return apart(Span(label, "dim"), Span(value, role), width)


def _state(figures: StreamStats, width: int) -> _Row:
    role = _ROLES.get(figures.phase, "secondary")
    return _Row(0, (Span("● ", role), Span(crop(formatting.state(figures), width - 2), role)))


def _context(figures: StreamStats, width: int) -> Line:
    used, window = figures.context_tokens, figures.context_window
    about = figures.prompt_estimated or figures.completion_estimated
    counts = "" if used is None else f"{formatting.tokens(used, about)} of {formatting.context(window)}"
    share = formatting.percentage(used, window).rjust(len("100%"))
    role = _gauge_role(figures) if window and used is not None else "dim"
    right = (Span(f"{counts}  ", "dim"), Span(share, role)) if counts and window else (Span(share, role),)
    room = width - sum(len(span.text) for span in right)
    if room < len("Context "):
        return apart(Span("Context", "dim"), Span(share, role), width)
    return (Span("Context".ljust(room), "dim"), *right)


def _gauge_role(figures: StreamStats) -> str:
    used, window = figures.context_tokens or 0, figures.context_window or 0
    return "warning" if window and used >= _FULL * window else "text"


def _gauge(figures: StreamStats, width: int) -> Line:
    filled, rest = formatting.gauge(figures.context_tokens, figures.context_window, width)
    full = _gauge_role(figures) == "warning"
    return (Span(filled, "warning" if full else "accent"), Span(rest, "line"))


def _notes(figures: StreamStats, width: int, gap: list[Line]) -> list[Line]:
    """Which part it works on, what was left out, why it retries; what went wrong in the end stands under the answer."""
    notes: list[Line] = []
    if figures.steps and figures.phase not in _ENDINGS:
        notes.append((Span(crop(formatting.step(figures), width), "secondary"),))
    if note := formatting.left_out(figures.left_out):
        notes += [(Span(text, "warning"),) for text in wrap(note, width, 2)]
    if figures.shortened:
        notes += [(Span(text, "warning"),) for text in wrap(figures.shortened, width, 3)]
    if figures.quick_ttft_seconds is not None:
        notes.append(
            (Span(crop(f"quick answer after {formatting.ttft(figures.quick_ttft_seconds)}", width), "secondary"),)
        )
    if figures.seams:
        notes += [(Span(text, "warning"),) for text in wrap(formatting.seams(figures.seams), width, 2)]
    if figures.reason and figures.phase not in _ENDINGS:
        notes += [(Span(text, "dim"),) for text in wrap(figures.reason, width, 3)]
    return [*gap, *notes] if notes else []


class StatsPanel(StyledLines):
    """Shows `StreamStats`; give it new ones as often as you like. A click unfolds what few people need."""

    class Clicked(Message):
        """The panel was clicked."""

    DEFAULT_CSS = """
    StatsPanel {
        width: 1fr;
        height: 1fr;
        padding: 1 1 0 1;
        color: $text;
        background: $surface;
    }
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._figures = StreamStats()
        self._spending = Spending()
        self._painted = float("-inf")
        self._due: asyncio.TimerHandle | None = None
        self._unfolded = False
        self.paints = 0
        """How often it was painted."""

    @property
    def figures(self) -> StreamStats:
        """The figures last given to `show`."""
        return self._figures

    def show(self, figures: StreamStats) -> None:
        """Show these figures: now, or with the next paint."""
        ended = figures.phase in _ENDINGS and figures.phase != self._figures.phase
        self._figures = figures
        wait = self._painted + PAUSE_SECONDS - self._clock()
        if ended or wait <= 0:
            self._paint()
        elif self._due is None and self.is_attached:
            self._due = call_after(self, wait, self._paint)

    def unfold(self, unfolded: bool) -> None:
        """Show what few people need, or hide it."""
        if unfolded != self._unfolded:
            self._unfolded = unfolded
            self.redraw()

    def show_spending(self, spending: Spending) -> None:
        """Show what was spent."""
        if spending != self._spending:
            self._spending = spending
            self.redraw()

    def _paint(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._painted = self._clock()
        self.paints += 1
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """The panel's lines, in two columns where there is room for them."""
        if width >= TWO_COLUMNS:
            return _beside(self._figures, self._spending, width, unfolded=self._unfolded)
        return stats_lines(self._figures, self._spending, width, self.size.height, unfolded=self._unfolded)

    def on_resize(self) -> None:
        """A lower panel has other lines."""
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Unfold or fold."""
        event.stop()
        self.post_message(self.Clicked())
