"""The access log: one line on stderr for each request, without its content."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Full, Queue
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_tui.core.conversation import now
from chat_tui.core.text.control_characters import clean_line
from chat_tui.web.ops.metrics import NO_ROUTE, Metrics

WAITING = 10_000
"""Maximum number of lines that wait if nobody reads stderr; further lines are dropped and counted."""
LAST_SECONDS = 1.0
"""Time to write the remaining lines at shutdown."""


class AccessLog:
    """Writes lines in a thread of its own, so that a blocked stderr blocks nothing else; None switches the log off."""

    def __init__(self, write: Callable[[str], None] | None) -> None:
        self._write = write
        self._lines: Queue[str | None] = Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._lost = 0

    def write(self, line: str) -> None:
        """Queue a line."""
        if self._write is None:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(self._write,), name="access log", daemon=True)
            self._thread.start()
        if self._lost and not self._lines.full():
            line, self._lost = f"({self._lost} lines were lost)\n{line}", 0
        try:
            self._lines.put_nowait(line)
        except Full:
            self._lost += 1

    def _run(self, write: Callable[[str], None]) -> None:
        while (line := self._lines.get()) is not None:
            write(f"{line}\n")
        if self._lost:
            write(f"({self._lost} lines were lost)\n")

    def close(self) -> None:
        """Write the remaining lines; blocks until that is done or nobody reads."""
        if self._thread is not None:
            with suppress(Full):
                self._lines.put(None, timeout=LAST_SECONDS)
            self._thread.join(LAST_SECONDS)


class AccessLogMiddleware:
    """The outermost middleware, which counts and logs every request."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: AccessLog) -> None:
        self._app, self._metrics, self._log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began, status, size = monotonic(), 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, size
            kind = message["type"]
            if kind in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            elif kind == "websocket.accept":
                status = 101
            elif kind == "websocket.close" and not status:
                status = 403
            elif kind in ("http.response.body", "websocket.http.response.body"):
                size += len(message.get("body", b""))
            elif kind == "websocket.send":
                size += len(message.get("bytes") or (message.get("text") or "").encode())
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            # Where nothing was sent, the server says 500, or the client has gone.
            route = getattr(scope.get("route"), "path", None)
            method = scope.get("method", "WS")
            self._metrics.count_request(route, method if method != "WS" else "GET", status or 500)
            self._log.write(_line(scope, method, route, status, size, monotonic() - began))


def _line(scope: Scope, method: str, route: str | None, status: int, size: int, seconds: float) -> str:
    client = scope.get("client")
    who = clean_line(str(client[0]), 60) if client else "-"
    what = f"{clean_line(method, 10)} {route or NO_ROUTE}"
    return f"{now():%Y-%m-%dT%H:%M:%SZ} {who} {what} {status or '-'} {size} bytes {seconds * 1000:.0f} ms"
