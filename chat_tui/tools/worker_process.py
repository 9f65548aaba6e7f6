"""The child process of a tool server, as this process sees it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, TypeAlias

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ToolFailed
from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import PIPE
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.tools import PromptMessage, ServerPrompt, ServerResource, ToolOutput
from chat_tui.tools.messages import WORKER, ListedTool, ServerLaunch, WorkerOrder, WorkerReport

WhenContents: TypeAlias = Callable[[tuple[ServerPrompt, ...], tuple[ServerResource, ...]], None]
"""Takes the prompts and resources that a server lists."""

log = logging.getLogger(__name__)

_GRACE_SECONDS = 4.0
"""A little more than the child gives itself."""
_LINE_BYTES = 100_000_000
_READ_BYTES = 256 * 1024
_THREAD_BYTES = 50_000
"""A longer line is decoded in a thread."""
_LINES_KEPT, _LINE_CHARACTERS = 20, 300
_LOGGED_WORDS = 12
_NETWORK = (
    *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_DIR", "SSL_CERT_FILE"),
)
"""Variables for a child that connects to a server over HTTP."""


class WorkerProcess:
    """A running child with one tool server; `start` makes one."""

    def __init__(
        self,
        name: str,
        process: asyncio.subprocess.Process,
        *,
        when_tools: Callable[[tuple[ListedTool, ...]], None],
        when_contents: WhenContents,
        when_ended: Callable[[], None],
        when_signing_in: Callable[[str], None],
    ) -> None:
        self._name, self._process = name, process
        self._when_tools, self._when_contents = when_tools, when_contents
        self._when_ended, self._when_signing_in = when_ended, when_signing_in
        self._numbers = count(1)
        self._requests: dict[int, asyncio.Future[WorkerReport]] = {}
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the tools are listed; fails with `ToolFailed` if the child ends before."""
        self.ready.add_done_callback(_retrieve)
        self._has_contents = asyncio.Event()
        """Set when prompts and resources are listed, or the child has ended."""
        self._lists_contents = False
        self._problem, self._hint = "", ""
        self.is_stopped = False
        self.has_been_called = False
        self.last_lines: deque[str] = deque(maxlen=_LINES_KEPT)
        """What the server wrote to its standard error last."""
        self._listening = asyncio.create_task(self._listen(), name=f"stderr of the tool server {name}")
        self._reading = asyncio.create_task(self._read(), name=f"tool server {name}")

    @property
    def is_alive(self) -> bool:
        """Whether it still takes calls."""
        return not self._reading.done()

    @property
    def is_busy(self) -> bool:
        """Whether a request is running."""
        return bool(self._requests)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> ToolOutput:
        """Run a tool. Raises `ToolFailed` if the server ends; a cancel ends the call in the child."""
        report = await self._request(WorkerOrder(next(self._numbers), tool=tool, arguments=arguments))
        return report.output or ToolOutput()

    async def get_prompt(self, prompt: str, arguments: Mapping[str, str]) -> Sequence[PromptMessage]:
        """Return the messages of a prompt. Raises `ToolFailed`."""
        report = await self._request(WorkerOrder(next(self._numbers), prompt=prompt, arguments=arguments))
        return report.messages

    async def complete_argument(self, prompt: str, argument: str, typed: Mapping[str, str]) -> Sequence[str]:
        """Return values that complete the one that is typed for an argument of a prompt. Raises `ToolFailed`."""
        order = WorkerOrder(next(self._numbers), prompt=prompt, completes=argument, arguments=typed)
        return (await self._request(order)).values

    async def read_resource(self, uri: str) -> Attachment:
        """Return the content of a resource. Raises `ToolFailed`."""
        report = await self._request(WorkerOrder(next(self._numbers), resource=uri))
        if report.attachment is None:
            raise ToolFailed(
                f"The tool server {self._name} sent no content for {uri}.",
                f"`chat-tui tools test {self._name}` lists what it has.",
            )
        return report.attachment

    async def list_contents(self) -> None:
        """Wait until prompts and resources are listed, or the child has ended. Raises `ToolFailed`."""
        if not self._lists_contents:
            self._lists_contents = True
            await self._send(WorkerOrder(next(self._numbers), lists_contents=True))
        await self._has_contents.wait()

    async def _request(self, order: WorkerOrder) -> WorkerReport:
        """Return the reply. Raises `ToolFailed` if the server refuses the request, or ends; a cancel ends it in the
        child."""
        self.has_been_called = True
        future: asyncio.Future[WorkerReport] = asyncio.get_running_loop().create_future()
        self._requests[order.id] = future
        try:
            await self._send(order)
            report = await future
        except asyncio.CancelledError:
            self._write(WorkerOrder(order.id))
            raise
        finally:
            self._requests.pop(order.id, None)
        if report.problem:
            raise ToolFailed(f"{report.problem}.", report.hint)
        return report

    async def stop(self) -> None:
        """End the child and its server by closing stdin, or by force after a grace period."""
        self.is_stopped = True
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            self.kill()
        await self._process.wait()
        await asyncio.wait([self._reading, self._listening], timeout=_GRACE_SECONDS)

    def kill(self) -> None:
        """Kill the child, its server, and whatever that has started: all are in one process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def failure(self) -> ToolFailed:
        """Return why the server is gone."""
        if self.is_stopped:
            return ToolFailed(f"The tool server {self._name} was stopped.", "Ask again to start it.")
        what = self._problem or "its process ended unexpectedly"
        hint = self._hint or f"`chat-tui tools test {self._name}` shows what it writes."
        begun = "has failed" if self.has_been_called else "cannot be used"
        return ToolFailed(f"The tool server {self._name} {begun}: {what}.", hint)

    async def launch(self, launch: ServerLaunch) -> None:
        """Tell the child what to start."""
        await self._write_line(msgspec.json.encode(launch))

    async def _send(self, order: WorkerOrder) -> None:
        await self._write_line(msgspec.json.encode(order))

    async def _write_line(self, line: bytes) -> None:
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing() or not self.is_alive:
            raise self.failure()
        try:
            stdin.write(line + b"\n")
            await stdin.drain()
        except OSError:
            await asyncio.wait([self._reading], timeout=_GRACE_SECONDS)
            raise self.failure() from None

    def _write(self, order: WorkerOrder) -> None:
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing() and self.is_alive:
            stdin.write(msgspec.json.encode(order) + b"\n")

    async def _read(self) -> None:
        """Take the child's reports until it ends; then all calls fail."""
        stdout = self._process.stdout
        assert stdout is not None
        pieces: list[bytes] = []
        size = 0
        try:
            while size <= _LINE_BYTES and (piece := await stdout.read(_READ_BYTES)):
                first, *rest = piece.split(b"\n")
                pieces.append(first)
                size += len(first)
                for beginning in rest:
                    await self._take(b"".join(pieces))
                    pieces, size = [beginning], len(beginning)
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("tools: reports of %s cannot be read: %s", self._name, error)
        finally:
            self.kill()
            self._end()

    async def _take(self, line: bytes) -> None:
        if len(line) > _THREAD_BYTES:
            report = await asyncio.to_thread(msgspec.json.decode, line, type=WorkerReport)
        else:
            report = msgspec.json.decode(line, type=WorkerReport)
        if report.kind == "tools":
            self._when_tools(report.tools)
            if not self.ready.done():
                self.ready.set_result(None)
        elif report.kind == "contents":
            self._when_contents(report.prompts, report.resources)
            self._has_contents.set()
        elif report.kind == "sign-in":
            self._when_signing_in(report.address)
        elif report.kind == "problem":
            self._problem, self._hint = report.problem, report.hint
        elif (future := self._requests.get(report.id)) is not None and not future.done():
            future.set_result(report)

    def _end(self) -> None:
        self._has_contents.set()
        for future in self._requests.values():
            if not future.done():
                future.set_exception(self.failure())
        if not self.ready.done():
            self.ready.set_exception(self.failure())
        self._when_ended()

    async def _listen(self) -> None:
        """Keep the last lines of the server's standard error, and log it until the first call: from then on it may
        quote what the user has written."""
        assert self._process.stderr is not None
        rest = b""
        while piece := await self._process.stderr.read(4096):
            *lines, rest = (rest + piece).split(b"\n")
            rest = rest[-4096:]
            for line in lines:
                if text := clean_line(line.decode("utf-8", "replace"), _LINE_CHARACTERS):
                    self.last_lines.append(text)
                    words = text if self.has_been_called else text.split()[:_LOGGED_WORDS]
                    log.debug("tools: %s wrote %s", self._name, words)


def _retrieve(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()


async def start_worker(
    name: str,
    launch: ServerLaunch,
    *,
    when_tools: Callable[[tuple[ListedTool, ...]], None],
    when_contents: WhenContents,
    when_ended: Callable[[], None],
    when_signing_in: Callable[[str], None] = lambda address: None,
    environ: Mapping[str, str] = os.environ,
    python: str = sys.executable,
) -> WorkerProcess:
    """Start the child, which starts the server; `ready` tells when its tools are listed. Raises `ToolFailed`."""
    command = child_process.python_command(
        WORKER, allowed=_NETWORK if launch.url else (), environment=environ, python=python
    )
    try:
        process = await child_process.start(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, new_session=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ToolFailed(f"The tool server {name} cannot be started: {reason}.", "Try again.") from None
    worker = WorkerProcess(
        name,
        process,
        when_tools=when_tools,
        when_contents=when_contents,
        when_ended=when_ended,
        when_signing_in=when_signing_in,
    )
    try:
        await worker.launch(launch)
    except BaseException:
        worker.kill()
        raise
    return worker
