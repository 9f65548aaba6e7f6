"""Limits the number of requests per minute and the size of bodies."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_tui.web.errors import ApiError, error_response
from chat_tui.web.middleware.access import TOKEN_SEEN
from chat_tui.web.state import AppState

DRAIN_TIMES = 4
"""A body that is too large is read up to this multiple of the limit, and discarded."""
DRAIN_SECONDS = 10.0
UPLOAD_PATH = "/api/uploads"
"""Where files are uploaded."""


class RequestLimits:
    """The middleware; it comes after access control, so that only clients with the token use up a limit."""

    def __init__(self, app: ASGIApp, state: AppState) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        most = self._state.config.web.max_body_bytes
        try:
            if TOKEN_SEEN in scope:
                self._state.count((scope.get("client") or ("", 0))[0])
            headers = Headers(scope=scope)
            told = headers.get("content-length", "0")
            if not _is_upload(scope) and told.isdecimal() and int(told[:20]) > most:
                if "expect" not in headers:
                    # Whoever asks before it sends a body listens by now.
                    await _drain(receive, most)
                raise too_large_error(most)
        except ApiError as refusal:
            await error_response(scope["path"], refusal)(scope, receive, send)
            return
        await self._app(scope, receive if _is_upload(scope) else _limit_body(receive, most), send)


def _is_upload(scope: Scope) -> bool:
    """Return whether the body is written to a file as it arrives; its limit depends on the kind of the file."""
    return bool(scope["type"] == "http" and scope["path"] == UPLOAD_PATH)


def _limit_body(receive: Receive, most: int) -> Receive:
    """Return a `receive` that raises `ApiError` if the body is too large."""
    received = 0

    async def next_message() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > most:
                if message.get("more_body"):
                    await _drain(receive, most)
                raise too_large_error(most)
        return message

    return next_message


async def _drain(receive: Receive, most: int) -> None:
    """Read and discard the rest of a body, up to a limit: most clients read the reply only after they have sent
    everything."""
    received = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while received < DRAIN_TIMES * most:
                message = await receive()
                received += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return


def too_large_error(most: int) -> ApiError:
    """Return the error for a body that is too large; `most` is in bytes."""
    words = f"A request can have at most {most:,} bytes. Send less, or raise [web] max_body_bytes."
    return ApiError(413, words, headers={"Connection": "close"})
