"""One answer of a comparison on the screen: its head with its own figures, its text below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from chat_tui.core.chunks import Metadata, Token
from chat_tui.core.conversation import Turn
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.tui.actions import bindings
from chat_tui.tui.compare import lines as compare_lines
from chat_tui.tui.panels.notices import MoreBelow
from chat_tui.tui.terminal import fast_paint
from chat_tui.tui.transcript.frames import Frames
from chat_tui.tui.transcript.model.line_model import Anchor
from chat_tui.tui.transcript.model.turn_stats import without_text
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets.styled_lines import Line, StyledLines

if TYPE_CHECKING:
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.engine.answers.pacing import TypingPace


class ColumnHead(StyledLines):
    """The head of a column: model, state and figures."""

    DEFAULT_CSS = "ColumnHead { width: 1fr; height: auto; padding: 0 1 0 0; background: $panel; }"

    def __init__(self) -> None:
        super().__init__()
        self._told: tuple[int, str, StreamStats, bool] = (0, "", StreamStats(), False)

    def show(self, number: int, name: str, figures: StreamStats, *, chosen: bool) -> None:
        """Set what the head shows; an empty `name` is left out."""
        if bool(name) != bool(self._told[1]):
            self.refresh(layout=True)
        self._told = (number, name, figures, chosen)
        self.redraw()

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """Two or three lines, and one for the name."""
        return compare_lines.head_height(width, named=bool(self._told[1]))

    def lines(self, width: int) -> Sequence[Line]:
        """Two or three lines, and one for the name."""
        number, name, figures, chosen = self._told
        return compare_lines.head_lines(number, name, figures, width, chosen=chosen)


class ColumnText(Transcript, inherit_bindings=False):
    """The answer's text. Digits are the answers' numbers here, and not those of code blocks."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.bindings("transcript", inner=True)]
    FOCUS_ON_CLICK = True

    def __init__(self, frames: Frames) -> None:
        super().__init__(frames=frames, bare=True)

    def _draw(self) -> None:
        super()._draw()
        fast_paint.draw(self.screen, (self, self.vertical_scrollbar))

    def watch_has_focus(self, _has_focus: bool) -> None:
        """No rule looks at it."""

    @on(events.Focus)
    def _take_focus(self, event: events.Focus) -> None:
        # Textual would draw the whole pane anew: only the head shows the focus, and a chosen turn.
        event.prevent_default()
        self.has_focus = True
        if self.viewport.cursor is not None:
            self.repaint()
        if self.parent is not None:
            self.parent.post_message(events.DescendantFocus(self))

    @on(events.Blur)
    def _lose_focus(self, event: events.Blur) -> None:
        event.prevent_default()
        self.has_focus = False
        if self.keyboard.caret is not None or self.viewport.cursor is not None:
            self._leave_focus()

    @on(events.Key)
    async def _run_key(self, event: events.Key) -> None:
        # On its way up to the app a key would wait at each widget around this one.
        if self.keyboard.caret is None and await self.app._check_bindings(event.key):
            event.stop()
            event.prevent_default()


class Column(Vertical):
    """Follows one answer. What tells who it is can be hidden behind a letter."""

    DEFAULT_CSS = """
    Column { width: 1fr; height: 1fr; border-right: vkey $border-blurred; }
    Column.-last { border-right: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "select", "Select by keyboard", id="transcript.select", show=False),
        Binding("greater_than_sign", "table(1)", "Scroll wide tables", id="table.after", show=False),
        Binding("less_than_sign", "table(-1)", "Scroll wide tables back", id="table.before", show=False),
    ]

    class Ended(Message):
        """The answer has been shown to its end."""

    def __init__(
        self,
        model: str,
        answer: Answer,
        pace: TypingPace,
        frames: Frames,
        left_at: Anchor | None = None,
    ) -> None:
        super().__init__()
        self.model, self.answer, self.pace = model, answer, pace
        self._left_at = left_at
        self.place = 0
        """Counts from 0, from the left."""
        self.is_current = False
        """Keys act on it."""
        self.is_named = True
        """Whether the head shows the name: the tabs may do so."""
        self.label = ""
        """Stands in place of the name; empty: nothing is hidden."""
        self.head, self.text, self._more = ColumnHead(), ColumnText(frames), MoreBelow()

    def compose(self) -> ComposeResult:
        """Head, text, and whether there is more below."""
        yield self.head
        yield self.text
        yield self._more

    def on_mount(self) -> None:
        """Follow it from its beginning."""
        self.run_worker(self._follow_answer(), group="follow")
        self.measure()

    @property
    def display_name(self) -> str:
        """The model's name, or the letter that hides it."""
        return self.label or self.model

    def _labelled_turn(self, turn: Turn) -> Turn:
        return compare_lines.mask(turn, self.label) if self.label else turn

    async def _follow_answer(self) -> None:
        answer, append = self.answer, self.text.live.append
        if answer.ended:
            self.text.show([self._labelled_turn(answer.turn)])
        else:
            self.text.add(self._labelled_turn(without_text(answer.turn)))
            # What was there before comes at once.
            there = len(answer)
            if answer.thinking:
                append(answer.thinking, "thinking")
            if answer.text:
                append(answer.text)
        self.text.viewport.restore(self._left_at)
        if not answer.ended:
            known = answer.turn.left_out
            async for chunk in self.pace.follow(answer.follow(there)):
                if isinstance(chunk, Token):
                    if append(chunk.token, chunk.kind):
                        await self.text.live.keep_up()
                elif isinstance(chunk, Metadata) and chunk.event == "reclassified":
                    self.text.live.reclassify(chunk)
                elif known != answer.turn.left_out:
                    known = answer.turn.left_out
                    self.text.live.amend(self._labelled_turn(without_text(answer.turn)))
            await self.text.live.keep_up()
            self.text.live.finish(self._labelled_turn(answer.turn))
        self.measure()
        self.post_message(self.Ended())

    def measure(self, *, others_held: bool = False) -> StreamStats:
        """Tell the figures of this moment, as they may be seen. `others_held`: some other is paused."""
        figures = self.answer.figures()
        if self.label:
            figures = compare_lines.mask_figures(figures)
        name = self.display_name if self.is_named else ""
        self.head.show(self.place + 1, name, figures, chosen=self.is_current)
        self.text.live.set_status(compare_lines.queue_hint(figures, others_held=others_held))
        return figures

    def rename(self) -> None:
        """Set the label, empty for none; the reading position stays."""
        if self.answer.ended and self.text.turns and self.text.turns[0].state != "streaming":
            place = self.text.viewport.reading_position
            self.text.show([self._labelled_turn(self.answer.turn)])
            self.text.viewport.restore(place)
        elif self.text.turns:
            self.text.live.amend(self._labelled_turn(without_text(self.answer.turn)))
        self.measure()

    def action_select(self) -> None:
        """Select by keyboard."""
        self.text.begin_selecting()

    def action_table(self, step: int) -> None:
        """Scroll wide tables sideways."""
        self.text.viewport.scroll_tables(step)

    @on(MoreBelow.Pressed)
    def _jump_to_end(self, event: MoreBelow.Pressed) -> None:
        event.stop()
        self.text.action_end()

    @on(Transcript.MoreBelow)
    def show_more_below(self, event: Transcript.MoreBelow) -> None:
        """A chip says that there is more below."""
        event.stop()
        self._more.show(event.lines)
