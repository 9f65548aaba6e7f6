"""`/health`, and `/metrics` for Prometheus."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui import __version__
from chat_tui.web.state import state_of


class HealthReport(msgspec.Struct, frozen=True):
    """The reply of `/health`."""

    status: Literal["ok", "stopping"]
    version: str
    running: int
    """Number of running answers."""
    models: int
    """Number of available models."""


def routes() -> list[BaseRoute]:
    """Return the routes for monitoring."""
    return [Route("/health", health, methods=["GET"]), Route("/metrics", metrics, methods=["GET"])]


async def health(request: Request) -> Response:
    """Report that the server works; 503 during shutdown, so that a load balancer sends nothing more."""
    state = state_of(request)
    models = len((await state.engine()).models.in_use())
    told = HealthReport("stopping" if state.stopping else "ok", __version__, len(state.running()), models)
    return Response(msgspec.json.encode(told), 503 if state.stopping else 200, media_type="application/json")


async def metrics(request: Request) -> Response:
    """Return the counters of all workers."""
    counted = state_of(request).metrics
    text, content_type = await asyncio.to_thread(counted.text, request.headers.get("accept", ""))
    return Response(text, headers={"content-type": content_type})
