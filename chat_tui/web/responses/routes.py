"""OpenAI's Responses API. Nothing is saved unless a request has `store`; later requests can name what was saved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import time

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import Turn
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.web.api.event_stream import wait_for_all
from chat_tui.web.api.events import encode_event
from chat_tui.web.api.schemas import LARGE_BYTES, parse_body
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.answers import answer_stream, response_headers, start_answers, with_retry_after
from chat_tui.web.gateway.documents import read_documents
from chat_tui.web.gateway.question import GatewayQuestion
from chat_tui.web.gateway.sealing import seal
from chat_tui.web.responses.replies import ResponseEvents, begin_response, end_response, output_of
from chat_tui.web.responses.requests import build_question, parse_request
from chat_tui.web.responses.schemas import ResponsesRequest
from chat_tui.web.responses.storage import find_response, response_id
from chat_tui.web.state import AppState, client_of, state_of


def routes() -> list[BaseRoute]:
    """Return the routes."""
    return [Route("/v1/responses", create_response, methods=["POST"])]


async def create_response(request: Request) -> Response:
    """Answer the input, as a stream or as a whole."""
    state, body = state_of(request), await parse_body(request, parse_request)
    is_large = int(request.headers.get("content-length", "0")) > LARGE_BYTES
    answer, asked = await _start(state, client_of(request), body, is_large=is_large)
    id = response_id(answer.conversation_id, answer.turn.id)
    response = begin_response(id, int(time()), body)
    if body.stream:
        events = ResponseEvents(response, answer.turn.id, sealed=lambda: seal(answer.turn, state.token))
        return answer_stream(state, [answer], [events.of], id)
    await wait_for_all(state, [answer], request.receive)
    given = asked.settings.part if asked.is_stored else ""
    output = output_of(answer.turn, answer.chunks, given, seal(answer.turn, state.token))
    try:
        told = end_response(response, answer.turn, output, answer.route)
    except ApiError as refusal:
        raise await with_retry_after(state, answer, refusal) from None
    return Response(encode_event(told), headers=response_headers(answer, id), media_type="application/json")


async def _start(
    state: AppState, client: str, body: ResponsesRequest, *, is_large: bool
) -> tuple[Answer, GatewayQuestion]:
    """Start the answer, behind the response that the request names; stored ones stay in its conversation."""
    previous = body.previous_response_id
    if not previous:
        asked = await _build(body, (), state.token, is_large=is_large)
        [answer] = await start_answers(state, client, asked)
        return answer, asked
    engine = await state.engine()
    conversation_id, earlier, _ = await _earlier_turns(engine, previous)
    # Reading documents may take long.
    asked = await read_documents(await _build(body, earlier, state.token, is_large=is_large))
    async with state.turn_lock:
        _, _, is_last = await _earlier_turns(engine, previous)
        if asked.is_stored and is_last:
            asked = replace(asked, turns=asked.turns[len(earlier) :], after=conversation_id)
        [answer] = await start_answers(state, client, asked)
    return answer, asked


async def _build(body: ResponsesRequest, earlier: Sequence[Turn], token: str, *, is_large: bool) -> GatewayQuestion:
    if is_large:
        return await asyncio.to_thread(build_question, body, earlier, token)
    return build_question(body, earlier, token)


async def _earlier_turns(engine: Engine, previous: str) -> tuple[str, Sequence[Turn], bool]:
    """Return the conversation of a stored response, its turns up to this response, and whether none follows.

    Raises `ApiError` if there is no such response.
    """
    stored = await find_response(engine, previous, "previous_response_id")
    if stored.turn.state == "streaming":
        raise ApiError(409, "The previous response is still running.", param="previous_response_id")
    conversation = stored.conversation
    path = conversation.path[: stored.place + 1]
    return conversation.id, await engine.conversations.with_contents(conversation, path), path == conversation.path
