"""Several answers to one question side by side, in tabs where it is narrow; one of them is kept."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from chat_tui.config.schema import Display
from chat_tui.core.conversation import Conversation
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.engine.answers.pacing import TypingPace
from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.table import BY_ID
from chat_tui.tui.compare import lines as compare_lines
from chat_tui.tui.compare.columns import Column
from chat_tui.tui.panels.notices import KeyBar
from chat_tui.tui.terminal import fast_paint
from chat_tui.tui.transcript.frames import Frames
from chat_tui.tui.transcript.model.line_model import Anchor
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.host import Host, ListChoice
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart

if TYPE_CHECKING:
    from chat_tui.engine.answers.comparison import Comparison

USUAL_DISPLAY = Display()
MEASURE_SECONDS = 0.25
"""Between two looks at the figures."""
FRAME_SECONDS = 1 / 10
"""Least time between two paintings: each is as dear as those of so many chats."""
HASTY_SECONDS = 0.5
"""An Esc so soon after one that stopped the answers was meant for them too."""


WARNED_SECONDS = 6.0
"""As long as the warning stands."""


class DrawnLines(StyledLines):
    """Lines that the screen gives."""

    DEFAULT_CSS = "DrawnLines { width: 1fr; height: auto; padding: 0 1; background: $surface; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown: Sequence[Line] = ((),)

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines."""
        taller = len(lines) != len(self._shown)
        self._shown = lines
        if taller:
            self.refresh(layout=True)
        self.redraw()

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many rows as there are lines."""
        return len(self._shown)

    def lines(self, width: int) -> Sequence[Line]:
        """The lines as they were given."""
        return self._shown


class LeftComparison(NamedTuple):
    """The reading positions when a comparison was left for the chat."""

    model: str
    """Keys acted on its answer."""
    places: Mapping[str, Anchor | None]
    """What was read, by model."""


class CompareScreen(Screen[Conversation | None]):
    """Stands in place of the chat. Dismissed with the conversation when an answer was kept, None when it was left."""

    DEFAULT_CSS = """
    CompareScreen { layout: vertical; background: $background; }
    CompareScreen #answers { width: 1fr; height: 1fr; }
    CompareScreen #tabs { display: none; }
    CompareScreen.-tabbed #tabs { display: block; }
    CompareScreen.-tabbed Column { border-right: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings.bindings("side by side"),
        *(Binding(str(number), f"keep({number})", "Keep this answer", show=False) for number in range(1, 5)),
        Binding("escape", "stop_all", "Stop all, or go back", id="answer.cancel", show=False),
        Binding("ctrl+c", "copy_or_stop", "Copy, or stop all", id="copy.or_cancel", show=False),
        Binding("f6", "pause_or_resume", "Pause", id="answer.pause", show=False),
        Binding("f4", "leave", "Back to the chat", id="compare.open", show=False),
        Binding("f1", "help", "Help", id="help.open", show=False),
    ]

    # Textual would paint the whole screen anew whenever the focus moves, which holds the echo of the key.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(
        self,
        comparison: Comparison,
        *,
        blind: bool = False,
        left: LeftComparison | None = None,
        display: Display = USUAL_DISPLAY,
    ) -> None:
        super().__init__()
        self._compositor = fast_paint.ChangedRowsCompositor()
        self.comparison = comparison
        self.blind = blind
        """Who answers is hidden until one is kept."""
        self.columns: list[Column] = []
        """From left to right."""
        self._title, self._tabs, self._summary = (
            DrawnLines(id="question"),
            DrawnLines(id="tabs"),
            DrawnLines(id="summary"),
        )
        self._keys = KeyBar()
        self._stopped_at = self._warned_at = float("-inf")
        self._keeping = False
        frames = Frames(FRAME_SECONDS, panes=len(comparison.answers))
        pairs = zip(comparison.models, comparison.answers, strict=True)
        places = left.places if left is not None else {}
        self.columns = [
            Column(model, answer, TypingPace(display), frames, places.get(model)) for model, answer in pairs
        ]
        self._begin_at = left.model if left is not None else ""
        self._order(blind)

    @property
    def host(self) -> Host:
        """The app around it."""
        return cast("Host", self.app)

    def compose(self) -> ComposeResult:
        """The question, the answers, how they did, the keys."""
        self._summary.display = False
        yield self._title
        yield self._tabs
        with Horizontal(id="answers"):
            yield from self.columns
        yield self._summary
        yield self._keys

    def on_mount(self) -> None:
        """Keys act on the first one, or on the one on which they did."""
        self._repaint()
        self.app.theme_changed_signal.subscribe(self, lambda _: self._repaint())
        first = next((column for column in self.columns if column.model == self._begin_at), self.columns[0])
        first.display = True
        self.set_focus(first.text)
        self.set_interval(MEASURE_SECONDS, self._measure)
        self._show()

    def _repaint(self) -> None:
        for column in self.columns:
            column.text.renderer.changed_keys = self.host.changed_keys
            column.text.set_palette(self.host.ink())

    # -- how it stands --------------------------------------------------------------------------------------------

    @property
    def current(self) -> Column:
        """The column that keys act on."""
        focused = self.focused
        return next((column for column in self.columns if column.text is focused), self.columns[0])

    def _order(self, blind: bool) -> None:
        """Place the columns: as the models were named, or by chance behind letters."""
        models = self.comparison.models
        self.columns.sort(key=lambda column: models.index(column.model))
        if blind:
            random.SystemRandom().shuffle(self.columns)
        for place, column in enumerate(self.columns):
            column.place, column.label = place, compare_lines.letter(place) if blind else ""
            column.set_class(place == len(self.columns) - 1, "-last")

    def on_resize(self, event: events.Resize) -> None:
        """Columns become tabs where there is no room."""
        self._lay_out()
        self._show()

    def on_descendant_focus(self) -> None:
        """A click may have chosen another one."""
        self._move()

    def _move(self) -> None:
        """Keys act on the focused column from now on."""
        if not self.current.is_current:
            self._lay_out()
            self._show()

    def _lay_out(self) -> None:
        tabbed = compare_lines.is_tabbed(self.size.width, len(self.columns))
        self.set_class(tabbed, "-tabbed")
        current = self.current
        for column in self.columns:
            column.is_current = column is current
            column.display = not tabbed or column is current

    def _measure(self) -> None:
        if not self.comparison.ended:
            self._show()

    @on(Column.Ended)
    def _show(self) -> None:
        """Update the heads, tabs and the table."""
        width = max(20, self.size.width - 2)
        held = any(column.answer.paused for column in self.columns)
        names = [column.display_name for column in self.columns]
        for column in self.columns:
            column.is_named = not (self.has_class("-tabbed") and compare_lines.tabs_are_whole(names, width))
        figures = [column.measure(others_held=held) for column in self.columns]
        self._title.show([self._title_line(figures, width)])
        if self.has_class("-tabbed"):
            phases = [each.phase for each in figures]
            self._tabs.show([compare_lines.tab_line(names, phases, self.columns.index(self.current), width)])
        ended = self.comparison.ended
        self._summary.display = ended
        if ended:
            results = dict(zip(self.comparison.models, self.comparison.summary(), strict=True))
            told = [results[column.model] for column in self.columns]
            self._summary.show(compare_lines.summary_lines(told, names, width, blind=self.blind))
        # Notices stand above the table.
        self.set_class(ended, f"-table-of-{len(self.columns)}")
        self._keys.show(self._key_words(ended), bindings.footer(("help.open",), self.host.changed_keys))
        heads = [column.head for column in self.columns]
        fast_paint.draw(self, (*heads, self._title, self._tabs, self._keys))

    def _title_line(self, figures: Sequence[StreamStats], width: int) -> Line:
        known = [each.cost if each.cost is not None else each.price for each in figures]
        dollars = sum(each for each in known if each is not None)
        about = any(each.cost is None or each.cost_estimated for each in figures)
        costs = formatting.about_cost(dollars) if about else formatting.cost(dollars)
        running = sum(not column.answer.ended for column in self.columns)
        told = f"{running} of {len(figures)} running" if running else "all done"
        right = " · ".join(
            filter(
                None,
                ["blind" * self.blind, "without tools" * self.comparison.without_tools, told, costs if dollars else ""],
            )
        )
        question = shorten(self.comparison.question.text[: 4 * width], 4 * width)
        return apart(Span(question, "strong"), Span(right, "dim"), width)

    def _key_words(self, ended: bool) -> Sequence[tuple[str, str]]:
        changed = self.host.changed_keys
        keys = {id: bindings.first_key(id, changed) for id in ("answer.cancel", "compare.open", "answer.pause")}
        held = self.current.answer.paused
        told = [
            (f"1–{len(self.columns)}", "keep"),
            (keys["answer.cancel"], "back" if ended else "stop all"),
            *bindings.footer(("comparison.next",), changed),
        ]
        if not ended:
            told += [
                *bindings.footer(("comparison.stop",), changed),
                (keys["answer.pause"], "resume" if held else "pause"),
            ]
        told += [(keys["compare.open"], "chat"), *bindings.footer(("comparison.blind",), changed)]
        return [(key, "names" if word == "blind" and self.blind else word) for key, word in told]

    # -- keys -----------------------------------------------------------------------------------------------------

    def action_column(self, step: int) -> None:
        """Let keys act on the column `step` to the right, wrapping at both ends."""
        place = (self.columns.index(self.current) + step) % len(self.columns)
        # What is not shown takes no focus.
        self.columns[place].display = True
        self.set_focus(self.columns[place].text)
        # At once: the focus itself is told about through several messages.
        self._move()

    async def action_stop(self) -> None:
        """End the answer that keys act on; its part is kept. One that has ended is shown to its end at once."""
        self.current.pace.skip()
        await self.current.answer.cancel()

    async def action_stop_all(self) -> None:
        """End those that run, and show at once what is still being typed; when there is neither, go back to the
        chat."""
        typing = [column for column in self.columns if column.pace.skip()]
        if typing or not self.comparison.ended:
            self._stopped_at = time.monotonic()
            await self.comparison.cancel_all()
        elif time.monotonic() - self._stopped_at > HASTY_SECONDS:
            self.action_leave()

    def action_leave(self) -> None:
        """Go back to the chat; where names are hidden, only when pressed twice, since the chat shows them."""
        now = time.monotonic()
        if self.blind and now - self._warned_at > WARNED_SECONDS:
            self._warned_at = now
            self.host.say(
                "The chat shows the model names", "Press again to go there; a digit keeps an answer first.", long=True
            )
        else:
            self.dismiss(None)

    @property
    def left(self) -> LeftComparison:
        """The reading positions, to come back to."""
        return LeftComparison(
            self.current.model, {column.model: column.text.viewport.reading_position for column in self.columns}
        )

    async def action_copy_or_stop(self) -> None:
        """Copy the selection; where there is none, end those that run."""
        if selected := self.get_selected_text():
            self.app.copy_to_clipboard(selected)
            self.clear_selection()
        else:
            await self.comparison.cancel_all()

    def action_pause_or_resume(self) -> None:
        """Hold the answer that keys act on, or let it go on; the others are not touched."""
        answer = self.current.answer
        if answer.ended:
            self.host.say("This answer has ended")
        elif answer.paused:
            answer.resume()
        else:
            answer.pause()
        self._show()

    async def action_blind(self) -> None:
        """Hide who answers, or show it."""
        self.blind = not self.blind
        current = self.current
        self._order(self.blind)
        self.query_one("#answers", Horizontal).sort_children(key=self.columns.index)  # type: ignore[arg-type]
        for column in self.columns:
            column.rename()
        self.set_focus(current.text)
        self._show()

    def action_keep(self, number: int) -> None:
        """Make this one the conversation's answer, and go back to the chat."""
        if number <= len(self.columns) and not self._keeping:
            self.run_worker(self._keep(self.columns[number - 1]), group="keep")

    async def _keep(self, column: Column) -> None:
        self._keeping = True
        try:
            conversation = await self.comparison.keep(self.comparison.answers.index(column.answer) + 1)
        except ChatTuiError as error:
            self.host.tell(error)
        else:
            # Nobody waits for the others any more, and they may cost something.
            await self.comparison.cancel_all()
            self.dismiss(conversation)
        finally:
            self._keeping = False

    def action_help(self) -> None:
        """Show keys and commands."""
        from chat_tui.tui.dialogs.help import HelpScreen

        self.app.push_screen(HelpScreen(self.host.changed_keys, "side by side", log_file=self.host.log_file))

    def palette_choices(self) -> Sequence[ListChoice]:
        """The entries of the command palette."""

        def offer(id: str, told: str, action: str) -> ListChoice:
            keys = bindings.format_keys(self.host.changed_keys.get(id, BY_ID[id].keys))
            return ListChoice(told, partial(self.run_action, action), note=keys, group="Side by side")

        def keep(number: int, name: str) -> ListChoice:
            act = partial(self.run_action, f"keep({number})")
            return ListChoice(f"Keep the answer of {shorten(name, 60)}", act, note=str(number), group="Side by side")

        running = [
            offer("comparison.stop", "Stop this answer", "stop"),
            offer("answer.pause", "Pause or resume this answer", "pause_or_resume"),
            offer("answer.cancel", "Stop all answers", "stop_all"),
        ]
        return [
            *(keep(number, column.display_name) for number, column in enumerate(self.columns, 1)),
            *([] if self.comparison.ended else running),
            offer("comparison.next", "Go to the next answer", "column(1)"),
            offer("comparison.blind", "Show model names" if self.blind else "Hide model names", "blind"),
            offer("transcript.copy", "Copy this answer", "copy_answer"),
            offer("compare.open", "Go back to the chat", "leave"),
            offer("help.open", "Show help: all keys and commands", "help"),
            offer("app.quit", "Quit", "app.quit"),
        ]

    def action_copy_answer(self) -> None:
        """Copy the answer that keys act on."""
        self.app.copy_to_clipboard(self.current.answer.text)

    @on(Transcript.CopyAsked)
    def copy(self, event: Transcript.CopyAsked) -> None:
        """Copy a text to the clipboard."""
        self.app.copy_to_clipboard(event.text)
