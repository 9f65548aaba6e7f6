"""Requests that come through a reverse proxy: who the client is, and the path under which the proxy serves the app."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from chat_tui.config.load import ROOT_PATH
from chat_tui.web.errors import is_below

PREFIX = "chat_tui.prefix"
"""Key in the scope: the path under which the app is served, such as `/chat`; empty at the root."""


class TrustedProxies:
    """Addresses and networks of proxies whose headers are believed."""

    def __init__(self, proxies: Sequence[str]) -> None:
        self._networks = [ip_network(proxy, strict=False) for proxy in proxies]

    def __contains__(self, address: object) -> bool:
        try:
            found = ip_address(str(address))
        except ValueError:
            return False
        return any(found in network for network in self._networks)


class ForwardedHeaders:
    """The middleware that reads `X-Forwarded-For`, `-Proto` and `-Prefix` of trusted proxies. Others are not believed:
    any program on the machine can send them."""

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        self._app = app
        self._proxies = TrustedProxies(proxies)
        # uvicorn's own middleware finds the client in the list of addresses.
        self._behind_proxy: ASGIApp = ProxyHeadersMiddleware(app, list(proxies))  # type: ignore[arg-type, assignment]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        client = scope.get("client")
        if client is None or client[0] not in self._proxies:
            await self._app(scope, receive, send)
            return
        prefix = Headers(scope=scope).get("x-forwarded-prefix", "").rstrip("/")
        if re.fullmatch(ROOT_PATH, prefix):
            scope["root_path"] = prefix
        await self._behind_proxy(scope, receive, send)


class PathPrefix:
    """The middleware that removes the path under which the app is served, unless the proxy or the server has done so.
    After it, paths are those of the routes."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app, self._root_path = app, root_path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        prefix, path = scope.get("root_path", "").rstrip("/") or self._root_path, scope["path"]
        scope["root_path"], scope[PREFIX] = "", prefix
        # Some servers put the path in front of what they get, also if it is there already.
        for _ in range(2):
            if prefix and is_below(path, prefix):
                path = path[len(prefix) :]
        if not path and scope["type"] == "http":
            # The addresses in the page are relative to it.
            await RedirectResponse(f"{prefix}/", 308)(scope, receive, send)
            return
        scope["path"] = path or "/"
        await self._app(scope, receive, send)
