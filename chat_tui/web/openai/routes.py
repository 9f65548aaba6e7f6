"""The OpenAI-compatible door: any tool that speaks to OpenAI gets this router, with its fallbacks.

Nothing is kept unless a request says `store`; the config's system prompt is not put before a talk that has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from chat_tui.core.chunks import Chunk, End, Token
from chat_tui.core.models import Model
from chat_tui.core.new_conversation import NewConversation
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.web.api.event_stream import EventStream, when_again, whole
from chat_tui.web.api.model_choice import AUTO, choice, chosen, needs_no_list, unknown_model
from chat_tui.web.api.schemas import read_in
from chat_tui.web.errors import ApiError, response
from chat_tui.web.openai.requests import ChatQuestion, asked_in
from chat_tui.web.openai.responses import CompletionEvents, completion, why_not
from chat_tui.web.openai.schemas import ModelCard, ModelCards
from chat_tui.web.state import AppState, client_of, door_of

OURS = "chat-tui"
"""Owns `auto` and the strategies."""
HEAD_SECONDS = 10.0
"""So long a stream's head waits for the first token: until then what fails is told by a status."""


def routes() -> list[BaseRoute]:
    """What OpenAI's clients ask."""
    return [
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/models/{id:path}", model, methods=["GET"]),
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
    ]


async def models(request: Request) -> Response:
    """All that can be named as `model`."""
    engine = await door_of(request).discovered()
    return _json(ModelCards(_cards(engine)))


async def model(request: Request) -> Response:
    """Get one model or strategy."""
    wanted = request.path_params["id"]
    if not wanted:
        return await models(request)
    engine = await door_of(request).discovered()
    meant = choice(wanted, engine.models.strategies(), [standing.model.name for standing in engine.models.status()])
    card = next((card for card in _cards(engine) if card.id == (meant.model or wanted)), None)
    if card is None:
        raise unknown_model(wanted)
    return _json(card)


def _cards(engine: Engine) -> list[ModelCard]:
    ours = [ModelCard(name, 0, OURS) for name in (AUTO, *engine.models.strategies())]
    return [*ours, *map(_card, engine.models.in_use())]


def _card(model: Model) -> ModelCard:
    """A model as clients know it; when it was made is not known."""
    return ModelCard(model.name, 0, model.provider, context_window=model.context_window or msgspec.UNSET)


async def chat_completions(request: Request) -> Response:
    """Answer the last message of a talk, streamed or whole."""
    door, asked = door_of(request), await read_in(request, asked_in)
    named = await needs_no_list(door, asked.model)
    answer = await door.ask(client_of(request), lambda engine: _begun(engine, asked), named=named)
    id, created = f"chatcmpl-{answer.turn.id}", int(time())
    if asked.stream:
        return CompletionStream(door, answer, CompletionEvents(id, created, include_usage=asked.include_usage), id)
    await whole(door, answer, request.receive)
    try:
        told = completion(id, created, answer.turn, answer.route)
    except ApiError as refusal:
        raise await _with_wait(door, answer, refusal) from None
    return _json(told, headers_of(answer, id))


async def _begun(engine: Engine, asked: ChatQuestion) -> Answer:
    meant = chosen(engine, asked.model)
    settings = asked.settings.changed(model=meant.model, strategy=meant.strategy)
    ask = engine.ask if asked.store else engine.ask_apart
    beginning = NewConversation(asked.system_prompt, earlier=asked.earlier)
    return await ask(beginning, asked.text, settings, attachments=asked.attachments)


class CompletionStream(EventStream):
    """The events of a completion. Where it fails before the first token, the status says so."""

    def __init__(
        self, door: AppState, answer: Answer, events: CompletionEvents, id: str, head_seconds: float = HEAD_SECONDS
    ) -> None:
        super().__init__(door, answer, self._told)
        self._events, self._id, self._head_seconds = events, id, head_seconds

    async def _told(self, chunks: Sequence[Chunk]) -> bytes:
        return self._events.of(chunks)

    async def begin(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Send the head; False where there is nothing to be streamed."""
        try:
            async with asyncio.timeout(self._head_seconds):
                await _first_word(self._answer)
        except TimeoutError:
            # Whoever waits must see by now that somebody is there.
            pass
        turn = self._answer.turn
        if self._answer.ended and not turn.text and not turn.thinking and turn.state in {"failed", "cancelled"}:
            refusal = await _with_wait(self._door, self._answer, why_not(turn.error, self._answer.route))
            await response(scope["path"], refusal)(scope, receive, send)
            return False
        self.headers.update(headers_of(self._answer, self._id))
        return await super().begin(scope, receive, send)


async def _first_word(answer: Answer) -> None:
    async for chunk in answer.follow():
        if isinstance(chunk, (Token, End)):
            return


async def _with_wait(door: AppState, answer: Answer, refusal: ApiError) -> ApiError:
    """The same, and when to ask again where that is known."""
    refusal.headers |= await when_again(door, answer, refusal.status)
    return refusal


def headers_of(answer: Answer, id: str) -> dict[str, str]:
    """Who answers, and under which ids it is known."""
    told = {"x-chat-tui-model": answer.turn.model, "x-request-id": id}
    if answer.conversation_id:
        told["x-chat-tui-conversation"] = answer.conversation_id
    return {name: value for name, value in told.items() if value.isascii() and value.isprintable()}


def _json(record: msgspec.Struct, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(record), headers=headers, media_type="application/json")
