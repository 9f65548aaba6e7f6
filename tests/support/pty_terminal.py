"""A terminal for black-box tests and benchmarks: runs a command at a pseudo terminal, answers as a terminal does, and
keeps every byte with the time it came."""

from __future__ import annotations

import fcntl
import importlib
import importlib.util
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self, TypeAlias

SOON_SECONDS = 60.0
"""Timeout in seconds for what normally takes less than one; a busy machine may need more."""
_QUERY = re.compile(rb"\x1b\[(?:(\?)(\d+)\$p|([>=]?)0?c|([56])n|\?u)")
_MODES = {b"2026": b"2"}
"""What DECRQM is told: synchronised output is known and off; other modes are not known."""


class TerminalProcess(Protocol):
    """What runs at the terminal, as `subprocess.Popen` has it."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float) -> int: ...

    def send_signal(self, number: int) -> None: ...


StartAtTerminal: TypeAlias = Callable[[Sequence[str], int, Mapping[str, str], Path | None], TerminalProcess]
"""Starts a command at the terminal with this file descriptor, with an environment and in a folder."""


def start_at_terminal(
    command: Sequence[str], terminal: int, env: Mapping[str, str], folder: Path | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=env,
        cwd=folder,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # As a terminal's shell leaves them, also where the tests run in the background or under `nohup`.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class PtyTerminal:
    """One process at a pseudo terminal of its own; a context manager that always ends what it started.

    Times are of `time.monotonic()`. `offset` arguments are counts of bytes written by the process so far, so that
    `start = terminal.written; terminal.send(b"x"); terminal.wait_for("x", offset=start)` looks only at what came after.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        columns: int = 120,
        rows: int = 40,
        folder: Path | None = None,
        start: StartAtTerminal = start_at_terminal,
    ) -> None:
        self.columns, self.rows = columns, rows
        self._raw = bytearray()
        self._ends: list[int] = []
        self._times: list[float] = []
        self._news = threading.Condition()
        self._closing = self._ended = False
        self._flows = threading.Event()
        self._flows.set()
        self._screen: Any = None
        self._shown = 0
        self._master, slave = pty.openpty()
        self._set_size(columns, rows)
        given = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **(env or os.environ)}
        self.started = time.monotonic()
        self._process = start(command, slave, given, folder)
        os.close(slave)
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, name="pty-reader", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What the process writes

    @property
    def written(self) -> int:
        """Bytes that the process has written so far."""
        return len(self._raw)

    def raw(self, offset: int = 0) -> bytes:
        """The bytes that the process has written, from an offset on."""
        with self._news:
            return bytes(self._raw[offset:])

    def time_of(self, end: int) -> float:
        """The time at which the byte before offset `end` came."""
        return self._times[bisect_left(self._ends, end)]

    def wait_for(
        self, pattern: str | bytes | re.Pattern[bytes], timeout_seconds: float = SOON_SECONDS, offset: int = 0
    ) -> float:
        """The time at which the raw bytes held the text or pattern. Raises TimeoutError, with the screen in it."""
        if isinstance(pattern, str):
            pattern = pattern.encode()
        wanted = re.compile(re.escape(pattern)) if isinstance(pattern, bytes) else pattern
        end = time.monotonic() + timeout_seconds
        looked = offset
        with self._news:
            while True:
                if len(self._raw) > looked and (match := wanted.search(self._raw, max(offset, looked - 256))):
                    return self.time_of(match.end())
                looked = len(self._raw)
                self._wait_for_news(end, f"never wrote {wanted.pattern!r}")

    def wait_until(self, true: Callable[[str], bool], timeout_seconds: float = SOON_SECONDS) -> str:
        """The screen's text as soon as `true(text)`. Raises TimeoutError, with the screen in it."""
        end = time.monotonic() + timeout_seconds
        while True:
            seen = self.written
            text = self.text()
            if true(text):
                return text
            with self._news:
                if len(self._raw) == seen:
                    self._wait_for_news(end, "the screen never came to it")

    def wait_quiet(self, seconds: float = 0.3, timeout_seconds: float = SOON_SECONDS) -> None:
        """Wait until nothing was written for `seconds`, or until the timeout."""
        end = time.monotonic() + timeout_seconds
        while (now := time.monotonic()) < end:
            silent = now - (self._times[-1] if self._times else self.started)
            if silent >= seconds:
                return
            time.sleep(min(seconds - silent, end - now))

    def lines(self) -> list[str]:
        """The lines of the screen now (needs pyte)."""
        if self._screen is None:
            pyte = importlib.import_module("pyte")
            screen = pyte.Screen(self.columns, self.rows)
            self._screen = (screen, pyte.ByteStream(screen))
        screen, stream = self._screen
        with self._news:
            fresh = bytes(self._raw[self._shown :])
            self._shown = len(self._raw)
        stream.feed(fresh)
        return [line.rstrip() for line in screen.display]

    def text(self) -> str:
        """The text of the screen now."""
        return "\n".join(self.lines())

    # What the user does

    def send(self, keys: bytes | str) -> float:
        """Type keys; returns the time at which the bytes were written."""
        raw = keys.encode() if isinstance(keys, str) else keys
        now = time.monotonic()
        while raw:
            raw = raw[os.write(self._master, raw) :]
        return now

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size; the kernel tells the process."""
        self.columns, self.rows = columns, rows
        self._set_size(columns, rows)
        if self._screen is not None:
            self._screen[0].resize(rows, columns)

    def hold(self) -> None:
        """Stop reading from the process, as a terminal does after Ctrl+S."""
        self._flows.clear()

    def let_go(self) -> None:
        """Read from the process again, after `hold`."""
        self._flows.set()

    # What the process costs

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def wait_exit(self, timeout_seconds: float = SOON_SECONDS) -> int:
        """The exit code, after reading all output. Raises subprocess.TimeoutExpired."""
        code = self._process.wait(timeout_seconds)
        while self._flows.is_set() and self._has_more():
            time.sleep(0.001)
        return code

    def cpu_seconds(self) -> float:
        """CPU time of the process and all its living descendants; ended children count in hundredths."""
        return sum(_cpu_seconds(pid) for pid in self.tree())

    def resident_bytes(self) -> int:
        """Memory of the process and its descendants, shared pages counted for each."""
        return sum(_resident_bytes(pid) for pid in self.tree())

    def tree(self) -> list[int]:
        """The process and its living descendants."""
        found = [self.pid]
        for pid in found:
            found.extend(_children(pid))
        return found

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the process alone."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def hang_up(self) -> None:
        """Close the terminal under the process, as a closed window does."""
        if not self._closing:
            self._closing = True
            self._reader.join(5)
            os.close(self._master)

    def close(self) -> None:
        """End the process, its descendants and the terminal; may be called again."""
        if self._process.poll() is None:
            for pid in reversed(self.tree()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait(10)
        self.hang_up()

    # Inside

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _wait_for_news(self, end: float, complaint: str) -> None:
        left = end - time.monotonic()
        if left <= 0 or self._ended or not self._news.wait(left):
            screen = "\n".join(self.lines()) if importlib.util.find_spec("pyte") else repr(bytes(self._raw[-2000:]))
            raise TimeoutError(f"{complaint}; alive: {self.alive}; the screen:\n{screen}")

    def _has_more(self) -> bool:
        """Whether the terminal has unread output."""
        with self._news:
            return not self._ended and bool(select.select([self._master], [], [], 0)[0])

    def _read(self) -> None:
        carried = b""
        while not self._closing:
            if not self._flows.wait(0.1) or not select.select([self._master], [], [], 0.1)[0]:
                continue
            with self._news:
                try:
                    piece = os.read(self._master, 65536)
                except OSError:
                    break
                now = time.monotonic()
                if not piece:
                    break
                self._raw += piece
                self._ends.append(len(self._raw))
                self._times.append(now)
                self._news.notify_all()
            carried = self._answer(carried + piece)
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _answer(self, text: bytes) -> bytes:
        """Answer the terminal queries in the text; returns an incomplete query at its end, for the next call."""
        done = 0
        for match in _QUERY.finditer(text):
            done = match.end()
            private, mode, device, report = match.groups()
            if private:
                self._reply(b"\x1b[?%b;%b$y" % (mode, _MODES.get(mode, b"0")))
            elif report:
                self._reply(b"\x1b[0n" if report == b"5" else b"\x1b[1;1R")
            elif device == b"":
                self._reply(b"\x1b[?62;22c")
            elif device == b">":
                self._reply(b"\x1b[>1;10;0c")
        tail = text[done:][-12:]
        return tail[tail.rfind(b"\x1b") :] if b"\x1b" in tail else b""

    def _reply(self, raw: bytes) -> None:
        with suppress(OSError):
            os.write(self._master, raw)


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                yield from map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())


def _cpu_seconds(pid: int) -> float:
    try:
        # The kernel's CPU clock of another process: nanoseconds, its ended threads included.
        own = time.clock_gettime((~pid << 3) | 2)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return own + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _resident_bytes(pid: int) -> int:
    with suppress(OSError):
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0
