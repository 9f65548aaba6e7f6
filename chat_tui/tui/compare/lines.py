"""The lines of a comparison beside its texts: column heads, tabs, and the table at the end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from rich.cells import cell_len

from chat_tui.core.chunks import ErrorInfo, State
from chat_tui.core.conversation import Turn
from chat_tui.core.usage.stream_stats import Phase, StreamStats
from chat_tui.engine.answers.comparison import ComparisonResult
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import Line, Span, apart, crop, crop_start

TABBED, LEAST = 100, 30
"""Below so many columns of the screen, or where an answer would have fewer than the other, there are tabs."""
_ONE_LINE = 53
"""From this width on the figures of a head stand on one line."""
_TOLD_LATER = "The reason is shown when the names are."
_WHOLE = {"complete", "length"}
_STATES: dict[State, str] = {
    "cancelled": "stopped",
    "length": "token limit",
    "broken": "connection lost",
    "complete": "done",
    "empty": "no text",
}
_SIGNS: dict[Phase, str] = {
    "complete": "✓",
    "length": "✓",
    "paused": "‖",
    "cancelled": "–",
    "broken": "✗",
    "failed": "✗",
    "refused": "✗",
    "empty": "✗",
}
"""Everything else runs."""
_ROLES = {"✓": "success", "‖": "warning", "–": "warning", "✗": "error"}
_SHOWS_WHERE: set[Phase] = {"fetching", "loading"}
"""Only a model of this machine has these phases."""


def is_tabbed(width: int, answers: int) -> bool:
    """Whether this many answers are too many to be side by side on a screen of this width."""
    return width < TABBED or width // answers < LEAST


def letter(place: int) -> str:
    """The letter for a hidden name: `A` for the first column."""
    return chr(ord("A") + place)


def mask(turn: Turn, label: str) -> Turn:
    """The turn with this in place of everything that identifies the model."""
    hidden = ErrorInfo("Hidden", f"This answer {'was cut off' if turn.text else 'failed'}.", _TOLD_LATER)
    error = hidden if turn.error is not None else None
    return msgspec.structs.replace(
        turn, model=label, strategy="", cost=None, error=error, seams=(), quick=None, finish_reason="", served_model=""
    )


def mask_figures(figures: StreamStats) -> StreamStats:
    """The figures without what identifies the model."""
    phase = "waiting" if figures.phase in _SHOWS_WHERE else figures.phase
    return msgspec.structs.replace(
        figures,
        model="",
        served_model="",
        strategy="",
        reason="",
        error="",
        cost=None,
        price=None,
        candidates=0,
        phase=phase,
    )


def queue_hint(figures: StreamStats, *, others_held: bool) -> str:
    """Why a queued answer does not start, where another one is paused; else empty: the head tells the state."""
    if figures.phase == "queued" and others_held:
        # Its line to the server is open, and may be no more than there are places.
        return "A paused answer keeps its slot; stop it with x to let this one start."
    return ""


def _sign(phase: Phase) -> Span:
    sign = _SIGNS.get(phase, "●")
    return Span(sign, _ROLES.get(sign, "accent"))


def head_height(width: int, *, named: bool = True) -> int:
    """Lines of a column's head; `named`: with the model's name."""
    return named + (2 if width >= _ONE_LINE else 3)


def head_lines(number: int, name: str, figures: StreamStats, width: int, *, chosen: bool) -> list[Line]:
    """Model, state and figures, in fields of fixed width. `name` is empty where the tabs show it; `chosen`: keys act on
    this answer."""
    mark = Span("▌" if chosen else " ", "mark")
    title = f"{number} " + crop_start(name, max(4, width - 4))
    state = Span(crop(formatting.phase(figures, timed=False), max(1, width - 12)), "text" if chosen else "dim")
    clock = Span(formatting.seconds(figures.duration_seconds), "dim")
    costs = formatting.cost_of(figures) if figures.cost is not None or figures.price is not None else ""
    parts = [
        f"TTFT {formatting.ttft(figures.ttft_seconds)}".ljust(12),
        formatting.rate(figures.rate, figures.rate_estimated).ljust(12),
        f"{formatting.tokens(figures.completion_tokens, figures.completion_estimated)} tokens".ljust(14),
        costs,
    ]
    rows = [parts] if width >= _ONE_LINE else [[parts[0].ljust(14), parts[1]], parts[2:]]
    lines: list[Line] = [(mark, Span(title, "accent" if chosen else "strong"))] if name else []
    lines.append((mark, _sign(figures.phase), Span(" "), *apart(state, clock, width - 3)))
    return lines + [(mark, Span(crop("  ".join(row).rstrip(), width - 1), "dim")) for row in rows]


def tabs_are_whole(names: Sequence[str], width: int) -> bool:
    """Whether the tabs have room for all these names."""
    return all(cell_len(name) <= _tab_width(len(names), width) - 6 for name in names)


def _tab_width(tabs: int, width: int) -> int:
    return max(5, (width - tabs + 1) // max(1, tabs))


def tab_line(names: Sequence[str], phases: Sequence[Phase], current: int, width: int) -> Line:
    """All answers on one line, the one in view in brackets, each with the sign of its state."""
    room = _tab_width(len(names), width)
    spans: list[Span] = []
    for place, (name, phase) in enumerate(zip(names, phases, strict=True)):
        shown = f"{place + 1} " + crop_start(name, max(1, room - 6))
        opened, closed = "[]" if place == current else "  "
        used = cell_len(shown) + 4
        spans += [Span(" ")] if place else []
        spans += [Span(opened + shown, "mark" if place == current else "dim"), Span(" "), _sign(phase)]
        spans += [Span(closed, "mark"), Span(" " * max(0, room - used))]
    return tuple(spans)


_Field = tuple[str, Callable[[ComparisonResult], float | None], Callable[[ComparisonResult], str], int]
"""Its heading, what is compared, how it is written, and which way is better: 1 more, -1 less, 0 neither."""


def _cost(result: ComparisonResult) -> str:
    return formatting.about_cost(result.cost) if result.tokens_estimated else formatting.cost(result.cost)


_FIELDS: tuple[_Field, ...] = (
    ("tokens/s", lambda one: one.tokens_per_second, lambda one: _format_speed(one), 1),
    ("time", lambda one: one.seconds, lambda one: formatting.seconds(one.seconds), -1),
    ("cost", lambda one: one.cost, _cost, -1),
    ("TTFT", lambda one: one.ttft_seconds, lambda one: formatting.ttft(one.ttft_seconds), -1),
    ("tokens", lambda one: one.tokens, lambda one: formatting.tokens(one.tokens, one.tokens_estimated), 0),
    ("characters", lambda one: one.characters, lambda one: f"{one.characters:,}", 0),
)
"""The most important first: where it is narrow the last ones are left out."""
_ORDER = ("characters", "tokens", "time", "TTFT", "tokens/s", "cost")
_BEST = "*"
_NAME_ROOM = 24
"""Cells for a name before anything is left out for it."""


def _format_speed(result: ComparisonResult) -> str:
    return formatting.speed(result.tokens_per_second, result.tokens_estimated)


def summary_lines(
    results: Sequence[ComparisonResult], names: Sequence[str], width: int, *, blind: bool = False
) -> list[Line]:
    """How all did, a row for each; `*` stands after the best of a column, which is of those that are whole."""
    numbers = {name: _column(name, results) for name, *_ in _FIELDS if not (blind and name == "cost")}
    states = [_state(result.state) for result in results]
    state_room = max(map(len, states))
    shown: list[str] = []
    longest = max(len(f"{_BEST} best"), *map(cell_len, names))
    room = width - 2 - min(_NAME_ROOM, longest) - 2
    for name, cells in numbers.items():
        needed = max(map(cell_len, cells)) + 2
        if needed <= room:
            shown.append(name)
            room -= needed
    has_states = state_room + 2 <= room
    room -= state_room + 2 if has_states else 0
    columns = [numbers[name] for name in _ORDER if name in shown]
    name_room = min(longest, _NAME_ROOM + max(0, room))
    best = any(cell.endswith(_BEST) for column in columns for cell in column)
    rows = []
    for place in range(len(results) + 1):
        name = names[place - 1] if place else ""
        told = crop_start(name, name_room) if place else f"{_BEST} best" * best
        state = (states[place - 1] if place else "state").ljust(state_room + 2) if has_states else ""
        spans = [
            Span(f"{place or ' '} ", "dim"),
            Span(told + " " * (name_room + 2 - cell_len(told)), _name_style(place)),
        ]
        spans.append(Span(state, "dim"))
        for column in columns:
            cell, widest = column[place], max(map(cell_len, column))
            role = "success" if cell.endswith(_BEST) else "text" if place else "dim"
            spans.append(Span(" " * (widest - cell_len(cell)) + cell + "  ", role))
        rows.append(tuple(span for span in spans if span.text))
    return rows


def _name_style(place: int) -> str:
    return "strong" if place else "dim"


def _state(state: State) -> str:
    return _STATES.get(state, state)


def _column(heading: str, results: Sequence[ComparisonResult]) -> list[str]:
    """A column's cells with its heading, each with room for the mark."""
    _, value, written, better = next(field for field in _FIELDS if field[0] == heading)
    whole = [one for one in results if one.state in _WHOLE and value(one) is not None]
    best = ""
    # What reads the same is as good.
    if better and len({written(one) for one in whole}) > 1:
        best = written(max(whole, key=lambda one: better * (value(one) or 0.0)))
    cells = [f"{heading} "]
    for one in results:
        told = written(one)
        cells.append(told + (_BEST if best and one in whole and told == best else " "))
    return cells
