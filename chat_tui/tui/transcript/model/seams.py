"""Thin lines in an answer where it was cut and went on."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.conversation import Turn
from chat_tui.core.route import Seam
from chat_tui.markdown.block import Block
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.transcript.model.parts import TurnPart
from chat_tui.tui.transcript.render.wrapping import Line, width_of, wrap


class SeamPlaces:
    """Where an ended answer was interrupted and continued; computed when it is first needed."""

    def __init__(self) -> None:
        self._by_block: dict[int, list[tuple[float, Seam]]] | None = None

    def within(self, part: TurnPart, parts: Sequence[TurnPart], turn: Turn) -> Sequence[tuple[float, Seam]]:
        """Return the seams in one part of a turn, each with the share of the part that is before it."""
        bodies = [body for body in parts if body.kind == "body"]
        if self._by_block is None:
            blocks = [body.block for body in bodies if body.block is not None]
            self._by_block = seams_by_block(turn.seams, blocks, turn.text)
        return self._by_block.get(bodies.index(part), ()) if part in bodies else ()


def seams_by_block(seams: Sequence[Seam], blocks: Sequence[Block], text: str) -> dict[int, list[tuple[float, Seam]]]:
    """For each block that holds some, by its place: the seams, and the share of the block that stands before each."""
    starts: list[int] = []
    at = 0
    for block in blocks:
        first = block.source.partition("\n")[0]
        found = text.find(first, at)
        # A line that was escaped or dedented when the text was split is not found: it begins about here.
        at = found if found >= 0 else at
        starts.append(at)
        at += len(first)
    placed: dict[int, list[tuple[float, Seam]]] = {}
    for seam in seams:
        place = max((place for place, start in enumerate(starts) if start <= seam.at_characters), default=0)
        if blocks:
            share = (seam.at_characters - starts[place]) / max(len(blocks[place].source), 1)
            placed.setdefault(place, []).append((min(max(share, 0.0), 1.0), seam))
    return placed


def with_seams(lines: Sequence[Line], seams: Sequence[tuple[float, Seam]], width: int, ink: Ink) -> list[Line]:
    """A block's lines with a mark for each seam, at the border between two lines that is nearest to it."""
    total = sum(len(line.text) for line in lines)
    marked: list[Line] = []
    before, waiting = 0, list(seams)
    for line in lines:
        while waiting and line.text and before + len(line.text) / 2 >= waiting[0][0] * total:
            marked += seam_lines(waiting.pop(0)[1], width, ink)
        marked.append(line)
        before += len(line.text)
    return [*marked, *(mark for _, seam in waiting for mark in seam_lines(seam, width, ink))]


def seam_lines(seam: Seam, width: int, ink: Ink) -> list[Line]:
    """Such as `── continued here by local/m after: the line was cut ──────`."""
    base = ink.ground + ink.text
    reason = f" after: {seam.reason}" if seam.reason else ""
    told = f"continued here by {seam.model}{reason} "
    lines = wrap([("── ", base + ink.rule, False), (told, base + ink.dim, False)], width)
    lines[-1].runs.append(("─" * max(width - width_of(lines[-1].runs), 0), base + ink.rule, False))
    return lines
