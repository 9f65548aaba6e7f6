"""The Anthropic-compatible API: clients of Anthropic's Messages API can use this router. Nothing is saved."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.web.anthropic.requests import parse_counted, parse_request
from chat_tui.web.anthropic.responses import MessageEvents, build_message
from chat_tui.web.anthropic.schemas import CountedTokens
from chat_tui.web.api.event_stream import wait_for_all
from chat_tui.web.api.events import encode_event
from chat_tui.web.api.schemas import parse_body
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.answers import answer_stream, response_headers, start_answers, with_retry_after
from chat_tui.web.gateway.documents import read_documents
from chat_tui.web.gateway.sealing import seal
from chat_tui.web.gateway.token_count import estimate_tokens
from chat_tui.web.state import client_of, state_of


def routes() -> list[BaseRoute]:
    """Return the routes."""
    return [
        Route("/v1/messages", create_message, methods=["POST"]),
        Route("/v1/messages/count_tokens", count_tokens, methods=["POST"]),
    ]


async def create_message(request: Request) -> Response:
    """Answer the last message, as a stream or as a whole."""
    state = state_of(request)
    asked = await parse_body(request, lambda raw: parse_request(raw, state.token))
    question = await read_documents(asked.question)
    [answer] = await start_answers(state, client_of(request), question)
    id = f"msg_{answer.turn.id}"
    if asked.stream:
        tokens = estimate_tokens(question)
        events = MessageEvents(id, prompt_tokens=tokens, sealed=lambda: seal(answer.turn, state.token))
        return answer_stream(state, [answer], [events.of], id)
    await wait_for_all(state, [answer], request.receive)
    try:
        told = build_message(id, answer.turn, answer.route, sealed=seal(answer.turn, state.token))
    except ApiError as refusal:
        raise await with_retry_after(state, answer, refusal) from None
    return _json(told, response_headers(answer, id))


async def count_tokens(request: Request) -> Response:
    """Estimate the tokens of a request; no model is asked."""
    state = state_of(request)
    asked = await parse_body(request, lambda raw: parse_counted(raw, state.token))
    return _json(CountedTokens(estimate_tokens(await read_documents(asked))))


def _json(record: msgspec.Struct, headers: dict[str, str] | None = None) -> Response:
    return Response(encode_event(record), headers=headers, media_type="application/json")
