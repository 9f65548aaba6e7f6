"""The app: its routes, and what stands around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from chat_tui.core.errors import ChatTuiError
from chat_tui.web import openapi
from chat_tui.web.api import conversations, operations, stream, versions, websocket
from chat_tui.web.errors import OPENAI_PATH, ApiError, refused, response
from chat_tui.web.middleware.absolute_targets import AbsoluteTargets
from chat_tui.web.middleware.access import AccessControl
from chat_tui.web.middleware.headers import HEADERS, SafeHeaders
from chat_tui.web.middleware.limits import RequestLimits
from chat_tui.web.middleware.private_errors import PrivateErrors
from chat_tui.web.openai import routes as openai_api
from chat_tui.web.ops.access_log import AccessLogMiddleware
from chat_tui.web.page import page
from chat_tui.web.state import AppState


def routes() -> list[BaseRoute]:
    """All that can be asked for; each file tells its own."""
    asked = (stream, websocket, openai_api, conversations, versions, operations, openapi, page)
    return [route for each in asked for route in each.routes()]


def middleware(door: AppState) -> list[Middleware]:
    """What a request passes on its way in, the outermost first."""
    return [
        Middleware(PrivateErrors),
        Middleware(AccessLogMiddleware, door.metrics, door.log),
        Middleware(SafeHeaders),
        Middleware(AbsoluteTargets),
        Middleware(AccessControl, door),
        Middleware(RequestLimits, door),
    ]


def made(door: AppState) -> Starlette:
    """The app for this door."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await door.engine()
        try:
            yield
        finally:
            await door.close()

    handlers: dict[Any, Any] = {
        ApiError: _refused,
        ChatTuiError: _failed,
        HTTPException: _unknown,
        ClientDisconnect: _gone,
        Exception: _broken,
    }
    app = Starlette(routes=routes(), middleware=middleware(door), lifespan=lifespan, exception_handlers=handlers)
    app.state.door = door
    return app


async def _refused(request: Request, refusal: ApiError) -> Response:
    return response(request.url.path, refusal)


async def _failed(request: Request, error: ChatTuiError) -> Response:
    return response(request.url.path, refused(error))


async def _unknown(request: Request, error: HTTPException) -> Response:
    path, headers = request.url.path, dict(error.headers or {})
    if path == websocket.PATH:
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
        return response(path, ApiError(426, "This path is a WebSocket: connect with ws://.", headers=upgrade))
    nothing = "Unknown path."
    if path.startswith(f"{OPENAI_PATH}/"):
        nothing += " Supported OpenAI paths: /v1/models and /v1/chat/completions."
    words = {404: nothing, 405: "This method is not allowed for this path."}
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    refusal = ApiError(error.status_code, words.get(error.status_code, error.detail), headers=headers)
    return response(path, refusal)


def _methods_at(request: Request) -> set[str]:
    """What all routes of this path take; Starlette looks at the first alone."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    found = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in found for method in route.methods or ()}


async def _gone(request: Request, error: ClientDisconnect) -> Response:
    """Whoever has left in the middle of a body hears nothing of it."""
    return response(request.url.path, ApiError(400, "The body is incomplete."))


async def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours; whoever started the server sees where."""
    told = response(request.url.path, ApiError(500, "Internal error in chat-tui. Please report it."))
    told.headers.update(HEADERS)
    return told
