"""The child process: one session with one tool server, for as long as the parent keeps its standard input open.

Run as `python -m chat_tui.tools.worker.server_session`. The first line on stdin is a `ServerLaunch`, each further one a
`WorkerOrder`; each line on stdout is a `WorkerReport`. The server's standard error goes to this process's own. The
process leads a group, which ends with it: the server and whatever it has started.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import warnings
from typing import Any

import anyio
import msgspec
from anyio.abc import TaskGroup
from mcp import Client, MCPError
from mcp.shared.subscriptions import ToolsListChanged
from mcp_types import (
    CONNECTION_CLOSED,
    Implementation,
    PromptListChangedNotification,
    ResourceListChangedNotification,
    ToolListChangedNotification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from chat_tui import __version__
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.processes.child_process import ChildCommand
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.tools import ServerPrompt, ServerResource, ToolOutput
from chat_tui.tools.messages import ListedTool, ServerLaunch, WorkerOrder, WorkerReport
from chat_tui.tools.worker.authorization import SignIn
from chat_tui.tools.worker.content_lists import PromptList, ResourceList
from chat_tui.tools.worker.contents import attachment_of, messages_of
from chat_tui.tools.worker.http_transport import CONNECTION_ERRORS, HttpConnection
from chat_tui.tools.worker.results import output_of
from chat_tui.tools.worker.stdio_transport import StdioConnection
from chat_tui.tools.worker.tool_list import ToolList

GRACE_SECONDS = 3.0
"""How long the end of the session may take; then the whole group is killed."""
PING_SECONDS = 5.0
"""A server that does not answer within this time after a call was cancelled still works on it, and is ended."""
REQUEST_ERRORS = (MCPError, ValidationError, RuntimeError, ValueError)
"""What the SDK raises for a request that failed or a reply that is malformed."""
CHANGE_SECONDS = 0.5
"""A list that has changed is read again at most once in this time."""
LIST_SECONDS = 30.0
"""How long listing prompts and resources may take."""
_ERROR_CHARACTERS, _REASON_CHARACTERS, _NAME_CHARACTERS = 2000, 300, 200
_EXIT_SECONDS = 0.1
_CLOSED = "Connection closed"
"""The SDK's words for a connection that is closed."""


def main() -> int:
    """Serve until stdin ends or the server is gone; returns the exit code."""
    # The parent handles Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Only reports go to the parent's pipe; whatever a library prints goes to stderr.
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Libraries would quote messages in their logs.
    logging.getLogger().addHandler(logging.NullHandler())
    # They would be read as words of the server.
    warnings.simplefilter("ignore")
    launch = msgspec.json.decode(sys.stdin.buffer.readline(), type=ServerLaunch)
    try:
        return asyncio.run(ServerSession(launch, Reporter(reports)).run())
    finally:
        end_group()


def end_group() -> None:
    """Kill what the server has left behind; this process, too, if it leads the group."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)


class Reporter:
    """Writes reports to the parent, one per line."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    async def send(self, report: WorkerReport) -> None:
        """Write a report; waits while the parent reads slowly. A parent that is gone is noticed on stdin."""
        await asyncio.to_thread(self._write, msgspec.json.encode(report) + b"\n")

    def _write(self, line: bytes) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._stream.write(line)
            self._stream.flush()


