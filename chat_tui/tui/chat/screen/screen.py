"""The chat's screen: what its panels tell, and what the keys do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType

from chat_tui.config.limits import Adaptive
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.core.request import Request
from chat_tui.tui.actions import bindings, slash_commands
from chat_tui.tui.actions.slash_commands import CompletionSources
from chat_tui.tui.chat.commands import actions
from chat_tui.tui.chat.controllers.external_drafts import ExternalDrafts
from chat_tui.tui.chat.controllers.model_selection import ModelSelection
from chat_tui.tui.chat.controllers.pending_engine import PendingEngine
from chat_tui.tui.chat.controllers.views import ChatViews
from chat_tui.tui.chat.conversation.chat import Chat
from chat_tui.tui.chat.conversation.conversation_actions import ConversationActions
from chat_tui.tui.chat.screen.layout import MIDDLE, ChatLayout
from chat_tui.tui.history.sidebar import HistorySidebar, local_now
from chat_tui.tui.panels.download_bar import DownloadBar
from chat_tui.tui.panels.model_picker import ModelPicker
from chat_tui.tui.prompt.completion import CompletionItem
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.theme.palette import theme_folders
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets.host import report_errors

if TYPE_CHECKING:
    from chat_tui.core.preset import Preset
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.chat.conversation.live_preview import LivePreview

WARM_SECONDS = 0.6
"""After the first typed key what the answer will need is loaded; the key's echo is out by then."""
TWICE_SECONDS = 2.0
_INSIGHTS, _UNFOLDED, _FOLDED = "insights", "unfolded", "folded"
"""Where it is kept whether they are unfolded, and how."""
HASTY_SECONDS = 0.5
"""An Esc so soon after one that cancelled an answer was meant for that answer too."""


