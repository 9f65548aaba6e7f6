"""Questions whose answers need no client, and the stream with which pages follow them."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.engine.answers.answer import Answer
from chat_tui.web.api.choice.setting_choice import PageQuestion
from chat_tui.web.api.html_events import place_event
from chat_tui.web.api.live.feed import follow_events
from chat_tui.web.api.schemas import RepeatBody, read_body
from chat_tui.web.api.stream import start_answer
from chat_tui.web.api.turns.versions import start_again
from chat_tui.web.state import AppState, client_of, state_of


def routes() -> list[BaseRoute]:
    """Return the routes of answers that run by themselves."""
    one = "/api/conversations/{id}"
    return [
        Route("/api/ask", ask, methods=["POST"]),
        Route(f"{one}/turns/{{turn}}/ask", ask_again, methods=["POST"]),
        Route("/api/events", follow_events, methods=["GET"]),
    ]


async def ask(request: Request) -> Response:
    """Begin the answer to a question, and return where it is at once."""
    state, asked = state_of(request), await read_body(request, PageQuestion)
    return await _begun(state, await start_answer(state, client_of(request), asked, by_page=True))


async def ask_again(request: Request) -> Response:
    """Edit the question, or regenerate or continue the answer; returns at once."""
    state, asked = state_of(request), await read_body(request, RepeatBody)
    return await _begun(state, await start_again(state, request, asked, by_page=True))


async def _begun(state: AppState, answer: Answer) -> Response:
    body = msgspec.json.encode(place_event(await state.engine(), answer))
    return Response(body, 202, media_type="application/json")
