"""The rows of the history screen as lines: exchanges of one conversation, and turns that a search found. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from rich.cells import cell_len

from chat_tui.core.conversation import SearchHit, Turn
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.text_match import Range
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import Line, Span, apart, crop, crop_start

EXCERPT = 100
"""Characters of a question and of an answer that a row shows."""
HIT_HEIGHT = 3
"""Lines of a hit: its title, and two of the passage."""
_LONGEST_MODEL = 24

_AROUND = re.compile(r"(?P<begin>\*\*|~~|(?<!`)`(?!`))(?=\S)[^\n]{0,200}?\S(?P<end>(?P=begin))")
_EMPHASIS = re.compile(r"(?<![\w*])(?P<begin>\*)(?=[^\s*])[^\n*]{0,200}?[^\s*](?P<end>\*)(?![\w*])")
_HEADING = re.compile(r"(?<!\S)#{1,6} ")
_FENCE = re.compile(r"(?<!\S)`{3,}[\w+#.-]*(?:\s|$)")
_ITEM = re.compile(r"(?<!\S)\*(?= )")
_SPEAKERS = {"user": "You", "tool": "Tool"}
"""Who is named for turns whose texts are no Markdown."""

Exchange = tuple[Turn, Turn | None]
"""A question, and its answer where there is one."""


def exchanges(path: Sequence[Turn]) -> list[Exchange]:
    """Questions with their answers, oldest first."""
    pairs: list[Exchange] = []
    for turn in path:
        if turn.role == "user":
            pairs.append((turn, None))
        elif turn.role == "assistant" and pairs:
            pairs[-1] = (pairs[-1][0], turn)
    return pairs


def without_marks(text: str, marks: Sequence[Range] = ()) -> tuple[str, list[Range]]:
    """A line of an answer without Markdown's marks around words and code and before items, and where these ranges are
    then."""
    around = (found for pattern in (_AROUND, _EMPHASIS) for found in pattern.finditer(text))
    spans = [span for found in around for span in (found.span("begin"), found.span("end"))]
    spans += [found.span() for pattern in (_HEADING, _FENCE) for found in pattern.finditer(text)]
    gone = {place for first, last in spans for place in range(first, last)}

    def new_place(place: int) -> int:
        return place - sum(before < place for before in gone)

    kept = [character for place, character in enumerate(text) if place not in gone]
    return _ITEM.sub("•", "".join(kept)), [(new_place(first), new_place(last)) for first, last in marks]


def excerpt(text: str) -> str:
    """The first characters of a text on one line, with `...` where more follows."""
    short = shorten(text[:EXCERPT], EXCERPT + 1)
    return f"{short}..." if len(text) > EXCERPT else short


def exchange_head(number: int, question: Turn) -> Line:
    """The line over an exchange: its number and time."""
    when = question.created.astimezone().strftime("%H:%M:%S") if question.created else formatting.UNKNOWN
    return (Span(f" {number}. ", "strong"), Span(f"[{when}]", "dim"))


def exchange_lines(exchange: Exchange, width: int) -> list[Line]:
    """Question and answer, a line each."""
    question, answer = exchange
    said = excerpt(without_marks(answer.text[: 2 * EXCERPT])[0]) if answer is not None else ""
    if not said:
        said = "(answering)" if answer is not None and answer.state == "streaming" else "(no answer)"
    return [
        (Span("    You: ", "secondary"), Span(crop(excerpt(question.text), width - 9), "text")),
        (Span("    Bot: ", "accent"), Span(crop(said, width - 9), "dim")),
    ]


def hit_lines(hit: SearchHit, width: int, now: datetime) -> list[Line]:
    """A turn that was found: its conversation, who said it and when, and the passage with the words marked."""
    who = (
        _SPEAKERS.get(hit.role) or ("Summary" if hit.role == "summary" else "") or hit.model.rpartition("/")[2] or "Bot"
    )
    when = formatting.moment(hit.created, now) if hit.created is not None else formatting.UNKNOWN
    right = Span(f"{crop_start(who, _LONGEST_MODEL)} · {when} ", "dim")
    title = Span(f" {hit.conversation_title or 'Untitled'}", "strong")
    text, marks = (hit.snippet, hit.marks) if hit.role in _SPEAKERS else without_marks(hit.snippet, hit.marks)
    lines = passage(text, marks, width - 4, HIT_HEIGHT - 1)
    return [apart(title, right, width), *((Span("   "), *line) for line in lines)]


def passage(text: str, marks: Sequence[tuple[int, int]], width: int, height: int) -> list[Line]:
    """The text on so many lines, broken at spaces, with the marked ranges lit; where it is too long it begins shortly
    before the first mark."""
    at = 0
    if marks and marks[0][1] > width * height - 2:
        at = max(0, marks[0][0] - width // 2)
    lines: list[Line] = []
    while at < len(text) and len(lines) < height:
        end = _line_end(text, at, width)
        if len(lines) == height - 1 and text[end:].strip():
            end = _line_end(text, at, width - 1)
            return [*lines, (*_lit(text, at, end, marks), Span("…", "dim"))]
        lines.append(_lit(text, at, end, marks))
        at = end + (text[end : end + 1] == " ")
    return lines


def _line_end(text: str, at: int, width: int) -> int:
    """Return the end of the line that begins at `at`."""
    cells, end = 0, at
    while end < len(text) and (cells := cells + cell_len(text[end])) <= width:
        end += 1
    if end < len(text) and text[end] != " " and (space := text.rfind(" ", at, end)) > at:
        return space
    return max(end, at + 1)


def _lit(text: str, begin: int, end: int, marks: Sequence[tuple[int, int]]) -> Line:
    spans: list[Span] = []
    at = begin
    for first, last in marks:
        first, last = max(first, at), min(last, end)
        if first < last:
            spans += [Span(text[at:first], "dim"), Span(text[first:last], "mark")]
            at = last
    return tuple(span for span in (*spans, Span(text[at:end], "dim")) if span.text)
