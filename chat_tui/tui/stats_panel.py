"""The figures of the running or last answer, at the right of the screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from textual.timer import Timer

from chat_tui.figures import Figures, Phase
from chat_tui.text_safety import clean_line
from chat_tui.tui import figures_text as words
from chat_tui.tui.spans import Line, Span, SpanView, apart, crop, crop_start, wrap

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
}
_ENDINGS = frozenset({"complete", "length", "cancelled", "broken", "failed", "refused"})
TWO_COLUMNS, GAP = 52, 3
"""From this width on the rows stand in two columns, with so many cells between."""
_FULL = 0.9
"""From this share on the context gauge warns."""


def stats_lines(figures: Figures, width: int, free: bool = False) -> list[Line]:
    """The panel's lines: always the same rows in the same places, then the notes there are. `free`: a model that
    costs nothing, whatever it answers."""
    about = figures.tokens_estimated and figures.completion_tokens is not None
    cost = 0.0 if free and figures.cost is None else figures.cost
    tokens_in = words.tokens(figures.prompt_tokens, figures.prompt_tokens is not None and figures.tokens_estimated)
    rows = [
        _state(figures, width),
        (),
        _row("Model", crop_start(clean_line(figures.model, 200) or words.UNKNOWN, width - 6), width),
        _row("Strategy", clean_line(figures.strategy, 60) or words.UNKNOWN, width),
        _row("TTFT", words.ttft(figures.ttft_seconds), width),
        _row("Tokens/s", words.speed(figures.rate, figures.rate_estimated), width),
        (Span(words.sparkline(figures.sparkline, width), "accent"),),
        _row("Tokens in", tokens_in, width),
        _row("Tokens out", words.tokens(figures.completion_tokens, about), width),
        _row("Cost", words.cost(cost) if cost is not None else words.about_cost(figures.price), width),
        _row("Duration", words.seconds(figures.duration_seconds or None), width),
        _context(figures, width),
        _gauge(figures, width),
    ]
    return rows + _notes(figures, width)


def _beside(lines: Sequence[Line], column: int) -> list[Line]:
    """The same rows in two columns: what is going on at the left, what it takes at the right."""
    # Without the blank row; the notes stay below the figures they are about.
    left, right = [lines[0], *lines[2:7]], lines[7:]
    return [
        (
            *first,
            Span(" " * (column + GAP - sum(cell_len(span.text) for span in first))),
            *second,
        )
        for first, second in zip_longest(left, right, fillvalue=())
    ]


def _row(label: str, value: str, width: int) -> Line:
    role = "dim" if value == words.UNKNOWN else "text"
    return apart(Span(label, "dim"), Span(value, role), width)


def _state(figures: Figures, width: int) -> Line:
    role = _ROLES.get(figures.phase, "secondary")
    return (Span("● ", role), Span(crop(words.phase(figures), width - 2), role))


def _context(figures: Figures, width: int) -> Line:
    used, window = figures.context_tokens, figures.context_window
    about = figures.tokens_estimated and used is not None
    counts = "" if used is None else f"{words.tokens(used, about)} of {words.context(window)}"
    share = words.percentage(used, window)
    role = _gauge_role(figures) if share != words.UNKNOWN else "dim"
    right = (Span(f"{counts}  ", "dim"), Span(share, role)) if counts and window else (Span(share, role),)
    room = width - sum(len(span.text) for span in right)
    if room < len("Context "):
        return apart(Span("Context", "dim"), Span(share, role), width)
    return (Span("Context".ljust(room), "dim"), *right)


def _gauge_role(figures: Figures) -> str:
    used, window = figures.context_tokens or 0, figures.context_window or 0
    return "warning" if window and used >= _FULL * window else "text"


def _gauge(figures: Figures, width: int) -> Line:
    filled, rest = words.gauge(figures.context_tokens, figures.context_window, width)
    full = _gauge_role(figures) == "warning"
    return (Span(filled, "warning" if full else "accent"), Span(rest, "line"))


def _notes(figures: Figures, width: int) -> list[Line]:
    """Which part it works on, what was left out, why it retries, what went wrong."""
    notes: list[Line] = []
    if figures.steps and figures.phase not in _ENDINGS:
        notes.append((Span(crop(words.step(figures), width), "secondary"),))
    if note := words.left_out(figures.left_out):
        notes += [(Span(text, "warning"),) for text in wrap(note, width, 2)]
    if figures.seams:
        notes += [(Span(text, "warning"),) for text in wrap(words.seams(figures.seams), width, 2)]
    if figures.error:
        notes += [(Span(text, "error"),) for text in wrap(clean_line(figures.error), width, 4)]
    elif figures.reason and figures.phase in ("retrying", "queued", "connecting"):
        notes += [(Span(text, "dim"),) for text in wrap(clean_line(figures.reason), width, 3)]
    return [(), *notes] if notes else []


class StatsPanel(SpanView):
    """Shows `Figures`; give it new ones as often as you like."""

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
        self._figures = Figures()
        self._free = False
        self._painted = float("-inf")
        self._due: Timer | None = None
        self.paints = 0
        """How often it was painted."""

    @property
    def figures(self) -> Figures:
        """What was last given to `show`."""
        return self._figures

    def show(self, figures: Figures, *, free: bool = False) -> None:
        """Show these figures: now, or with the next paint. `free`: of a model that costs nothing."""
        ended = figures.phase in _ENDINGS and figures.phase != self._figures.phase
        self._figures, self._free = figures, free
        wait = self._painted + PAUSE_SECONDS - self._clock()
        if ended or wait <= 0:
            self._paint()
        elif self._due is None and self.is_attached:
            self._due = self.set_timer(wait, self._paint)

    def _paint(self) -> None:
        if self._due is not None:
            self._due.stop()
            self._due = None
        self._painted = self._clock()
        self.paints += 1
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """The panel's lines, in two columns where there is room for them."""
        lines = stats_lines(self._figures, width if width < TWO_COLUMNS else (width - GAP) // 2, self._free)
        return lines if width < TWO_COLUMNS else _beside(lines, (width - GAP) // 2)
