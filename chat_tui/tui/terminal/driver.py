"""The terminal's driver: Textual's own with a quick Esc, pastes that stay whole, and an orderly end.

Textual tells a lone Esc only after its 100 ms wait, lets ESC and CR inside a bracketed paste through as keys, and spins
or is killed without a farewell when the terminal goes away. This is the one file that knows Textual's driver.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable
from contextlib import suppress
from queue import Empty
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from textual import constants
from textual.driver import Driver

from chat_tui.core.text.control_characters import clean_line
from chat_tui.tui.terminal.input_splitter import ESCAPE_SECONDS, InputSplitter
from chat_tui.tui.terminal.output import TerminalOutput

if TYPE_CHECKING:
    from textual.app import App

MOST_WAITING = 10
"""Writes that may wait for the terminal, of the 30 for which Textual has room: each is a frame."""

BACKGROUND_SECONDS = 0.5
"""Between two looks at whether the program, let go on in the background, has come to the front."""

STUCK_SECONDS = 3.0
"""A terminal that takes nothing for so long does not hold the end of the app."""

_STANDARD_FILES = (2, 1, 0)
"""Errors before output: Textual draws there."""

_FRAME_END = "\x1b[?2026l"
"""A frame that was cut does not hold what is drawn next."""

_KEEP_TITLE, _FORMER_TITLE = "\x1b[22;2t", "\x1b]2;\x1b\\\x1b[23;2t"
"""Xterm's stack of titles. A terminal without one is left with an empty title, which its shell writes anew."""

_LATIN_KEYS, _FORMER_KEYS = "\x1b[>29u", "\x1b[<u"
"""What Textual asks of kitty's protocol, and where a key stands on a Latin keyboard: Ctrl with a Cyrillic letter."""

_NO_LATIN_KEYS: bool = getattr(constants, "DISABLE_KITTY_KEY", True)
"""The user wants none of kitty's protocol, or Textual (before 8.2.7) reads only the part that it asks for itself."""

_LATIN_KEYS_AGAIN = "\x1b[=29u"
"""The same where they may still be asked for: nothing is to be undone twice."""

_SECOND_SCREEN = "\x1b[?1049h\x1b[?25l\x1b[?1004h"
"""With the cursor hidden, and told when the window is looked at."""

_BLANK = "\x1b[0m\x1b[H\x1b[J"
"""For terminals without a second screen, such as GNU screen's and the Linux console: nothing of ours is left."""


def terminal_size(files: Iterable[int]) -> tuple[int, int] | None:
    """Columns and rows of the first of these files that is a terminal and knows them; None where none does.

    The environment is not asked: COLUMNS and LINES that a shell has exported stay as they were when a window changes.
    """
    for number in files:
        with suppress(OSError):
            columns, rows = os.get_terminal_size(number)
            if columns and rows:
                return columns, rows
    return None


def driver_class() -> type[Driver] | None:
    """The driver to give to the app, or None where Textual's own choice stands (Windows, or one set by the user)."""
    if sys.platform == "win32" or constants.DRIVER:
        return None
    return TerminalDriver


@runtime_checkable
class EndableApp(Protocol):
    """An app that keeps something before it ends by a signal or a closed terminal."""

    def end(self, return_code: int) -> None:
        """Exit with this code, soon."""


def is_behind(driver: Driver | None) -> bool:
    """Whether the terminal does not take what is drawn: a frame drawn now would block the event loop."""
    return sys.platform != "win32" and isinstance(driver, TerminalDriver) and driver.is_behind()


def show_title(driver: Driver | None, title: str) -> None:
    """Show this as the terminal's title, where there is a terminal."""
    if sys.platform != "win32" and isinstance(driver, TerminalDriver):
        driver.show_title(title)


