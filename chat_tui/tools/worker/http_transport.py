"""The connection to a server over streamable HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import MCPError
from mcp.client.auth import OAuthFlowError
from mcp.client.streamable_http import streamable_http_client

from chat_tui.core.text.control_characters import clean_line
from chat_tui.tools.messages import ServerLaunch
from chat_tui.tools.worker.authorization import SignIn, SignInNeeded

CONNECT_SECONDS = 15.0
EVENT_BYTES = 100_000_000
"""A longer event ends the request."""
CONNECTION_ERRORS = (OSError, httpx2.HTTPError, httpx2.InvalidURL, OAuthFlowError)
"""What a connection may raise besides the SDK's own errors."""
_REASON_CHARACTERS = 300


class HttpConnection:
    """A connection to a server by its address; remembers the last status that was an error."""

    def __init__(self, launch: ServerLaunch, sign_in: SignIn | None = None) -> None:
        self._launch, self._sign_in = launch, sign_in
        self._status = 0

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[tuple[Any, Any], None]:
        """Open the connection; yields the streams for the SDK's client."""
        auth = await self._sign_in.provider() if self._sign_in is not None else None
        client = httpx2.AsyncClient(
            headers=dict(self._launch.headers),
            # The time of a call is limited by the parent.
            timeout=httpx2.Timeout(CONNECT_SECONDS, read=None),
            auth=auth,
            event_hooks={"response": [self._note_status]},
        )
        try:
            async with (
                client,
                streamable_http_client(self._launch.url, http_client=client, max_sse_event_size=EVENT_BYTES) as streams,
            ):
                yield streams
        finally:
            if self._sign_in is not None:
                self._sign_in.close()

    def _can_sign_in_later(self) -> bool:
        return self._sign_in is not None and not self._launch.may_sign_in

    async def _note_status(self, response: httpx2.Response) -> None:
        if response.status_code >= 400:
            self._status = response.status_code

    def problem(self, error: BaseException) -> tuple[str, str]:
        """Return why the connection failed, and what to do."""
        if isinstance(error, TimeoutError):
            return plain_problem(error)
        login = f"Run `chat-tui tools login {self._launch.name}`."
        if isinstance(error, SignInNeeded) or (self._status == 401 and self._can_sign_in_later()):
            return "it wants you to sign in", login
        if isinstance(error, OAuthFlowError) and self._launch.may_sign_in:
            return clean_line(str(error), _REASON_CHARACTERS).rstrip("."), "Try again."
        if isinstance(error, httpx2.ConnectTimeout):
            return f"it did not accept the connection within {CONNECT_SECONDS:.0f} s", "Check its address."
        if isinstance(error, httpx2.ConnectError):
            return "it cannot be reached", "Check its address, and whether it is running."
        if isinstance(error, httpx2.TransportError):
            return f"the connection failed ({type(error).__name__})", "Try again."
        if isinstance(error, httpx2.InvalidURL):
            return "its `url` is not valid", "Correct it in the config."
        if self._status in (401, 403):
            hint = "Check `headers` in the config." if self._sign_in is None else login
            return f"it refuses access (HTTP {self._status})", hint
        if self._status:
            return f"it answers with HTTP {self._status}", "Is the `url` the one of its MCP endpoint?"
        return plain_problem(error)


def plain_problem(error: BaseException) -> tuple[str, str]:
    """Return what the SDK says about a request that failed, or that the server is stuck, and what to do."""
    if isinstance(error, TimeoutError):
        return "it did not respond after a call was cancelled, and was ended", ""
    if isinstance(error, MCPError):
        reason = clean_line(error.message, _REASON_CHARACTERS).rstrip(".")
        return f"it answered with an error: {reason}", "Is it a server of the Model Context Protocol?"
    return f"its reply is malformed ({type(error).__name__})", "Is it a server of the Model Context Protocol?"
