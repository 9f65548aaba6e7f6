"""Runs of `chat-tui` by a fork server, for tests of what it does and not of how it starts."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from asyncio.streams import FlowControlMixin
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

HAS_FORK = sys.platform == "linux"
"""Elsewhere a process with the system's frameworks must not fork without `exec`."""
_OF_THE_INTERPRETER = ("PYTHON", "LC_", "LANG")
"""Begins of the names of environment variables that count when the interpreter starts."""
_WARNINGS = ("PYTHONWARNINGS", "error")
"""The one of them that the fork server has got, too."""


class ForkedProcess:
    """A running `chat-tui`, with the attributes and methods of `asyncio.subprocess.Process`."""

    def __init__(
        self,
        pid: int,
        code: int,
        stdin: asyncio.StreamWriter | None,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader,
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._code = code
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._loop.add_reader(code, self._take_code)

    def _take_code(self) -> None:
        self.returncode = int(os.read(self._code, 16) or -signal.SIGKILL)
        self._loop.remove_reader(self._code)
        os.close(self._code)
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self, given: bytes | None = None) -> tuple[bytes, bytes]:
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self._give(given))
        await self.wait()
        return out, err

    async def _give(self, given: bytes | None) -> None:
        if self.stdin is None:
            return
        with suppress(BrokenPipeError, ConnectionResetError):
            if given:
                self.stdin.write(given)
                await self.stdin.drain()
            self.stdin.close()

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkedScreen:
    """A running `chat-tui` at a terminal, with what a terminal asks of `subprocess.Popen`."""

    def __init__(self, pid: int, code: int) -> None:
        self.pid = pid
        self._code = code
        self._returned: int | None = None

    def poll(self) -> int | None:
        if self._returned is None and select.select([self._code], [], [], 0)[0]:
            self._returned = int(os.read(self._code, 16) or -signal.SIGKILL)
            os.close(self._code)
        return self._returned

    def wait(self, timeout: float) -> int:
        if self._returned is None:
            select.select([self._code], [], [], timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("chat-tui", timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def can_fork(environment: Mapping[str, str]) -> bool:
    """Whether a fork of the server is like a process that starts with this environment."""
    counting = [(name, value) for name, value in environment.items() if name.startswith(_OF_THE_INTERPRETER)]
    return HAS_FORK and counting == [_WARNINGS]


async def start_forked(*arguments: str, environment: Mapping[str, str], stdin: int) -> ForkedProcess:
    """Run `chat-tui` with these arguments; `stdin` is `asyncio.subprocess.PIPE` or `DEVNULL`."""
    (out, out_end), (err, err_end), (code, code_end) = os.pipe(), os.pipe(), os.pipe()
    given, given_end = os.pipe() if stdin == asyncio.subprocess.PIPE else (os.open(os.devnull, os.O_RDONLY), None)
    ends = [given, out_end, err_end, code_end]
    try:
        pid = _ask_server([list(arguments), dict(environment), os.getcwd()], ends)
    finally:
        for end in ends:
            os.close(end)
    writer = None if given_end is None else await _writer(given_end)
    return ForkedProcess(pid, code, writer, await _reader(out), await _reader(err))


def can_fork_screen(environment: Mapping[str, str]) -> bool:
    """Whether a fork of the server is like a process that starts with this environment at a terminal."""
    counting = {name: value for name, value in environment.items() if name.startswith(_OF_THE_INTERPRETER)}
    return HAS_FORK and counting.keys() <= {"LANG", "PYTHONPATH"} and counting.get("LANG") == "C.UTF-8"


def start_forked_screen(
    arguments: Sequence[str], terminal: int, environment: Mapping[str, str], folder: Path | None
) -> ForkedScreen:
    """Run `chat-tui` with these arguments at a terminal, which it controls."""
    code, code_end = os.pipe()
    try:
        request: list[object] = [list(arguments), dict(environment), str(folder or os.getcwd())]
        pid = _ask_server(request, [terminal, terminal, terminal, code_end], "terminal")
    finally:
        os.close(code_end)
    return ForkedScreen(pid, code)


async def _reader(file: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(file, "rb", 0))
    return reader


async def _writer(file: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(FlowControlMixin, os.fdopen(file, "wb", 0))
    return asyncio.StreamWriter(transport, protocol, None, loop)


def _ask_server(request: list[object], files: list[int], *options: str) -> int:
    server = _server(*options)
    socket.send_fds(server, [json.dumps(request).encode()], files)
    return int(server.recv(16))


@cache
def _server(*options: str) -> socket.socket:
    """The socket of the fork server with these options, started with the first run and ended with this process."""
    # Keeps messages apart.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_INTERPRETER)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno()), *options],
        # Pipes, so that the streams that Python makes of them are those of a run.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=kept | dict([_WARNINGS]),
        pass_fds=[theirs.fileno()],
    )
    theirs.close()

    @atexit.register
    def end() -> None:
        ours.close()
        with process:
            process.wait(10)

    return ours
