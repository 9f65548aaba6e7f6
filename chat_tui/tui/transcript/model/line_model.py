"""The whole conversation as lines: positions that hold still while heights are corrected, and a bounded cache."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from chat_tui.core.chunks import Metadata
from chat_tui.core.conversation import Turn
from chat_tui.tui.transcript.model.parts import TurnPart, VersionPlace, estimated_turn_height
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.wrapping import Line

if TYPE_CHECKING:
    from chat_tui.core.tools import ToolCall
    from chat_tui.tui.transcript.model.summary_view import SummaryView
    from chat_tui.tui.transcript.model.tool_view import ToolCallView
    from chat_tui.tui.transcript.model.turn_view import TurnView

KEPT_LINES = 3_000
"""Rendered lines kept; those seen longest ago go first."""


class Anchor(msgspec.Struct, frozen=True):
    """A reading position: the line at the top of the pane. It survives resizing and reopening."""

    turn: str
    """The turn's id."""
    block: int = 0
    line: int = 0


class Position(NamedTuple):
    """A line by turn, part and line, each counted from 0."""

    turn: int
    part: int
    line: int

    @property
    def code(self) -> int:
        """One number that orders positions and does not change when estimated heights do."""
        return (self.turn << 40) | (self.part << 18) | self.line

    @classmethod
    def from_code(cls, code: int) -> Position:
        """The position of a `code`."""
        return cls(code >> 40, (code >> 18) & 0x3FFFFF, code & 0x3FFFF)


class Row(NamedTuple):
    """A line and its position."""

    position: Position
    line: Line


START = Position(0, 0, 0)


