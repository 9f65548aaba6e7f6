"""The chat pane: one `ScrollView` that paints lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec
from textual import events
from textual.binding import Binding
from textual.geometry import Offset
from textual.message import Message
from textual.selection import Selection

from chat_tui.core.chunks import Metadata
from chat_tui.core.conversation import Turn
from chat_tui.markdown.code_blocks import CodeBlock
from chat_tui.tui.actions import bindings
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.transcript.find import FindHit
from chat_tui.tui.transcript.model.code_walk import code_after
from chat_tui.tui.transcript.model.line_model import START, Anchor, Position
from chat_tui.tui.transcript.model.parts import FoldKind, TextKind, TurnPart
from chat_tui.tui.transcript.pane import ALLOWED_BEHIND
from chat_tui.tui.transcript.render.strips import MARGIN
from chat_tui.tui.transcript.render.wrapping import width_of
from chat_tui.tui.transcript.selection import SelectingPane


class Transcript(SelectingPane, can_focus=True, inherit_bindings=False):
    """The conversation. It follows the end while the end is in view, and holds still otherwise."""

    DEFAULT_CSS = """
    Transcript {
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS = [
        *bindings.bindings("transcript", inner=True),
        *[
            Binding(str(number), f"copy_code({number})", f"Copy code block {number}", show=False)
            for number in range(1, 10)
        ],
    ]

    class VersionAsked(Message):
        """The mouse asked for the version of a turn before (-1) or after (1) the one that is shown."""

        def __init__(self, turn: str, step: int) -> None:
            super().__init__()
            self.turn, self.step = turn, step

    # What the screen calls.

    def show(self, turns: Sequence[Turn]) -> None:
        """Show these turns and no others, at their end. Turns out of view are neither split nor rendered."""
        self._model.replace(turns)
        self._follow, self._stays, self._top, self._cursor = True, False, START, None
        self._headroom.forget()
        self._marked = None
        self._forget_selection()
        if turns:
            self._load()
            self._held = not self._renderer.ready
        self._paint()

    def replace_from(self, count: int, turns: Sequence[Turn] = (), *, chosen: bool = False) -> None:
        """Keep the first `count` turns as they are and let these follow; `chosen` marks the first of them.

        What is kept holds its place, with empty rows below where less follows than before.
        """
        if self._rows and self._rows[0] is not None:
            self._top = self._rows[0].position
        if self._top.turn >= count:
            # What stood at the top is gone; what comes instead begins there.
            self._top = Position(count, 0, 0)
        self._model.cut(count)
        for turn in turns:
            self._model.add(turn)
        if chosen and turns:
            self._cursor = count
        elif self._cursor is not None and self._cursor >= count:
            self._cursor = None
        self._follow, self._stays, self._marked = False, True, None
        self._headroom.forget()
        self._forget_selection()
        self._load()
        self._paint()

    def set_headers(self, turns: Sequence[Turn], forks: Mapping[str, Sequence[str]]) -> None:
        """What is known now of the turns that are shown: verdicts, and the ids of all versions where there are
        several."""
        if [turn.id for turn in turns] == [turn.id for turn in self._model.views.turns]:
            self._model.set_headers(turns, forks)
            self._paint()

    @property
    def has_versions(self) -> bool:
        """Whether any turn in view has several."""
        return bool(self._model.views.forks)

    def set_verdict(self, turn_id: str, good: bool) -> None:
        """A person has judged an answer."""
        turns = [msgspec.structs.replace(t, verdict=good) if t.id == turn_id else t for t in self.turns]
        self.set_headers(turns, self._model.views.forks)

    @property
    def figures(self) -> bool:
        """Each answer tells what it took."""
        return self._model.views.figures

    def set_figures(self, shown: bool) -> None:
        """Tell under each answer's header what it took, or no longer; the line at the top stays."""
        self._model.set_figures(shown)
        self._paint()

    def show_found(self, wanted: str) -> None:
        """Mark these words wherever they stand; empty: none any more."""
        self.found.want(wanted)
        self._paint()

    def go_to(self, hit: FindHit) -> None:
        """Bring a place where the words stand into view, with some lines above it."""
        if hit.turn >= len(self._model.views):
            return
        parts = self._model.views[hit.turn].parts()
        bodies = [index for index, part in enumerate(parts) if part.kind == "body"]
        part = bodies[min(hit.block, len(bodies) - 1)] if bodies else 0
        spans = self.found.spans(self._model.lines(hit.turn, parts[part]))
        numbers = sorted({span.hit for span in spans})
        # What was counted in the source may not be painted, such as a link's address.
        number = numbers[min(hit.nth, len(numbers) - 1)] if numbers else 0
        line = next((span.line for span in spans if span.hit == number), 0)
        self.found.now = (hit.turn, part, number)
        position = Position(hit.turn, part, line)
        if not any(row is not None and row.position == position for row in self._rows):
            self._top = self._model.moved(position, -(self.size.height // 3))
            self._follow = self._stays = False
        self._paint()

    def go_to_code(self, step: int) -> bool:
        """Mark the code block after (1) or before (-1) the marked one, else in view; False when there is none."""
        rows = [row for row in self._rows if row is not None]
        start = next((row.position for row in rows if self._is_marked(row)), None)
        if start is None and rows:
            # What is in view counts, its first and last line too.
            edge = rows[0 if step > 0 else -1].position
            start = edge._replace(line=edge.line - step)
        found = code_after(self._model, start, step) if start is not None else None
        if found is None:
            return False
        lines = self._model.lines(found.turn, self._model.views[found.turn].parts()[found.part])
        self._cursor, self._marked = found.turn, (found.turn, lines[found.line].code)
        if not any(row.position == found for row in rows[: max(1, len(rows) // 2)]):
            self._top = self._model.moved(found, -1)
            self._follow = self._stays = False
        self._paint()
        return True

    def scroll_tables(self, step: int) -> bool:
        """Scroll the wide tables of the chosen turn, else of those in view, by a column; False when none goes on."""
        in_view = dict.fromkeys(row.position.turn for row in self._rows if row is not None)
        turns = in_view if self._cursor is None else [self._cursor]
        moved = [self._model.views[turn].scroll_tables(step, self._renderer) for turn in turns]
        self._paint()
        return any(moved)

    @property
    def marked_code(self) -> int | None:
        """The number of the marked code block; it belongs to the chosen turn."""
        return self._marked[1] if self._marked is not None else None

    def find_from(self) -> tuple[FindHit, Sequence[TurnPart]]:
        """The first line in view as a place to search from, and the parts of its turn."""
        parts = list(self._model.views[self._top.turn].parts()) if self._model.views else []
        block = sum(part.kind == "body" for part in islice(parts, self._top.part))
        return FindHit(self._top.turn, block, 0), parts

    def _forget_selection(self) -> None:
        self.leave_selecting()
        if self.is_attached and self.text_selection is not None:
            self.screen.clear_selection()

    def prepare(self) -> None:
        """Load what the first turn will need, before it comes."""
        self._load()

    def add(self, turn: Turn) -> None:
        """One more turn: a question, or an answer that begins to stream (`streaming`). Its end comes into view."""
        self._model.add(turn)
        self._follow = not self._stays
        self._load()
        self._paint()

    def append(self, text: str, kind: TextKind = "text") -> bool:
        """Text of the last turn has come. Cheap; painted within a frame. True: `keep_up` before more is appended."""
        view = self._model.views[-1]
        view.append(text, kind)
        self._ask_frame()
        return view.behind > ALLOWED_BEHIND

    def reclassify(self, told: Metadata) -> None:
        """The end of the last turn's text was thinking, or the other way round."""
        self._model.reclassify(told)
        self._ask_frame()

    def amend(self, turn: Turn) -> None:
        """The last turn, which streams: its model or what was left out is known now. Its text is not looked at."""
        self._model.amend(turn)
        self._ask_frame()

    def finish(self, turn: Turn) -> None:
        """The last turn as it is kept, with its state; painted at once."""
        self._model.finish(turn)
        self._paint()

    def set_status(self, text: str) -> None:
        """The line under an answer that has no text yet; empty removes it."""
        if self._model.views and self._model.views[-1].live:
            self._model.views[-1].set_status(text)
            self._model.changed(len(self._model.views) - 1)
            self._ask_frame()

    def name_keys(self, changed: Mapping[str, str]) -> None:
        """Name the keys that are bound now, in what is drawn from now on; `changed` holds rebound keys by id."""
        self._renderer.changed_keys = changed

    def set_palette(self, ink: Ink) -> None:
        """Draw with another ink."""
        self._renderer.set_ink(ink)
        self._model.forget_lines()
        self._strips = []
        self._paint()
        self.refresh()

    @property
    def turns(self) -> list[Turn]:
        """The turns that are shown; a streaming one as it was added."""
        return list(self._model.views.turns)

    @property
    def reading_position(self) -> Anchor | None:
        """The line at the top; None at the end of the conversation (or when there is none)."""
        return None if self._follow else self._model.anchor(self._top)

    def restore(self, anchor: Anchor | None) -> None:
        """Go back to a reading position; None, or a turn that is not there, is the end."""
        position = self._model.position(anchor) if anchor else None
        self._follow, self._stays = position is None, False
        self._top = position or START
        self._paint()

    @property
    def at_end(self) -> bool:
        """Whether the end is in view, so that the pane follows."""
        return self._follow

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be painted or loaded."""
        return self._frames.is_asked(self._paint) or self._loading

    def choose(self, turn_id: str) -> None:
        """Let keys act on this turn, where it is there; it stays where it stands."""
        turns = self._model.views.turns
        self._cursor = next((index for index, turn in enumerate(turns) if turn.id == turn_id), self._cursor)
        self._paint()

    @property
    def selected_turn(self) -> int | None:
        """The index of the turn that keys act on; None when none was chosen."""
        return self._cursor

    def copy_text(self, index: int | None = None) -> str:
        """The text of a turn; by default of the chosen one, else of the last answer."""
        index = self._chosen() if index is None else index
        return self._model.views[index].text() if index is not None else ""

    def codes(self, index: int | None = None) -> list[CodeBlock]:
        """A turn's code blocks, by their numbers; by default the chosen one's, else the last answer's."""
        index = self._chosen() if index is None else index
        return self._model.views[index].codes() if index is not None else []

    def _chosen(self) -> int | None:
        if self._cursor is not None:
            return self._cursor
        for index in range(len(self._model.views) - 1, -1, -1):
            if self._model.views.turns[index].role == "assistant":
                return index
        return len(self._model.views) - 1 if self._model.views else None

    # Keys and mouse.

    def action_previous_turn(self) -> None:
        """Choose the turn above."""
        last = next((row for row in reversed(self._rows) if row is not None), None)
        if self._cursor is not None:
            self._choose(self._cursor - 1)
        elif last is not None:
            self._choose(last.position.turn)

    def action_next_turn(self) -> None:
        """Choose the turn below."""
        if self._cursor is not None:
            self._choose(self._cursor + 1)

    def _choose(self, index: int) -> None:
        """Mark a turn and bring its beginning into view."""
        if not 0 <= index < len(self._model.views):
            return
        self._cursor, self._marked = index, None
        begin = Position(index, 0, 0)
        shown = any(row is not None and row.position == begin for row in self._rows)
        if not shown:
            self._top, self._follow, self._stays = begin, False, False
        self._paint()

    def action_page(self, direction: int) -> None:
        """A page down (1) or up (-1), with one line kept in view."""
        self.scroll_lines(direction * max(1, self.size.height - 1))

    def action_begin(self) -> None:
        """To the first line."""
        self._top, self._follow, self._stays = START, False, False
        self._paint()

    def action_end(self) -> None:
        """To the last line; from now on the pane follows."""
        self._follow = True
        self._paint()

    def action_copy_turn(self) -> None:
        """Ask for a copy of the chosen turn, else of the last answer."""
        text = self.copy_text()
        if text:
            self.post_message(self.CopyAsked(text))

    def action_copy_code(self, number: int) -> None:
        """Ask for a copy of a code block of the chosen turn, else of the last answer."""
        codes = self.codes()
        if number <= len(codes):
            self.post_message(self.CopyAsked(codes[number - 1].text))

    def action_fold(self, what: FoldKind = "thinking") -> None:
        """Fold or unfold the thinking, or the quick answer, of the chosen turn, else of the last answer."""
        index = self._chosen()
        if index is not None:
            self._fold(index, what)

    def _fold(self, index: int, what: FoldKind) -> None:
        if self._model.views[index].fold(what):
            self._model.changed(index)
            self._paint()

    def on_click(self, event: events.Click) -> None:
        """A click chooses the turn, one on a fold opens it; two select a word of the text, three the turn."""
        if event.chain > 1:
            # The toolkit would select all there is around the pane, names of widgets among it.
            event.prevent_default()
        row = self._rows[event.y] if 0 <= event.y < len(self._rows) else None
        if row is None:
            return
        view = self._model.views[row.position.turn]
        self._cursor, self._marked = row.position.turn, None
        kind = view.parts()[row.position.part].kind
        if kind in {"fold", "quick head"}:
            self._fold(row.position.turn, "thinking" if kind == "fold" else "quick")
        elif kind == "header" and view.place is not None:
            # ‹ and › stand at the right end; either half of what is between them will do.
            from_end = MARGIN + width_of(row.line.runs) - event.x
            if 0 < from_end <= len(view.place.text):
                step = -1 if from_end > len(view.place.text) // 2 else 1
                self.post_message(self.VersionAsked(view.turn.id, step))
        elif event.chain == 2:
            self.select_word(row, event)
        elif event.chain == 3:
            self._select_turn()
        self._paint()

    def _select_turn(self) -> None:
        if self._cursor is None:
            return
        first = 0 if self._model.views.bare else 1
        begin = Offset(0, Position(self._cursor, first, 0).code)
        end = Offset(1 << 16, Position(self._cursor + 1, 0, 0).code - 1)
        self.screen.selections = {self: Selection(begin, end)}