class ChatScreen(ChatLayout):
    """The screen that is always there: its panels are `ChatLayout`'s, here is what they tell and what keys do."""

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
        super().__init__(self._complete, clock)
        self._engine = PendingEngine()
        self.opened = self._engine.opened
        self.presets: Sequence[Preset] = ()
        """As they were found when they were last looked for."""
        self.upkeep = ConversationActions(self.chat, self.history, private=private)
        self.models = ModelSelection(
            self.chat, self.picker, self.stats, self._engine, model=model, strategy=strategy, adaptive=adaptive
        )
        self.views = ChatViews(self.chat, self.upkeep, self._engine, self.models.settings, clock)
        self._drafts = ExternalDrafts(self.chat, lambda: self.upkeep.is_private)
        self.chat.settings = self.models.settings
        self.chat.prompt.send = self.send
        self.chat.prompt.note_blank = self.note_blank
        self._warmed = False
        self._as_you_type: LivePreview | None = None
        self._interrupted_at = self._cancelled_at = float("-inf")

    def on_mount(self) -> None:
        """Model and strategy in use are in sight from the first paint on."""
        self.models.show()

    def _complete(self, text: str) -> list[CompletionItem]:
        """What the prompt offers for a text that begins with a slash."""
        engine = self._engine.engine
        sources = CompletionSources(
            models=lambda: engine.models.status() if engine is not None else (),
            strategies=lambda: engine.models.strategies() if engine is not None else (),
            themes=lambda: [path.stem for folder in theme_folders() for path in sorted(folder.glob("*.toml"))],
            titles=lambda: self.history.titles,
            presets=lambda: self.presets,
        )
        return [CompletionItem(text=whole, help=help) for whole, help in slash_commands.completions(text, sources)]

    async def take_engine(self, engine: Engine) -> None:
        """The engine is open: history, models and drafts are there."""
        self._engine.engine = engine
        self.upkeep.take_engine(engine)
        if self.models.strategy not in engine.models.strategies():
            self.models.strategy = engine.config.strategy
        await self._drafts.restore(engine, private=self.upkeep.never_saves)
        await self.chat.take_engine(engine)
        self._engine.announce()
        await self._restore_insights(engine)
        await self.upkeep.refresh()
        self.models.show()
        self.welcome(engine.models.status())
        self.run_worker(self._discover(engine), group="discover")

    async def _discover(self, engine: Engine) -> None:
        await engine.models.discover()
        self.presets = await asyncio.to_thread(_presets)
        self.picker.set_standings(engine.models.status())
        self.welcome(engine.models.status())
        self.models.show()
        if engine.models.needs_download(self.models.model, self.models.strategy):
            self.chat.fetch_line.begin(engine.weights)

    async def leave(self) -> None:
        """Keep what is needed to come back."""
        await self._drafts.end()
        await self.chat.leave()

    async def keep_place(self) -> None:
        """Keep it where the end comes from outside: the next start comes back to the conversation in view."""
        await self._drafts.end()
        await self.chat.keep_place()

    # -- asking ---------------------------------------------------------------------------------------------------

    def send(self, text: str) -> bool:
        """Enter: a command is carried out, a question is asked. False: the text stays in the prompt."""
        if self.has_class("-too-small"):
            # Nobody sees what would be sent.
            return False
        try:
            said = slash_commands.parse(text)
        except CommandError as error:
            self.host.tell(error)
            return False
        if isinstance(said, slash_commands.CommandCall):
            self.run_worker(self._carried_out(said, text), group="command")
            return True
        if self.views.comparison is not None and self.chat.rivals:
            self._leave_preview()
            return self.views.comparison.ask(said)
        if self.chat.busy:
            return self.chat.steering.enter(text, said, self.chat.prompt.key_time)
        self.ask(said)
        return True

    def note_blank(self) -> None:
        """Enter without any words: say what is missing where files wait for them."""
        files = self.chat.files.names()
        if not files:
            return
        going, last = (f"{files[0]} is", "it") if len(files) == 1 else (f"{len(files)} files are", "the last one")
        self.host.say("Write a question, too", f"{going} attached. Backspace removes {last}.", long=True)

    def ask(self, text: str, files: Sequence[Attachment] = ()) -> None:
        """Ask, by the model or strategy in use."""
        self.chat.fetch_line.hide()
        preview = self._as_you_type.take() if self._as_you_type is not None else None
        self.chat.ask(text, self.models.settings(), files, preview)
        self.show_keys()

    def _leave_preview(self) -> None:
        if self._as_you_type is not None:
            self._as_you_type.stop()

    def as_you_type(self) -> LivePreview:
        """What answers before it is sent, where the preset says so."""
        if self._as_you_type is None:
            from chat_tui.tui.chat.conversation.live_preview import LivePreview

            self._as_you_type = LivePreview(self.chat, self.models.settings)
        return self._as_you_type

    @on(Chat.Failed)
    def tell_why(self, event: Chat.Failed) -> None:
        """A question that could not be asked."""
        self.host.tell(event.error)
        self.show_keys()

    @on(Prompt.Edited)
    def warm_up(self) -> None:
        """Somebody writes: load what the answer will need, or begin it."""
        engine = self._engine.engine
        if engine is not None and (self.chat.preset is not None or self._as_you_type is not None):
            self.as_you_type().edited(engine)
        if not self._warmed and engine is not None:
            self._warmed = True
            self.set_timer(WARM_SECONDS, lambda: self.run_worker(self._warm(engine), group="warm"))

    async def _warm(self, engine: Engine) -> None:
        try:
            await self.models.warm(engine)
        except ChatTuiError:
            # The question itself will meet it and tell.
            self._warmed = False

    async def carry_out(self, typed: str) -> None:
        """Do what this command does. What goes wrong is told."""
        await self._carried_out(slash_commands.CommandCall(typed.removeprefix("/")), typed)

    async def _carried_out(self, call: slash_commands.CommandCall, typed: str) -> None:
        try:
            await actions.carry_out(call, self)
        except ChatTuiError as error:
            if not self.chat.prompt.text:
                self.chat.prompt.set_draft(typed)
            self.host.tell(error)

    # -- an answer that is there ---------------------------------------------------------------------------------

    def action_go_on(self) -> None:
        """Let the last answer go on that was cut, or ask anew where nothing had come."""
        if self.chat.busy:
            self.host.say("An answer is still running")
        else:
            self.chat.go_on(self.models.settings())

    def action_begin_import(self) -> None:
        """Let a file be named that is to be imported."""
        self.begin_command("/import ")

    def begin_command(self, text: str) -> None:
        """Put a command into the prompt, for the words that it needs; not over words that stand there."""
        if self.chat.prompt.text:
            self.host.say(
                "Your words are still here", f"Send or clear them, then write {text.strip()} and what it needs."
            )
        else:
            self.chat.prompt.set_draft(text)
        self.chat.prompt.focus()

    def action_find(self) -> None:
        """Find words in the conversation that is in view, or go to the next place."""
        self.chat.find()

    def action_regenerate(self) -> None:
        """Ask for another version of the chosen answer, else of the last one, by the model or strategy in use."""
        self.regenerate(self.models.model)

    def action_regenerate_with(self) -> None:
        """The same by a model that is chosen for this once."""
        if self.chat.is_free() and self._answer_to_repeat():
            self.models.choose_once(self.regenerate)
            self.host.say("Choose who answers this once", "Later questions go where they went before.")

    def regenerate(self, model: str | None) -> None:
        """Ask for another version by this model; None: the one that the strategy chooses."""
        if self.chat.is_free() and (turn := self._answer_to_repeat()):
            models = self.models
            if model is not None:
                models.use(model)
            asked = models.settings() if model == models.model else Request(model=model, strategy=models.strategy)
            self.chat.regenerate(turn, asked)
            self.show_keys()

    def _answer_to_repeat(self) -> Turn | None:
        turn = self.chat.chosen_answer()
        if turn is None:
            self.host.say("There is no answer to ask for again")
        return turn

    # -- models ---------------------------------------------------------------------------------------------------

    def action_toggle_adaptive(self) -> None:
        """Let a quick answer come before the detailed one, or no longer."""
        self.models.toggle_adaptive()

    def action_open_models(self) -> None:
        """Open the list of models in place."""
        self.models.open_models()

    def action_next_strategy(self) -> None:
        """Go to the next strategy."""
        self.models.next_strategy()

    @on(ModelPicker.Chosen)
    def _take_model(self, event: ModelPicker.Chosen) -> None:
        self.models.take(event.model)

    @on(ModelPicker.Declined)
    def _say_why_not(self, event: ModelPicker.Declined) -> None:
        self.host.say(f"{event.standing.model.name} cannot be used now", event.standing.state)

    @on(ModelPicker.Closed)
    def _back_to_prompt(self) -> None:
        self.models.list_closed()

    @on(DownloadBar.Ended)
    def _show_standings(self) -> None:
        self.models.refresh_list()

    # -- views ----------------------------------------------------------------------------------------------------

    def action_open_comparison(self) -> None:
        """Ask several models at once, or go back to their answers."""
        self.run_worker(report_errors(self.host, self.views.open_comparison()), group="command")

    def action_write_outside(self) -> None:
        """Write in an editor of one's own."""
        self.run_worker(report_errors(self.host, self._drafts.edit()), group="editor")

    async def _restore_insights(self, engine: Engine) -> None:
        """Unfold the insights where they were at the last end, or where the config wants them."""
        kept = await engine.conversations.place(_INSIGHTS)
        if kept == _UNFOLDED or (not kept and engine.config.display.insights):
            await self.fold_insights(False)

    async def toggle_insights(self) -> None:
        """Unfold what can be said of the answer, or fold it away; it is remembered."""
        engine = await self.opened()
        unfold = self.insights is None or not self.insights.display
        self._wanted["insights"] = unfold
        await self.fold_insights(not unfold)
        await engine.conversations.set_place(_INSIGHTS, _UNFOLDED if unfold else _FOLDED)

    # -- conversations --------------------------------------------------------------------------------------------

    @on(HistorySidebar.Filtered)
    def list_all(self) -> None:
        """The list at the left is filtered: the older ones are wanted too."""
        self.run_worker(self.upkeep.refresh(), group="list")

    @on(HistorySidebar.Opened)
    def open_conversation(self, event: HistorySidebar.Opened) -> None:
        """A conversation was chosen in the list."""
        if self.size.width < MIDDLE:
            self.action_toggle_history()
        self.views.open_chosen((event.conversation_id, ""))

    def action_act(self, what: str) -> None:
        """Rename, pin, delete or export the conversation under the list's cursor, else the one in view."""
        id, place = self.chat.conversation_id, None
        if self.history.has_focus_within and self.history.under is not None:
            id, place = self.history.under.id, self.history.place_of_title()
        self.run_worker(self.upkeep.act(what, id, place), group="command")

    def action_undo(self) -> None:
        """Take back the last thing that was done."""
        self.run_worker(self.upkeep.undo(), group="command")

    # -- what the chat tells --------------------------------------------------------------------------------------

    @on(Chat.Moved)
    @on(Chat.Began)
    @on(Chat.Ended)
    @on(Chat.Changed)
    async def show_history(self) -> None:
        """Another conversation, an answer that begins or ends: list, keys, models and insights follow."""
        self.show_keys()
        if self.insights is not None:
            self.insights.look()
        await self.upkeep.refresh()
        if (engine := self._engine.engine) is not None:
            self.show_signs(engine.running())
            self.stats.show_spending(await engine.spending(self.chat.conversation_id))

    @on(Chat.Measured)
    def show_figures(self, event: Chat.Measured) -> None:
        """New figures of the answer in view."""
        model, before = event.figures.model, self.stats.figures.phase
        self.stats.show(event.figures)
        if event.figures.phase == "fetching" and before != "fetching":
            # The answer waits for the built-in model: the line shows how far it is.
            self.models.fetch()
        self.show_speed()
        if model and self.models.model is None:
            self.models.show()

    @on(Transcript.CopyAsked)
    def copy(self, event: Transcript.CopyAsked) -> None:
        """Copy; the app tells how."""
        self.app.copy_to_clipboard(event.text)

    # -- keys -----------------------------------------------------------------------------------------------------

    async def action_new_conversation(self) -> None:
        """Begin a new conversation; undo leads back."""
        await self.upkeep.clear()

    def action_help(self) -> None:
        """Show keys and commands."""
        from chat_tui.tui.dialogs.help import HelpScreen

        self.picker.close()
        self.app.push_screen(HelpScreen(self.host.changed_keys, log_file=self.host.log_file))

    def action_command(self, name: str) -> None:
        """Carry a slash command out by its key."""
        work = actions.carry_out(slash_commands.CommandCall(name), self)
        self.run_worker(report_errors(self.host, work), group="command")

    async def action_command_palette(self) -> None:
        """Open the command palette."""
        self.app.action_command_palette()

    async def action_quit(self) -> None:
        """Leave."""
        await self.host.action_quit()

    async def action_cancel(self) -> None:
        """Esc: a preview, a list over the chat, the answer, then the download; else to the prompt, and notices go."""
        if self._as_you_type is not None and self._as_you_type.stop():
            return
        if self.is_covered:
            # Nobody cancels an answer that is out of sight.
            self.chat.prompt.focus()
            return
        comparison = self.views.comparison
        if (comparison is not None and await comparison.stop()) or await self.chat.cancel():
            self._cancelled_at = time.monotonic()
        elif self.chat.fetch_line.running and time.monotonic() - self._cancelled_at > HASTY_SECONDS:
            self.chat.fetch_line.stop()
        elif comparison is None or not comparison.leave():
            self.app.clear_notifications()
            self.chat.prompt.focus()

    async def action_pause_or_resume(self) -> None:
        """Hold the answer, or let it go on."""
        held = self.chat.pause_or_resume()
        if held is None:
            self.host.say("No answer is running")
        else:
            if held:
                # That it goes on is seen.
                self.host.say("The answer is paused", seconds=2)
            self.show_keys()

    async def action_copy_or_cancel(self) -> None:
        """Ctrl+C: the selection, the answer, the draft, and twice: quit."""
        selected = self.get_selected_text()
        if selected:
            self.app.copy_to_clipboard(selected)
            self.clear_selection()
        elif await self.chat.cancel():
            return
        elif self.chat.prompt.text:
            self.chat.prompt.clear_draft(recoverable=True)
        elif time.monotonic() - self._interrupted_at <= TWICE_SECONDS:
            await self.host.action_quit()
        else:
            self._interrupted_at = time.monotonic()
            self.host.say("Press Ctrl+C again to quit")


def _presets() -> Sequence[Preset]:
    """All presets that can be read; blocking."""
    from chat_tui.config import presets

    return presets.every(presets.folders())[0]
