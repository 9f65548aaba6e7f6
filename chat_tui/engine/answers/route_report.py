"""Why a model has answered, in words: the prompt, the candidates, the tries, and what was sent. For all faces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from chat_tui.core.conversation import Turn
from chat_tui.core.route import Alternative, Candidate, Route, Seam, Try
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.memory_text import MemoryText
from chat_tui.core.text.prompt_features import level_of, without_level
from chat_tui.core.tools import ToolCall
from chat_tui.core.usage import figure_words
from chat_tui.core.usage.token_estimate import memory_tokens
from chat_tui.routing.policy import FIXED

_ARGUMENTS = 400
"""Characters of a call's arguments that are looked at; half of them are shown."""
_NO_ERRORS = ("answered", "cancelled")
_MEMORY_LINES = 40
"""Lines of a file of the memory that are shown."""
_SHORTEST = 0.05
"""Seconds: a shorter wait would be told as none."""

SectionKind = Literal["prompt", "notes", "candidates", "tries", "memory", "calls", "seams", "others"]


class ReportRow(msgspec.Struct, frozen=True):
    """One row of a section."""

    name: str = ""
    """A model, a strategy, a tool or a file; how hard the prompt looked."""
    mark: str = ""
    """A short value that stands beside the name."""
    text: str = ""
    warns: bool = False
    """Whether this model was excluded, or this try has failed."""


class ReportSection(msgspec.Struct, frozen=True):
    """The rows of one subject."""

    kind: SectionKind
    title: str
    rows: tuple[ReportRow, ...]
    legend: str = ""
    """What the rows tell."""
    rest: str = ""
    """What follows the rows: how many others there are."""


class RouteReport(msgspec.Struct, frozen=True):
    """The route of an answer in words."""

    answered: str
    """Which model has answered, and who chose it."""
    sections: tuple[ReportSection, ...]
    """Those that have something to tell."""


def report_route(turn: Turn, route: Route) -> RouteReport:
    """Return the route of an answer in words."""
    asked = f"; task: {route.needs}" if route.needs and route.difficulty is None else ""
    served = f" (the server says: {turn.served_model})" if turn.served_model else ""
    chosen = "you have chosen it" if route.strategy == FIXED else f"chosen by {route.strategy}"
    return RouteReport(f"{turn.model} answered{served}, {chosen}{asked}", tuple(_sections(turn, route)))


def _sections(turn: Turn, route: Route) -> Iterator[ReportSection]:
    if route.difficulty is not None:
        prompt = ReportRow(level_of(route.difficulty), text=without_level(route.needs))
        yield ReportSection("prompt", "Prompt", (prompt,))
    if route.notes:
        yield ReportSection("notes", "Notes", tuple(ReportRow(text=note) for note in route.notes))
    if route.candidates or route.left_out:
        yield _candidates(route)
    rows: Sequence[tuple[SectionKind, str, tuple[ReportRow, ...]]] = (
        ("tries", "Tries", tuple(map(_try, route.tries))),
        ("memory", "Memory that was sent", tuple(map(_memory, route.memory))),
        ("calls", "Tool calls", tuple(map(_call, turn.calls))),
        ("seams", "Seams", tuple(map(_seam, route.seams))),
        ("others", "What other strategies would have picked", tuple(map(_other, route.others))),
    )
    yield from (ReportSection(*section) for section in rows if section[2])


def _candidates(route: Route) -> ReportSection:
    is_estimated = any(candidate.success is not None for candidate in route.candidates)
    legend = "Chance of a good answer, estimated price and time" if is_estimated else ""
    why = "; ".join(f"{count:,} excluded: {reason}" for reason, count in route.left_out_for.items())
    rest = f"and {route.left_out:,} more" + (f" ({why})" if why else "") if route.left_out else ""
    return ReportSection("candidates", "Candidates", tuple(map(_candidate, route.candidates)), legend, rest)


def _candidate(candidate: Candidate) -> ReportRow:
    if candidate.out:
        return ReportRow(candidate.model, "excluded", candidate.out, warns=True)
    # A value stays beside its name, and the dot with what it follows.
    parts = "\xa0· ".join([*_estimates(candidate), *(f"{name}\xa0{v:.2f}" for name, v in candidate.scores.items())])
    if candidate.success is not None:
        # None is certain.
        mark = f"{min(candidate.success, 0.99):.0%}"
    else:
        mark = "" if candidate.score is None else f"{candidate.score:.3f}"
    return ReportRow(candidate.model, mark, " · ".join(filter(None, [candidate.note, parts])))


def _estimates(candidate: Candidate) -> list[str]:
    if candidate.success is None:
        return []
    price = _price(candidate.price) or "price unknown"
    return [part.replace(" ", "\xa0") for part in (price, f"about {figure_words.seconds(candidate.seconds)}")]


def _price(dollars: float | None) -> str:
    """An estimated price; empty if it is unknown."""
    return "" if dollars is None else figure_words.about_cost(dollars) if dollars else "free"


def _try(entry: Try) -> ReportRow:
    waited = f", after a wait of {figure_words.seconds(entry.waited_seconds)}"
    waited = waited if entry.waited_seconds >= _SHORTEST else ""
    rung = f", chosen by {entry.strategy}" if entry.strategy else ""
    place = f" at {entry.address}" if entry.address else ""
    reason = f": {entry.reason}" if entry.reason else ""
    took = figure_words.seconds(entry.duration_seconds)
    # The reason says in words what the kind of an error says to programs.
    outcome = entry.outcome if entry.outcome in _NO_ERRORS else "failed"
    served = f" by {entry.served_model}" if entry.served_model else ""
    text = f"{outcome}{served}{place} after {took}{waited}{rung}{reason}"
    return ReportRow(entry.model, f"try {entry.attempt}", text, warns=entry.outcome != "answered")


def _call(call: ToolCall) -> ReportRow:
    return ReportRow(call.name, text=shorten(" ".join(call.arguments[:_ARGUMENTS].split()), _ARGUMENTS // 2))


def _memory(sent: MemoryText) -> ReportRow:
    """The name of a file with its tokens, and the beginning of its text."""
    about = f"{sent.name} · {figure_words.tokens(memory_tokens(sent), estimated=True)} tokens"
    lines = sent.text.split("\n")
    more = f"and {len(lines) - _MEMORY_LINES:,} more lines" if len(lines) > _MEMORY_LINES else ""
    return ReportRow(about, text="\n".join(filter(None, [*lines[:_MEMORY_LINES], more])))


def _seam(seam: Seam) -> ReportRow:
    return ReportRow(seam.model, text=f"continued after {seam.at_characters:,} characters. {seam.reason}".strip())


def _other(other: Alternative) -> ReportRow:
    model = f"{other.model} (price unknown)" if other.model and other.price is None else other.model or "nothing"
    return ReportRow(other.strategy, _price(other.price), model)
