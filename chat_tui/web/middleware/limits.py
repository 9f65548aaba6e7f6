"""How much a client may ask: so many requests in a minute, and bodies of a bounded size."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_tui.web.errors import ApiError, response
from chat_tui.web.middleware.access import TOKEN_SEEN
from chat_tui.web.state import AppState

DRAIN_TIMES = 4
"""So much more than a body may have is still taken in, to be forgotten."""
DRAIN_SECONDS = 10.0


class RequestLimits:
    """The middleware; behind the lock, so that only whoever has the token uses up anything."""

    def __init__(self, app: ASGIApp, door: AppState) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        most = self._door.config.web.max_body_bytes
        try:
            if TOKEN_SEEN in scope:
                self._door.count((scope.get("client") or ("", 0))[0])
            headers = Headers(scope=scope)
            told = headers.get("content-length", "0")
            if told.isdecimal() and int(told[:20]) > most:
                if "expect" not in headers:
                    # Whoever asks before it sends a body listens by now.
                    await _drained(receive, most)
                raise too_large(most)
        except ApiError as refusal:
            await response(scope["path"], refusal)(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, most), send)


def _bounded(receive: Receive, most: int) -> Receive:
    """Raises `ApiError` where a body is larger than it may be."""
    received = 0

    async def next_message() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > most:
                if message.get("more_body"):
                    await _drained(receive, most)
                raise too_large(most)
        return message

    return next_message


async def _drained(receive: Receive, most: int) -> None:
    """Take in and forget the rest of a body, unless it is endless: most clients listen only when they have said all."""
    received = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while received < DRAIN_TIMES * most:
                message = await receive()
                received += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return


def too_large(most: int) -> ApiError:
    """What is told of a request that brings too much; `most` in bytes."""
    words = f"A request can have at most {most:,} bytes. Send less, or raise [web] max_body_bytes."
    return ApiError(413, words, headers={"Connection": "close"})
