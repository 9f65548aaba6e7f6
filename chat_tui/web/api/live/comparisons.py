"""Several models answer one question of the page side by side; each answer can be stopped, and one is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import ConversationNotFound
from chat_tui.engine.answers.comparison import FEWEST, MOST, Comparison, check_can_be_kept, check_models
from chat_tui.engine.engine import Engine
from chat_tui.web.api.choice.model_choice import resolve_choice
from chat_tui.web.api.choice.question_files import load_files
from chat_tui.web.api.choice.setting_choice import PageQuestion
from chat_tui.web.api.conversations import find_conversation
from chat_tui.web.api.schemas import Name, read_body
from chat_tui.web.api.stream import beginning_of, check_free, check_question
from chat_tui.web.errors import ApiError
from chat_tui.web.presence.comparisons import ComparisonNote
from chat_tui.web.state import AppState, client_of, state_of


class ComparedQuestion(msgspec.Struct, frozen=True):
    """A question for several models."""

    models: Annotated[list[Name], Meta(min_length=FEWEST, max_length=MOST)]
    """`provider/model` of each, or a name that only one provider has."""
    question: PageQuestion
    """As for `/api/ask`; its `model`, `strategy` and `adaptive` are not used, and no tools are offered."""


class BegunComparison(msgspec.Struct, frozen=True):
    """Where the answers are."""

    conversation: str
    """Id of the conversation."""
    question: str
    """Its turn's id."""
    models: tuple[str, ...]
    answers: tuple[str, ...]
    """Ids of their turns, in the order of the models. `GET /api/events?follow=ID!TURN` follows one of them."""


def routes() -> list[BaseRoute]:
    """Return the routes of comparisons."""
    turn = "/api/conversations/{id}/turns/{turn}"
    return [
        Route("/api/compare", compare, methods=["POST"]),
        Route(f"{turn}/stop", stop_one, methods=["POST"]),
        Route(f"{turn}/keep", keep, methods=["POST"]),
    ]


async def compare(request: Request) -> Response:
    """Begin the answers of several models, and return where they are at once."""
    state, asked = state_of(request), await read_body(request, ComparedQuestion)
    comparison = await _begin(state, client_of(request), asked.question, asked.models)
    answers = tuple(answer.turn.id for answer in comparison.answers)
    told = BegunComparison(comparison.conversation_id, comparison.question.id, comparison.models, answers)
    return Response(msgspec.json.encode(told), 202, media_type="application/json")


async def _begin(state: AppState, client: str, asked: PageQuestion, names: Sequence[str]) -> Comparison:
    check_question(asked)
    files = await load_files(state, asked.attachments)

    async def begin(engine: Engine) -> Comparison:
        models, settings = _models(engine, names), asked.to_request()
        settings = settings.replace(model=None, strategy=None, adaptive=False, uses_memory=True)
        if asked.conversation is None:
            beginning = await beginning_of(state, engine, asked)
            return await engine.compare(beginning, asked.prompt, models, settings, attachments=files)
        try:
            async with state.turn_lock:
                await check_free(engine, asked.conversation)
                return await engine.compare(asked.conversation, asked.prompt, models, settings, attachments=files)
        except ConversationNotFound as error:
            raise ApiError(404, "Conversation not found: it may have been deleted.", param="conversation") from error

    comparison = await state.compare(client, begin, count=len(names))
    await state.uploads.remove(asked.attachments)
    return comparison


def _models(engine: Engine, wanted: Sequence[str]) -> Sequence[str]:
    names: list[str] = []
    for name in wanted:
        meant = resolve_choice(engine, name).model
        if meant is None:
            raise ApiError(400, "Only models can be compared, no strategies.", param="models")
        names.append(meant)
    return check_models(names)


async def stop_one(request: Request) -> Response:
    """Stop one answer of a comparison; the others go on."""
    state = state_of(request)
    engine = await state.engine()
    conversation, note = await _find(state, engine, request)
    if await engine.controls.control(conversation.id, "stop", str(request.path_params["turn"])):
        state.monitor.hurry()
        return Response(status_code=204)
    if state.comparisons.here(conversation.id) is not None:
        # It has ended.
        return Response(status_code=204)
    turn = await _find_answer(engine, conversation, note, request)
    if turn.state == "streaming" and not await engine.controls.control_elsewhere(conversation.id, "stop", turn.id):
        raise ApiError(409, "Another program writes this answer and does not stop it. Stop it there.")
    return Response(status_code=204)


async def keep(request: Request) -> Response:
    """Make one answer of a comparison that of the conversation, and stop the others, which stay beside it."""
    state = state_of(request)
    engine = await state.engine()
    async with state.turn_lock:
        conversation, note = await _find(state, engine, request)
        turn = await _find_answer(engine, conversation, note, request)
        comparison = state.comparisons.here(conversation.id)
        if comparison is not None and comparison.question.id == note.question:
            await comparison.keep(note.answers.index(turn.id) + 1)
            # Nobody waits for the others any more, and they may cost something.
            await comparison.cancel_all()
        else:
            check_can_be_kept(turn)
            if conversation.path[-1].state == "streaming":
                await engine.controls.control_elsewhere(conversation.id, "stop")
            await engine.conversations.select(conversation.id, turn.id)
            engine.judge(turn, True)
        await state.comparisons.forget(engine, conversation.id)
    state.monitor.hurry()
    return Response(status_code=204)


async def _find(state: AppState, engine: Engine, request: Request) -> tuple[Conversation, ComparisonNote]:
    conversation = await find_conversation(engine, request)
    last = conversation.path[-1].id if conversation.path else ""
    note = await state.comparisons.find(engine, conversation.id, last)
    if note is None or request.path_params["turn"] not in note.answers:
        raise ApiError(404, "This answer is not compared with others any more.")
    return conversation, note


async def _find_answer(engine: Engine, conversation: Conversation, note: ComparisonNote, request: Request) -> Turn:
    wanted = str(request.path_params["turn"])
    for turn in await engine.conversations.siblings(conversation.id, note.answers[0]):
        if turn.id == wanted:
            return turn
    raise ApiError(404, "Unknown answer.")