if sys.platform != "win32":
    import termios

    from textual._ansi_sequences import SYNC_END, SYNC_START
    from textual._xterm_parser import XTermParser
    from textual.drivers.linux_driver import LinuxDriver

    _ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

    def _terminal_attributes(number: int) -> list[Any]:
        """Empty where it is no terminal, or gone."""
        try:
            return termios.tcgetattr(number)
        except termios.error:
            return []

    def _is_in_background(number: int) -> bool:
        """Whether another program has this terminal now."""
        try:
            return os.tcgetpgrp(number) != os.getpgrp()
        except OSError:
            return False

    class TerminalDriver(LinuxDriver):
        """Textual's Linux and macOS driver with its own input thread, and an orderly exit when it is told to end."""

        def __init__(
            self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
        ) -> None:
            # GNU screen holds a lone Esc until the next key comes while a mouse is reported.
            self._in_screen = "STY" in os.environ
            super().__init__(
                app, debug=debug, mouse=mouse and not self._in_screen, size=size or terminal_size(_STANDARD_FILES)
            )
            self._leaving = False
            # The Linux console has no title, and older ones print it.
            self._has_title = os.environ.get("TERM", "") not in {"linux", "dumb", ""}
            self._title = ""
            self._shows = False
            # Textual writes to stderr; who sends that to a file wants the errors there and the screen here.
            out = next((file for file in (sys.__stderr__, sys.__stdout__) if file is not None and file.isatty()), None)
            if out is not None:
                self._file: Any = TerminalOutput(out, self._hang_up, self._catch_up_when_written)
            self._attributes: list[Any] = []
            """Of the terminal, as they are while the app runs."""
            self._behind = False
            self._frame: list[str] | None = None

        def _get_terminal_size(self) -> tuple[int, int]:
            return terminal_size(_STANDARD_FILES) or super()._get_terminal_size()

        def is_behind(self) -> bool:
            """Asked before each frame, so that none is cut."""
            if self._writer_thread is not None and self._writer_thread._queue.qsize() >= MOST_WAITING:
                self._behind = True
            return self._behind

        def write(self, data: str) -> None:
            """Nothing is added to what the terminal does not take, until it is given back. A frame is written in one:
            for each write of its own the writer thread would wait until the event loop pauses."""
            if self._frame is not None:
                self._frame.append(data)
                if data != SYNC_END:
                    return
                data, self._frame = "".join(self._frame), None
            elif data == SYNC_START:
                self._frame = [data]
                return
            if not self._behind:
                super().write(data)

        def _catch_up_when_written(self) -> None:
            """Catch up once the writer thread has written everything; called on that thread."""
            if self._behind and self._writer_thread is not None and self._writer_thread._queue.empty():
                with suppress(RuntimeError):  # the loop has ended already
                    self._loop.call_soon_threadsafe(self._app.call_later, self._catch_up)

        def _catch_up(self) -> None:
            self._behind = False
            self.show_title(self._title)
            self._app.screen.refresh(layout=True)

        def start_application_mode(self) -> None:
            """Take the terminal; again after a suspension, but not twice (a stray SIGCONT would)."""
            if self._leaving or (self._key_thread is not None and self._key_thread.is_alive()):
                return
            super().start_application_mode()  # type: ignore[no-untyped-call]
            self._shows = True
            self._attributes = _terminal_attributes(self.fileno)
            if not _NO_LATIN_KEYS:
                self.write(_LATIN_KEYS)
            if self._has_title:
                self.write(_KEEP_TITLE)
                self.show_title(self._title)
            for number in _ENDINGS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._loop.add_signal_handler(number, self._leave, 128 + number)

        def _sigcont_application(self, *_: object) -> None:
            """The program goes on: after a suspension, or after a SIGSTOP, of which it had not heard."""
            if self._key_thread is not None and self._key_thread.is_alive():
                self._loop.call_soon_threadsafe(self._take_terminal_back)
            else:
                super()._sigcont_application()

        def _take_terminal_back(self) -> None:
            """Take the terminal as it was where a shell has had it since. What was typed meanwhile stays readable."""
            if _is_in_background(self.fileno):
                # A shell lets it go on there, and says nothing when it comes to the front.
                self._loop.call_later(BACKGROUND_SECONDS, self._take_terminal_back)
                return
            if self._leaving or not self._shows or _terminal_attributes(self.fileno) == self._attributes:
                return
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self._attributes)
            self.write(_SECOND_SCREEN)
            self._enable_mouse_support()
            self._enable_bracketed_paste()
            self._disable_line_wrap()
            if not _NO_LATIN_KEYS:
                self.write(_LATIN_KEYS_AGAIN)
            self._app.call_later(self._catch_up)

        def stop_application_mode(self) -> None:
            """Give the terminal back as it was found."""
            if self.is_behind() and self._writer_thread is not None:
                self._behind = False
                # What nobody will see any more would hold what follows.
                with suppress(Empty):
                    while True:
                        self._writer_thread._queue.get_nowait()
                self.write(_FRAME_END)
            self._shows = False
            if self._has_title:
                self.write(_FORMER_TITLE)
            if not _NO_LATIN_KEYS:
                self.write(_FORMER_KEYS)
            self.write(_BLANK)
            super().stop_application_mode()

        def close(self) -> None:
            """End the writer thread, when the terminal has taken what is left, or takes nothing any more."""
            writer = self._writer_thread
            if writer is None:
                return
            writer._queue.put(None)
            taken = -1
            while writer.is_alive() and (now := getattr(self._file, "taken", taken + 1)) != taken:
                taken = now
                writer.join(STUCK_SECONDS)

        def show_title(self, title: str) -> None:
            """Show this as the terminal's title, until the app ends or is suspended."""
            self._title = title
            if self._has_title and self._shows and title:
                title = clean_line(title)
                if self._in_screen:
                    # It hands on the low byte of each character, which may be a control.
                    title = "".join(sign if sign.isascii() else "?" for sign in title)
                self.write(f"\x1b]2;{title}\x1b\\")

        def run_input_thread(self) -> None:
            """Read the terminal until the app ends or the terminal does."""
            parser = XTermParser(self._debug)
            # Who sets ESCDELAY has a slow line and knows it.
            splitter = InputSplitter(constants.ESCAPE_DELAY if "ESCDELAY" in os.environ else ESCAPE_SECONDS)
            decode = getincrementaldecoder("utf-8")("replace").decode
            while not self.exit_event.is_set():
                ready, _, _ = select.select([self.fileno], [], [], splitter.patience)
                if ready:
                    data = self._read()
                    if not data:
                        self._hang_up()
                        return
                    pieces = splitter.feed(decode(data))
                else:
                    pieces = splitter.silence()
                for piece in pieces:
                    try:
                        messages = list(parser.feed(piece)) if isinstance(piece, str) else [piece]
                    except (ValueError, OverflowError):
                        # A sequence with numbers that no key has.
                        parser, messages = XTermParser(self._debug), []
                    for message in messages:
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)

        def _read(self) -> bytes:
            """Read what the terminal sent; empty when it is gone."""
            try:
                return os.read(self.fileno, 64 * 1024)
            except OSError:
                return b""

        def _hang_up(self) -> None:
            """End, since the input or the writer thread has lost the terminal."""
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._leave, 128 + signal.SIGHUP)

        def _leave(self, return_code: int) -> None:
            """Ask the app to exit, once. A second SIGTERM or SIGQUIT then kills; a second SIGHUP, as it comes with a
            closed terminal, must not: what is unsaved is being saved."""
            if self._leaving:
                return
            self._leaving = True
            for number in _ENDINGS:
                # The loop would else give them their default back when it closes.
                self._loop.remove_signal_handler(number)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            if isinstance(self._app, EndableApp):
                self._app.end(return_code)
            else:
                self._app.exit(return_code=return_code)
