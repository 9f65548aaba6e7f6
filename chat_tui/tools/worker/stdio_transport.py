"""The connection to a server that is a program: JSON lines over its standard input and output.

The SDK's own transport starts the program in a process group of its own, which would survive if this process was
killed. Here it belongs to the group of this process, so that the parent can end both at once; and a line that never
ends cannot take all memory.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter
from pydantic import ValidationError

from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import PIPE, ChildCommand
from chat_tui.tools.worker.http_transport import plain_problem

log = logging.getLogger(__name__)

LINE_BYTES = 100_000_000
"""A longer message ends the connection."""
_READ_BYTES = 256 * 1024
_GRACE_SECONDS = 1.5
"""How long a server may take to end after its standard input was closed."""

Incoming: TypeAlias = SessionMessage | Exception


class StdioConnection:
    """A connection to a server that is a program; `lost` is set when its standard output ends."""

    def __init__(self, command: ChildCommand) -> None:
        self._command = command
        self._process: Process | None = None
        self.lost = anyio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[tuple[Any, Any], None]:
        """Start the program; yields the streams for the SDK's client. Raises OSError, ValueError.

        The program's standard error is this process's own.
        """
        process = self._process = await child_process.start(self._command, stdin=PIPE, stdout=PIPE, stderr=None)
        arrived, incoming = anyio.create_memory_object_stream[Incoming](0)
        outgoing, to_send = anyio.create_memory_object_stream[SessionMessage](0)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._receive, process, arrived)
                tasks.start_soon(_send, process, to_send, arrived)
                try:
                    yield incoming, outgoing
                finally:
                    tasks.cancel_scope.cancel()
        finally:
            for stream in (arrived, incoming, outgoing, to_send):
                stream.close()
            with anyio.CancelScope(shield=True):
                await _end(process)

    async def _receive(self, process: Process, arrived: MemoryObjectSendStream[Incoming]) -> None:
        await _receive(process, arrived)
        self.lost.set()

    def problem(self, error: BaseException) -> tuple[str, str]:
        """Return why the connection failed, and what to do."""
        if self._process is None:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            return f"its program cannot be started ({reason})", "Check `command` and `cwd` in the config."
        if self.lost.is_set():
            return f"its program {_ending(self._process.returncode)}", ""
        return plain_problem(error)


async def _receive(process: Process, arrived: MemoryObjectSendStream[Incoming]) -> None:
    assert process.stdout is not None
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async with arrived:
            lines = LineSplitter()
            while piece := await process.stdout.read(_READ_BYTES):
                for line in lines.feed(piece):
                    message = _message(line)
                    if message is not None:
                        await arrived.send(message)
                if lines.waiting > LINE_BYTES:
                    log.warning("tools: a message of the server is longer than %d bytes", LINE_BYTES)
                    return


async def _send(
    process: Process,
    to_send: MemoryObjectReceiveStream[SessionMessage],
    arrived: MemoryObjectSendStream[Incoming],
) -> None:
    assert process.stdin is not None
    try:
        async with to_send:
            async for message in to_send:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode("utf-8", "replace") + b"\n")
                await process.stdin.drain()
    except OSError:
        # The session sees the end of the connection instead of a request without an answer.
        arrived.close()


class LineSplitter:
    """Divides bytes that come in pieces into lines."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.waiting = 0
        """Bytes of a line whose end has not come yet."""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the lines that end with this piece."""
        first, *rest = piece.split(b"\n")
        self._pieces.append(first)
        self.waiting += len(first)
        for line in rest:
            yield b"".join(self._pieces)
            self._pieces, self.waiting = [line], len(line)


def _message(line: bytes) -> Incoming | None:
    """Return the message of a line; None for an empty one, and for what programs print that is no message."""
    text = line.decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return None
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(text, by_name=False))
    except ValidationError as error:
        return error


async def _end(process: Process) -> None:
    """Close the program's standard input and wait for it; what is left is killed with the group of this process."""
    if process.stdin is not None:
        process.stdin.close()
    with anyio.move_on_after(_GRACE_SECONDS):
        # `wait` would also wait for the pipes, which a program that the server has started may keep open.
        while process.returncode is None:  # noqa: ASYNC110
            await anyio.sleep(0.01)
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def _ending(code: int | None) -> str:
    if code is None:
        return "closed its output"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
