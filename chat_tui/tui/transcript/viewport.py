"""Which rows of the conversation are in view, and which turn and code block keys act on. Knows no Textual."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chat_tui.tui.transcript.model.line_model import START, Anchor, LineModel, Position, Row
from chat_tui.tui.transcript.scroll_slack import ScrollSlack

if TYPE_CHECKING:
    from chat_tui.markdown.code_blocks import CodeBlock


class Viewport:
    """A window of some rows on a line model.

    It follows the end of the conversation while the end is in view. Otherwise the line at the top stays where it is
    while estimated heights are corrected. `changed` is called when a key or a caller has scrolled or chosen something;
    `lay_out` then finds the rows.
    """

    def __init__(self, model: LineModel, changed: Callable[[], None] = lambda: None) -> None:
        self.model = model
        self.rows: list[Row | None] = []
        """From the top of the pane to its bottom; None is an empty row."""
        self.top = START
        self.height = 0
        """Rows of the pane."""
        self.follows = True
        """The end is in view, and stays in view as lines are added."""
        self.cursor: int | None = None
        """The index of the turn that keys act on; None when none was chosen."""
        self.y = self.virtual_height = self.lines_below = 0
        """The line number of the top row, the lines to scroll through, and the lines below the last row. All three are
        estimates as far as lines have not been seen."""
        self._changed = changed
        self._holds_cut = False
        """Turns at the end were removed: the place is held, though rows below it stay empty."""
        self._marked: tuple[int, int] | None = None
        """A code block by its turn and number."""
        self._slack = ScrollSlack()

    # Layout.

    def lay_out(self, width: int, height: int) -> None:
        """Find the rows for a pane of this size; parts that are seen for the first time get their true heights."""
        model, live = self.model, self.model.views.is_live
        self.height = height
        if not live and (not self.follows or model.views.width != width):
            self._slack.forget()
        model.set_width(width)
        rows: list[Row]
        slack = 0
        if not self.follows:
            self.top = model.clamp(self.top)
            rows = model.next_rows(self.top, height)
            full = len(rows) >= height
            # An answer that streams into the empty rows is followed once they are full.
            self.follows = full and live if self._holds_cut else not full
        if self.follows:
            self._holds_cut = False
            rows = model.last_rows(height)
            slack = self._slack.rows(model.height, height, live=live)
            rows = rows[slack:]
        if rows:
            self.top = rows[0].position
        self.rows = [*rows, *[None] * (height - len(rows))]
        total = model.height
        self.y = y = model.y_of(self.top)
        self.virtual_height = max(total + slack, y + height if total > height or y else total)
        self.lines_below = max(0, total - y - len(rows)) if not self.follows else 0

    def row_at(self, y: int) -> Row | None:
        """The row that many rows below the top of the pane; None where there is none."""
        return self.rows[y] if 0 <= y < len(self.rows) else None

    def filled_rows(self) -> list[Row]:
        """The rows in view that are not empty."""
        return [row for row in self.rows if row is not None]

    def shows(self, position: Position) -> bool:
        """Whether a line is in view."""
        return any(row is not None and row.position == position for row in self.rows)

    # Turns come and go.

    def reset(self) -> None:
        """Follow the end of another conversation, with nothing chosen."""
        self.follows, self._holds_cut, self.top, self.cursor = True, False, START, None
        self._slack.forget()
        self._marked = None

    def hold_cut(self, count: int, *, chosen: bool = False) -> None:
        """Hold the place though only the first `count` turns stay; `chosen`: the turn after them is chosen."""
        if self.rows and self.rows[0] is not None:
            self.top = self.rows[0].position
        if self.top.turn >= count:
            # The turn at the top is gone; what replaces it begins there.
            self.top = Position(count, 0, 0)
        if chosen:
            self.cursor = count
        elif self.cursor is not None and self.cursor >= count:
            self.cursor = None
        self.follows, self._holds_cut, self._marked = False, True, None
        self._slack.forget()

    def follow_added(self, *, keep_choice: bool = False) -> None:
        """Follow the end, where a turn was added, unless a place is held after a cut. A turn that was chosen is no
        longer chosen, unless `keep_choice`."""
        self.follows = not self._holds_cut
        if not keep_choice:
            self.cursor = None

    # Scrolling.

    def move_to(self, position: Position, *, rows_above: int = 0) -> None:
        """Put a line at the top, or some rows below it, and hold it there. The caller paints."""
        self.top = self.model.step_from(position, -rows_above) if rows_above else position
        self.follows = self._holds_cut = False

    def scroll(self, delta: int) -> None:
        """Move by true lines, down or (negative) up."""
        self.top, self._holds_cut = self.model.step_from(self.top, delta), False
        if delta < 0:
            self.follows = False
        self._changed()

    def scroll_to(self, old_y: int, y: int, *, at_end: bool) -> None:
        """Move as a scroll bar or a mouse wheel says: near by, count true lines; far off, go by estimates."""
        delta = y - old_y
        self.top = self.model.step_from(self.top, delta) if abs(delta) <= 2 * self.height else self.model.at(y)
        self.follows, self._holds_cut = at_end, False
        self._changed()

    def follow(self) -> None:
        """Go to the end, and follow it from now on."""
        self.follows = True
        self._changed()

    @property
    def reading_position(self) -> Anchor | None:
        """The line at the top; None at the end of the conversation (or when there is none)."""
        return None if self.follows else self.model.anchor(self.top)

    def restore(self, anchor: Anchor | None) -> None:
        """Go back to a reading position; None, or a turn that is not there, is the end."""
        position = self.model.position(anchor) if anchor else None
        self.follows, self._holds_cut = position is None, False
        self.top = position or START
        self._changed()

    # The chosen turn.

    def choose(self, index: int) -> None:
        """Let keys act on a turn, and bring its first line into view."""
        if not 0 <= index < len(self.model.views):
            return
        self.select(index)
        first = Position(index, 0, 0)
        if not self.shows(first):
            self.move_to(first)
        self._changed()

    def choose_id(self, turn_id: str) -> None:
        """Let keys act on this turn, where it is there, without scrolling."""
        turns = self.model.views.turns
        self.cursor = next((index for index, turn in enumerate(turns) if turn.id == turn_id), self.cursor)
        self._changed()

    def select(self, index: int) -> None:
        """Let keys act on a turn, without scrolling; no code block is marked any more. The caller paints."""
        self.cursor, self._marked = index, None

    @property
    def chosen(self) -> int | None:
        """The turn that a copy takes: the chosen one, else the last answer."""
        if self.cursor is not None:
            return self.cursor
        turns = self.model.views.turns
        answers = (index for index in range(len(turns) - 1, -1, -1) if turns[index].role == "assistant")
        return next(answers, len(turns) - 1 if turns else None)

    @property
    def foldable(self) -> int | None:
        """The turn that folding acts on: the chosen one, a summary at the end, else the last answer."""
        turns = self.model.views.turns
        ends_with_summary = self.cursor is None and bool(turns) and turns[-1].role == "summary"
        return len(turns) - 1 if ends_with_summary else self.chosen

    def copy_text(self) -> str:
        """The text of the chosen turn, else of the last answer."""
        index = self.chosen
        return self.model.views[index].text() if index is not None else ""

    def codes(self) -> list[CodeBlock]:
        """The code blocks of the chosen turn, else of the last answer, by their numbers."""
        index = self.chosen
        return self.model.views[index].codes() if index is not None else []

    # Code blocks and tables.

    @property
    def marked_code(self) -> int | None:
        """The number of the marked code block; it belongs to the chosen turn."""
        return self._marked[1] if self._marked is not None else None

    def is_marked(self, row: Row) -> bool:
        """Whether a row is the line over the marked code block."""
        return bool(row.line.code) and self._marked == (row.position.turn, row.line.code)

    def go_to_code(self, step: int) -> bool:
        """Mark the code block after (1) or before (-1) the marked one, else in view; False when there is none."""
        rows = self.filled_rows()
        start = next((row.position for row in rows if self.is_marked(row)), None)
        if start is None and rows:
            # What is in view counts, its first and last line too.
            edge = rows[0 if step > 0 else -1].position
            start = edge._replace(line=edge.line - step)
        from chat_tui.tui.transcript.model.code_walk import code_after

        found = code_after(self.model, start, step) if start is not None else None
        if found is None:
            return False
        lines = self.model.lines(found.turn, self.model.views[found.turn].parts()[found.part])
        self.cursor, self._marked = found.turn, (found.turn, lines[found.line].code)
        if not any(row.position == found for row in rows[: max(1, len(rows) // 2)]):
            self.move_to(found, rows_above=1)
        self._changed()
        return True

    def scroll_tables(self, step: int) -> bool:
        """Scroll the wide tables of the chosen turn, else of those in view, by a column; False at their last column."""
        in_view = dict.fromkeys(row.position.turn for row in self.filled_rows())
        turns = in_view if self.cursor is None else [self.cursor]
        moved = [self.model.views[turn].scroll_tables(step, self.model.renderer) for turn in turns]
        self._changed()
        return any(moved)
