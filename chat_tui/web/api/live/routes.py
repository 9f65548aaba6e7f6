"""Questions whose answers need no client, and the stream with which pages follow them."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import Conversation
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.tool_round import StopCalls
from chat_tui.engine.tools.decision_relay import DecisionRelay, has_open_call
from chat_tui.web.api.choice.setting_choice import PageQuestion
from chat_tui.web.api.conversations import find_conversation
from chat_tui.web.api.html_events import place_event
from chat_tui.web.api.live.feed import follow_events
from chat_tui.web.api.schemas import RepeatBody, read_body
from chat_tui.web.api.stream import start_answer
from chat_tui.web.api.versions import start_again
from chat_tui.web.errors import ApiError
from chat_tui.web.presence.page_answers import stop_answers
from chat_tui.web.state import AppState, client_of, state_of

REPLY_SECONDS = 2.0
"""How long a stop waits for another worker to take it."""


def routes() -> list[BaseRoute]:
    """Return the routes of answers that run by themselves."""
    one = "/api/conversations/{id}"
    return [
        Route("/api/ask", ask, methods=["POST"]),
        Route(f"{one}/turns/{{turn}}/ask", ask_again, methods=["POST"]),
        Route(f"{one}/stop", stop, methods=["POST"]),
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


async def stop(request: Request) -> Response:
    """Stop the answer of a conversation, and its tool calls, in whichever worker they run."""
    state = state_of(request)
    engine = await state.engine()
    conversation = await find_conversation(engine, request)
    if await stop_answers(engine, conversation.id):
        state.monitor.hurry()
    elif conversation.id not in state.private and _may_run_elsewhere(conversation):
        relay = DecisionRelay(engine.places, reply_seconds=REPLY_SECONDS)
        if not await relay.send(conversation.id, "", StopCalls()):
            raise ApiError(409, "Another program writes this answer and does not stop it. Stop it there.")
    return Response(status_code=204)


def _may_run_elsewhere(conversation: Conversation) -> bool:
    if any(turn.state == "streaming" for turn in conversation.path[-1:]):
        return True
    last = next((turn for turn in reversed(conversation.path) if turn.role == "assistant"), None)
    return last is not None and any(has_open_call(conversation, call.id) for call in last.calls)
