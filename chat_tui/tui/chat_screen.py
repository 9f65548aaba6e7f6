"""The chat's screen: panels around the chat, and what the keys and commands do."""

from __future__ import annotations

import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from chat_tui.errors import ChatTuiError, CommandError
from chat_tui.models import LOCAL_MODEL
from chat_tui.request import Request
from chat_tui.tui import commands, keymap
from chat_tui.tui.chat import Chat
from chat_tui.tui.completion import Completion
from chat_tui.tui.fetch_line import FetchLine
from chat_tui.tui.history_list import HistoryList
from chat_tui.tui.model_picker import ModelPicker
from chat_tui.tui.notices import KeyBar, TooSmall
from chat_tui.tui.prompt import Prompt
from chat_tui.tui.stats_panel import StatsPanel
from chat_tui.tui.transcript.ink import Ink
from chat_tui.tui.transcript.transcript import Transcript

if TYPE_CHECKING:
    from chat_tui.engine import Engine
    from chat_tui.tui.app import ChatApp

WIDE, MIDDLE = 110, 80
"""Columns from which history list and stats panel are shown by themselves."""
SMALLEST = (40, 12)
WARM_SECONDS = 0.6
"""After the first typed key what the answer will need is loaded; the key's echo is out by then."""
TWICE_SECONDS = 2.0
LISTED = 1000
"""Conversations in the list at the left."""

_IDLE_KEYS = ("prompt.send", "prompt.new_line", "models.open", "strategy.next", "history.open", "conversation.new")
_LAST_KEYS = ("help.open", "app.quit")
_BUSY_KEYS = ("answer.cancel", "answer.pause", "models.open", "history.open", "help.open")


def complete(text: str) -> list[Completion]:
    """What the prompt offers for a text that begins with a slash."""
    return [Completion(text=whole, help=help) for whole, help in commands.completions(text)]


