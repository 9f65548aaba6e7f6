"""The screen's app: paints first, opens the engine behind the first paint, holds theme and keys."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from textual import events
from textual.app import App
from textual.filter import LineFilter
from textual.notifications import Notify
from textual.screen import Screen
from textual.widgets import Input

from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError, Notice
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.actions import bindings
from chat_tui.tui.app_themes import AppThemes
from chat_tui.tui.chat.screen.screen import ChatScreen
from chat_tui.tui.history.sidebar import local_now
from chat_tui.tui.notice_stack import (
    LASTING_SECONDS,
    MOST_NOTICES,
    NEWS_SECONDS,
    NOTICE_SECONDS,
    TITLE_LENGTH,
    NoticeStack,
)
from chat_tui.tui.prompt.key_order import KeyOrder
from chat_tui.tui.terminal.background import BackgroundTold, background_query
from chat_tui.tui.terminal.control_filter import ControlFilter
from chat_tui.tui.terminal.driver import driver_class, is_behind, show_title
from chat_tui.tui.terminal.hyperlinks import supports_hyperlinks
from chat_tui.tui.terminal.released_widgets import release_cycles
from chat_tui.tui.theme import palette as palettes
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.widgets import ui_state
from chat_tui.tui.widgets.delayed_calls import call_after
from chat_tui.tui.widgets.host import CommandProvider, ListChoice
from chat_tui.tui.widgets.ui_state import UiState

if TYPE_CHECKING:
    from rich.console import RenderableType

    from chat_tui.engine.engine import Engine
    from chat_tui.tui.chat.screen.opening import Opening
    from chat_tui.tui.terminal.clipboard import Clipboard

OpenEngine: TypeAlias = "Callable[[Callable[[ChatTuiError], None]], Awaitable[Engine]]"
"""Opens the engine; its argument is told what goes wrong in the background."""

COLLECT_AFTER = (5_000, 5, 200)
"""The garbage collector's thresholds: it runs seldom, and on little at once, since it holds a key's echo."""
SWITCH_SECONDS = 0.001
"""So long a thread that reads a key or writes a frame waits for one that computes; the interpreter's own are five."""
IDLE_SECONDS = 0.7
"""After the engine is open, what the first question needs is loaded."""
LAST_KEYS_SECONDS = 0.05
"""So long a key that was pressed before a signal may take to be read."""
LAST_WORDS_SECONDS = 2.0
"""So long the end waits, after a signal, for what was typed to be kept."""
OPEN_SECONDS = 0.1
"""After the first paint: the engine's imports must not stand before the echo of the first keys."""


