"""A fault of ours is told by its kind and place: the words of an exception may be somebody's question."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class PrivateFault(Exception):
    """Stands for an exception whose words nobody is to read."""


class PrivateErrors:
    """The middleware: what the server logs of a fault holds where it came from, and nothing of what was said."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - it goes on, without its words
            raise PrivateFault(type(error).__name__).with_traceback(error.__traceback__) from None
