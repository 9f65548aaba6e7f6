"""`POST /stream` sends an answer as server-sent events, `POST /generate` as one JSON reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.chunks import ErrorInfo, has_answered
from chat_tui.core.errors import ConversationNotFound
from chat_tui.core.request import Request as Settings
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.text.control_characters import clean
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.steps import StepChunk, saved_answers, why_unanswered
from chat_tui.web.api.choice.model_choice import ModelChoice, is_known_model, resolve_choice
from chat_tui.web.api.choice.question_files import check_images, load_files
from chat_tui.web.api.choice.setting_choice import PageQuestion, beginning_with, check_unset
from chat_tui.web.api.choice.tool_choice import check_unchanged, choose_tool_use, settings_of_new, start_servers
from chat_tui.web.api.event_stream import EventStream, retry_after, wait_for_end
from chat_tui.web.api.events import EventEncoder, to_sse
from chat_tui.web.api.html_events import PageStream, place_event
from chat_tui.web.api.schemas import GenerationOptions, PromptBody, read_body
from chat_tui.web.errors import ApiError, error_text, http_status
from chat_tui.web.presence.call_notes import find_note
from chat_tui.web.state import AppState, client_of, state_of

_LOOKED_AT = 1000
"""Number of characters in which invisible ones do not count as a question."""


def routes() -> list[BaseRoute]:
    """The routes of `/stream` and `/generate`."""
    return [Route("/stream", stream, methods=["POST"]), Route("/generate", generate, methods=["POST"])]


class GeneratedReply(msgspec.Struct, frozen=True):
    """The reply of `/generate`."""

    response: str
    metadata: dict[str, Any]
    """The metadata of the stream's end."""
    success: bool = True


class FailedReply(msgspec.Struct, frozen=True):
    """The reply of `/generate` for an answer that failed or is incomplete."""

    error: str
    response: str
    """Text that arrived; it is saved."""
    metadata: dict[str, Any]
    success: bool = False


async def stream(request: Request) -> Response:
    """Answer a question as server-sent events."""
    state, asked = state_of(request), await read_body(request, PromptBody)
    return await stream_response(state, await start_answer(state, client_of(request), asked), asked)


async def stream_response(state: AppState, answer: Answer, asked: GenerationOptions) -> Response:
    """Return a running answer as server-sent events."""
    words = EventEncoder(answer.conversation_id, metadata=bool(asked.include_metadata))
    if asked.render:
        engine = await state.engine()
        first = to_sse([place_event(engine, answer)])
        return EventStream(state, answer, PageStream(engine, answer, words).encode, first=first)

    async def encode(chunks: Sequence[StepChunk]) -> bytes:
        return to_sse(event for event in map(words.event_of, chunks) if event is not None)

    return EventStream(state, answer, encode)


async def generate(request: Request) -> Response:
    """Answer a question with one JSON reply."""
    state, asked = state_of(request), await read_body(request, PromptBody)
    if asked.ask_tools:
        words = "`askTools` needs a stream: nobody can be asked before the answer is complete."
        raise ApiError(400, words, param="askTools")
    answer = await start_answer(state, client_of(request), asked)
    end = await wait_for_end(state, answer, request.receive)
    metadata = EventEncoder(answer.conversation_id, metadata=False).end_metadata(end)
    steps = [step async for step in saved_answers(answer)]
    answer, text = steps[-1], "\n\n".join(step.text for step in steps if step.text)
    if end.state in ("failed", "broken", "empty"):
        error = answer.turn.error or ErrorInfo("InternalError", "The answer failed.")
        status = http_status(error)
        failed = FailedReply(error_text(error), text, metadata)
        return _json(failed, status, await retry_after(state, answer, status))
    if end.state == "cancelled":
        return _json(FailedReply("The answer was cancelled; what arrived is kept.", text, metadata), 503)
    if asked.tools and (unanswered := why_unanswered(answer)):
        return _json(FailedReply(unanswered, text, metadata), 502)
    if not has_answered(end.state, text):
        words = "The model or its provider refused to answer. Edit the question, or choose another model."
        return _json(FailedReply(words, text, metadata), 400)
    return _json(GeneratedReply(text, metadata), 200)