class ChatScreen(Screen[None]):
    """The screen that is always there."""

    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings()]

    def __init__(self, *, model: str | None, strategy: str) -> None:
        super().__init__()
        self._model, self._strategy = model, strategy
        self._engine: Engine | None = None
        self._warmed = False
        self._wanted: dict[str, bool] = {}
        self._interrupted_at = float("-inf")
        self.chat = Chat(complete, id="chat")
        self.picker = ModelPicker(id="picker")
        self.stats = StatsPanel(id="stats")
        self.history = HistoryList(id="history")
        self.keys = KeyBar(id="keys")

    @property
    def chat_app(self) -> ChatApp:
        """The app, with its own type."""
        return cast("ChatApp", self.app)

    def compose(self) -> ComposeResult:
        """History, chat, side; below them the keys."""
        with Horizontal(id="body"):
            yield self.history
            yield self.chat
            with Vertical(id="side"):
                yield self.picker
                yield self.stats
        yield self.keys
        yield TooSmall()

    def on_mount(self) -> None:
        """Ready to be typed into."""
        self.chat.transcript.set_palette(self.chat_app.ink())
        self.chat.welcome.show(self._first_keys())
        self._show_choice()
        self._show_keys()
        self.chat.prompt.focus()

    def _first_keys(self) -> list[tuple[str, str]]:
        changed = self.chat_app.changed_keys
        rows = {row.id: row for row in keymap.TABLE}
        ids = ("models.open", "strategy.next", "history.open", "help.open")
        keys = [(keymap.shown(changed.get(id, rows[id].keys)), rows[id].help) for id in ids]
        return [*keys, ("/", "shows the commands")]

    async def take_engine(self, engine: Engine) -> None:
        """The engine is open: history, models and drafts are there."""
        self._engine = engine
        await self.chat.take_engine(engine)
        await self._refresh_history()
        self._show_choice()
        if engine.wants_weights():
            self.chat.fetch_line.begin(engine.weights)
        self.run_worker(self._discover(engine), group="discover")

    async def _discover(self, engine: Engine) -> None:
        await engine.discover()
        self.picker.set_standings(engine.models())
        self._show_choice()

    async def leave(self) -> None:
        """Keep what is needed to come back."""
        await self.chat.leave()

    def repaint(self, ink: Ink) -> None:
        """The theme has changed."""
        self.chat.transcript.set_palette(ink)

    # -- layout ---------------------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Panels fold by themselves where there is no room."""
        self._lay_out(event.size.width, event.size.height)

    def _lay_out(self, width: int, height: int) -> None:
        self.set_class(width < MIDDLE, "-narrow")
        self.set_class(width < SMALLEST[0] or height < SMALLEST[1], "-too-small")
        self.history.display = self._wanted.get("history", width >= WIDE)
        self.stats.display = self._wanted.get("stats", width >= MIDDLE)
        if not self.stats.display:
            self._measured()

    def action_toggle_history(self) -> None:
        """Show or hide the history list."""
        self._wanted["history"] = not self.history.display
        self._lay_out(*self.size)
        if self.history.display:
            self.history.take_focus()
        else:
            self.chat.prompt.focus()

    def action_toggle_stats(self) -> None:
        """Show or hide the stats panel."""
        self._wanted["stats"] = not self.stats.display
        self._lay_out(*self.size)
        self._measured()

    def _show_keys(self) -> None:
        ids = _BUSY_KEYS if self.chat.busy else (*_IDLE_KEYS, *_LAST_KEYS)
        self.keys.show(keymap.footer(ids, self.chat_app.changed_keys))

    # -- models and strategies ------------------------------------------------------------------------------------

    def _show_choice(self) -> None:
        self.picker.show(self._model or self.stats.figures.model, self._strategy, fixed=self._model is not None)

    def action_open_models(self) -> None:
        """Open the list of models in place."""
        if self._engine is not None:
            self.picker.set_standings(self._engine.models())
            self.picker.open()

    def action_next_strategy(self) -> None:
        """Go to the next strategy; it chooses from now on."""
        if self._engine is not None:
            names = list(self._engine.strategies())
            place = names.index(self._strategy) + 1 if self._strategy in names and self._model is None else 0
            fixed_before = self._model is not None and self._strategy in names
            self._choose(None, self._strategy if fixed_before else names[place % len(names)])

    def _choose(self, model: str | None, strategy: str) -> None:
        self._model, self._strategy = model, strategy
        self._show_choice()

    @on(ModelPicker.Chosen)
    def take_model(self, event: ModelPicker.Chosen) -> None:
        """A model was chosen, or the choice was given back to the strategy."""
        self._choose(event.model, self._strategy)
        self.chat.prompt.focus()
        if event.model == LOCAL_MODEL:
            self._fetch()

    @on(ModelPicker.Declined)
    def say_why_not(self, event: ModelPicker.Declined) -> None:
        """A model that cannot be used now."""
        self.chat_app.say(f"{event.standing.model.name} cannot be used now", event.standing.state)

    @on(ModelPicker.Closed)
    def back_to_prompt(self) -> None:
        """The list was closed."""
        self.chat.prompt.focus()

    def _fetch(self) -> None:
        if self._engine is None:
            return
        if self._engine.weights.ready:
            self.chat.fetch_line.hide()
        else:
            self.chat.fetch_line.begin(self._engine.weights)

    @on(FetchLine.Ended)
    def show_standings(self) -> None:
        """The weights are there, or not."""
        if self._engine is not None:
            self.picker.set_standings(self._engine.models())

    # -- asking ---------------------------------------------------------------------------------------------------

    @on(Prompt.Asked)
    def take_prompt(self, event: Prompt.Asked) -> None:
        """Enter: a command is carried out, a question is asked."""
        event.stop()
        try:
            said = commands.parse(event.text)
        except CommandError as error:
            self.chat_app.tell(error)
            return
        if isinstance(said, commands.Call):
            self.chat.prompt.clear_draft()
            self.run_worker(self._told(self._call(said)), group="command")
        elif self.chat.busy:
            self.chat_app.say("An answer is still running", "Esc cancels it. Your words stay here; send them then.")
        else:
            self.chat.prompt.clear_draft()
            self.chat.ask(said, Request(model=self._model, strategy=self._strategy))
            self._show_keys()

    @on(Prompt.Edited)
    def warm_up(self) -> None:
        """Somebody writes: load what the answer will need."""
        if not self._warmed and self._engine is not None:
            self._warmed = True
            self.set_timer(WARM_SECONDS, lambda: self.run_worker(self._warm(), group="warm"))

    async def _warm(self) -> None:
        if self._engine is not None:
            try:
                await self._engine.warm(self._model, self._strategy)
            except ChatTuiError:
                # The question itself will meet it and tell.
                self._warmed = False

    async def _told(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ChatTuiError as error:
            self.chat_app.tell(error)

    async def _call(self, call: commands.Call) -> None:
        """Carry out a slash command."""
        app, argument = self.chat_app, call.argument
        if call.name == "clear":
            await self.chat.new()
        elif call.name == "exit":
            await app.action_quit()
        elif call.name == "fetch":
            self._fetch()
        elif call.name == "help":
            self.action_help()
        elif call.name == "history":
            await self._open_history()
        elif call.name == "model":
            self._choose_model(argument)
        elif call.name == "strategy":
            self._choose_strategy(argument)
        elif call.name == "system":
            await self._system(argument)
        elif argument:
            app.use_theme(argument)
        else:
            app.say("Themes", ", ".join(app.theme_names()))

    def _choose_model(self, name: str) -> None:
        if not name:
            self.action_open_models()
        elif self._engine is not None:
            known = [standing.model.name for standing in self._engine.models()]
            self._choose(commands.chosen_model(name, known), self._strategy)

    def _choose_strategy(self, name: str) -> None:
        if not name:
            self.action_next_strategy()
        elif self._engine is not None:
            self._choose(None, commands.chosen_strategy(name, self._engine.strategies()))

    async def _system(self, text: str) -> None:
        if self._engine is None:
            return
        conversation_id = self.chat.conversation_id
        if not text:
            said = await self.chat.system_prompt()
            self.chat_app.say("System prompt", said or "none")
            return
        await self.chat.set_system_prompt(None if text.casefold() == "default" else text)
        what = "of this conversation" if conversation_id else "of the next conversation"
        self.chat_app.say(f"The system prompt {what} is set", text[:200])

    # -- history --------------------------------------------------------------------------------------------------

    async def _refresh_history(self) -> None:
        if self._engine is not None:
            self.history.show(await self._engine.conversations(LISTED))
            self.history.set_running([answer.conversation_id for answer in self._engine.running()])
            self.history.set_current(self.chat.conversation_id or "")

    def action_open_history(self) -> None:
        """Open the history."""
        self.run_worker(self._told(self._open_history()), group="command")

    async def _open_history(self) -> None:
        if self._engine is None:
            return
        from chat_tui.tui.history_screen import HistoryScreen

        summaries = await self._engine.conversations(LISTED)
        running = [answer.conversation_id for answer in self._engine.running()]
        screen = HistoryScreen(self.chat.conversation_id or "", self.chat.transcript.turns, summaries, running)
        self.app.push_screen(screen, self._open_chosen)

    def _open_chosen(self, chosen: tuple[str, str] | None) -> None:
        if chosen is not None:
            self.run_worker(self._told(self.chat.open(*chosen)), group="command")

    @on(HistoryList.Opened)
    def open_conversation(self, event: HistoryList.Opened) -> None:
        """A conversation was chosen in the list."""
        self._open_chosen((event.conversation_id, ""))

    # -- what the chat tells --------------------------------------------------------------------------------------

    @on(Chat.Moved)
    @on(Chat.Began)
    @on(Chat.Ended)
    async def show_history(self) -> None:
        """Another conversation, an answer that begins or ends: list, keys and models follow."""
        self._show_keys()
        await self._refresh_history()

    @on(Chat.Measured)
    def show_figures(self, event: Chat.Measured) -> None:
        """New figures of the answer in view."""
        model = event.figures.model
        self.stats.show(event.figures, free=model.startswith(("local/", "scripted/")))
        self._measured()
        if model and self._model is None:
            self._show_choice()

    def _measured(self) -> None:
        self.keys.show_figures(None if self.stats.display else self.stats.figures)

    @on(Transcript.CopyAsked)
    def copy(self, event: Transcript.CopyAsked) -> None:
        """Copy by the terminal, which gives no answer."""
        self.app.copy_to_clipboard(event.text)
        self.chat_app.say("Sent to the terminal's clipboard", f"{len(event.text):,} characters")

    # -- keys -----------------------------------------------------------------------------------------------------

    async def action_new_conversation(self) -> None:
        """Begin a new conversation."""
        await self.chat.new()

    def action_help(self) -> None:
        """Show keys and commands."""
        from chat_tui.tui.help_screen import HelpScreen

        self.app.push_screen(HelpScreen(self.chat_app.changed_keys))

    async def action_command_palette(self) -> None:
        """Open the command palette."""
        self.app.action_command_palette()

    async def action_quit(self) -> None:
        """Leave."""
        await self.chat_app.action_quit()

    async def action_cancel(self) -> None:
        """Esc: the answer, then the download; else back to the prompt."""
        if await self.chat.cancel():
            return
        if self.chat.fetch_line.running:
            self.chat.fetch_line.stop()
        else:
            self.chat.prompt.focus()

    async def action_pause_or_resume(self) -> None:
        """Hold the answer, or let it go on."""
        held = self.chat.pause_or_resume()
        if held is None:
            self.chat_app.say("No answer is running")
        else:
            self.chat_app.say("Paused" if held else "Going on", "F6 goes on" if held else "")

    async def action_copy_or_cancel(self) -> None:
        """Ctrl+C: the selection, the answer, the draft, and twice: quit."""
        selected = self.get_selected_text()
        if selected:
            self.app.copy_to_clipboard(selected)
            self.clear_selection()
            self.chat_app.say("Sent to the terminal's clipboard", f"{len(selected):,} characters")
        elif await self.chat.cancel():
            return
        elif self.chat.prompt.text:
            self.chat.prompt.clear_draft(recoverable=True)
        elif time.monotonic() - self._interrupted_at <= TWICE_SECONDS:
            await self.chat_app.action_quit()
        else:
            self._interrupted_at = time.monotonic()
            self.chat_app.say("Press Ctrl+C again to quit")
