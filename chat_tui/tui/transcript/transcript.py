"""The conversation as a widget: it puts the line model on the screen, and answers keys, mouse and resizing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

import msgspec
from textual import events, on
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from chat_tui.core.conversation import Turn
from chat_tui.tui.actions import bindings
from chat_tui.tui.theme.ink import Ink, plain_ink
from chat_tui.tui.transcript.find import TranscriptFinder
from chat_tui.tui.transcript.frames import Frames
from chat_tui.tui.transcript.live_turn import LiveTurn
from chat_tui.tui.transcript.model.line_model import START, LineModel, load_turn_views
from chat_tui.tui.transcript.model.parts import FoldKind
from chat_tui.tui.transcript.render.loader import RendererLoader
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.strips import MARGIN, RIGHT_MARGIN
from chat_tui.tui.transcript.render.wrapping import width_of
from chat_tui.tui.transcript.row_painter import RowPainter
from chat_tui.tui.transcript.scroll_position import ScrollPosition
from chat_tui.tui.transcript.selection import KeyboardSelection, selected_text
from chat_tui.tui.transcript.selection_input import SelectionInput
from chat_tui.tui.transcript.viewport import Viewport
from chat_tui.tui.widgets.visibility import is_in_sight


class Transcript(ScrollView, can_focus=True, inherit_bindings=False):
    """The conversation. Reading and scrolling go through `viewport`, streaming through `live`, and finding through
    `finder`; each of them has what changed painted here."""

    ALLOW_SELECT = True
    FOCUS_ON_CLICK = False
    """Letters typed after a click are words for the prompt."""
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

    class MoreBelow(Message):
        """How many lines are below the pane now; 0 when all are in view."""

        def __init__(self, lines: int) -> None:
            super().__init__()
            self.lines = lines

    class CopyAsked(Message):
        """A turn's text, a code block or a selection is to be copied."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Selecting(Message):
        """Selecting by keyboard has begun or ended, so that other keys count."""

    class VersionAsked(Message):
        """The mouse asked for the version of a turn before (-1) or after (1) the one that is shown."""

        def __init__(self, turn: str, step: int) -> None:
            super().__init__()
            self.turn, self.step = turn, step

    def __init__(self, *, frames: Frames | None = None, bare: bool = False, id: str | None = None) -> None:
        """`bare`: turns have no header."""
        super().__init__(id=id)
        self.renderer = Renderer(plain_ink())
        self.model = LineModel(self.renderer)
        self.model.views.bare = bare
        self.viewport = Viewport(self.model, self.repaint)
        self.finder = TranscriptFinder(self.viewport, self.repaint)
        self.keyboard = KeyboardSelection(self.viewport)
        self.live = LiveTurn(self.model, self._request_frame, self.repaint)
        self.loader = RendererLoader(self.renderer, self._take_loaded, load_turn_views)
        self._painter = RowPainter(self.viewport, self.finder.highlights, self.keyboard)
        self._frames = frames or Frames()
        self._scroll_position = ScrollPosition(self)
        self._selection_input = SelectionInput(
            self, self.keyboard, repaint=self.repaint, toggled=self._post_selecting, copy=self._copy_selection
        )
        self._is_resizing = False
        self._waits_for_parser = False
        """Nothing is painted before the parser has been loaded: a saved conversation is not painted twice."""

    # Turns.

    @property
    def turns(self) -> list[Turn]:
        """The turns that are shown; a streaming one as it was added."""
        return list(self.model.views.turns)

    def show(self, turns: Sequence[Turn]) -> None:
        """Show these turns and no others, at their end. Turns out of view are neither split nor rendered."""
        self.model.replace(turns)
        self.viewport.reset()
        self._forget_selection()
        if turns:
            self._load_parser()
            self._waits_for_parser = not self.renderer.ready
        self.repaint()

    def replace_from(self, count: int, turns: Sequence[Turn] = (), *, chosen: bool = False) -> None:
        """Keep the first `count` turns as they are, followed by these; `chosen` lets keys act on the first of these.

        What is kept holds its place, with empty rows below where less follows than before.
        """
        self.viewport.hold_cut(count, chosen=chosen and bool(turns))
        self.model.cut(count)
        for turn in turns:
            self.model.add(turn)
        self._forget_selection()
        self._load_parser()
        self.repaint()

    def add(self, turn: Turn, *, follows: bool = True) -> None:
        """Add a turn, and bring its end into view; without `follows` only where the end was in view before."""
        self.model.add(turn)
        if follows:
            self.viewport.follow_added(keep_choice=self.has_focus)
        self._load_parser()
        self.repaint()

    def set_headers(self, turns: Sequence[Turn], forks: Mapping[str, Sequence[str]]) -> None:
        """Take over verdicts, and the ids of all versions of a turn where there are several. Other turns than those
        that are shown change nothing."""
        if [turn.id for turn in turns] == [turn.id for turn in self.model.views.turns]:
            self.model.set_headers(turns, forks)
            self.repaint()

    def set_verdict(self, turn_id: str, good: bool | None) -> None:
        """Show what the user thinks of an answer; None: nothing."""
        turns = [msgspec.structs.replace(turn, verdict=good) if turn.id == turn_id else turn for turn in self.turns]
        self.set_headers(turns, self.model.views.forks)

    def set_figures(self, shown: bool) -> None:
        """Show under each answer's header what it took, or hide it; the line at the top stays."""
        self.model.set_figures(shown)
        self.repaint()

    def set_palette(self, ink: Ink) -> None:
        """Draw with other colours."""
        self.renderer.set_ink(ink)
        self.model.forget_lines()
        self._painter.forget_all()
        self.repaint()
        self.refresh()

    def _forget_selection(self) -> None:
        self._selection_input.leave()
        if self.is_attached and self.text_selection is not None:
            self.screen.clear_selection()

    # Painting.

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be painted or loaded."""
        return self._frames.is_asked(self.repaint) or self.loader.is_loading

    def _request_frame(self) -> None:
        """Have what changed painted with the next frame."""
        self._frames.ask(self.repaint)

    def repaint(self) -> None:
        """Lay out the rows in view again, and draw those that changed."""
        self._frames.forget(self.repaint)
        waits = self._waits_for_parser and self.loader.is_loading
        if not self.is_attached or not self.size.height or waits or not is_in_sight(self):
            return
        started = monotonic()
        self.live.flush()
        self._lay_out()
        self._draw()
        self.loader.load_lexers()
        self._frames.note_painted(started)

    def _lay_out(self) -> None:
        view = self.viewport
        earlier, below = view.rows, view.lines_below
        view.lay_out(max(self.size.width - MARGIN - RIGHT_MARGIN, 8), self.size.height)
        self._painter.forget_strips(earlier)
        self._scroll_position.set(view.y, view.virtual_height, streams=view.follows and self.model.views.is_live)
        if view.lines_below != below:
            self.post_message(self.MoreBelow(view.lines_below))

    def _draw(self) -> None:
        selection = self.text_selection if self.is_attached else None
        regions = self._painter.paint(self.size.width, selection)
        if regions:
            self.refresh(*regions)

    def _load_parser(self) -> None:
        if self.is_attached:
            self.loader.load_parser()

    def _take_loaded(self) -> None:
        self._waits_for_parser = False
        if self.is_attached:
            self.model.forget_lines()
            self.repaint()

    # What Textual calls.

    @on(events.Mount)
    def _load_for_turns(self) -> None:
        """Turns may have been given before."""
        if self.model.views:
            self._load_parser()

    @on(events.Unmount)
    def _forget_frame(self) -> None:
        self._frames.forget(self.repaint)

    @on(events.Show)
    @on(events.Resize)
    @on(events.Focus)
    def _repaint_now(self) -> None:
        """A resize keeps the line at the top; the chosen turn is marked while the pane has the focus."""
        self.repaint()

    @on(events.Blur)
    def _leave_focus(self) -> None:
        """Remove the caret, and keep what is selected."""
        if self.keyboard.leave():
            self._post_selecting()
        self.repaint()

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        self._is_resizing = True
        try:
            changed = super()._size_updated(size, virtual_size, container_size, layout)
        finally:
            self._is_resizing = False
        if changed:
            # The rows are asked for before the message of the new size comes.
            self.repaint()
        return changed

    def _scroll_to(self, x: float | None = None, y: float | None = None, **options: Any) -> bool:
        # Corrected heights move the target of an animation while it runs, and each step is sent over the line.
        options["animate"] = False
        return super()._scroll_to(x, y, **options)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the user's scroll bar and wheel."""
        old_y, y = round(old_value), round(new_value)
        if y != old_y and not self._is_resizing and self.is_attached:
            self.viewport.scroll_to(old_y, y, at_end=new_value >= self.max_scroll_y)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips in view, as they are kept: a scrolled line is not made again."""
        strips = self._painter.strips(self.size, crop)
        background = self.background_colors[1]
        for line_filter in self.get_line_filters():
            strips = [strip.apply_filter(line_filter, background) for strip in strips]
        if crop.column_span != (0, self.size.width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """A row with the place of each character, for Textual's selection."""
        return self._painter.strip_with_offsets(y, self.size.width)

    def selection_updated(self, selection: Selection | None) -> None:
        """Show what the mouse has selected."""
        self._draw()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text: broken lines joined again, without bars and other decoration."""
        text = selected_text(self.model, selection)
        return (text, "\n") if text is not None else None

    # Keys and mouse.

    def begin_selecting(self) -> None:
        """Select by keyboard: from now on keys move a caret."""
        self._selection_input.begin()

    @on(events.Key)
    async def _run_selection_key(self, event: events.Key) -> None:
        await self._selection_input.run_key(event)

    def _action_caret(self, direction: str) -> None:
        self._selection_input.move_caret(direction)

    def _action_mark(self) -> None:
        self._selection_input.toggle_start()

    def _action_leave_selecting(self) -> None:
        self._selection_input.leave()

    def _action_copy_selected(self) -> None:
        self._selection_input.copy_selected()

    def _copy_selection(self, selection: Selection) -> None:
        if text := selected_text(self.model, selection):
            self.post_message(self.CopyAsked(text))

    def _post_selecting(self) -> None:
        self.post_message(self.Selecting())

    def action_previous_turn(self) -> None:
        """Choose the turn above; at first the last one in view."""
        view = self.viewport
        rows = view.filled_rows()
        if view.cursor is not None:
            view.choose(view.cursor - 1)
        elif rows:
            view.choose(rows[-1].position.turn)

    def action_next_turn(self) -> None:
        """Choose the turn below; below the last one, go to the end."""
        view = self.viewport
        if view.cursor is not None and view.cursor + 1 < len(self.model.views):
            view.choose(view.cursor + 1)
        elif view.cursor is not None:
            view.follow()

    def action_page(self, direction: int) -> None:
        """A page down (1) or up (-1), with one line kept in view."""
        self.viewport.scroll(direction * max(1, self.size.height - 1))

    def action_begin(self) -> None:
        """Go to the first line."""
        self.viewport.move_to(START)
        self.repaint()

    def action_end(self) -> None:
        """Go to the last line, and follow the end from now on."""
        self.viewport.follow()

    def action_copy_turn(self) -> None:
        """Ask for a copy of the chosen turn, else of the last answer."""
        if text := self.viewport.copy_text():
            self.post_message(self.CopyAsked(text))

    def action_copy_code(self, number: int) -> None:
        """Ask for a copy of a code block of the chosen turn, else of the last answer."""
        codes = self.viewport.codes()
        if number <= len(codes):
            self.post_message(self.CopyAsked(codes[number - 1].text))

    def action_fold(self, what: FoldKind = "thinking") -> None:
        """Fold or unfold the thinking, the quick answer, or the summary that is chosen, else of the last turn."""
        if (index := self.viewport.foldable) is not None:
            self._fold(index, what)

    def _fold(self, index: int, what: FoldKind) -> None:
        if self.model.views[index].fold(what):
            self.model.update_height(index)
            self.repaint()

    @on(events.Click)
    def _choose_clicked(self, event: events.Click) -> None:
        """A click chooses the turn, one on a fold opens it; two select a word of the text, three the turn."""
        if event.chain > 1:
            # The toolkit would select all there is around the pane, names of widgets among it.
            event.prevent_default()
        row = self.viewport.row_at(event.y)
        if row is None:
            return
        self.viewport.select(row.position.turn)
        view = self.model.views[row.position.turn]
        part = view.parts()[row.position.part]
        kind = part.kind
        if kind in {"fold", "quick head", "call", "result"}:
            self._fold(row.position.turn, "quick" if kind == "quick head" else "thinking")
        elif part.block is not None and part.block.kind == "summary" and event.chain == 1:
            self._fold(row.position.turn, "details")
        elif kind == "header" and view.place is not None:
            # ‹ and › stand at the right end; either half of what is between them will do.
            from_end = MARGIN + width_of(row.line.runs) - event.x
            if 0 < from_end <= len(view.place.text):
                step = -1 if from_end > len(view.place.text) // 2 else 1
                self.post_message(self.VersionAsked(view.turn.id, step))
        elif event.chain > 1:
            self._selection_input.select_clicked(event, row, has_header=not self.model.views.bare)
        self.repaint()