def _json(body: msgspec.Struct, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


async def check_free(engine: Engine, conversation_id: str) -> None:
    """Raise `ApiError` if an answer is running in the conversation, in any process, or its tool calls have not ended.
    Raises `ConversationNotFound`."""
    path = (await engine.conversations.conversation(conversation_id)).path
    is_busy_here = engine.running(conversation_id) or conversation_id in engine.tools
    is_growing = bool(path) and path[-1].state == "streaming"
    if is_busy_here or is_growing or await find_note(engine.places, conversation_id) is not None:
        raise ApiError(409, "An answer is running in this conversation. Stop it, or wait for it to end.")


def check_prompt(text: str) -> None:
    """Raise `ApiError` if a question has no visible text."""
    if not clean(text[:_LOOKED_AT]).strip() and not text[_LOOKED_AT:].strip():
        raise ApiError(400, "`prompt` is empty.", param="prompt")


async def names_model(state: AppState, asked: GenerationOptions) -> bool:
    """Return whether the request or the config names a model."""
    if asked.model is not None:
        return await is_known_model(state, asked.model)
    return asked.strategy is None and not asked.adaptive and state.config.model is not None


def request_settings(engine: Engine, asked: GenerationOptions) -> Settings:
    """Return the settings of the request. Raises `ApiError` if the strategy, the model or a tool server is unknown."""
    if asked.strategy is not None and asked.strategy not in engine.models.strategies():
        words = f"Unknown strategy. Known: {', '.join(engine.models.strategies())}."
        raise ApiError(400, words, param="strategy")
    meant = resolve_choice(engine, asked.model) if asked.model is not None else ModelChoice()
    tool_use = choose_tool_use(engine, asked)
    return asked.to_request().replace(model=meant.model, strategy=meant.strategy or asked.strategy, tool_use=tool_use)


def check_question(asked: PromptBody) -> None:
    """Raise `ApiError` if a question has no text, or would change its conversation."""
    check_prompt(asked.prompt)
    if asked.conversation is not None and asked.system is not None:
        raise ApiError(400, "`system` can only be set for a new conversation.", param="system")
    if asked.conversation is not None:
        check_unchanged(asked)
        check_unset(asked)


async def start_answer(state: AppState, client: str, asked: PromptBody, *, by_page: bool = False) -> Answer:
    """Start the answer in an existing or a new conversation. An answer that the page asks for goes on without it, and
    the memory is sent with its question. Raises `ApiError`,
    `ChatTuiError`."""
    check_question(asked)
    files = await load_files(state, asked.attachments)

    async def begin(engine: Engine) -> Answer:
        settings = request_settings(engine, asked).replace(uses_memory=by_page)
        await start_servers(engine, settings.tool_use)
        if asked.conversation is None:
            beginning = await beginning_of(state, engine, asked)
            await check_images(engine, beginning, asked.prompt, settings, files)
            return await engine.ask(beginning, asked.prompt, settings, attachments=files)
        try:
            async with state.turn_lock:
                await check_free(engine, asked.conversation)
                await check_images(engine, asked.conversation, asked.prompt, settings, files)
                return await engine.ask(asked.conversation, asked.prompt, settings, attachments=files)
        except ConversationNotFound as error:
            raise ApiError(404, "Conversation not found: it may have been deleted.", param="conversation") from error

    named = await names_model(state, asked)
    answer = await state.ask(client, begin, named=named, runs_alone=by_page)
    await state.uploads.remove(asked.attachments)
    return answer


async def beginning_of(state: AppState, engine: Engine, asked: PromptBody) -> NewConversation | str:
    """Return what a question begins, or the id of the private conversation that begins with it."""
    own = settings_of_new(engine, asked)
    if not isinstance(asked, PageQuestion):
        return NewConversation(asked.system, settings=own)
    beginning = await beginning_with(asked.settings, own, asked.system, names_tools=asked.tools is not None)
    return await state.private.begin(engine, beginning) if asked.private else beginning