class TurnViews:
    """A view for each turn, made when it is asked for; the others cost no more than an estimated height."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.heights: list[int] = []
        """Lines by turn."""
        self.made: dict[int, TurnView | ToolCallView | SummaryView] = {}
        self.forks: Mapping[str, Sequence[str]] = {}
        """The ids of all versions of a turn, by its own, where there are several."""
        self.bare = False
        """Turns have no header: what stands around them tells who speaks."""
        self.figures = False
        """Each answer tells what it took."""
        self.width = 80

    def __len__(self) -> int:
        return len(self.turns)

    def __getitem__(self, index: int) -> TurnView | ToolCallView | SummaryView:
        index = range(len(self.turns))[index]
        view = self.made.get(index)
        if view is None:
            view = self.made[index] = self._new_view(index)
            view.place, view.figures = self.place(self.turns[index]), self.figures
            view.has_keys = self._has_keys(index)
        return view

    def _new_view(self, index: int) -> TurnView | ToolCallView | SummaryView:
        # The first paint has no turns, and needs no splitter.
        from chat_tui.tui.transcript.model.tool_view import ToolCallView
        from chat_tui.tui.transcript.model.turn_view import TurnView

        turn = self.turns[index]
        if turn.role == "tool":
            return ToolCallView(turn, self.width, call=self._call_of(index), bare=self.bare)
        if turn.role == "summary":
            from chat_tui.tui.transcript.model.summary_view import SummaryView

            return SummaryView(turn, self.width, bare=self.bare)
        view = TurnView(turn, self.width, live=turn.state == "streaming", bare=self.bare)
        view.unanswered = self._unanswered(index)
        return view

    def _call_of(self, index: int) -> ToolCall | None:
        """The call that the result at this place answers."""
        result, place = self.turns[index].result, index
        while place > 0 and self.turns[place].role == "tool":
            place -= 1
        calls = self.turns[place].calls
        return next((call for call in calls if result is not None and call.id == result.call), None)

    def _unanswered(self, index: int) -> tuple[ToolCall, ...]:
        """The calls of the answer at this place that have no result behind it, though the conversation goes on."""
        calls, place = self.turns[index].calls, index + 1
        if not calls:
            return ()
        answered = set()
        while place < len(self.turns) and self.turns[place].role == "tool":
            result = self.turns[place].result
            answered.add(result.call if result is not None else "")
            place += 1
        return tuple(call for call in calls if call.id not in answered)

    @property
    def live(self) -> TurnView | None:
        """The view of the last turn while it streams."""
        view = self[-1] if self.turns else None
        return view if view is not None and view.live else None  # type: ignore[return-value]

    @property
    def is_live(self) -> bool:
        """The last turn still streams."""
        return self.live is not None

    def place(self, turn: Turn) -> VersionPlace | None:
        """Which of several versions a turn is."""
        ids = self.forks.get(turn.id, ())
        return VersionPlace(ids.index(turn.id) + 1, len(ids)) if turn.id in ids else None

    def replace(self, turns: Sequence[Turn]) -> None:
        """Replace all turns."""
        self.turns = list(turns)
        self.made.clear()
        self._estimate()

    def cut(self, count: int) -> None:
        """Remove all but the first `count` turns."""
        del self.turns[count:], self.heights[count:]
        self.made = {index: view for index, view in self.made.items() if index < count}
        self._mark_last()

    def append(self, turn: Turn) -> None:
        """Add a turn at the end."""
        self.turns.append(turn)
        self.heights.append(estimated_turn_height(turn, self.width))
        self._mark_last()

    def _has_keys(self, index: int) -> bool:
        return index == len(self.turns) - 1 and not self.bare

    def _mark_last(self) -> None:
        """Tell the last two turns whether they are the last one."""
        for index in range(max(0, len(self.turns) - 2), len(self.turns)):
            view, has_keys = self.made.get(index), self._has_keys(index)
            if view is not None and view.has_keys != has_keys:
                view.has_keys = has_keys
                view.amend(view.turn)
                self.heights[index] = view.tops()[-1] if view.built else view.height

    def set_width(self, width: int) -> None:
        """Wrap to this many cells; heights are estimates again."""
        self.width = width
        self._estimate()
        for index, view in self.made.items():
            view.set_width(width)
            self.heights[index] = view.tops()[-1] if view.built else view.height

    def forget_keys(self) -> None:
        """Render the lines that name keys again when next seen."""
        for view in self.made.values():
            for part in view.parts() if view.built else ():
                if part.kind in {"error", "fold", "quick head", "result"}:
                    part.lines = None

    def _estimate(self) -> None:
        width = self.width
        self.heights = [estimated_turn_height(turn, width) for turn in self.turns]


class LineModel:
    """Turns as parts as lines. Only what is looked at is split and rendered."""

    def __init__(self, renderer: Renderer) -> None:
        self.renderer = renderer
        self.views = TurnViews()
        self._tops: list[int] | None = None
        self._kept: OrderedDict[TurnPart, int] = OrderedDict()
        self._kept_lines = 0

    # Changing.

    def replace(self, turns: Sequence[Turn]) -> None:
        """Show these turns and no others."""
        self.views.replace(turns)
        self._kept.clear()
        self._kept_lines = 0
        self._tops = None

    def cut(self, count: int) -> None:
        """Remove all but the first `count` turns."""
        self.views.cut(count)
        self._tops = None

    def set_headers(self, turns: Sequence[Turn], forks: Mapping[str, Sequence[str]]) -> None:
        """Take over verdicts and versions of the same turns."""
        self.views.forks = forks
        for index, turn in enumerate(turns):
            if not (view := self.views.made.get(index)) or not view.live:
                self.views.turns[index] = turn
            if view is not None:
                view.set_header(view.turn if view.live else turn, self.views.place(turn))

    def set_figures(self, shown: bool) -> None:
        """Show under each answer's header what it took, or hide it."""
        self.views.figures = shown
        for index, view in self.views.made.items():
            view.set_figures(shown)
            self.views.heights[index] = view.tops()[-1] if view.built else view.height
        self._tops = None

    def add(self, turn: Turn) -> None:
        """Add a turn at the end."""
        self.views.append(turn)
        self._tops = None

    def amend(self, turn: Turn, index: int = -1) -> None:
        """Update what is known of the streaming turn besides its text, or of the tool call at this place."""
        index = range(len(self.views))[index]
        self.views[index].amend(turn)
        self.views.turns[index] = turn
        self.update_height(index)

    def reclassify(self, told: Metadata) -> None:
        """Turn the end of the last turn's text into thinking, or the other way round."""
        if (view := self.views.live) is not None:
            view.reclassify(told)
            self.update_height(len(self.views) - 1)

    def finish(self, turn: Turn) -> None:
        """Replace the last turn by what was stored."""
        if (view := self.views.live) is not None:
            view.finish(turn)
        self.views.turns[-1] = turn
        self.update_height(len(self.views) - 1)

    def set_width(self, width: int) -> None:
        """Wrap to this many cells from now on."""
        if width == self.views.width:
            return
        self.views.set_width(width)
        self._kept.clear()
        self._kept_lines = 0
        self._tops = None

    def forget_lines(self) -> None:
        """Render lines again when they are next in view: the colours or the loaded lexers have changed."""
        for view in self.views.made.values():
            view.forget_lines()
        self._kept.clear()
        self._kept_lines = 0

    def update_height(self, turn: int) -> list[int]:
        """Bring a turn's height in line with its parts, whose tops it gives; cheap for the last turn."""
        tops = self.views[turn].tops()
        if self.views.heights[turn] != tops[-1]:
            self.views.heights[turn] = tops[-1]
            if self._tops is not None and turn == len(self.views) - 1:
                self._tops[-1] = self._tops[-2] + tops[-1]
            else:
                self._tops = None
        return tops

    # Heights.

    def _turn_tops(self) -> list[int]:
        """The line at which each turn begins, and at last the height of all."""
        if self._tops is None:
            self._tops = [0, *accumulate(self.views.heights)]
        return self._tops

    @property
    def height(self) -> int:
        """Lines of all turns; unseen ones are estimated."""
        return self._turn_tops()[-1]

    def y_of(self, position: Position) -> int:
        """The line number of a position."""
        if not self.views:
            return 0
        top = self._turn_tops()[position.turn]
        return top + self.views[position.turn].tops()[position.part] + position.line

    def at(self, y: int) -> Position:
        """The position of a line number; where heights are estimates, one near it."""
        if not self.views:
            return START
        tops = self._turn_tops()
        turn = min(max(bisect_right(tops, y) - 1, 0), len(self.views) - 1)
        share = (y - tops[turn]) / max(self.views.heights[turn], 1)
        parts = self.update_height(turn)
        inner = min(max(int(share * parts[-1]), 0), parts[-1] - 1)
        part = min(max(bisect_right(parts, inner) - 1, 0), len(parts) - 2)
        return self.clamp(Position(turn, part, max(0, inner - parts[part])))

    def clamp(self, position: Position) -> Position:
        """The nearest position that is there."""
        if not self.views:
            return START
        turn = min(position.turn, len(self.views) - 1)
        parts = self.views[turn].parts()
        part = min(position.part, len(parts) - 1)
        lines = self.lines(turn, parts[part])
        return Position(turn, part, max(0, min(position.line, len(lines) - 1)))

    # Lines.

    def lines(self, turn: int, part: TurnPart) -> list[Line]:
        """A part's lines, rendered when they are not kept."""
        lines = part.lines
        if lines is None:
            view = self.views[turn]
            lines = view.render(part, self.renderer)
            self.update_height(turn)
        if part in self._kept:
            self._kept.move_to_end(part)
            self._kept_lines += len(lines) - self._kept[part]
        else:
            self._kept_lines += len(lines)
        self._kept[part] = len(lines)
        while self._kept_lines > KEPT_LINES and len(self._kept) > 1:
            oldest, count = self._kept.popitem(last=False)
            oldest.lines = None
            self._kept_lines -= count
        return lines

    def rows_from(self, position: Position) -> Iterator[Row]:
        """Rows from a position to the end."""
        turn, part, line = position
        while turn < len(self.views):
            parts = self.views[turn].parts()
            while part < len(parts):
                lines = self.lines(turn, parts[part])
                for index in range(line, len(lines)):
                    yield Row(Position(turn, part, index), lines[index])
                part, line = part + 1, 0
            turn, part = turn + 1, 0

    def rows_before(self, position: Position) -> Iterator[Row]:
        """Rows before a position, the nearest first."""
        turn, part, line = position
        while True:
            if turn < len(self.views):
                parts = self.views[turn].parts()
                while part >= 0:
                    if part < len(parts):
                        lines = self.lines(turn, parts[part])
                        for index in range(min(line, len(lines)) - 1, -1, -1):
                            yield Row(Position(turn, part, index), lines[index])
                    part, line = part - 1, 1 << 30
            turn -= 1
            if turn < 0:
                return
            part, line = len(self.views[turn].parts()) - 1, 1 << 30

    def end(self) -> Position:
        """The position behind the last row."""
        return Position(len(self.views), 0, 0)

    def last_rows(self, count: int) -> list[Row]:
        """The last rows, at most `count`, in order."""
        rows: list[Row] = []
        for row in self.rows_before(self.end()):
            if len(rows) >= count:
                break
            rows.append(row)
        rows.reverse()
        return rows

    def next_rows(self, position: Position, count: int) -> list[Row]:
        """The rows from a position on, at most `count`."""
        rows: list[Row] = []
        for row in self.rows_from(position):
            if len(rows) >= count:
                break
            rows.append(row)
        return rows

    def step_from(self, position: Position, delta: int) -> Position:
        """The position `delta` true lines further down, or up when negative; it stops at the ends."""
        found = position
        if delta > 0:
            for row in self.next_rows(position, delta + 1):
                found = row.position
        elif delta < 0:
            for count, row in enumerate(self.rows_before(position), 1):
                found = row.position
                if count >= -delta:
                    break
        return found

    # Anchors.

    def anchor(self, position: Position) -> Anchor | None:
        """The lasting form of a position; None in an empty conversation."""
        if not self.views or position.turn >= len(self.views):
            return None
        return Anchor(self.views.turns[position.turn].id, position.part, position.line)

    def position(self, anchor: Anchor) -> Position | None:
        """The position of an anchor; None when its turn is not there."""
        for index in range(len(self.views) - 1, -1, -1):
            if self.views.turns[index].id == anchor.turn:
                return self.clamp(Position(index, anchor.block, anchor.line))
        return None

    # Copies.

    def text_between(self, start: tuple[int, Position], end: tuple[int, Position]) -> str:
        """The text that a copy takes from one character to another, each given as (column, position)."""
        pieces: list[str] = []
        joint = ""
        cells: Sequence[str] | None = None
        for row in self.rows_from(start[1]):
            if row.position > end[1]:
                break
            first = start[0] if row.position == start[1] else 0
            last = end[0] if row.position == end[1] else None
            text = row.line.copy_text(first, last)
            if row.line.cells is not None and start[1] != end[1]:
                # What goes beyond a line takes the rows of a table whole, whose cells stand beside one another.
                text = "\t".join(row.line.cells)
                if row.line.cells is cells:
                    continue
            cells = row.line.cells
            if row.line.runs and not text and not any(run[2] for run in row.line.runs):
                joint = (joint or row.line.joint) if pieces else ""
                continue
            pieces.append(joint + (text.lstrip(" ") if joint == " " else text))
            joint = row.line.joint
        return "".join(pieces)


def load_turn_views() -> None:
    """Import what shows turns, which the first paint does not need and the first turn is not to wait for."""
    from chat_tui.tui.transcript.model import tool_view, turn_view  # noqa: F401
