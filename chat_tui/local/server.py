"""The built-in model's server: a child process, started when it is needed and started again when it has died."""

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

from chat_tui.core import child_process
from chat_tui.core.child_process import PIPE
from chat_tui.errors import LocalModelError
from chat_tui.local.child import ChildConfig, ChildReport
from chat_tui.models import LOCAL_MODEL
from chat_tui.text_safety import clean_line

_SOCKET = "s.sock"
_START_SECONDS = 60.0
_GRACE_SECONDS = 2.0
_LINES_KEPT = 8
_LONGEST_SOCKET_PATH = 96
"""Bytes; the systems' own limits are 104 and 108."""


class Address(msgspec.Struct, frozen=True):
    """Where the server listens."""

    socket_path: str | None
    """A unix socket; None: `base_url` has host and port."""
    base_url: str
    api_key: str


class Source(Protocol):
    """Whoever knows the file with the weights, or the folder with llama.cpp's module."""

    async def path(self) -> Path:
        """The file or folder, looked at. Raises `LocalModelError`."""


class LocalServer:
    """llama.cpp in a child process that speaks the OpenAI dialect."""

    def __init__(
        self,
        weights: Source,
        *,
        runtime: Source | None = None,
        model: str = LOCAL_MODEL,
        context_window: int = 2048,
        threads: int | None = None,
        python: str = sys.executable,
        unix_socket: bool = os.name == "posix",
    ) -> None:
        self._weights, self._model = weights, model
        self._runtime = runtime
        """None: the environment has llama.cpp."""
        self._context_window = context_window
        self._threads = threads or default_threads(os.cpu_count() or 1)
        self._python = python
        self._unix_socket = unix_socket
        self._child: _Child | None = None
        self._starting: asyncio.Task[_Child] | None = None
        self._died: str | None = None

    @property
    def alive(self) -> bool:
        """The child runs and listens."""
        return self._child is not None and self._child.process.returncode is None

    @property
    def pid(self) -> int | None:
        """The child's, None when it does not run."""
        return self._child.process.pid if self._child is not None and self.alive else None

    def died(self) -> str | None:
        """Why the child ended without having been asked to, the last time it did; None when it never did."""
        self._bury()
        return self._died

    async def address(self) -> Address:
        """Where the running child listens; starts one when there is none. Raises `LocalModelError`.

        Callers share one start. It goes on when they are cancelled, and `stop` ends it.
        """
        self._bury()
        if self._child is not None:
            return self._child.address
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(), name="start llama.cpp")
            self._starting.add_done_callback(self._started)
        return (await asyncio.shield(self._starting)).address

    async def stop(self) -> None:
        """End the child and leave nothing behind; harmless when none runs."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    def _started(self, task: asyncio.Task[_Child]) -> None:
        self._starting = None
        if not task.cancelled():
            task.exception()  # Looked at, also when nobody waits any more.

    def _bury(self) -> None:
        child = self._child
        if child is not None and child.process.returncode is not None:
            self._died = child.last_words()
            self._child = None
            child.forget()

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
            )
            child = _Child(await self._spawn(), folder)
            await child.greet(config)
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
            "chat_tui.local.child",
            allowed=child_process.COMPUTING,
            environment=environment,
            python=self._python,
        )
        try:
            return await child_process.start(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, new_session=True)
        except OSError as error:
            raise _failed(f"its process cannot be started ({error.strerror or error})", "Try again.") from error


class _Child:
    """One running child process."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path | None) -> None:
        self.process = process
        self.address = Address(None, "", "")
        self._folder = folder
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._listening = asyncio.create_task(self._listen(), name="llama.cpp's stderr")

    async def _listen(self) -> None:
        """Keep the last lines that the child writes."""
        assert self.process.stderr is not None
        rest = b""
        while piece := await self.process.stderr.read(4096):
            *lines, rest = (rest + piece).split(b"\n")
            rest = rest[-1000:]
            for line in lines:
                if text := clean_line(line.decode("utf-8", "replace")):
                    self._lines.append(text)

    async def greet(self, config: ChildConfig) -> None:
        """Tell the child what to serve and wait until it listens."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(msgspec.json.encode(config) + b"\n")
            await stdin.drain()
            async with asyncio.timeout(_START_SECONDS):
                line = await stdout.readline()
        except TimeoutError:
            raise _failed(f"it was not ready after {_START_SECONDS:.0f} s", "Is the machine very busy?") from None
        except (OSError, ValueError):
            line = b""
        try:
            report = msgspec.json.decode(line, type=ChildReport)
        except msgspec.DecodeError:
            await self.process.wait()
            await asyncio.wait([self._listening], timeout=_GRACE_SECONDS)
            raise _failed(self.last_words(), _hint(self.process.returncode)) from None
        if report.error:
            raise _reported(report)
        self.address = Address(
            config.socket_path or None,
            "http://localhost/v1" if config.socket_path else f"http://127.0.0.1:{report.port}/v1",
            config.api_key,
        )

    def last_words(self) -> str:
        """Why it ended, with the last that it wrote."""
        code = self.process.returncode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"its process was ended by {signal.Signals(-code).name}{self._quoted()}"
        return f"its process ended with code {code}{self._quoted()}"

    def _quoted(self) -> str:
        return f": {clean_line(' / '.join(tuple(self._lines)[-3:]), 400)}" if self._lines else ""

    async def end(self) -> None:
        """End it: by the end of its stdin, by force when that does not help."""
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
            self.forget()
        await self.process.wait()
        await asyncio.wait([self._listening], timeout=_GRACE_SECONDS)

    def forget(self) -> None:
        """Remove what is left of it on disk."""
        if self._folder:
            _remove(self._folder)


def default_threads(cores: int) -> int:
    """Threads for a small model: both of two cores; of more, the half (the other half are mostly no real cores)."""
    return cores if cores <= 2 else min(8, max(2, cores // 2))


def _socket_folder() -> Path:
    """A fresh folder for nobody else, with a path short enough for a socket in it. Raises `LocalModelError`."""
    import tempfile

    for base in (tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"):
        if os.path.isabs(base) and len(os.fsencode(base)) + len("/chat-tui-12345678/s.sock") <= _LONGEST_SOCKET_PATH:
            with contextlib.suppress(OSError):
                return Path(tempfile.mkdtemp(prefix="chat-tui-", dir=base))
    raise _failed("there is no folder for its socket", "Let TMPDIR name a folder that can be written to.")


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        (folder / _SOCKET).unlink(missing_ok=True)
        folder.rmdir()


def _hint(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "It needs about 350 MB of memory: was there enough? Another model can be chosen with Ctrl+O."
    return "Try again. When `[local] weights` names a file of your own, it may not be one that llama.cpp can run."


def _reported(report: ChildReport) -> LocalModelError:
    told = clean_line(report.error, 300)
    if not report.platform:
        return _failed(told, _hint(None))
    if "libgomp" in told:
        return _failed(told, "Install OpenMP's runtime (the system package `libgomp1` or `libgomp`) and try again.")
    return _failed(
        f"llama.cpp is not there for this machine ({told})",
        "Install `xllamacpp` if it exists for it, or set a key or a server's address in the config.",
    )


def _failed(why: str, hint: str) -> LocalModelError:
    return LocalModelError(f"The built-in model cannot run: {why}.", hint, provider="local", model=LOCAL_MODEL)
