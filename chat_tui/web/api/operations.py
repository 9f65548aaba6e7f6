"""What whoever runs the server asks: `/health`, and `/metrics` for Prometheus."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui import __version__
from chat_tui.web.state import door_of


class HealthReport(msgspec.Struct, frozen=True):
    """Server health."""

    status: Literal["ok", "stopping"]
    version: str
    running: int
    """Answers running."""
    models: int
    """Models that can be asked."""


def routes() -> list[BaseRoute]:
    """What is asked by machines that watch."""
    return [Route("/health", health, methods=["GET"]), Route("/metrics", metrics, methods=["GET"])]


async def health(request: Request) -> Response:
    """It is there; 503 while it is stopping, so that nobody sends more."""
    door = door_of(request)
    models = len((await door.engine()).models.in_use())
    told = HealthReport("stopping" if door.stopping else "ok", __version__, len(door.running()), models)
    return Response(msgspec.json.encode(told), 503 if door.stopping else 200, media_type="application/json")


async def metrics(request: Request) -> Response:
    """The counters of all workers."""
    counted = door_of(request).metrics
    text, content_type = await asyncio.to_thread(counted.text, request.headers.get("accept", ""))
    return Response(text, headers={"content-type": content_type})
