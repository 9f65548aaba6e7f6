"""Words that are looked for in the open conversation: where they are in the lines as painted, and going to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from chat_tui.tui.transcript.model.line_model import Position
from chat_tui.tui.transcript.model.parts import TurnPart
from chat_tui.tui.transcript.render.wrapping import Line
from chat_tui.tui.transcript.viewport import Viewport

if TYPE_CHECKING:
    from chat_tui.core.text.text_match import Range

KEPT_PARTS = 200


class FindHit(NamedTuple):
    """A match: its turn, its block, and which of the matches in that block."""

    turn: int
    block: int
    nth: int


class TextSpan(NamedTuple):
    """Some characters of a line's text."""

    line: int
    start: int
    end: int
    hit: int
    """Which of the hits in these lines it belongs to."""


def spans_in(lines: Sequence[Line], *wanted: str) -> list[TextSpan]:
    """The places of each of the wanted texts in painted lines, also where a line break divides them."""
    # Needed for a search only, and slow to import.
    from chat_tui.core.text.text_match import find, merge_ranges

    pieces: list[str] = []
    for line in lines:
        pieces += [line.text, line.joint]
    spans: list[TextSpan] = []
    text = "".join(pieces)
    found = [find(text, each) for each in wanted]
    places = found[0] if len(found) == 1 else merge_ranges(place for each in found for place in each)
    for number, (start, end) in enumerate(places):
        at = 0
        for index, line in enumerate(lines):
            first, last = max(start - at, 0), min(end - at, len(line.text))
            if first < last:
                spans.append(TextSpan(index, first, last, number))
            at += len(line.text) + len(line.joint)
            if at >= end:
                break
    return spans


class FindHighlights:
    """The words that are searched for, and their places in the lines in view."""

    def __init__(self) -> None:
        self.wanted: tuple[str, ...] = ()
        self.now: tuple[int, int, int] | None = None
        """The turn, the part and the hit in it that was gone to."""
        self._known: dict[int, tuple[Sequence[Line], list[TextSpan]]] = {}

    def want(self, *wanted: str) -> None:
        """Look for these texts from now on."""
        self.wanted, self.now = wanted, None
        self._known.clear()

    def spans(self, lines: Sequence[Line]) -> list[TextSpan]:
        """The places of the words in a part's lines; cached as long as the lines are."""
        known = self._known.get(id(lines))
        if known is None or known[0] is not lines:
            if len(self._known) > KEPT_PARTS:
                self._known.clear()
            known = self._known[id(lines)] = lines, spans_in(lines, *self.wanted)
        return known[1]

    def ranges(self, turn: int, part: int, line: int, lines: Sequence[Line]) -> list[tuple[Range, bool]]:
        """The places in one of a part's lines, each with whether it is the current match."""
        if not self.wanted:
            return []
        return [
            ((span.start, span.end), self.now == (turn, part, span.hit))
            for span in self.spans(lines)
            if span.line == line
        ]


class TranscriptFinder:
    """The words that are looked for in the lines of a viewport. `paint` paints what changed."""

    def __init__(self, viewport: Viewport, paint: Callable[[], None]) -> None:
        self._view = viewport
        self._model = viewport.model
        self._paint = paint
        self.highlights = FindHighlights()
        self._has_words = False
        """The words of a search are marked."""

    def mark(self, wanted: str) -> None:
        """Mark these words wherever they are; empty marks none."""
        self._has_words = False
        self.highlights.want(*filter(None, [wanted]))
        self._paint()

    def show_words(self, turn_id: str, words: Sequence[str]) -> None:
        """Mark the words of a search, and bring the first of them in this turn into view."""
        from chat_tui.core.text.text_match import find

        turn = next((index for index, turn in enumerate(self._model.views.turns) if turn.id == turn_id), None)
        if turn is None or not words:
            return
        self.highlights.want(*words)
        self._has_words = True
        for index, part in enumerate(self._revealed_parts(turn)):
            if part.kind != "body" or part.block is None or not any(find(part.block.source, word) for word in words):
                continue
            if spans := self.highlights.spans(self._model.lines(turn, part)):
                self._bring_into_view(Position(turn, index, spans[0].line), spans[0].hit)
                break
        self._paint()

    @property
    def search_word(self) -> str:
        """The word of a search that is marked; empty if none or several are."""
        from chat_tui.core.text.text_match import fold_text

        wanted = self.highlights.wanted if self._has_words else ()
        return wanted[0] if len(set(map(fold_text, wanted))) == 1 else ""

    def forget_words(self) -> None:
        """Mark the words of a search no longer."""
        if self._has_words:
            self.mark("")

    def go_to(self, hit: FindHit) -> None:
        """Bring a match into view, with some lines above it."""
        if hit.turn >= len(self._model.views):
            return
        parts = self._revealed_parts(hit.turn)
        bodies = [index for index, part in enumerate(parts) if part.kind == "body"]
        part = bodies[min(hit.block, len(bodies) - 1)] if bodies else 0
        spans = self.highlights.spans(self._model.lines(hit.turn, parts[part]))
        numbers = sorted({span.hit for span in spans})
        # What was counted in the source may not be painted, such as a link's address.
        number = numbers[min(hit.nth, len(numbers) - 1)] if numbers else 0
        line = next((span.line for span in spans if span.hit == number), 0)
        self._bring_into_view(Position(hit.turn, part, line), number)
        self._paint()

    def _revealed_parts(self, turn: int) -> Sequence[TurnPart]:
        """The parts of a turn, of which nothing is folded away."""
        view = self._model.views[turn]
        if view.reveal():
            self._model.update_height(turn)
        return view.parts()

    def _bring_into_view(self, position: Position, hit: int) -> None:
        """Make a match of the part at this position the current one, with some lines above it in view."""
        self.highlights.now = (position.turn, position.part, hit)
        if not self._view.shows(position):
            self._view.move_to(position, rows_above=self._view.height // 3)

    def start(self) -> tuple[FindHit, Sequence[TurnPart]]:
        """The first line in view as a place to search from, and the parts of its turn."""
        top = self._view.top
        parts = list(self._model.views[top.turn].parts()) if self._model.views else []
        block = sum(part.kind == "body" for part in islice(parts, top.part))
        return FindHit(top.turn, block, 0), parts
