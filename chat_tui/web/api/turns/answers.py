"""Why a model has answered, and what a person thinks of the answer."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import Turn
from chat_tui.core.route import Route as AnswerRoute
from chat_tui.engine.answers.route_report import RouteReport, report_route
from chat_tui.engine.engine import Engine
from chat_tui.web.api.conversations import find_conversation
from chat_tui.web.api.schemas import read_body
from chat_tui.web.api.turns.versions import find_turn
from chat_tui.web.errors import ApiError
from chat_tui.web.state import state_of


class ShownRoute(msgspec.Struct, frozen=True):
    """How an answer was routed; `model` and `route` are as `chat-tui route --json` writes them."""

    model: str
    route: AnswerRoute
    report: RouteReport
    """The same in words."""


class Verdict(msgspec.Struct, frozen=True):
    """What a person thinks of an answer."""

    good: bool | None
    """Null takes the verdict back."""


def routes() -> list[BaseRoute]:
    """Return the routes of an answer."""
    turn = "/api/conversations/{id}/turns/{turn}"
    return [
        Route(f"{turn}/route", show_route, methods=["GET"]),
        Route(f"{turn}/verdict", judge, methods=["PUT"]),
    ]


async def show_route(request: Request) -> Response:
    """Tell why a model has answered."""
    engine = await state_of(request).engine()
    turn = await _find_answer(engine, request)
    route = await engine.conversations.route(turn.id)
    if route is None:
        raise ApiError(404, "There is no route to show. An answer has a route once it has ended.")
    told = ShownRoute(turn.model, route, report_route(turn, route))
    return Response(msgspec.json.encode(told), media_type="application/json")


async def judge(request: Request) -> Response:
    """Record a verdict on an answer, from which strategies learn."""
    state, asked = state_of(request), await read_body(request, Verdict)
    engine = await state.engine()
    turn = await _find_answer(engine, request)
    if turn.state == "streaming" or not turn.model:
        raise ApiError(409, "This answer is still running, or no model has given it. Rate it when it has ended.")
    engine.judge(turn, asked.good)
    state.monitor.hurry()
    return Response(status_code=204)


async def _find_answer(engine: Engine, request: Request) -> Turn:
    turn = find_turn(await find_conversation(engine, request), request)
    if turn.role != "assistant":
        raise ApiError(400, "This message is not an answer.")
    return turn