class ChatApp(App[int]):
    """chat-tui's screen. `engine` is None until it is open, which is after the first paint. `private`: the screen says
    that nothing is saved, which is for whoever opens the engine to see to. `kept_in`: the file that remembers theme and
    panels; None: nothing is remembered. `open_seconds`: how long after the first paint the engine is opened."""

    TITLE = "chat-tui"
    CSS_PATH = Path(__file__).parent / "theme" / "styles.tcss"
    # The palette is our own.
    ENABLE_COMMAND_PALETTE = False
    # Over every screen, in place of Textual's own, which could not be rebound.
    BINDINGS = [binding for binding in bindings.bindings() if binding.id in ("app.quit", "palette.open")]

    def __init__(
        self,
        config: Config,
        open_engine: OpenEngine,
        *,
        model: str | None = None,
        strategy: str | None = None,
        private: bool = False,
        opening: Opening | None = None,
        kept_in: Path | None = None,
        log_file: Path | None = None,
        clock: Callable[[], datetime] = local_now,
        open_seconds: float = OPEN_SECONDS,
    ) -> None:
        self._control_filter = ControlFilter()
        super().__init__(driver_class=driver_class(), ansi_color=True if "NO_COLOR" in os.environ else None)
        release_cycles(self)
        self.config, self.log_file = config, log_file
        logged = Notice(f"Writing a debug log to {log_file}", "It holds no keys and no messages.")
        self._notices: list[ChatTuiError] = [logged] if log_file is not None else []
        tell = self._notices.append
        self.kept = ui_state.read(kept_in, tell) if kept_in is not None else UiState(welcomed=True)
        """How the screen was left, and is left when it ends now."""
        self._kept_in = kept_in
        self.engine: Engine | None = None
        self._open_engine = open_engine
        self._private, self._opening, self._clock, self._open_seconds = private, opening, clock, open_seconds
        self.themes = AppThemes(self)
        self._notice_stack = NoticeStack(self, lambda: self._notifications, self._unnotify)
        self.dismiss_errors, self.withdraw = self._notice_stack.remove_errors, self._notice_stack.remove_titled
        self._copier: Clipboard | None = None
        self._choice = (model or (config.model if strategy is None else None), strategy or config.strategy)
        self._hanging_up: list[asyncio.Future[None]] = []
        self._ending: asyncio.Future[None] | None = None
        self._key_order = KeyOrder(self)
        self._early: list[events.Key | events.Paste] = []
        """What was typed before there was a screen."""
        self._early_text = ""
        """What of it is in the prompt; more may arrive, and a Backspace among that deletes from this."""
        self._painted_at = float("-inf")
        """When the prompt was drawn for the first time, by the clock of `time.monotonic`; infinite before."""
        self.crash: BaseException | None = None
        """What has ended the app that should not have."""
        self.changed_keys: dict[str, str] = {}
        """Rebound keys by id."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Add the filter that removes control characters from every line."""
        return [*super().get_line_filters(), self._control_filter]

    async def on_event(self, event: events.Event) -> None:
        """Keys act in the order in which they came, however many come at once."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif not self.screen_stack:
            # The app is ending: there is nothing left that the key could act on.
            event.stop()
        elif event.time < self._painted_at:
            self._early.append(event)
            if self._painted_at < float("inf"):
                self._take_early()
        elif not self._key_order.holds(event):
            target, workers = self.focused, self._key_order.workers()
            await super().on_event(event)
            self._key_order.note_key(event, target, workers)

    def get_default_screen(self) -> Screen[None]:
        """The one screen that is always there."""
        model, strategy = self._choice
        adaptive = self.config.adaptive
        return ChatScreen(model=model, strategy=strategy, adaptive=adaptive, private=self._private, clock=self._clock)

    @property
    def _chat_screen(self) -> ChatScreen | None:
        """The one screen that is always there; None before it is, and when the app has ended: a timer or a worker may
        still come then."""
        stack = self.screen_stack
        return stack[0] if stack and isinstance(stack[0], ChatScreen) else None

    def on_load(self) -> None:
        """Read the one theme that is needed, and the keys."""
        if not self.config.display.motion:
            self.animation_level = "none"
        self.themes.use_first((self.kept.theme, self.config.theme), self._notices.append)
        if self.config.keys:
            from chat_tui.tui.actions import rebinding

            self.changed_keys, wrong = rebinding.rebind(self.config.keys)
            self._notices += wrong if len(wrong) < MOST_NOTICES else [rebinding.together(wrong)]
            self.set_keymap(self.changed_keys)

    def on_mount(self) -> None:
        """Tell what was wrong, and open the engine when the first paint is out."""
        if self._opening is not None and isinstance(self.screen, ChatScreen):
            self.screen.chat.begin_with(self._opening.preset)
        for error in self._notices:
            self.tell(error)
        if not self.is_headless:
            self._painted_at = float("inf")
        self._ask_for_background()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The first paint is out."""
        self._note_paint()
        call_after(self, self._open_seconds, lambda: self.run_worker(self._open_and_prepare(), name="open the engine"))

    def _note_paint(self) -> None:
        """Record that the prompt has been drawn: keys act from now on."""
        if self._painted_at == float("inf"):
            self._painted_at = time.monotonic()
            self.call_later(self._take_early)

    def _take_early(self) -> None:
        """Put what was typed before the first paint into the prompt."""
        from chat_tui.tui.terminal.early_typing import early_text, wants_to_quit

        early, self._early = self._early, []
        screen = self._chat_screen
        if wants_to_quit(early):
            self.run_worker(self.action_quit(), group="command")
        elif screen is not None and (text := early_text(early, self._early_text)) != self._early_text:
            prompt = screen.chat.prompt
            prompt.set_draft(prompt.draft.removesuffix(self._early_text) + text)
            self._early_text = text

    async def _open_and_prepare(self) -> None:
        try:
            self.engine = await self._open_engine(self._tell_lasting)
            screen = self._chat_screen
            if screen is None:
                return
            await screen.take_engine(self.engine)
            if self._opening is not None:
                await self._opening.begin(screen.context, self.engine)
            await asyncio.sleep(IDLE_SECONDS)
            await self.engine.prepare()
            screen.chat.transcript.loader.load_parser()
        except ChatTuiError as error:
            self.tell(error, lasting=True)
        finally:
            # What is loaded by now stays: the collector need not walk it again and again while text streams. Only the
            # first app of a process does so: every other one would stay for good after its end.
            if gc.get_threshold()[0] != COLLECT_AFTER[0]:
                gc.freeze()
                gc.set_threshold(*COLLECT_AFTER)
            gc.enable()
            sys.setswitchinterval(SWITCH_SECONDS)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Without motion no cursor blinks."""
        if self.animation_level == "none" and isinstance(event.widget, Input):
            event.widget.cursor_blink = False

    # -- what is told ---------------------------------------------------------------------------------------------

    def _tell_lasting(self, error: ChatTuiError) -> None:
        self.tell(error, lasting=True)

    def tell(self, error: ChatTuiError, *, lasting: bool = False) -> None:
        """Show an error: what happened, and what to do next."""
        is_news = isinstance(error, Notice)
        self.notify(
            bindings.as_bound(shorten(error.hint, 400), self.changed_keys) or " ",
            title=bindings.as_bound(shorten(error.title, 300), self.changed_keys),
            severity="information" if is_news else "error",
            timeout=NOTICE_SECONDS if not lasting else NEWS_SECONDS if is_news else LASTING_SECONDS,
            markup=False,
        )

    def say(self, title: str, more: str = "", *, long: bool = False, seconds: float | None = None) -> None:
        """Show a short notice; a long one stays as an error does, or as long as is said."""
        timeout = seconds or (NOTICE_SECONDS if long else NOTICE_SECONDS / 2)
        title = bindings.as_bound(shorten(title, TITLE_LENGTH), self.changed_keys)
        more = bindings.as_bound(shorten(more, 300), self.changed_keys)
        # One without more words is one row.
        self.notify(more or title, title=title if more else "", timeout=timeout, markup=False)

    def on_notify(self, event: Notify) -> None:
        """Make room: notices that pile up would hide the screen."""
        self._notice_stack.make_room(event.notification)

    def clear_notifications(self) -> None:
        """Remove all notices."""
        super().clear_notifications()
        self._notice_stack.close_gaps()

    # -- clipboard ------------------------------------------------------------------------------------------------

    def copy_to_clipboard(self, text: str) -> None:
        """Copy by the surest way there is, and tell which that was."""
        self._clipboard = text
        self.run_worker(self._copy(text), group="copy")

    async def _copy(self, text: str) -> None:
        from chat_tui.tui.terminal.clipboard import Clipboard

        self._copier = self._copier or Clipboard(self._send, os.environ)
        try:
            copied = await self._copier.copy(text)
        except ChatTuiError as error:
            self.tell(error)
        else:
            self.say(copied.title, copied.more)

    def _send(self, sequence: str) -> None:
        if self._driver is not None and sequence:
            self._driver.write(sequence)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """A terminal that is stopped holds nothing but what is drawn."""
        if self._painted_at == float("inf") and isinstance(screen, ChatScreen) and screen.chat.prompt.region:
            self._note_paint()
        if not is_behind(self._driver):
            super()._display(screen, renderable)

    def show_title(self, title: str) -> None:
        """Show this as the terminal's title, until the app ends."""
        show_title(self._driver, title)

    def ring(self, notice: str) -> None:
        """Ring the terminal's bell, and show a notice where the terminal can, if the config allows it."""
        if self.config.display.bell:
            from chat_tui.tui.terminal.desktop_notice import desktop_notice

            self.bell()
            self._send(desktop_notice(notice, os.environ))

    def _fatal_error(self) -> None:
        """Shut down in order after an unexpected error: Textual would print the user's text with the traceback."""
        self.crash = self.crash or sys.exc_info()[1] or self._exception
        self._close_messages_no_wait()

    # -- theme ----------------------------------------------------------------------------------------------------

    def keep(self, kept: UiState) -> None:
        """Remember this for the next start."""
        self.kept = kept
        if self._kept_in is not None:
            writing = asyncio.get_running_loop().run_in_executor(None, ui_state.write, self._kept_in, kept)
            writing.add_done_callback(self._tell_unkept)

    def _tell_unkept(self, writing: asyncio.Future[None]) -> None:
        if not writing.cancelled() and isinstance(error := writing.exception(), OSError):
            where = f"{shorten(str(error.filename or self._kept_in))}: " if self._kept_in is not None else ""
            self._kept_in = None
            hint = f"{where}{error.strerror}. They apply until you quit."
            self.tell(ChatTuiError("Theme and panels cannot be saved.", hint))

    def watch_theme(self, name: str) -> None:
        """Draw with the terminal's own colours where the theme does."""
        self.themes.apply_ansi(name)

    def ink(self) -> Ink:
        """Return the theme in use as the transcript writes with it."""
        return self.themes.ink(hyperlinks=self.config.display.links and supports_hyperlinks())

    def use_theme(self, name: str) -> None:
        """Draw with another theme, now and from the next start on. Raises `ThemeError`."""
        self._draw_with(self.themes.load(name))
        self.themes.follows = name == palettes.AUTO_THEME
        self._ask_for_background()
        self.keep(msgspec.structs.replace(self.kept, theme=name))
        if self.no_color:
            self.say("Colours are off", "NO_COLOR is set. The theme is saved for when it is not.")

    def _ask_for_background(self) -> None:
        """Ask the terminal for its background where the theme follows it; nothing waits for the reply."""
        if self.themes.follows:
            self._send(background_query(os.environ))

    def _on_background_told(self, event: BackgroundTold) -> None:
        """Draw with the other theme where the terminal's background asks for it."""
        if self.themes.note_background(event.dark):
            self._draw_with(self.themes.load(palettes.AUTO_THEME))

    def _draw_with(self, palette: palettes.Palette) -> None:
        self.themes.use(palette)
        if self._chat_screen is not None:
            self._chat_screen.chat.transcript.set_palette(self.ink())

    def choose_theme(self) -> None:
        """Open the list of themes; each is previewed under the cursor. Errors in theme files are shown."""
        found = palettes.load_themes(palettes.theme_folders())
        for error in found.failed:
            self.tell(error)
        choices = self.themes.choices(found.loaded, self.use_theme)
        self.choose("Themes", choices, look=lambda choice: self._draw_with(self.themes.load(choice.name)))

    def choose(
        self, what: str, choices: Sequence[ListChoice], look: Callable[[ListChoice], object] | None = None
    ) -> None:
        """Open a list with this title; `look` hears of each row that the cursor comes to."""
        from chat_tui.tui.dialogs.choice import ChoiceScreen

        self.push_screen(ChoiceScreen(what, choices, look), self._take)

    def _take(self, choice: ListChoice | None) -> None:
        if choice is not None:
            self.call_later(self._run_choice, choice)

    async def _run_choice(self, choice: ListChoice) -> None:
        if choice.id:
            self.keep(ui_state.with_use(self.kept, choice.id))
        try:
            done = choice.act()
            if isawaitable(done):
                await done
        except ChatTuiError as error:
            self.tell(error)

    # -- palette --------------------------------------------------------------------------------------------------

    def action_command_palette(self) -> None:
        """Open the command palette."""
        screen = self.screen
        if isinstance(screen, ChatScreen):
            from chat_tui.tui.chat.screen import command_palette

            offered: Sequence[ListChoice] = command_palette.choices(screen)
        elif isinstance(screen, CommandProvider):
            offered = screen.palette_choices()
        else:
            return
        names = [palettes.AUTO_THEME, *palettes.names(palettes.theme_folders())]
        rows = [ListChoice(f"Theme: {name}", partial(self.use_theme, name), group="Themes") for name in names]
        self.choose("Commands", [*offered, *rows])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the palette while the screen is too small to show it."""
        if action == "command_palette" and (self._chat_screen is None or self._chat_screen.has_class("-too-small")):
            return False
        return super().check_action(action, parameters)

    @contextmanager
    def lend_terminal(self) -> Iterator[None]:
        """Give the terminal to another program; nothing is painted meanwhile."""
        if self._driver is None or not self._driver.can_suspend:
            # A face without a terminal of its own has none to lend.
            yield
            return
        with self.batch_update(), self.suspend():
            yield
        self.screen.refresh(layout=True)

    async def action_quit(self) -> None:
        """Leave; the engine is closed after the terminal was given back."""
        self._hang_up()
        if self._chat_screen is not None:
            await self._chat_screen.leave()
        self.exit(0)

    def end(self, return_code: int) -> None:
        """End because of a signal or a closed terminal, once what was typed just before is kept."""
        self._hang_up()
        self._ending = asyncio.ensure_future(self._end(return_code))

    async def _end(self, return_code: int) -> None:
        screen = self._chat_screen
        try:
            with suppress(TimeoutError, ChatTuiError):
                if screen is not None:
                    async with asyncio.timeout(LAST_WORDS_SECONDS):
                        await self._last_keys_handled(screen)
                        await screen.keep_place()
        finally:
            self.exit(return_code=return_code)

    async def _last_keys_handled(self, screen: ChatScreen) -> None:
        """A key goes from the input thread through the queues of the app and of the screen to the prompt's."""
        await asyncio.sleep(LAST_KEYS_SECONDS)
        for pump in (self, screen, screen.chat.prompt):
            handled = asyncio.Event()
            if pump.call_later(handled.set):
                await handled.wait()
        if screen.chat.prompt.draft:
            # What is typed before the engine is open can be kept only then.
            await screen.wait_for_engine()

    def exit(self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """End the app, by a key or by a signal."""
        self._hang_up()
        super().exit(result, return_code, message)

    def _hang_up(self) -> None:
        """Cancel what runs, before anything is saved or the terminal is given back: no more is to be paid for."""
        if self.engine is not None:
            self._hanging_up += [asyncio.ensure_future(each.cancel()) for each in self.engine.running()]
