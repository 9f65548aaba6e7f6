"""Runs the app with uvicorn on one port; when it is stopped, running answers may finish."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from os import strerror
from typing import cast
from urllib.parse import quote

import uvicorn

from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError, ConfigError
from chat_tui.core.processes.console import write_error
from chat_tui.core.text.excerpts import shorten
from chat_tui.web import TOKEN_VARIABLE, create_state
from chat_tui.web.app import build_app
from chat_tui.web.middleware.connections import GuardedWebSocket, UnauthenticatedConnections
from chat_tui.web.middleware.idle_timeout import IdleTimeout
from chat_tui.web.middleware.proxies import TrustedProxies
from chat_tui.web.sign_in.token_file import new_token
from chat_tui.web.state import AppState

SENT_BYTES = 32 * 1024
"""Size of the system's send buffer for a client (Linux doubles it): how far the model can be ahead of a slow reader."""
TOKEN_CHARACTERS = 12
"""Minimum length of a token if other machines can reach the server."""
BACKLOG = 2048
PING_SECONDS = 20.0
"""Time between two pings on a WebSocket."""
PONG_SECONDS = 120.0
"""Time that a slow reader has to reply to a ping."""
COLLECT_AFTER = (5000, 10, 10)
"""New objects between two garbage collections: with hundreds of streams the default of 700 causes pauses of 0.2 s."""
OPEN_NOTE = (
    "chat-tui: other machines in the network can open this address; they need the token, which is a part of it.\n"
    "          To use a name such as box.lan instead, add it to [web] hosts in the config. The connection is not\n"
    "          encrypted: outside your own network, use `ssh -L` or a reverse proxy with HTTPS.\n"
)
LAST_SECONDS = 2
"""Time for connections to close at shutdown."""


def serve(config: Config, host: str, port: int, token: str, announce: Callable[[str], None]) -> None:
    """Serve until a signal stops the server. `token` is the one that the user has set, or empty. `announce` is called
    with the address and token once the server is ready.

    Raises `ConfigError` if the address needs a token, `ChatTuiError` if it cannot be used.
    """
    listening = bind_socket(host, port, token, config.web.reader_seconds)
    with listening:
        state = create_state(config, token=token or new_token(), hosts=(host,))
        named = reachable_address(listening) or host
        shown = f"[{named}]" if ":" in named else named
        url = f"http://{shown}:{listening.getsockname()[1]}{config.web.root_path}/#token={quote(state.token, safe='')}"

        def listens() -> None:
            _settle()
            announce(url)
            if not _is_loopback(listening.getsockname()[0]):
                write_error(OPEN_NOTE)

        asyncio.run(_run(state, listening, listens))


def reachable_address(listening: socket.socket) -> str:
    """Return an address by which a socket that listens on all addresses can be reached.

    It is the one that this machine has in its network, or loopback. Empty if the socket listens on one address only.
    """
    if not ip_address(str(listening.getsockname()[0]).partition("%")[0]).is_unspecified:
        return ""
    is_ipv6 = listening.family == socket.AF_INET6
    with socket.socket(listening.family, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: the system only looks up its own address on the way there.
            probe.connect(("2001:db8::1" if is_ipv6 else "192.0.2.1", 9))
        except OSError:
            return "::1" if is_ipv6 else "127.0.0.1"
        return str(probe.getsockname()[0])


def _is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback


def _settle() -> None:
    """Exclude everything that is loaded by now from garbage collections."""
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def bind_socket(host: str, port: int, token: str, reader_seconds: float) -> socket.socket:
    """Return a socket that is bound to this address; `token` is the one that the user has set, or empty.

    The system disconnects a client that has read nothing for `reader_seconds` (Linux). Raises `ConfigError`,
    `ChatTuiError`.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ChatTuiError(f"{shorten(host, 80)} is not an address of this machine.", "Try 127.0.0.1.") from error
    family, _, _, _, address = sorted(found, key=lambda each: each[0] != socket.AF_INET)[0]
    if len(token) < TOKEN_CHARACTERS and not _is_loopback(str(address[0])):
        why = f"the token has fewer than {TOKEN_CHARACTERS} characters" if token else "no token is set"
        raise ConfigError(
            f"{shorten(host, 80)} can be reached from other machines, and {why}.",
            f"Set {TOKEN_VARIABLE} to a long secret, or keep 127.0.0.1 and connect through `ssh -L`.",
            key="web.token",
        )
    try:
        bound = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        title = f"Port {port} of {shorten(host, 80)} cannot be used: {strerror(error.errno or 0) or error}."
        raise ChatTuiError(title, "Choose another with --port; 0 picks a free one.") from error
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # The kernel cuts the line, with all that waits in it: closing it would wait for the reader once more.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, min(round(reader_seconds * 1000), 2**31 - 1))
    # asyncio does so only for sockets that it has made: a small answer would wait 40 ms for the client's last word.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us and calls `listens` when it accepts connections."""

    def __init__(self, state: AppState, listens: Callable[[], None]) -> None:
        super().__init__(_settings(state))
        self._listens = listens

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: `_run` handles the signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        await super().startup(sockets)
        self._listens()


def _settings(state: AppState) -> uvicorn.Config:
    web = state.config.web
    connections = UnauthenticatedConnections(web.unauthenticated_connections, TrustedProxies(web.proxies))
    return uvicorn.Config(
        build_app(state),
        http=cast("type[IdleTimeout]", partial(IdleTimeout, connections=connections)),
        ws=GuardedWebSocket,
        ws_max_size=web.max_body_bytes,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        # Whoever is on this machine may say what they like in such a header.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=LAST_SECONDS,
    )


async def _run(state: AppState, listening: socket.socket, listens: Callable[[], None]) -> None:
    server = Server(state, listens)
    asked, at_once = asyncio.Event(), asyncio.Event()

    def heard() -> None:
        (at_once if asked.is_set() else asked).set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, heard)
    stopping = asyncio.ensure_future(_stop(state, server, asked, at_once))
    try:
        await server.serve(sockets=[listening])
    finally:
        stopping.cancel()


async def _stop(state: AppState, server: Server, asked: asyncio.Event, at_once: asyncio.Event) -> None:
    await asked.wait()
    await state.stop(state.config.web.stop_seconds, at_once)
    server.should_exit = True
