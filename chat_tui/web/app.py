"""Builds the app from its routes, middleware and error handlers."""

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
from chat_tui.web.anthropic import routes as anthropic_api
from chat_tui.web.api import conversations, deletions, operations, settings, stream, tools, websocket
from chat_tui.web.api.choice import model_list
from chat_tui.web.api.live import comparisons, controls, queue
from chat_tui.web.api.live import routes as live
from chat_tui.web.api.turns import answers, finding, summaries, versions
from chat_tui.web.errors import OPENAI_PATH, ApiError, error_response, is_below, to_api_error
from chat_tui.web.middleware.absolute_targets import AbsoluteTargets
from chat_tui.web.middleware.access import AccessControl
from chat_tui.web.middleware.headers import HEADERS, SafeHeaders
from chat_tui.web.middleware.limits import RequestLimits
from chat_tui.web.middleware.private_errors import PrivateErrors
from chat_tui.web.middleware.proxies import ForwardedHeaders, PathPrefix
from chat_tui.web.openai import embeddings, legacy
from chat_tui.web.openai import routes as openai_api
from chat_tui.web.ops.access_log import AccessLogMiddleware
from chat_tui.web.page import page, sign_in
from chat_tui.web.page.files import routes as files
from chat_tui.web.responses import routes as responses_api
from chat_tui.web.responses import storage
from chat_tui.web.state import AppState


def routes() -> list[BaseRoute]:
    """Return all routes."""
    asked = (
        stream,
        websocket,
        openai_api,
        legacy,
        embeddings,
        responses_api,
        storage,
        anthropic_api,
        conversations,
        deletions,
        versions,
        summaries,
        answers,
        finding,
        tools,
        settings,
        model_list,
        live,
        controls,
        queue,
        comparisons,
        files,
        sign_in,
        operations,
        openapi,
        page,
    )
    return [route for each in asked for route in each.routes()]


def middleware(state: AppState) -> list[Middleware]:
    """Return the middleware, outermost first."""
    return [
        Middleware(PrivateErrors),
        Middleware(ForwardedHeaders, state.config.web.proxies),
        Middleware(AccessLogMiddleware, state.metrics, state.log),
        Middleware(SafeHeaders),
        Middleware(AbsoluteTargets),
        Middleware(PathPrefix, state.config.web.root_path),
        Middleware(AccessControl, state),
        Middleware(RequestLimits, state),
    ]


def build_app(state: AppState) -> Starlette:
    """Return the app for this state; the engine opens when the app starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await state.engine()
        state.uploads.start()
        try:
            yield
        finally:
            await state.close()

    handlers: dict[Any, Any] = {
        ApiError: _reply_refusal,
        ChatTuiError: _reply_failure,
        HTTPException: _unknown,
        ClientDisconnect: _reply_disconnect,
        Exception: _reply_internal_error,
    }
    app = Starlette(routes=routes(), middleware=middleware(state), lifespan=lifespan, exception_handlers=handlers)
    app.state.shared = state
    return app


async def _reply_refusal(request: Request, refusal: ApiError) -> Response:
    return error_response(request.url.path, refusal)


async def _reply_failure(request: Request, error: ChatTuiError) -> Response:
    return error_response(request.url.path, to_api_error(error))


async def _unknown(request: Request, error: HTTPException) -> Response:
    path, headers = request.url.path, dict(error.headers or {})
    if path == websocket.PATH:
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
        return error_response(path, ApiError(426, "This path is a WebSocket: connect with ws://.", headers=upgrade))
    nothing = "Unknown path."
    if is_below(path, OPENAI_PATH):
        nothing += f" Supported: {', '.join(sorted(_paths_below(request, OPENAI_PATH)))}."
    words = {404: nothing, 405: "This method is not allowed for this path."}
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    refusal = ApiError(error.status_code, words.get(error.status_code, error.detail), headers=headers)
    return error_response(path, refusal)


def _paths_below(request: Request, above: str) -> set[str]:
    """Return the paths below this one that have no parameters."""
    paths = {route.path for route in request.app.routes if isinstance(route, Route)}
    return {path for path in paths if is_below(path, above) and "{" not in path}


def _methods_at(request: Request) -> set[str]:
    """Return the methods of all routes of this path; Starlette looks only at the first route."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    found = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in found for method in route.methods or ()}


async def _reply_disconnect(request: Request, error: ClientDisconnect) -> Response:
    """Reply to a client that disconnected in the middle of a body; nobody reads it."""
    return error_response(request.url.path, ApiError(400, "The body is incomplete."))


async def _reply_internal_error(request: Request, error: Exception) -> Response:
    """Reply to a bug of ours; where it happened is logged, not sent."""
    told = error_response(request.url.path, ApiError(500, "Internal error in chat-tui. Please report it."))
    told.headers.update(HEADERS)
    return told
