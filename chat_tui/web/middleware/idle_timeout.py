"""Closes connections on which no complete request arrives, and bounds those without the token."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from chat_tui.web.middleware.connections import CONNECTION, Connection, UnauthenticatedConnections

HEAD_SECONDS = 20.0
"""Maximum time for the head of a request; idle connections are closed sooner."""

WAITING_BYTES = 16 * 1024
"""Bytes of a reply that wait for the system's send buffer before its sender waits, too. asyncio's default is 64 KiB."""


class IdleTimeout(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's protocol has a time limit between two requests, but none for an incomplete head. With `connections`,
    those without the token are bounded."""

    head_seconds = HEAD_SECONDS
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    cycle: Any
    """The last request; None before the first."""
    app_state: dict[str, Any]

    def __init__(self, *arguments: Any, connections: UnauthenticatedConnections | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._unauthenticated = connections
        self._connection: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Handle a new connection."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=WAITING_BYTES)
        if self._unauthenticated is not None and isinstance(transport, asyncio.Transport):
            self._connection = self._unauthenticated.open(transport)
            self.app_state = {**self.app_state, CONNECTION: self._connection}
        self._look_later(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the end of the connection."""
        super().connection_lost(exc)
        if self._connection is not None:
            self._connection.settle()

    def _look_later(self, before: object) -> None:
        self.loop.call_later(self.head_seconds, self._look, before)

    def _look(self, before: object) -> None:
        """Close the connection if no request has arrived since the previous check; `before` is the last request
        then."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            # It is gone, or a WebSocket by now.
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if self.cycle is before and not answering:
            self.transport.close()
        else:
            self._look_later(self.cycle)
