"""Walks from code block to code block."""

from __future__ import annotations

from collections.abc import Iterator

from chat_tui.markdown.code_blocks import find_fenced
from chat_tui.tui.transcript.model.line_model import LineModel, Position
from chat_tui.tui.transcript.model.parts import TurnPart, has_markdown


def code_after(model: LineModel, start: Position, step: int) -> Position | None:
    """The line over the nearest code block behind `start` (`step` 1) or before it (-1). Turns without code are neither
    split nor rendered."""
    turns = range(start.turn, len(model.views)) if step > 0 else range(min(start.turn, len(model.views) - 1), -1, -1)
    for turn in turns:
        for position in _codes_of(model, turn, step):
            if (position > start) if step > 0 else (position < start):
                return position
    return None


def _codes_of(model: LineModel, turn: int, step: int) -> Iterator[Position]:
    view = model.views[turn]
    text = view.turn.text
    if not has_markdown(view.turn.role) or not (view.live or "```" in text or "~~~" in text or "](data:image/" in text):
        return
    parts = view.parts()
    for index in range(len(parts))[::step]:
        if _has_code(parts[index]):
            lines = model.lines(turn, parts[index])
            yield from (Position(turn, index, line) for line in range(len(lines))[::step] if lines[line].code)


def _has_code(part: TurnPart) -> bool:
    block = part.block
    if part.kind != "body" or block is None:
        return False
    return block.first if block.kind in ("code", "image") else bool(find_fenced(block.source))
