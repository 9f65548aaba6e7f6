"""The chat screen: combines the panels and the chat's parts, and passes keys and messages to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import Widget

from chat_tui.config.schema import Adaptive
from chat_tui.tui.actions import bindings
from chat_tui.tui.chat.controllers.answer_actions import AnswerActions
from chat_tui.tui.chat.controllers.first_steps import FirstSteps
from chat_tui.tui.chat.controllers.messages_mode import MessagesMode
from chat_tui.tui.chat.controllers.model_selection import ModelSelection
from chat_tui.tui.chat.controllers.panel_layout import MIDDLE
from chat_tui.tui.chat.controllers.panels import ChatPanels
from chat_tui.tui.chat.controllers.pending_engine import PendingEngine
from chat_tui.tui.chat.controllers.submission import PromptSubmission
from chat_tui.tui.chat.controllers.views import ChatViews
from chat_tui.tui.chat.conversation.conversation_actions import ConversationActions
from chat_tui.tui.chat.conversation.display import ConversationDisplay
from chat_tui.tui.chat.conversation.question_sender import QuestionSender
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.chat.screen import key_hints
from chat_tui.tui.history.sidebar import HistorySidebar, local_now
from chat_tui.tui.panels.download_bar import DownloadBar
from chat_tui.tui.panels.model_picker import ModelPicker, ModelsInUse
from chat_tui.tui.panels.notices import KeyBar, TooSmall
from chat_tui.tui.panels.stats_panel import StatsPanel
from chat_tui.tui.panels.welcome import Welcome
from chat_tui.tui.prompt.completion import CompletionList
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.terminal.fast_paint import ChangedRowsCompositor
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets.host import Host, report_errors

if TYPE_CHECKING:
    from chat_tui.core.settings.preset import Preset
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.chat.commands.command_line import CommandLine
    from chat_tui.tui.chat.commands.context import CommandContext
    from chat_tui.tui.chat.controllers.external_drafts import ExternalDrafts
    from chat_tui.tui.chat.screen.window_title import WindowTitle

TWICE_SECONDS = 2.0
HASTY_SECONDS = 0.5
"""Seconds; an Esc so soon after one that cancelled an answer was meant for that answer, too."""
_WITHOUT_SIGHT = {"cancel", "copy_or_cancel", "quit"}
_CUT = ("length", "cancelled", "broken", "failed", "empty")


class ChatScreen(Screen[None]):
    """The screen that is always there: history list, chat, model picker over stats panel, keys."""

    AUTO_FOCUS = "Prompt"
    """Focused from the first frame on, so that the last row shows the prompt's keys."""
    BINDINGS: ClassVar[list[BindingType]] = [*bindings.bindings()]

    def __init__(
        self,
        *,
        model: str | None,
        strategy: str,
        adaptive: Adaptive,
        private: bool = False,
        clock: Callable[[], datetime] = local_now,
    ) -> None:
        super().__init__()
        self._compositor = ChangedRowsCompositor()
        self._pending_engine = engine = PendingEngine()
        self.wait_for_engine = engine.wait
        self.chat = chat = ChatView(lambda text: self.commands.complete(text), id="chat")
        self.panels = panels = ChatPanels(self, chat, clock)
        self.picker, self.stats, self.history = panels.picker, panels.stats, panels.history
        self.keys = KeyBar(id="keys")
        self.upkeep = ConversationActions(chat, panels.history, panels.picker.show_title, private=private)
        self.models = ModelSelection(
            chat, panels.picker, panels.stats, engine, model=model, strategy=strategy, adaptive=adaptive
        )
        self.views = ChatViews(chat, self.upkeep, panels.picker, engine, self.models.settings, clock)
        self._submission = PromptSubmission(
            chat, self.models, self.views, engine, lambda text: self.commands.send(text), self.show_keys
        )
        self._answers = AnswerActions(chat, self.models, self.show_keys)
        self._messages = MessagesMode(chat, lambda: self.hint_state().can_continue)
        self._first_steps = FirstSteps(chat)
        chat.session.settings = self.models.settings
        chat.prompt.send = self._submission.send
        chat.prompt.note_blank = self._submission.note_blank
        chat.prompt.command_argument = lambda text: self.commands.argument(text)
        chat.prompt.completer.before_path = lambda text: self.commands.before_path(text)
        self._interrupted_at = self._cancelled_at = float("-inf")

    @cached_property
    def _drafts(self) -> ExternalDrafts:
        from chat_tui.tui.chat.controllers.external_drafts import ExternalDrafts

        return ExternalDrafts(self.chat, lambda: self.upkeep.is_private)

    @cached_property
    def window_title(self) -> WindowTitle:
        """The terminal's title; created for the first answer or conversation."""
        from chat_tui.tui.chat.screen.window_title import WindowTitle

        return WindowTitle(self.chat)

    @property
    def host(self) -> Host:
        """The app around the screen."""
        return cast("Host", self.app)

    @property
    def _engine(self) -> Engine | None:
        return self._pending_engine.engine

    @property
    def focus_chain(self) -> list[Widget]:
        """Tab walks prompt → transcript → history list, Shift+Tab the other way."""
        seen = super().focus_chain
        left = [widget for widget in seen if self.history in widget.ancestors]
        return [widget for widget in (self.chat.prompt, self.chat.transcript, *left) if widget in seen]

    def compose(self) -> ComposeResult:
        """Yield the panels, and the row of keys below them."""
        yield from self.panels.compose()
        yield self.keys
        yield TooSmall()

    def on_mount(self) -> None:
        """Show the model and strategy in use from the first paint on."""
        # The event with the size arrives after the first paint: rows would move.
        self.panels.arrange(*self.app.size)
        self.chat.transcript.set_palette(self.host.ink())
        self.chat.name_keys(self.host.changed_keys)
        self._first_steps.show()
        self.picker.name_keys(self.host.changed_keys)
        self.show_keys()
        self.chat.prompt.focus()
        self.models.show()

    @on(events.ScreenResume)
    def _draw_again(self) -> None:
        """Redraw after another screen was closed."""
        self._show_notices(True)
        self.chat.transcript.repaint()

    @on(events.ScreenSuspend)
    def _leave_notices(self) -> None:
        """Leave the notices to the screen over this one."""
        self._show_notices(False)

    def _show_notices(self, shown: bool) -> None:
        for rack in self.query("#textual-toastrack").results(Widget):
            rack.display = shown

    @on(events.Resize)
    def _arrange(self, event: events.Resize) -> None:
        """Arrange the panels for the new size."""
        self.panels.arrange(*event.size)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Allow only cancelling and quitting while the screen is too small."""
        if self.has_class("-too-small") and action not in _WITHOUT_SIGHT:
            return False
        return super().check_action(action, parameters)

    # -- the engine -----------------------------------------------------------------------------------------------

    async def take_engine(self, engine: Engine) -> None:
        """Store the engine, and load history, models and drafts."""
        self._pending_engine.engine = engine
        self.upkeep.take_engine(engine)
        if self.models.strategy not in engine.models.strategies():
            self.models.strategy = engine.config.strategy
        await self._drafts.restore(engine, private=self.upkeep.never_saves)
        await self.chat.take_engine(engine)
        self._pending_engine.announce()
        await self.panels.restore_insights(engine)
        await self.upkeep.refresh()
        self.models.show()
        self._first_steps.show_found(engine.models.status(), is_all=False)
        self.run_worker(partial(self._discover, engine), group="discover")  # type: ignore[arg-type]

    async def _discover(self, engine: Engine) -> None:
        await self._first_steps.offer_notes(engine)
        await self.models.restore_preferences(engine)
        await engine.models.discover()
        self.context.presets = await asyncio.to_thread(_presets)
        self.picker.set_standings(engine.models.status())
        self._first_steps.show_found(engine.models.status())
        self.models.show()
        self.models.fetch_if_needed(engine)

    async def leave(self) -> None:
        """Store what is needed to restore the conversation at the next start."""
        await self._drafts.end()
        await self.chat.leave()

    async def keep_place(self) -> None:
        """Store the place when the program is ended from outside, so that the next start restores the conversation in
        view."""
        await self._drafts.end()
        await self.chat.session.save_place()

    # -- commands -------------------------------------------------------------------------------------------------

    @cached_property
    def context(self) -> CommandContext:
        """The parts that slash commands act on."""
        from chat_tui.tui.chat.commands.context import CommandContext

        return CommandContext(
            chat=self.chat,
            engine=self._pending_engine,
            conversations=self.upkeep,
            models=self.models,
            views=self.views,
            panels=self.panels,
            answers=self._answers,
            submission=self._submission,
            first_steps=self._first_steps,
        )

    @cached_property
    def commands(self) -> CommandLine:
        """The slash commands, imported with the first slash or the first key that calls one."""
        from chat_tui.tui.chat.commands.command_line import CommandLine

        return CommandLine(self.context)

    async def action_command(self, name: str, argument: str = "") -> None:
        """Run a slash command by its key."""
        await self.commands.run_key(name, argument)

    # -- messages -------------------------------------------------------------------------------------------------

    @on(QuestionSender.Failed)
    def _show_failure(self, event: QuestionSender.Failed) -> None:
        self.host.tell(event.error)
        self.show_keys()

    @on(ConversationDisplay.Began)
    def _end_first_steps(self) -> None:
        self._first_steps.finish()

    @on(Prompt.Edited)
    def _prepare(self) -> None:
        self._submission.follow_edit()

    @on(ConversationDisplay.Moved)
    @on(ConversationDisplay.Began)
    @on(ConversationDisplay.Ended)
    @on(ConversationDisplay.Changed)
    async def _show_history(self) -> None:
        """Update list, keys, models and insights for another conversation, or when an answer starts or ends."""
        self.show_keys()
        if self.panels.insights is not None:
            self.panels.insights.look()
        await self.upkeep.refresh()
        if (engine := self._engine) is not None:
            self.window_title.update([*engine.running(), *engine.tools.calling()])
            self.stats.show_spending(await engine.spending(self.chat.session.conversation_id))

    @on(ConversationDisplay.Measured)
    def _show_figures(self, event: ConversationDisplay.Measured) -> None:
        model, before = event.figures.model, self.stats.figures.phase
        self.stats.show(event.figures)
        if event.figures.phase == "fetching" and before != "fetching":
            # The answer waits for the built-in model: the bar shows the progress of its download.
            self.models.fetch()
        self.panels.show_speed()
        if model and self.models.model is None:
            self.models.show()

    @on(StatsPanel.Clicked)
    def _unfold(self) -> None:
        """Unfold or fold the remaining figures."""
        self.run_worker(self.action_command("insights"), group="command")

    @on(Transcript.CopyAsked)
    def _copy(self, event: Transcript.CopyAsked) -> None:
        """Copy; the app reports how."""
        self.app.copy_to_clipboard(event.text)

    @on(ModelPicker.Chosen)
    def _take_model(self, event: ModelPicker.Chosen) -> None:
        self.models.take(event.model)

    @on(ModelsInUse.StrategyClicked)
    def _choose_strategy(self) -> None:
        self.models.choose_strategy()

    @on(ModelPicker.FavouriteToggled)
    def _mark_model(self, event: ModelPicker.FavouriteToggled) -> None:
        self.models.toggle_favourite(event.model)

    @on(ModelPicker.SourceWanted)
    @on(Welcome.SourceWanted)
    async def _add_source(self, event: ModelPicker.SourceWanted | Welcome.SourceWanted) -> None:
        await self.commands.run_key("provider", event.way)

    @on(ModelPicker.Declined)
    def _say_why_not(self, event: ModelPicker.Declined) -> None:
        self.host.say(f"{event.standing.model.name} cannot be used now", event.standing.state)

    @on(ModelPicker.Closed)
    def _close_list(self) -> None:
        self.models.list_closed()

    @on(DownloadBar.Ended)
    def _show_models(self) -> None:
        self.models.refresh_list()

    @on(HistorySidebar.Filtered)
    def _list_all(self) -> None:
        """List all conversations, since the list is being filtered."""
        self.run_worker(self.upkeep.refresh(), group="list")

    @on(HistorySidebar.Opened)
    def _open_conversation(self, event: HistorySidebar.Opened) -> None:
        if self.size.width < MIDDLE:
            self.panels.toggle_history()
        self.views.open_conversation(event.conversation_id)

    @on(HistorySidebar.DeletedOpened)
    async def _open_deleted(self) -> None:
        await self.views.open_deleted()

    # -- the last row ---------------------------------------------------------------------------------------------

    def hint_state(self) -> key_hints.HintState:
        """Return the state that the keys of the last row depend on."""
        chat, turns = self.chat, self.chat.transcript.turns
        return key_hints.HintState(
            place=self._place(),
            on_row=self.history.under is not None,
            busy=chat.conversation.is_busy,
            paused=chat.conversation.is_paused,
            has_messages=bool(turns),
            has_versions=bool(chat.transcript.model.views.forks),
            has_code=any("```" in turn.text for turn in turns),
            can_continue=bool(turns) and (turns[-1].state in _CUT or turns[-1].role == "tool"),
        )

    def _place(self) -> key_hints.Place:
        chat = self.chat
        if self.history.has_focus_within:
            return "history"
        if self.picker.has_focus_within:
            return "picker"
        if chat.completions.is_open:
            return "completions"
        if chat.find_bar.has_focus:
            return "find bar"
        if chat.transcript.keyboard.caret is not None:
            return "selection"
        return "transcript" if chat.transcript.has_focus else "prompt"

    @on(CompletionList.Toggled)
    @on(Transcript.Selecting)
    def show_keys(self) -> None:
        """Show the keys that apply now in the last row."""
        state, changed = self.hint_state(), self.host.changed_keys
        ids, words = key_hints.ids(state), key_hints.words(state)
        named = zip(ids, bindings.footer(ids, changed), strict=True)
        shown = [(key, words.get(id, word)) for id, (key, word) in named]
        mode = key_hints.MODES.get(state.place, "")
        self.keys.show(shown, bindings.footer(("help.open",), changed), mode)

    @on(events.DescendantFocus)
    def _follow_focus(self) -> None:
        """Update the keys after a change of focus; a list that covers the chat closes if another widget is used."""
        self.panels.uncover_chat()
        self._messages.follow_focus()
        self.show_keys()

    # -- keys -----------------------------------------------------------------------------------------------------

    def action_toggle_panel(self, panel: str) -> None:
        """Show or hide `history` or `stats`."""
        self.panels.toggle(panel)

    def action_act(self, what: str) -> None:
        """Rename, pin, delete or export the conversation under the list's cursor, else the one in view."""
        self.upkeep.act_on_chosen(what)

    def action_undo(self) -> None:
        """Undo the last change."""
        self.run_worker(self.upkeep.undo(), group="command")

    def action_regenerate_with(self) -> None:
        """Regenerate the answer with a model that is chosen for this answer only."""
        self._answers.regenerate_with()

    def action_open_comparison(self) -> None:
        """Ask several models at once, or return to their answers."""
        self.run_worker(report_errors(self.host, self.views.open_comparison()), group="command")

    def action_write_outside(self) -> None:
        """Open the draft in the user's editor."""
        self.run_worker(report_errors(self.host, self._drafts.edit()), group="editor")

    def action_begin(self, command: str) -> None:
        """Put a slash command into the prompt, for its argument."""
        self.commands.begin(command)

    async def action_command_palette(self) -> None:
        """Open the command palette."""
        self.app.action_command_palette()

    async def action_quit(self) -> None:
        await self.host.action_quit()

    async def action_cancel(self) -> None:
        """Handle Esc, in this order: stop a shell command or a preview, leave a list over the chat, cancel the answer,
        close an error, leave messages mode, stop the download; else focus the prompt, and close and unselect all."""
        if self._submission.stop_command() or self._submission.stop_preview():
            return
        if self.panels.history_covers_chat:
            # An answer that is not visible is not cancelled.
            self.chat.prompt.focus()
            return
        comparison = self.views.comparison
        if (comparison is not None and await comparison.stop()) or await self.chat.conversation.cancel():
            self._cancelled_at = time.monotonic()
        elif self.host.dismiss_errors():
            return
        elif self.chat.transcript.has_focus:
            self._messages.leave()
        elif self.chat.fetch_line.running and time.monotonic() - self._cancelled_at > HASTY_SECONDS:
            self.chat.fetch_line.stop()
        elif comparison is None or not comparison.leave():
            self.app.clear_notifications()
            self._messages.forget_choice()
            self.chat.prompt.focus()

    async def action_copy_or_cancel(self) -> None:
        """Handle Ctrl+C, in this order: copy the selection, cancel the answer, clear the draft; pressed twice, quit."""
        selected = self.get_selected_text()
        if selected:
            self.app.copy_to_clipboard(selected)
            self.clear_selection()
        elif self._submission.stop_command() or await self.chat.conversation.cancel():
            return
        elif self.chat.prompt.text:
            self.chat.prompt.clear_draft(recoverable=True)
        elif time.monotonic() - self._interrupted_at <= TWICE_SECONDS:
            await self.host.action_quit()
        else:
            self._interrupted_at = time.monotonic()
            self.host.say("Press Ctrl+C again to quit")


def _presets() -> Sequence[Preset]:
    """Return all presets that can be read. Blocks."""
    from chat_tui.config import presets

    return presets.read_all(presets.folders())[0]
