"""The HTTP client for one address: its trust, its proxy, its buffers."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import httpx

from chat_tui import __version__
from chat_tui.providers.endpoint import Endpoint, base_url_of
from chat_tui.providers.http.proxies import proxy_error, proxy_of
from chat_tui.providers.http.trust import tls_verification

log = logging.getLogger(__name__)

RECEIVED_BYTES = 64 * 1024
"""The system's receive buffer of a connection (Linux doubles it): how much a server can send ahead of the reader."""
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30)


class BoundedConnections(httpx.AsyncHTTPTransport):
    """Connections with a small receive buffer, which are closed at once if opening them is cancelled."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._bounded: WeakSet[Any] = WeakSet()
        """The connections whose buffer was set."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; returns at the reply's head."""
        opened: list[Any] = []
        started = time.monotonic()
        told = request.extensions.get("trace")

        async def trace(name: str, info: Mapping[str, Any]) -> None:
            if name == "connection.connect_tcp.complete":
                opened.append(info["return_value"])
            if told is not None:
                await told(name, info)

        request.extensions = {**request.extensions, "trace": trace}
        try:
            reply = await super().handle_async_request(request)
        except BaseException as error:
            _log_request(request, error, started)
            # What is cancelled, or takes too long, between connecting and the end of TLS' greetings stays open else.
            for stream in opened:
                await stream.aclose()
            raise
        _log_request(request, reply.status_code, started)
        stream = reply.extensions.get("network_stream")
        if stream is not None and stream not in self._bounded:
            self._bounded.add(stream)
            _hold_little(stream)
        return reply


def _log_request(request: httpx.Request, outcome: int | BaseException, started: float) -> None:
    """Log a request without its query, which may contain a key; the time is up to the response's head."""
    if log.isEnabledFor(logging.INFO):
        url, seconds = request.url, time.monotonic() - started
        log.info(
            "http: %s %s %s -> %s in %.3f seconds", request.method, url.netloc.decode(), url.path, outcome, seconds
        )


def _hold_little(stream: Any) -> None:
    """Set a small receive buffer; the option of httpx does not work through proxies."""
    wire = stream.get_extra_info("socket")
    if wire is not None:
        with suppress(OSError):
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_BYTES)


async def client_of(line: Endpoint, timeout: httpx.Timeout) -> httpx.AsyncClient:
    """Return a client for this address only. Raises `Rejected` for an unusable proxy or `verify`."""
    provider, proxy = line.provider, proxy_of(line)
    verify: Any = False
    if not line.socket_path and (base_url_of(provider).startswith("https://") or proxy.startswith("https://")):
        # Otherwise there is no TLS to that origin, and redirects leave it never: no certificate store to be loaded.
        verify = await asyncio.to_thread(tls_verification, provider)
    try:
        wires = BoundedConnections(
            verify=verify,
            trust_env=False,
            limits=_LIMITS,
            uds=line.socket_path or None,
            proxy=_proxy(proxy, verify) if proxy else None,
        )
    except (ImportError, ValueError, httpx.InvalidURL):
        # What it says may hold the proxy's password.
        raise proxy_error(provider) from None
    headers = {"User-Agent": f"chat-tui/{__version__}"}
    return httpx.AsyncClient(transport=wires, headers=headers, timeout=timeout, follow_redirects=False)


def _proxy(address: str, verify: Any) -> httpx.Proxy:
    return httpx.Proxy(address, ssl_context=(verify or None) if address.startswith("https://") else None)
