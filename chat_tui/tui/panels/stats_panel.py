"""The figures of the running or last answer, at the right of the screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from textual.timer import Timer

from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.usage.spending import Spending
from chat_tui.core.usage.stream_stats import Phase, StreamStats
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, crop_start, wrap

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
_BY_IMPORTANCE = (0, 4, 3, 13, 11, 9, 15, 8, 5, 14, 2, 6, 12, 10, 7, 1)
"""The rows' places from the top, without blank lines: state, speed, TTFT, cost, context, tokens out, today, …"""
_FULL = 0.9
"""From this share on the context gauge warns, and the day's budget."""


def stats_lines(figures: StreamStats, spending: Spending, width: int, height: int = SPACED) -> list[Line]:
    """The panel's lines: always the same rows in the same places, then the notes there are. Where it is too low for
    blank lines the groups stand close together; where it is too low for all rows the most important ones stay."""
    gap: list[Line] = [()] if height >= SPACED else []
    rows = [_state(figures, width), *gap, *_way(figures, width), *gap, *_pace(figures, width), *gap]
    rows += [*_tokens(figures, width), *gap, *_money(figures, spending, width)]
    if height < len(rows):
        return [rows[place] for place in sorted(_BY_IMPORTANCE[: max(1, height)])]
    return rows + _notes(figures, width, gap)


def _beside(figures: StreamStats, spending: Spending, width: int) -> list[Line]:
    """The most important rows in two columns: what is going on at the left, what it takes at the right."""
    column = (width - GAP) // 2
    left = [_state(figures, column), *_way(figures, column), *_pace(figures, column)[:4]]
    tokens = _tokens(figures, column)
    right = [tokens[0], tokens[1], tokens[3], tokens[4], *_money(figures, spending, column)]
    lines = [
        (*first, Span(" " * (column + GAP - sum(cell_len(span.text) for span in first))), *second)
        for first, second in zip_longest(left, right, fillvalue=())
    ]
    return lines + _notes(figures, width, [])


def _way(figures: StreamStats, width: int) -> list[Line]:
    """Which model, and how it was chosen."""
    model = crop_start(clean_line(figures.model, 200) or formatting.UNKNOWN, width - 6)
    # How it came about is known in full when the answer has ended.
    key = " ?" if figures.phase in _ENDINGS and figures.tries else ""
    route = formatting.route(figures, width - len("Route  ?"))
    if not key or width < len("Route ") + 6:
        return [_row("Model", model, width), _row("Route", route, width)]
    line = _row("Route", route, width - len(key))
    return [_row("Model", model, width), (*line, Span(key, "strong"))]


def _pace(figures: StreamStats, width: int) -> list[Line]:
    return [
        _row("TTFT", formatting.ttft(figures.ttft_seconds), width),
        _row("Tokens/s", formatting.speed(figures.rate, figures.rate_estimated), width),
        (Span(formatting.sparkline(figures.sparkline, width), "accent"),),
        _row("Gaps p50 p95", formatting.gaps(figures), width),
        _row("Duration", formatting.seconds(figures.duration_seconds or None), width),
    ]


def _tokens(figures: StreamStats, width: int) -> list[Line]:
    return [
        _row("Tokens in", formatting.prompt_tokens(figures, width - len("Tokens in ")), width),
        _row("Tokens out", formatting.tokens(figures.completion_tokens, figures.completion_estimated), width),
        _row("  thinking", formatting.tokens(figures.thinking_tokens, figures.thinking_estimated), width),
        _context(figures, width),
        _gauge(figures, width),
    ]


def _money(figures: StreamStats, spending: Spending, width: int) -> list[Line]:
    today, budget = spending.today or 0.0, spending.budget
    dear = budget is not None and today >= _FULL * budget
    return [
        _row("Cost", formatting.full_cost(figures, width - len("Cost ")), width),
        _row("Conversation", formatting.cost(spending.conversation), width),
        _row("Today", formatting.today(spending), width, "warning" if dear else "text"),
    ]


def _row(label: str, value: str, width: int, role: str = "text") -> Line:
    role = "dim" if value == formatting.UNKNOWN else role
    return apart(Span(label, "dim"), Span(value, role), width)


def _state(figures: StreamStats, width: int) -> Line:
    role = _ROLES.get(figures.phase, "secondary")
    return (Span("● ", role), Span(crop(formatting.phase(figures), width - 2), role))


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
    if figures.quick_ttft_seconds is not None:
        notes.append(
            (Span(crop(f"quick answer after {formatting.ttft(figures.quick_ttft_seconds)}", width), "secondary"),)
        )
    if figures.seams:
        notes += [(Span(text, "warning"),) for text in wrap(formatting.seams(figures.seams), width, 2)]
    if figures.reason and figures.phase not in _ENDINGS:
        notes += [(Span(text, "dim"),) for text in wrap(clean_line(figures.reason), width, 3)]
    return [*gap, *notes] if notes else []


class StatsPanel(StyledLines):
    """Shows `StreamStats`; give it new ones as often as you like."""

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
        self._due: Timer | None = None
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
            self._due = self.set_timer(wait, self._paint)

    def show_spending(self, spending: Spending) -> None:
        """Show what was spent."""
        if spending != self._spending:
            self._spending = spending
            self.redraw()

    def _paint(self) -> None:
        if self._due is not None:
            self._due.stop()
            self._due = None
        self._painted = self._clock()
        self.paints += 1
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """The panel's lines, in two columns where there is room for them."""
        if width >= TWO_COLUMNS:
            return _beside(self._figures, self._spending, width)
        return stats_lines(self._figures, self._spending, width, self.size.height)

    def on_resize(self) -> None:
        """A lower panel has other lines."""
        self.redraw()