class ServerSession:
    """The session with the server: lists its tools, prompts and resources, runs calls, and reads what is asked for."""

    def __init__(self, launch: ServerLaunch, reporter: Reporter) -> None:
        self._launch, self._reporter = launch, reporter
        self._orders: asyncio.Queue[WorkerOrder] = asyncio.Queue()
        self._end = anyio.Event()
        """The parent has closed stdin."""
        self._calls: dict[int, anyio.CancelScope] = {}
        self._tools_changed = anyio.Event()
        self._contents_wanted, self._contents_changed = anyio.Event(), anyio.Event()

    async def run(self) -> int:
        """Run until stdin ends or the connection is lost; returns the exit code."""
        threading.Thread(target=self._read_orders, args=(asyncio.get_running_loop(),), daemon=True).start()
        connection = self._connection()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._end_with_stdin, tasks.cancel_scope)
                await self._serve(connection)
        except* (*REQUEST_ERRORS, *CONNECTION_ERRORS) as errors:
            what, hint = connection.problem(_first(errors))
            await self._reporter.send(WorkerReport("problem", problem=what, hint=hint))
        return 0 if self._end.is_set() else 1

    def _connection(self) -> StdioConnection | HttpConnection:
        launch = self._launch
        if launch.url:
            has_key = any(name.lower() == "authorization" for name in launch.headers)
            sign_in = SignIn(launch, self._show_sign_in) if launch.token_file and not has_key else None
            return HttpConnection(launch, sign_in)
        return StdioConnection(ChildCommand(launch.arguments, dict(launch.environment), launch.folder))

    async def _show_sign_in(self, address: str) -> None:
        await self._reporter.send(WorkerReport("sign-in", address=address))

    def _read_orders(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand over the orders; at the end of stdin make sure that this process ends. Runs in a thread."""
        for line in sys.stdin.buffer:
            with contextlib.suppress(msgspec.MsgspecError, RuntimeError):
                loop.call_soon_threadsafe(self._orders.put_nowait, msgspec.json.decode(line, type=WorkerOrder))
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._end.set)
        threading.Event().wait(GRACE_SECONDS)
        end_group()
        os._exit(1)

    async def _end_with_stdin(self, everything: anyio.CancelScope) -> None:
        await self._end.wait()
        everything.cancel()

    async def _serve(self, connection: StdioConnection | HttpConnection) -> None:
        """Connect, report the tools, and carry out orders until the connection is lost."""
        client = Client(
            connection.open(),
            client_info=Implementation(name="chat-tui", version=__version__),
            message_handler=self._take_notification,
            cache=None,
        )
        async with client:
            lists = ServerLists(client)
            await self._reporter.send(WorkerReport("tools", tools=await lists.read_tools()))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._follow_tools, lists)
                tasks.start_soon(self._follow_contents, lists)
                if client.protocol_version in MODERN_PROTOCOL_VERSIONS:
                    tasks.start_soon(self._listen, client)
                if isinstance(connection, StdioConnection):
                    tasks.start_soon(_fail_when_lost, connection)
                await self._carry_out_orders(lists, tasks)

    async def _carry_out_orders(self, lists: ServerLists, tasks: TaskGroup) -> None:
        while True:
            order = await self._orders.get()
            if order.lists_contents:
                self._contents_wanted.set()
            elif order.tool or order.prompt or order.resource:
                scope = self._calls[order.id] = anyio.CancelScope()
                tasks.start_soon(self._call, lists, order, scope)
            elif (running := self._calls.get(order.id)) is not None:
                running.cancel()

    async def _call(self, lists: ServerLists, order: WorkerOrder, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                report = await (self._report_of_call if order.tool else self._report_of_reading)(lists, order)
        finally:
            del self._calls[order.id]
        if not scope.cancelled_caught:
            await self._reporter.send(report)
            return
        # The SDK has told the server that the call is cancelled.
        with anyio.move_on_after(PING_SECONDS) as limit, contextlib.suppress(*REQUEST_ERRORS):
            await lists.client.send_ping()
        if limit.cancelled_caught:
            raise TimeoutError

    async def _report_of_call(self, lists: ServerLists, order: WorkerOrder) -> WorkerReport:
        """Run a call; what the server refuses is an output, too, so that the model can correct its arguments."""
        try:
            result = await lists.client.call_tool(lists.tools.own_name(order.tool), dict(order.arguments))
        except MCPError as error:
            if _is_closed(error):
                raise
            output = ToolOutput(clean_line(error.message, _ERROR_CHARACTERS), is_error=True)
        except (ValidationError, RuntimeError, ValueError) as error:
            output = ToolOutput(f"The tool's result is malformed ({type(error).__name__}).", is_error=True)
        else:
            output = await asyncio.to_thread(output_of, result, self._launch.result_bytes)
        return WorkerReport("reply", id=order.id, output=output)

    async def _report_of_reading(self, lists: ServerLists, order: WorkerOrder) -> WorkerReport:
        """Ask for a prompt, a completion or a resource."""
        client, problem, hint = lists.client, "", f"`chat-tui tools test {self._launch.name}` lists what it has."
        try:
            if order.completes:
                values = await lists.prompts.complete(order.prompt, order.completes, order.arguments)
                return WorkerReport("reply", id=order.id, values=values)
            if order.prompt:
                prompt = await client.get_prompt(*lists.prompts.own_names(order.prompt, order.arguments))
                messages = await asyncio.to_thread(messages_of, prompt, self._launch.result_bytes)
                return WorkerReport("reply", id=order.id, messages=messages)
            content = await client.read_resource(lists.resources.own_uri(order.resource))
            name = clean_line(f"{self._launch.name}:{order.resource}", _NAME_CHARACTERS)
            return WorkerReport("reply", id=order.id, attachment=await asyncio.to_thread(attachment_of, content, name))
        except AttachmentRefused as refused:
            problem, hint = refused.title.rstrip("."), refused.hint
        except MCPError as error:
            if _is_closed(error):
                raise
            what = order.prompt or order.resource
            reason = clean_line(error.message, _REASON_CHARACTERS).rstrip(".")
            problem = f"{self._launch.name} did not give {what}: {reason}"
        except (ValidationError, RuntimeError, ValueError) as error:
            problem = f"{self._launch.name} gave a malformed reply ({type(error).__name__})"
        return WorkerReport("reply", id=order.id, problem=problem, hint=hint)

    async def _take_notification(self, message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._tools_changed.set()
        elif isinstance(message, PromptListChangedNotification | ResourceListChangedNotification):
            self._contents_changed.set()

    async def _follow_tools(self, lists: ServerLists) -> None:
        """Report the list of tools again whenever the server says that it has changed."""
        while True:
            await self._tools_changed.wait()
            await anyio.sleep(CHANGE_SECONDS)
            self._tools_changed = anyio.Event()
            with contextlib.suppress(*REQUEST_ERRORS):
                await self._reporter.send(WorkerReport("tools", tools=await lists.read_tools()))

    async def _follow_contents(self, lists: ServerLists) -> None:
        """Report the prompts and resources when the parent asks for them, and from then on whenever the server says
        that they have changed."""
        await self._contents_wanted.wait()
        while True:
            self._contents_changed = anyio.Event()
            await self._reporter.send(await lists.read_contents())
            await self._contents_changed.wait()
            await anyio.sleep(CHANGE_SECONDS)

    async def _listen(self, client: Client) -> None:
        """Follow changes where the protocol (from 2026-07-28 on) has them on a stream of their own."""
        with contextlib.suppress(*REQUEST_ERRORS, TimeoutError):
            listening = client.listen(tools_list_changed=True, prompts_list_changed=True, resources_list_changed=True)
            async with listening as events:
                async for event in events:
                    changed = self._tools_changed if isinstance(event, ToolsListChanged) else self._contents_changed
                    changed.set()


class ServerLists:
    """What a server lists."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.tools, self.prompts, self.resources = ToolList(client), PromptList(client), ResourceList(client)

    async def read_tools(self) -> tuple[ListedTool, ...]:
        """Ask for all tools. Raises `MCPError`."""
        try:
            return await self.tools.read()
        except MCPError:
            capabilities = self.client.server_capabilities
            if capabilities.tools is None and (capabilities.prompts or capabilities.resources):
                # It has other things to offer.
                return ()
            raise

    async def read_contents(self) -> WorkerReport:
        """Ask for all prompts and resources; what cannot be listed in time is left out."""
        prompts: tuple[ServerPrompt, ...] = ()
        resources: tuple[ServerResource, ...] = ()
        with anyio.move_on_after(LIST_SECONDS):
            with contextlib.suppress(*REQUEST_ERRORS):
                prompts = await self.prompts.read()
            with contextlib.suppress(*REQUEST_ERRORS):
                resources = await self.resources.read()
        return WorkerReport("contents", prompts=prompts, resources=resources)


def _is_closed(error: MCPError) -> bool:
    """Return whether an error is the SDK's own for a closed connection. Servers use its code for errors of theirs."""
    return error.code == CONNECTION_CLOSED and error.message == _CLOSED


async def _fail_when_lost(connection: StdioConnection) -> None:
    await connection.lost.wait()
    # Its exit code says more than the end of its output.
    await anyio.sleep(_EXIT_SECONDS)
    raise MCPError(CONNECTION_CLOSED, _CLOSED)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a group of groups."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    sys.exit(main())
