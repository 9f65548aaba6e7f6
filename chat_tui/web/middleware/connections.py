"""Bounds what clients without the token can hold: connections, and messages on a WebSocket.

Only `chat-tui serve` has these limits: another server has its own protocols.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Container
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from chat_tui.web.ops.rates import network_of

CONNECTION = "chat_tui.connection"
"""Key of a `Connection` in the state that uvicorn gives to each request of a connection."""
HANDSHAKE_BYTES = 8192
"""Messages on a WebSocket that has not sent the token are not read if they are larger. Those above the 4 KiB that are
allowed are refused with a reason."""
GRACE_SECONDS = 2.0
"""Time that each connection has for its first request, also if its client has too many."""
HARD_LIMIT = 10
"""Multiple of the limit beyond which a connection gets no such time."""
CLOSING_SECONDS = 0.5
"""Time that a WebSocket without the token has to reply when it is closed."""


class UnauthenticatedConnections:
    """Counts the connections of each address on which no request with the token, or from a browser that is signed in,
    has arrived. Those of one network (IPv6) share an address."""

    def __init__(self, most: int, proxies: Container[str] = ()) -> None:
        self._most, self._proxies = most, proxies
        self._counts: Counter[str] = Counter()

    def open(self, transport: asyncio.Transport) -> Connection:
        """Count a new connection; it is closed at once, or soon, if its client has too many."""
        peer = transport.get_extra_info("peername")
        client = str(peer[0]) if isinstance(peer, tuple) else ""
        is_proxy = client in self._proxies
        client = network_of(client)
        self._counts[client] += 1
        connection = Connection(self, client)
        if is_proxy:
            # It brings the connections of many.
            return connection
        if self._counts[client] > HARD_LIMIT * self._most:
            transport.abort()
        elif self._counts[client] > self._most:
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._close_surplus, connection, transport)
        return connection

    def _close_surplus(self, connection: Connection, transport: asyncio.Transport) -> None:
        if not connection.is_settled and self._counts[connection.client] > self._most:
            transport.abort()

    def forget(self, client: str) -> None:
        """Stop counting one connection of a client."""
        self._counts[client] -= 1
        if not self._counts[client]:
            del self._counts[client]

    def count(self, client: str) -> int:
        """Return the number of a client's connections."""
        return self._counts[client]


class Connection:
    """One connection, until its client has shown the token."""

    def __init__(self, connections: UnauthenticatedConnections, client: str) -> None:
        self._connections, self.client = connections, client
        self.is_settled = False
        """It has shown the token, or is closed: it is not counted any more."""
        self._websocket: GuardedWebSocket | None = None

    def guard(self, websocket: GuardedWebSocket) -> None:
        """Keep the messages of a WebSocket small until the client has shown the token."""
        self._websocket = websocket
        websocket.bound_messages(HANDSHAKE_BYTES)

    def admit(self) -> None:
        """The client has shown the token."""
        self.settle()
        if self._websocket is not None:
            self._websocket.unbound_messages()

    def settle(self) -> None:
        """Stop counting this connection."""
        if not self.is_settled:
            self.is_settled = True
            self._connections.forget(self.client)


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, on which a client without the token can send only a small message."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._usual_bytes, self._usual_seconds = self.config.ws_max_size, self.close_timeout
        connection = self.app_state.get(CONNECTION)
        if isinstance(connection, Connection):
            connection.guard(self)

    def bound_messages(self, most_bytes: int) -> None:
        """Close the connection at the head of a larger message."""
        self._set_limit(most_bytes)
        self.close_timeout = CLOSING_SECONDS

    def unbound_messages(self) -> None:
        """Return to the usual limits."""
        self._set_limit(self._usual_bytes)
        self.close_timeout = self._usual_seconds

    def _set_limit(self, most_bytes: int | None) -> None:
        # Its name in websockets 14 and in later versions.
        name = "max_message_size" if hasattr(self.conn, "max_message_size") else "max_size"
        setattr(self.conn, name, most_bytes)

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the end of the connection."""
        super().connection_lost(exc)
        connection = self.app_state.get(CONNECTION)
        if isinstance(connection, Connection):
            connection.settle()


def admit(scope: Scope) -> None:
    """Note that the client of this request, or of this WebSocket, has shown the token."""
    connection = scope.get("state", {}).get(CONNECTION)
    if isinstance(connection, Connection):
        connection.admit()
