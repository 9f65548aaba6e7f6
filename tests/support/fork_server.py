"""A process that has imported what `chat-tui` imports, and forks for each run of it: most of the time of a short run is
that of its imports.

Run as `python -m tests.support.fork_server FD [terminal]`, where FD is a Unix socket. Each message on it is the
arguments, the environment and the folder of a run as JSON, with four files: its stdin, stdout and stderr, and the pipe
to which its exit code is written. The answer is its process id. The end of the socket ends what still runs. With
`terminal` the screen is imported, too, and the first three files are the terminal that a run controls.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import ssl
import sys
import termios
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import entry_points

from chat_tui.cli.parser import build_parser
from chat_tui.config.load import parse
from chat_tui.core.request import Request
from chat_tui.core.text.addresses import cleaned_address
from chat_tui.core.text.lazy_pattern import LazyPattern
from chat_tui.providers.catalogue.quality import prior_of
from chat_tui.providers.catalogue.speed import usual_speed
from chat_tui.routing.ranking.follow_ups import difficulty_in_conversation
from chat_tui.routing.ranking.prompt_features import with_features

IMPORTED = (
    *(
        f"chat_tui.cli.commands.{name}"
        for name in ("ask", "auth", "batch", "compare", "history.command", "models", "config.settings")
    ),
    "chat_tui.bootstrap.open_engine",
    "chat_tui.cli.main",
    "chat_tui.engine.engine",
    "chat_tui.history.store",
    "chat_tui.providers.dialects.openai_chat",
    "chat_tui.providers.http.transport",
    # What httpx imports with the first request, and asyncio with the first connection.
    "anyio._backends._asyncio",
    "certifi",
    "csv",
    "encodings.utf_8_sig",
    "h11",
    "httpcore",
    "importlib.metadata",
    "sniffio",
)
SCREEN = "chat_tui.tui"
"""The package whose modules a run at a terminal imports."""
MESSAGE_BYTES = 1 << 20
FILES = 4


class ForkServer:
    """Starts runs and tells how they ended."""

    def __init__(self, requests: socket.socket, *, at_terminals: bool) -> None:
        self._requests, self._at_terminals = requests, at_terminals
        self._reports: dict[int, int] = {}
        """The pipe for the exit code of each process."""

    def serve(self) -> list[str] | None:
        """The arguments of a run, in the child that is to run them; None when the socket has ended."""
        woken, waker = os.pipe()
        for end in (woken, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if woken in ready:
                    os.read(woken, 1024)
                    self._report_ended()
                if self._requests in ready:
                    message, files, _, _ = socket.recv_fds(self._requests, MESSAGE_BYTES, FILES)
                    if not message:
                        self._end_all()
                        self._requests.close()
                        return None
                    if (pid := os.fork()) == 0:
                        signal.set_wakeup_fd(-1)
                        os.close(woken)
                        os.close(waker)
                        return self._become(message, files)
                    self._reports[pid] = files[-1]
                    for file in files[:-1]:
                        os.close(file)
                    self._requests.send(str(pid).encode())

    def _become(self, message: bytes, files: list[int]) -> list[str]:
        """Give the child its signals, files, environment and folder. Returns its arguments."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._requests.close()
        for number, file in enumerate(files[:-1]):
            os.dup2(file, number)
        for file in (*files, *self._reports.values()):
            os.close(file)
        if self._at_terminals:
            _take_terminal()
        arguments, environment, folder = json.loads(message)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        return list(arguments)

    def _report_ended(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                report = self._reports.pop(pid)
                with suppress(BrokenPipeError):
                    os.write(report, str(os.waitstatus_to_exitcode(status)).encode())
                os.close(report)

    def _end_all(self) -> None:
        for pid in self._reports:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _take_terminal() -> None:
    """Be what a shell starts at the terminal on stdin: with a session, streams and warnings of its own."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", 1, encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.warnoptions.clear()
    warnings.resetwarnings()
    warnings.simplefilter("ignore")


def _modules_of(package: str) -> Iterator[str]:
    return (found.name for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."))


def _warm_up() -> None:
    """Find out and compile what each child would with its first question: all of it is kept."""
    parse(b"", "")
    prior_of("a-model")
    usual_speed("box", "a-model", local=False)
    cleaned_address("http://127.0.0.1/v1")
    with_features(Request(prompt="What is 1 + 1?"))
    difficulty_in_conversation("Yes.", ())
    build_parser().parse_args(["ask", "Hello"])
    entry_points(group="none")
    ssl.create_default_context()
    for module in [module for name, module in sys.modules.items() if name.startswith("chat_tui.")]:
        for value in vars(module).values():
            if isinstance(value, LazyPattern):
                value.search  # noqa: B018


def _end(ended: SystemExit) -> None:
    """End the process as the interpreter does, but do not take all modules apart, which takes a third of a short run.
    Raises `ended` where the interpreter has more to tell: an error for stderr, or a stream that cannot be written to.
    """
    code = 0 if ended.code is None else ended.code
    if not isinstance(code, int):
        raise ended
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    # What was not closed warns.
    gc.collect()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (AttributeError, OSError, ValueError):
        raise ended from None
    os._exit(code & 0xFF)


def main() -> None:
    number, *more = sys.argv[1:]
    for name in (*IMPORTED, *(_modules_of(SCREEN) if more else ())):
        importlib.import_module(name)
    _warm_up()
    gc.collect()
    # Else the first collection of each child copies all pages.
    gc.freeze()
    arguments = ForkServer(socket.socket(fileno=int(number)), at_terminals=bool(more)).serve()
    if arguments is not None:
        sys.argv = ["chat-tui", *arguments]
        try:
            runpy.run_module("chat_tui", run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            _end(ended)


if __name__ == "__main__":
    main()
