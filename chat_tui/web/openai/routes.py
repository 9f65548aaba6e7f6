"""The OpenAI-compatible API: any tool that uses OpenAI's API can use this router.

Nothing is saved unless a request has `store`; the config's system prompt is not added.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from chat_tui.core.chunks import Chunk, End, Token
from chat_tui.core.models import Model
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.web.api.event_stream import EventStream, retry_after, wait_for_end
from chat_tui.web.api.model_choice import AUTO, is_known_model, match_choice, resolve_choice, unknown_model
from chat_tui.web.api.schemas import parse_body
from chat_tui.web.errors import ApiError, error_response
from chat_tui.web.openai.requests import ChatQuestion, parse_request
from chat_tui.web.openai.responses import CompletionEvents, build_completion, incomplete_error
from chat_tui.web.openai.schemas import ModelCard, ModelCards
from chat_tui.web.state import AppState, client_of, state_of

OURS = "chat-tui"
"""Owner of `auto` and the strategies in the list of models."""
HEAD_SECONDS = 10.0
"""Time for which a stream's status waits for the first token, so that an error can have its own status."""


def routes() -> list[BaseRoute]:
    """Return the routes."""
    return [
        Route("/v1/models", list_models, methods=["GET"]),
        Route("/v1/models/{id:path}", get_model, methods=["GET"]),
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
    ]


async def list_models(request: Request) -> Response:
    """List all possible values of `model`."""
    engine = await state_of(request).engine_with_models()
    return _json(ModelCards(_model_cards(engine)))


async def get_model(request: Request) -> Response:
    """Return one model or strategy."""
    wanted = request.path_params["id"]
    if not wanted:
        return await list_models(request)
    engine = await state_of(request).engine_with_models()
    meant = match_choice(
        wanted, engine.models.strategies(), [standing.model.name for standing in engine.models.status()]
    )
    card = next((card for card in _model_cards(engine) if card.id == (meant.model or wanted)), None)
    if card is None:
        raise unknown_model(wanted)
    return _json(card)


def _model_cards(engine: Engine) -> list[ModelCard]:
    ours = [ModelCard(name, 0, OURS) for name in (AUTO, *engine.models.strategies())]
    return [*ours, *map(_model_card, engine.models.in_use())]


def _model_card(model: Model) -> ModelCard:
    """Return a model in OpenAI's format; its creation time is unknown."""
    return ModelCard(model.name, 0, model.provider, context_window=model.context_window or msgspec.UNSET)


async def chat_completions(request: Request) -> Response:
    """Answer the last message, as a stream or as a whole."""
    state, asked = state_of(request), await parse_body(request, parse_request)
    named = await is_known_model(state, asked.model)
    answer = await state.ask(client_of(request), lambda engine: _start_answer(engine, asked), named=named)
    id, created = f"chatcmpl-{answer.turn.id}", int(time())
    if asked.stream:
        return completion_stream(state, answer, CompletionEvents(id, created, include_usage=asked.include_usage), id)
    await wait_for_end(state, answer, request.receive)
    try:
        told = build_completion(id, created, answer.turn, answer.route)
    except ApiError as refusal:
        raise await _with_retry_after(state, answer, refusal) from None
    return _json(told, response_headers(answer, id))


async def _start_answer(engine: Engine, asked: ChatQuestion) -> Answer:
    meant = resolve_choice(engine, asked.model)
    settings = asked.settings.replace(model=meant.model, strategy=meant.strategy)
    ask = engine.ask if asked.store else engine.ask_apart
    beginning = NewConversation(asked.system_prompt, earlier=asked.earlier)
    return await ask(beginning, asked.text, settings, attachments=asked.attachments)


def completion_stream(
    state: AppState, answer: Answer, events: CompletionEvents, id: str, head_seconds: float = HEAD_SECONDS
) -> EventStream:
    """Return the events of a completion; if it fails before the first token, the status says so."""

    async def encode(chunks: Sequence[Chunk]) -> bytes:
        return events.of(chunks)

    async def open(scope: Scope) -> Response | Mapping[str, str]:
        try:
            async with asyncio.timeout(head_seconds):
                await _first_outcome(answer)
        except TimeoutError:
            # A client that waits must see by now that the server is there.
            pass
        turn = answer.turn
        if answer.ended and not turn.text and not turn.thinking and turn.state in {"failed", "cancelled"}:
            refusal = await _with_retry_after(state, answer, incomplete_error(turn.error, answer.route))
            return error_response(scope["path"], refusal)
        return response_headers(answer, id)

    return EventStream(state, answer, encode, open=open)


async def _first_outcome(answer: Answer) -> None:
    async for chunk in answer.follow():
        if isinstance(chunk, (Token, End)):
            return


async def _with_retry_after(state: AppState, answer: Answer, refusal: ApiError) -> ApiError:
    """Return the refusal with a `Retry-After` header, if the time is known."""
    refusal.headers |= await retry_after(state, answer, refusal.status)
    return refusal


def response_headers(answer: Answer, id: str) -> dict[str, str]:
    """Return headers with the model and the ids of the answer."""
    told = {"x-chat-tui-model": answer.turn.model, "x-request-id": id}
    if answer.conversation_id:
        told["x-chat-tui-conversation"] = answer.conversation_id
    return {name: value for name, value in told.items() if value.isascii() and value.isprintable()}


def _json(record: msgspec.Struct, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(record), headers=headers, media_type="application/json")
