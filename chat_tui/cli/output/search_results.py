"""Writes what a search of the history has found: titles first, then messages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

from chat_tui.core.conversation import SearchHit, TitleHit
from chat_tui.core.processes import console
from chat_tui.core.processes.console import StyledText
from chat_tui.core.text.excerpts import shorten

FoundResult: TypeAlias = "TitleHit | SearchHit"
_MARK = "1;33"
_DIM = "2"
_TITLE = "title"
"""Stands in place of a role."""


def write_results(results: Sequence[FoundResult]) -> None:
    """Write each result in two lines: its conversation, and the passage; on a terminal the words are coloured."""
    lines = [line for result in results for line in _lines(result)]
    if _has_colours():
        console.write_styled(0, lines)
    else:
        console.write_output("".join("".join(text for _, text in line) + "\n" for line in lines))


def result_record(result: FoundResult) -> SearchHit | dict[str, Any]:
    """A result as it is written as JSON: a title like a message, with an empty `turn` and the role `title`."""
    if isinstance(result, SearchHit):
        return result
    summary = result.summary
    return {
        "conversation": summary.id,
        "turn": "",
        "snippet": summary.title,
        "score": 0.0,
        "conversation_title": summary.title,
        "role": _TITLE,
        "created": summary.updated,
        "model": summary.model,
        "marks": result.marks,
    }


def format_time(time: datetime | None) -> str:
    """Format a time in the local time zone."""
    return "" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M}"


def _has_colours() -> bool:
    return console.output_is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _lines(result: FoundResult) -> list[list[StyledText]]:
    if isinstance(result, SearchHit):
        head = _head(result.conversation, result.created, result.conversation_title)
        return [head, [("", f"    {result.role}: "), *_marked(result.snippet, result.marks)]]
    summary = result.summary
    head = _head(summary.id, summary.updated, summary.title)
    return [head, [("", f"    {_TITLE}: "), *_marked(summary.title, result.marks)]]


def _head(id: str, when: datetime | None, title: str) -> list[StyledText]:
    return [(_DIM, f"{id}  {format_time(when)}"), ("", f"  {shorten(title, 80)}")]


def _marked(text: str, marks: Sequence[tuple[int, int]]) -> list[StyledText]:
    """The text with the marked ranges in colour."""
    pieces: list[StyledText] = []
    at = 0
    for first, last in marks:
        pieces += [("", text[at:first]), (_MARK, text[first:last])]
        at = last
    return [(style, piece) for style, piece in [*pieces, ("", text[at:])] if piece]
