"""`POST /stream` sends an answer as server-sent events, `POST /generate` as one JSON reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.chunks import Chunk, ErrorInfo, has_answered
from chat_tui.core.errors import ConversationNotFound
from chat_tui.core.new_conversation import NewConversation
from chat_tui.core.request import Request as Settings
from chat_tui.core.text.control_characters import clean
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.web.api.event_stream import EventStream, when_again, whole
from chat_tui.web.api.events import EventEncoder, in_lines
from chat_tui.web.api.html_events import PageStream, placed
from chat_tui.web.api.model_choice import ModelChoice, chosen, needs_no_list
from chat_tui.web.api.schemas import GenerationOptions, PromptBody, body_of
from chat_tui.web.errors import ApiError, status_of, words_of
from chat_tui.web.state import AppState, client_of, door_of

_LOOKED_AT = 1000
"""Characters of a question in which signs that nobody can see do not count as a question."""


def routes() -> list[BaseRoute]:
    """The routes of `/stream` and `/generate`."""
    return [Route("/stream", stream, methods=["POST"]), Route("/generate", generate, methods=["POST"])]


class GeneratedReply(msgspec.Struct, frozen=True):
    """A whole reply."""

    response: str
    metadata: dict[str, Any]
    """As at the end of a stream."""
    success: bool = True


class FailedReply(msgspec.Struct, frozen=True):
    """A reply that failed or was cut."""

    error: str
    response: str
    """The part that came; it is kept."""
    metadata: dict[str, Any]
    success: bool = False


async def stream(request: Request) -> Response:
    """Answer a question as server-sent events."""
    door, asked = door_of(request), await body_of(request, PromptBody)
    return await streamed(door, await begun(door, client_of(request), asked), asked)


async def streamed(door: AppState, answer: Answer, asked: GenerationOptions) -> Response:
    """A begun answer in server-sent events."""
    words = EventEncoder(answer.conversation_id, metadata=bool(asked.include_metadata))
    if asked.render:
        first = in_lines([placed(await door.engine(), answer)])
        return EventStream(door, answer, PageStream(answer, words).encode, first=first)

    async def encode(chunks: Sequence[Chunk]) -> bytes:
        return in_lines(event for event in map(words.told, chunks) if event is not None)

    return EventStream(door, answer, encode)


async def generate(request: Request) -> Response:
    """Answer a question with one JSON reply."""
    door, asked = door_of(request), await body_of(request, PromptBody)
    answer = await begun(door, client_of(request), asked)
    end = await whole(door, answer, request.receive)
    metadata = EventEncoder(answer.conversation_id, metadata=False).ending(end)
    if end.state in ("failed", "broken", "empty"):
        error = answer.turn.error or ErrorInfo("InternalError", "The answer failed.")
        status = status_of(error)
        failed = FailedReply(words_of(error), answer.text, metadata)
        return _json(failed, status, await when_again(door, answer, status))
    if end.state == "cancelled":
        return _json(FailedReply("The answer was cancelled; what arrived is kept.", answer.text, metadata), 503)
    if not has_answered(end.state, answer.text):
        words = "The model or a filter refused to answer. Rephrase the question, or choose another model."
        return _json(FailedReply(words, answer.text, metadata), 400)
    return _json(GeneratedReply(answer.text, metadata), 200)


def _json(body: msgspec.Struct, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


async def check_free(engine: Engine, conversation_id: str) -> None:
    """Raises `ApiError` where an answer runs in it, here or in another process, and `ConversationNotFound`."""
    path = (await engine.conversations.conversation(conversation_id)).path
    if engine.running(conversation_id) or (path and path[-1].state == "streaming"):
        raise ApiError(409, "An answer is running in this conversation. Cancel it, or wait for it to end.")


def check_prompt(text: str) -> None:
    """Raises `ApiError` where nothing of it can be seen."""
    if not clean(text[:_LOOKED_AT]).strip() and not text[_LOOKED_AT:].strip():
        raise ApiError(400, "`prompt` is empty.", param="prompt")


async def names_model(door: AppState, asked: GenerationOptions) -> bool:
    """Whether somebody has said which model is to answer."""
    if asked.model is not None:
        return await needs_no_list(door, asked.model)
    return asked.strategy is None and not asked.adaptive and door.config.model is not None


def settings_of(engine: Engine, asked: GenerationOptions) -> Settings:
    """What it asks of the router. Raises `ApiError` where the strategy or the model is not known."""
    if asked.strategy is not None and asked.strategy not in engine.models.strategies():
        words = f"Unknown strategy. Known:  {', '.join(engine.models.strategies())}."
        raise ApiError(400, words, param="strategy")
    meant = chosen(engine, asked.model) if asked.model is not None else ModelChoice()
    return asked.settings().changed(model=meant.model, strategy=meant.strategy or asked.strategy)


async def begun(door: AppState, client: str, asked: PromptBody) -> Answer:
    """Begin the answer, in its conversation or a new one. Raises `ApiError`, `ChatTuiError`."""
    check_prompt(asked.prompt)
    if asked.conversation is not None and asked.system is not None:
        raise ApiError(400, "`system` can only be set for a new conversation.", param="system")

    async def begin(engine: Engine) -> Answer:
        settings = settings_of(engine, asked)
        if asked.conversation is None:
            return await engine.ask(NewConversation(asked.system), asked.prompt, settings)
        try:
            async with door.going_on:
                await check_free(engine, asked.conversation)
                return await engine.ask(asked.conversation, asked.prompt, settings)
        except ConversationNotFound as error:
            raise ApiError(404, "Conversation not found: it may have been deleted.", param="conversation") from error

    return await door.ask(client, begin, named=await names_model(door, asked))
