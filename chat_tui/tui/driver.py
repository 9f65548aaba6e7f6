"""The terminal's driver: Textual's own with a quick Esc, pastes that stay whole, and an orderly end.

Textual tells a lone Esc only after its 100 ms wait, lets ESC and CR inside a bracketed paste through as keys, and spins
or is killed without a farewell when the terminal goes away. This is the one file that knows Textual's driver.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from textual import constants, events
from textual.driver import Driver

from chat_tui.text_safety import Cleaner, clean_line

if TYPE_CHECKING:
    from textual.app import App

ESCAPE_SECONDS = 0.01
"""How long the rest of a sequence may take to follow its ESC; a terminal sends both in one go."""

TICK_SECONDS = 0.1
"""How long the input thread sleeps at most; what it costs to quit, and what an idle screen wakes up for."""

PASTE_SILENCE_SECONDS = 1.0
"""A paste without an ending is handed over after this long without a byte."""

PASTE_LIMIT = 16 * 1024 * 1024
"""Characters of one paste that are kept; what goes beyond is dropped, never typed."""

MOST_WAITING = 10
"""Writes that may wait for the terminal, of the 30 for which Textual has room: each is a frame."""

STUCK_SECONDS = 3.0
"""A terminal that takes nothing for so long does not hold the end of the app."""

_AT_ONCE = 4096
"""Bytes: so that one can see whether a slow terminal takes anything."""

_ESC = "\x1b"
_PASTE_START = "\x1b[200~"
_PASTE_END = "\x1b[201~"
_MAYBE_START = re.compile(r"\x1b+(?:\[(?:2(?:00?)?)?)?\Z")
_MAYBE_END = re.compile(r"\x1b(?:\[(?:2(?:01?)?)?)?\Z")
# Without those that begin a sequence, and without the word moves of macOS, which Textual knows.
_ALT = re.compile(r"\x1b([0-9ac-eg-zA-NQ-WYZ])")
# Nobody types this many characters between two reads, so they are the rest of a paste that had stalled.
_BURST = 32

_FRAME_END = "\x1b[?2026l"
"""A frame that was cut does not hold what is drawn next."""

_KEEP_TITLE, _FORMER_TITLE = "\x1b[22;2t", "\x1b]2;\x1b\\\x1b[23;2t"
"""Xterm's stack of titles. A terminal without one is left with an empty title, which its shell writes anew."""

Piece: TypeAlias = str | events.InputEvent | events.Paste
"""Text for the key parser, or an event that is ready."""


class InputSplitter:
    """Tells keys, lone escapes and pastes apart in what a terminal sends; knows no I/O and no clock.

    Whoever reads the terminal waits `patience` seconds for more, then calls `feed` with what came or `silence`.
    """

    def __init__(self, escape_seconds: float = ESCAPE_SECONDS, paste_limit: int = PASTE_LIMIT) -> None:
        self._escape_seconds = escape_seconds
        self._paste_limit = paste_limit
        self._held = ""
        self._paste: _Paste | None = None
        self._quiet_seconds = 0.0
        self._stalled = False

    @property
    def patience(self) -> float:
        """Seconds to wait for more before `silence` is to be called."""
        lone = self._paste is None and self._held and not self._held.strip(_ESC)
        return self._escape_seconds if lone else TICK_SECONDS

    def feed(self, text: str) -> list[Piece]:
        """What is decided now that this text has come."""
        self._quiet_seconds = 0.0
        text, self._held = self._held + text, ""
        if self._stalled and text:
            self._stalled = False
            if _goes_on(text):
                self._paste = _Paste(self._paste_limit)
        pieces: list[Piece] = []
        while text:
            text = self._keys(text, pieces) if self._paste is None else self._pasted(self._paste, text, pieces)
        return pieces

    def silence(self) -> list[Piece]:
        """What is decided now that nothing came for `patience` seconds."""
        waited = self.patience
        if self._paste is None:
            held, self._held = self._held, ""
            if held.strip(_ESC):
                return [held]
            return [events.Key("escape", _ESC) for _ in held]
        self._quiet_seconds += waited
        if self._quiet_seconds < PASTE_SILENCE_SECONDS:
            return []
        paste, self._paste, self._stalled = self._paste, None, True
        paste.add(self._held)
        self._held = ""
        return [events.Paste(paste.text())]

    def _keys(self, text: str, pieces: list[Piece]) -> str:
        """Takes the keys at the beginning of the text; the rest begins inside a paste."""
        before, start, rest = text.partition(_PASTE_START)
        if start:
            keys = before.rstrip(_ESC)
            pieces += [keys] if keys else []
            pieces += [events.Key("escape", _ESC) for _ in range(len(before) - len(keys))]
            self._paste = _Paste(self._paste_limit)
            return rest
        if undecided := _MAYBE_START.search(text):
            self._held = undecided.group()
            text = text[: undecided.start()]
        if text:
            # Textual would take Alt with a digit for a sign of macOS, and with a letter for one that is typed too; as
            # kitty writes them they are what they are.
            pieces.append(_ALT.sub(lambda found: f"\x1b[{ord(found[1])};3u", text))
        return ""

    def _pasted(self, paste: _Paste, text: str, pieces: list[Piece]) -> str:
        """Takes what belongs to the paste; the rest begins behind its ending."""
        end = _ending(text)
        if end < 0:
            if undecided := _MAYBE_END.search(text):
                self._held = undecided.group()
                text = text[: undecided.start()]
            paste.add(text)
            return ""
        paste.add(text[:end])
        self._paste = None
        pieces.append(events.Paste(paste.text()))
        return text[end + len(_PASTE_END) :]


