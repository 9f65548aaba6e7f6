"""The server of a local model: a child process that is started on demand, and again after it has died."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Protocol

import msgspec

from chat_tui.core.errors import LocalModelError
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import PIPE
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.text.excerpts import shorten
from chat_tui.local.server_worker import ChildConfig, ChildReport

_SOCKET = "s.sock"
_START_SECONDS = 60.0
_GRACE_SECONDS = 2.0
_LINES_KEPT = 8
_LONGEST_SOCKET_PATH = 96
"""Bytes; the limits are 104 on macOS and 108 on Linux."""


class ServerAddress(msgspec.Struct, frozen=True):
    """Where the server listens."""

    socket_path: str | None
    """A unix socket; None: `base_url` has host and port."""
    base_url: str
    api_key: str


class WeightsSource(Protocol):
    """Provides the file with the weights, or the folder with llama.cpp's module."""

    async def path(self) -> Path:
        """The checked file or folder. Raises `LocalModelError`."""


class LocalServer:
    """llama.cpp in a child process that speaks the OpenAI dialect."""

    def __init__(
        self,
        weights: WeightsSource,
        *,
        runtime: WeightsSource | None = None,
        model: str = LOCAL_MODEL,
        context_window: int = 2048,
        threads: int | None = None,
        python: str = sys.executable,
        unix_socket: bool = os.name == "posix",
        embeddings: bool = False,
    ) -> None:
        self._weights, self._model = weights, model
        self._runtime = runtime
        """None if the environment has llama.cpp."""
        self._context_window = context_window
        self._threads = threads or default_threads(os.cpu_count() or 1)
        self._python = python
        self._unix_socket, self._embeddings = unix_socket, embeddings
        self._child: _Child | None = None
        self._starting: asyncio.Task[_Child] | None = None
        self._died: str | None = None

    @property
    def alive(self) -> bool:
        """Whether the child is running and listening."""
        return self._child is not None and self._child.process.returncode is None

    @property
    def pid(self) -> int | None:
        """The child's process id; None if it is not running."""
        return self._child.process.pid if self._child is not None and self.alive else None

    def last_exit(self) -> str | None:
        """Why the child last ended by itself; None if it never did."""
        self._reap()
        return self._died

    async def address(self) -> ServerAddress:
        """The address of the running child; starts one if needed. Raises `LocalModelError`.

        Callers share one start. It continues when they are cancelled; `stop` ends it.
        """
        self._reap()
        if self._child is not None:
            return self._child.address
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(), name="start llama.cpp")
            self._starting.add_done_callback(self._finish_start)
        return (await asyncio.shield(self._starting)).address

    async def stop(self) -> None:
        """Stop the child, if there is one, and remove its files."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    def _finish_start(self, task: asyncio.Task[_Child]) -> None:
        self._starting = None
        if not task.cancelled():
            task.exception()  # Retrieved even if no caller is waiting any more.

    def _reap(self) -> None:
        child = self._child
        if child is not None and child.process.returncode is not None:
            self._died = child.exit_reason()
            self._child = None
            child.remove_files()

    async def _start(self) -> _Child:
        weights = await self._weights.path()
        runtime = await self._runtime.path() if self._runtime is not None else None
        folder = _socket_folder() if self._unix_socket else None
        child: _Child | None = None
        try:
            config = ChildConfig(
                weights=str(weights.absolute()),
                api_key=os.urandom(24).hex(),
                runtime=str(runtime.absolute()) if runtime is not None else "",
                alias=self._model.partition("/")[2],
                built_in=self._model == LOCAL_MODEL,
                context_window=self._context_window,
                threads=self._threads,
                socket_path=str(folder / _SOCKET) if folder else "",
                embeddings=self._embeddings,
            )
            child = _Child(await self._spawn(), folder)
            await child.configure(config)
        except BaseException:
            if child is not None:
                await child.end()
            elif folder:
                _remove(folder)
            raise
        self._child = child
        return child

    async def _spawn(self) -> asyncio.subprocess.Process:
        # With OpenMP's own 300,000 spins two threads lose most of their speed as soon as anything else wants a core.
        environment = {"GOMP_SPINCOUNT": "10000", **os.environ}
        command = child_process.python_command(
            "chat_tui.local.server_worker",
            allowed=child_process.COMPUTING,
            environment=environment,
            python=self._python,
        )
        try:
            return await child_process.start(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, new_session=True)
        except OSError as error:
            raise _failure(f"its process cannot be started ({error.strerror or error})", "Try again.") from error


class _Child:
    """One running child process."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path | None) -> None:
        self.process = process
        self.address = ServerAddress(None, "", "")
        self._folder = folder
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._listening = asyncio.create_task(self._listen(), name="llama.cpp's stderr")

    async def _listen(self) -> None:
        """Keep the last lines of the child's stderr."""
        assert self.process.stderr is not None
        rest = b""
        while piece := await self.process.stderr.read(4096):
            *lines, rest = (rest + piece).split(b"\n")
            rest = rest[-1000:]
            for line in lines:
                if text := clean_line(line.decode("utf-8", "replace")):
                    self._lines.append(text)

    async def configure(self, config: ChildConfig) -> None:
        """Send the child its configuration and wait until it listens."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(msgspec.json.encode(config) + b"\n")
            await stdin.drain()
            async with asyncio.timeout(_START_SECONDS):
                line = await stdout.readline()
        except TimeoutError:
            raise _failure(f"it was not ready after {_START_SECONDS:.0f} s", "Is the machine very busy?") from None
        except (OSError, ValueError):
            line = b""
        try:
            report = msgspec.json.decode(line, type=ChildReport)
        except msgspec.DecodeError:
            await self.process.wait()
            await asyncio.wait([self._listening], timeout=_GRACE_SECONDS)
            raise _failure(self.exit_reason(), _hint(self.process.returncode)) from None
        if report.error:
            raise _error_of(report)
        self.address = ServerAddress(
            config.socket_path or None,
            "http://localhost/v1" if config.socket_path else f"http://127.0.0.1:{report.port}/v1",
            config.api_key,
        )

    def exit_reason(self) -> str:
        """Why the process ended, with the last lines that it wrote."""
        code = self.process.returncode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"its process was ended by {signal.Signals(-code).name}{self._last_lines()}"
        return f"its process ended with code {code}{self._last_lines()}"

    def _last_lines(self) -> str:
        return f": {shorten(' / '.join(tuple(self._lines)[-3:]), 400)}" if self._lines else ""

    async def end(self) -> None:
        """Stop the process by closing its stdin, or by force after a grace period."""
        try:
            if self.process.stdin is not None:
                self.process.stdin.close()
            async with asyncio.timeout(_GRACE_SECONDS):
                await self.process.wait()
        except TimeoutError:
            pass
        finally:
            if self.process.returncode is None:
                # The process's own `kill` may take its exit code away from asyncio, which then warns on the screen.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.process.pid, signal.SIGKILL)
            self.remove_files()
        await self.process.wait()
        await asyncio.wait([self._listening], timeout=_GRACE_SECONDS)

    def remove_files(self) -> None:
        """Remove its socket and folder."""
        if self._folder:
            _remove(self._folder)


def default_threads(cores: int) -> int:
    """Threads for a small model: all of two cores, half of more, since the others are mostly hyper-threads."""
    return cores if cores <= 2 else min(8, max(2, cores // 2))


def _socket_folder() -> Path:
    """A new private folder whose path is short enough for a socket in it. Raises `LocalModelError`."""
    import tempfile

    for base in (tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"):
        if os.path.isabs(base) and len(os.fsencode(base)) + len("/chat-tui-12345678/s.sock") <= _LONGEST_SOCKET_PATH:
            with contextlib.suppress(OSError):
                return Path(tempfile.mkdtemp(prefix="chat-tui-", dir=base))
    raise _failure("no folder could be created for its socket", "Set TMPDIR to a writable folder.")


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        (folder / _SOCKET).unlink(missing_ok=True)
        folder.rmdir()


def _hint(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "It needs about 350 MB of memory. If that much is not free, choose another model with Ctrl+O."
    return "Try again. If `[local] weights` names your own file, llama.cpp may be unable to run it."


def _error_of(report: ChildReport) -> LocalModelError:
    reason = shorten(report.error, 300)
    if not report.platform:
        return _failure(reason, _hint(None))
    if "libgomp" in reason:
        return _failure(reason, "Install OpenMP's runtime (the system package `libgomp1` or `libgomp`) and try again.")
    return _failure(
        f"llama.cpp is not available for this machine ({reason})",
        "Install `xllamacpp` if there is a build for it, or set a key or a server's address in the config.",
    )


def _failure(why: str, hint: str) -> LocalModelError:
    return LocalModelError(f"The built-in model cannot run: {why}.", hint, provider="local", model=LOCAL_MODEL)
