"""One tool server of the config: started on demand, and again after it has ended, but not endlessly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from chat_tui.config.schema import ToolRow
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ToolFailed
from chat_tui.core.text.log_filter import hide_in_log
from chat_tui.core.text.redaction import Credential
from chat_tui.core.tools import (
    OfferedTool,
    PromptMessage,
    ServerPrompt,
    ServerResource,
    Tool,
    ToolOutput,
    ToolServerStatus,
)
from chat_tui.tools.launch import launch_of, shown_source
from chat_tui.tools.messages import ListedTool
from chat_tui.tools.sdk import install_command, is_installed
from chat_tui.tools.worker_process import WorkerProcess, start_worker

RETRY_SECONDS, RETRY_FACTOR, MOST_RETRY_SECONDS = 5.0, 4.0, 300.0
"""How long a server that has failed is left alone, and how much longer after each further failure. One that was ready
before is started again at once, the first time."""


_ReplyT = TypeVar("_ReplyT")


class ToolServer(Protocol):
    """Something that offers tools and runs them; some offer prompts and resources besides."""

    @property
    def name(self) -> str:
        """Its name in the config."""

    @property
    def is_busy(self) -> bool:
        """Whether it is starting or a call is running."""

    def status(self) -> ToolServerStatus:
        """Its status; names of its tools are not unique among those of other servers."""

    async def start(self) -> Sequence[OfferedTool]:
        """Start it if it is not running, and return its tools. Raises `ToolFailed`."""

    async def call(self, own_name: str, arguments: Mapping[str, Any]) -> ToolOutput:
        """Run a tool. Raises `ToolFailed`."""

    async def list_contents(self) -> None:
        """Start it if it is not running, and wait until its status has its prompts and resources. Raises
        `ToolFailed`."""

    async def get_prompt(self, prompt: str, arguments: Mapping[str, str]) -> Sequence[PromptMessage]:
        """Return the messages of a prompt. Raises `ToolFailed`."""

    async def complete_argument(self, prompt: str, argument: str, typed: Mapping[str, str]) -> Sequence[str]:
        """Return values that complete the one that is typed for an argument of a prompt. Raises `ToolFailed`."""

    async def read_resource(self, uri: str) -> Attachment:
        """Return the content of a resource as a file to attach. Raises `ToolFailed`."""

    async def stop(self) -> None:
        """Stop it, if it is running."""


class ConfiguredServer:
    """A server of the Model Context Protocol, in a child process."""

    def __init__(
        self,
        row: ToolRow,
        *,
        environ: Mapping[str, str] = os.environ,
        token_file: Path | None = None,
        when_signing_in: Callable[[str], None] | None = None,
        has_sdk: Callable[[], bool] = is_installed,
        clock: Callable[[], float] = time.monotonic,
        python: str = sys.executable,
    ) -> None:
        """`when_signing_in` is given the address at which the user signs in; None: the user cannot be asked now."""
        self._row, self._environ, self._token_file = row, environ, token_file
        self._source = shown_source(row)
        self._when_signing_in = when_signing_in
        self._has_sdk, self._clock, self._python = has_sdk, clock, python
        self._worker: WorkerProcess | None = None
        self._starting: asyncio.Task[WorkerProcess] | None = None
        self._waiting = 0
        """Callers that wait for the start."""
        self._tools: tuple[OfferedTool, ...] = ()
        self._prompts: tuple[ServerPrompt, ...] = ()
        self._resources: tuple[ServerResource, ...] = ()
        self._problem: ToolFailed | None = None
        self._failures = 0
        """Failures since the last call that went well."""
        self._retry_at = 0.0
        """When it may be started again."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self._row.name

    @property
    def is_busy(self) -> bool:
        """Whether it is starting or a call is running."""
        return self._starting is not None or (self._worker is not None and self._worker.is_busy)

    @property
    def last_lines(self) -> Sequence[str]:
        """What the server wrote to its standard error last."""
        return tuple(self._worker.last_lines) if self._worker is not None else ()

    def status(self) -> ToolServerStatus:
        """Its state, and what it listed last."""
        state: Literal["stopped", "starting", "ready", "failed"] = "stopped"
        if self._starting is not None:
            state = "starting"
        elif self._worker is not None and self._worker.is_alive:
            state = "ready"
        elif self._problem is not None or not self._has_sdk():
            state = "failed"
        problem = str(self._problem or self._missing_sdk()) if state == "failed" else ""
        return ToolServerStatus(self.name, self._source, state, problem, self._tools, self._prompts, self._resources)

    def _missing_sdk(self) -> ToolFailed:
        return ToolFailed(
            f"The tool server {self.name} cannot be used: the package `mcp` is not installed.",
            f"Run: {install_command()}",
        )

    async def start(self) -> Sequence[OfferedTool]:
        """Start it if it is not running, and return its tools. Raises `ToolFailed`."""
        await self._running()
        return self._tools

    async def call(self, own_name: str, arguments: Mapping[str, Any]) -> ToolOutput:
        """Run a tool, within the time of the config. Raises `ToolFailed`."""
        worker = await self._running()
        if all(tool.own_name != own_name for tool in self._tools):
            raise ToolFailed(f"The tool server {self.name} has no tool {own_name} any more.", "Ask again.")
        return await self._in_time(worker.call(own_name, arguments), f"The tool {own_name} of {self.name}")

    async def list_contents(self) -> None:
        """Start it if it is not running, and wait until its status has its prompts and resources, within the time that
        it has to start. Raises `ToolFailed`."""
        worker = await self._running()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._row.start_seconds):
                await worker.list_contents()

    async def get_prompt(self, prompt: str, arguments: Mapping[str, str]) -> Sequence[PromptMessage]:
        """Return the messages of a prompt, within the time of a call. Raises `ToolFailed`."""
        worker = await self._running()
        return await self._in_time(worker.get_prompt(prompt, arguments), f"The prompt {prompt} of {self.name}")

    async def complete_argument(self, prompt: str, argument: str, typed: Mapping[str, str]) -> Sequence[str]:
        """Return values that complete the one that is typed for an argument of a prompt, within the time of a call.
        Raises `ToolFailed`."""
        worker = await self._running()
        request = worker.complete_argument(prompt, argument, typed)
        return await self._in_time(request, f"Completing {argument} of {self.name}")

    async def read_resource(self, uri: str) -> Attachment:
        """Return the content of a resource as a file to attach, within the time of a call. Raises `ToolFailed`."""
        worker = await self._running()
        return await self._in_time(worker.read_resource(uri), f"Reading {uri} of {self.name}")

    async def _in_time(self, request: Awaitable[_ReplyT], what: str) -> _ReplyT:
        """Return the reply to a request, within the time of a call. Raises `ToolFailed`."""
        seconds = self._row.call_seconds
        try:
            async with asyncio.timeout(seconds):
                reply = await request
        except TimeoutError:
            raise ToolFailed(
                f"{what} was stopped after {seconds:g} s.",
                "`call_seconds` of its table in the config allows it more time.",
            ) from None
        self._failures = 0
        return reply

    async def stop(self) -> None:
        """Stop it, if it is running."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if (worker := self._worker) is not None:
            await worker.stop()

    async def _running(self) -> WorkerProcess:
        """Return the running child; starts one if needed. Callers share one start, which ends with the last of them."""
        if self._worker is not None and self._worker.is_alive and self._worker.ready.done():
            return self._worker
        if self._starting is None:
            self._check_pause()
            self._starting = asyncio.create_task(self._start(), name=f"start the tool server {self.name}")
            self._starting.add_done_callback(self._finish_start)
        starting = self._starting
        self._waiting += 1
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            if starting.cancelled() and not _is_cancelled():
                raise ToolFailed(f"The tool server {self.name} was stopped.", "Ask again to start it.") from None
            if self._waiting == 1:
                starting.cancel()
                await asyncio.wait([starting])
            raise
        finally:
            self._waiting -= 1

    def _finish_start(self, task: asyncio.Task[WorkerProcess]) -> None:
        self._starting = None
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, ToolFailed):
            self._note_failure(error, pause=RETRY_SECONDS)
        elif error is None:
            self._problem = None

    async def _start(self) -> WorkerProcess:
        if not self._has_sdk():
            raise self._missing_sdk()
        launch = await asyncio.to_thread(launch_of, self._row, self._environ, token_file=self._token_file)
        launch = msgspec.structs.replace(launch, may_sign_in=self._when_signing_in is not None)
        hide_in_log(Credential(value) for value in (*self._secrets(launch.environment), *launch.headers.values()))
        worker = await start_worker(
            self.name,
            launch,
            when_tools=self._take_tools,
            when_contents=self._take_contents,
            when_ended=self._note_ending,
            when_signing_in=self._when_signing_in or (lambda address: None),
            environ=self._environ,
            python=self._python,
        )
        self._worker = worker
        seconds = self._row.start_seconds
        try:
            async with asyncio.timeout(None if self._when_signing_in is not None else seconds):
                await asyncio.shield(worker.ready)
        except TimeoutError:
            await worker.stop()
            raise ToolFailed(
                f"The tool server {self.name} did not list its tools within {seconds:g} s.",
                "`start_seconds` of its table in the config allows it more time. "
                f"`chat-tui tools test {self.name}` shows what it writes.",
            ) from None
        except asyncio.CancelledError:
            await worker.stop()
            raise
        return worker

    def _secrets(self, environment: Mapping[str, str]) -> Sequence[str]:
        """Return the values of the variables that the config gives the server."""
        return [value for name, value in environment.items() if name in self._row.env]

    def _take_tools(self, tools: tuple[ListedTool, ...]) -> None:
        disabled = set(self._row.disabled_tools)
        self._tools = tuple(self._offered(tool) for tool in tools if tool.name not in disabled)

    def _take_contents(self, prompts: tuple[ServerPrompt, ...], resources: tuple[ServerResource, ...]) -> None:
        self._prompts, self._resources = prompts, resources

    def _offered(self, tool: ListedTool) -> OfferedTool:
        return OfferedTool(
            Tool(tool.name, tool.description, tool.parameters), self.name, tool.name, tool.title, tool.is_read_only
        )

    def _note_ending(self) -> None:
        worker = self._worker
        # A server that ends while it starts fails the start.
        if worker is not None and not worker.is_stopped and self._starting is None:
            self._note_failure(worker.failure(), pause=0.0)

    def _note_failure(self, error: ToolFailed, *, pause: float) -> None:
        """Remember why it failed, and do not start it again for so many seconds, or longer if it was not the first."""
        self._problem = error
        if self._failures:
            pause = min(MOST_RETRY_SECONDS, RETRY_SECONDS * RETRY_FACTOR**self._failures)
        self._failures += 1
        self._retry_at = self._clock() + pause

    def _check_pause(self) -> None:
        """Raise the last failure if the server is not to be started again yet."""
        left = self._retry_at - self._clock()
        if self._problem is not None and left > 0:
            hint = f"It is started again in {left:.0f} s at the earliest."
            raise ToolFailed(self._problem.title, f"{self._problem.hint} {hint}".strip())


def _is_cancelled() -> bool:
    """Whether the task that runs is to end; if not, it has seen the cancel of something that it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
