"""Hides the text of unexpected exceptions, which may contain somebody's question."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class PrivateFault(Exception):
    """Replaces an exception whose text must not be logged."""


class PrivateErrors:
    """The middleware: the log of a bug contains its kind and place, and none of its text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - it goes on, without its words
            raise PrivateFault(type(error).__name__).with_traceback(error.__traceback__) from None
