"""Asking again: a question in other words, an answer anew or on from where it was cut; and which version is in view."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.request import Request as Settings
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.web.api.conversations import conversation_of
from chat_tui.web.api.schemas import RepeatBody, body_of
from chat_tui.web.api.stream import check_free, check_prompt, names_model, settings_of, streamed
from chat_tui.web.errors import ApiError
from chat_tui.web.state import client_of, door_of


def routes() -> list[BaseRoute]:
    """What is asked of one turn."""
    turn = "/api/conversations/{id}/turns/{turn}"
    return [
        Route(f"{turn}/again", again, methods=["POST"]),
        Route(f"{turn}/select", select, methods=["POST"]),
    ]


async def again(request: Request) -> Response:
    """Ask a turn of the current path again, and answer as `/stream` does."""
    door, asked = door_of(request), await body_of(request, RepeatBody)
    if asked.prompt is not None:
        check_prompt(asked.prompt)

    async def begin(engine: Engine) -> Answer:
        settings = settings_of(engine, asked)
        async with door.going_on:
            conversation = await conversation_of(engine, request)
            await check_free(engine, conversation.id)
            return await _begun(engine, conversation, _turn_of(conversation, request), asked, settings)

    answer = await door.ask(client_of(request), begin, named=await names_model(door, asked))
    return await streamed(door, answer, asked)


async def _begun(
    engine: Engine, conversation: Conversation, turn: Turn, asked: RepeatBody, settings: Settings
) -> Answer:
    if turn.role == "user":
        if asked.prompt is None:
            raise ApiError(400, "`prompt` is missing: it is the new text of the question.", param="prompt")
        return await engine.edit(conversation.id, turn.id, asked.prompt, settings)
    if asked.prompt is not None:
        raise ApiError(400, "`prompt` can only be set for a question; this turn is an answer.", param="prompt")
    if not asked.goes_on:
        return await engine.regenerate(conversation.id, turn.id, settings)
    if turn.id != conversation.path[-1].id:
        raise ApiError(400, "Only the last answer can be continued.", param="goesOn")
    return await engine.go_on(conversation.id, settings)


def _turn_of(conversation: Conversation, request: Request) -> Turn:
    wanted = request.path_params["turn"]
    for turn in conversation.path:
        if turn.id == wanted and turn.role != "system":
            return turn
    raise ApiError(404, "This turn is not on the current branch: another version may be shown now.")


async def select(request: Request) -> Response:
    """Bring another version into view, with what followed it."""
    door = door_of(request)
    engine = await door.engine()
    async with door.going_on:
        conversation = await conversation_of(engine, request)
        await check_free(engine, conversation.id)
        wanted = str(request.path_params["turn"])
        if not any(wanted in versions for versions in conversation.forks.values()):
            raise ApiError(404, "Unknown version of a turn.")
        await engine.conversations.select(conversation.id, wanted)
    return Response(status_code=204)
