"""Accepts requests with an absolute URL in their first line, as RFC 9112 (3.2.2) demands."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

_WHOLE = re.compile(r"https?://([^/]*)(.*)", re.IGNORECASE | re.DOTALL)


class AbsoluteTargets:
    """The middleware; after it every path begins with a slash, and the Host header is that of the URL."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        if scope["type"] == "http" and (found := _WHOLE.fullmatch(scope["path"])):
            others = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
            host = (b"host", found[1].encode("utf-8", "replace"))
            scope = {**scope, "path": found[2] or "/", "headers": [host, *others]}
        await self._app(scope, receive, send)