class _Paste:
    """A paste that is still coming: cleaned piece by piece, so that a large one never holds the interpreter long."""

    def __init__(self, limit: int) -> None:
        self._cleaner = Cleaner()
        self._parts: list[str] = []
        self._room = limit
        self._return = ""

    def add(self, text: str) -> None:
        text = text[: self._room]
        self._room -= len(text)
        text, self._return = self._return + text, ""
        if text.endswith("\r"):
            # The newline of this CRLF may be in the next piece.
            text, self._return = text[:-1], "\r"
        self._parts.append(self._cleaner.feed(text.replace("\r\n", "\n").replace("\r", "\n")))

    def text(self) -> str:
        if self._return:
            self._return = ""
            self._parts.append(self._cleaner.feed("\n"))
        return "".join([*self._parts, self._cleaner.rest()])


def _ending(text: str) -> int:
    """Where the paste ends. Of several endings the last one counts: the others were inside the pasted text, unless
    another paste begins right behind the first. Nobody types between two pastes that are read at once."""
    first = text.find(_PASTE_END)
    if text.startswith(_PASTE_START, first + len(_PASTE_END)):
        return first
    return text.rfind(_PASTE_END)


def _goes_on(text: str) -> bool:
    """Whether this is the rest of a paste that had stalled, and not somebody who types again."""
    start, end = text.find(_PASTE_START), text.find(_PASTE_END)
    if start >= 0:
        return 0 <= end < start
    return end >= 0 or len(text) >= _BURST


class _Output:
    """The file that Textual's writer thread writes to. It outlives the terminal: a writer thread that died of a
    closed one would leave the event loop waiting for room in its queue for ever. `on_taken`: the terminal has taken
    what was written."""

    def __init__(self, file: TextIO, on_gone: Callable[[], None], on_taken: Callable[[], None]) -> None:
        self._descriptor = file.fileno()
        self._encoding = file.encoding or "utf-8"
        self._on_gone, self._on_taken = on_gone, on_taken
        self._gone = False
        self.taken = 0
        """Bytes."""

    def write(self, text: str) -> None:
        rest = memoryview(b"" if self._gone else text.encode(self._encoding, "replace"))
        while rest:
            try:
                written = os.write(self._descriptor, rest[:_AT_ONCE])
                rest, self.taken = rest[written:], self.taken + written
            except BlockingIOError:
                # A child made the shared terminal non-blocking.
                select.select([], [self._descriptor], [], 1.0)
            except OSError:
                self._gone = True
                self._on_gone()
                return
        self._on_taken()

    def flush(self) -> None:
        """Nothing waits here."""

    def fileno(self) -> int:
        return self._descriptor


def driver_class() -> type[Driver] | None:
    """The driver to give to the app, or None where Textual's own choice stands (Windows, or one set by the user)."""
    if sys.platform == "win32" or constants.DRIVER:
        return None
    return TerminalDriver


def is_behind(driver: Driver | None) -> bool:
    """The terminal does not take what is drawn: a frame drawn now would hold the event loop. When it takes again the
    whole screen is drawn anew."""
    return sys.platform != "win32" and isinstance(driver, TerminalDriver) and driver.is_behind()


def show_title(driver: Driver | None, title: str) -> None:
    """Show this as the terminal's title, where there is a terminal."""
    if sys.platform != "win32" and isinstance(driver, TerminalDriver):
        driver.show_title(title)


if sys.platform != "win32":
    from textual._ansi_sequences import SYNC_END, SYNC_START
    from textual._xterm_parser import XTermParser
    from textual.drivers.linux_driver import LinuxDriver

    _ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

    class TerminalDriver(LinuxDriver):
        """Textual's Linux and macOS driver with its own input thread, and an orderly exit when it is told to end."""

        def __init__(
            self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
        ) -> None:
            super().__init__(app, debug=debug, mouse=mouse, size=size)
            self._leaving = False
            # The Linux console has no title, and older ones print it.
            self._has_title = os.environ.get("TERM", "") not in {"linux", "dumb", ""}
            self._title = ""
            # Textual writes to stderr; who sends that to a file wants the errors there and the screen here.
            out = next((file for file in (sys.__stderr__, sys.__stdout__) if file is not None and file.isatty()), None)
            if out is not None:
                self._file: Any = _Output(out, self._hang_up, self._taken)
            self._behind = False
            self._frame: list[str] | None = None

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

        def _taken(self) -> None:
            """Told by the writer thread."""
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
            if self._has_title:
                self.write(_KEEP_TITLE)
                self.show_title(self._title)
            for number in _ENDINGS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._loop.add_signal_handler(number, self._leave, 128 + number)

        def stop_application_mode(self) -> None:
            """Give the terminal back as it was found."""
            if self.is_behind() and self._writer_thread is not None:
                self._behind = False
                # What nobody will see any more would hold what follows.
                with suppress(Empty):
                    while True:
                        self._writer_thread._queue.get_nowait()
                self.write(_FRAME_END)
            if self._has_title:
                self.write(_FORMER_TITLE)
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
            if self._has_title and title:
                self.write(f"\x1b]2;{clean_line(title)}\x1b\\")

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
                    for message in parser.feed(piece) if isinstance(piece, str) else (piece,):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)

        def _read(self) -> bytes:
            """What the terminal sent; nothing when it is gone."""
            try:
                return os.read(self.fileno, 64 * 1024)
            except OSError:
                return b""

        def _hang_up(self) -> None:
            """The terminal is gone; told by the input or the writer thread."""
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
            self._app.exit(return_code=return_code)
