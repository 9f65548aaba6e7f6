"""Edits questions, regenerates and continues answers, and switches between versions."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.request import Request as Settings
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.web.api.choice.question_files import check_images, load_files
from chat_tui.web.api.choice.tool_choice import check_unchanged, start_servers
from chat_tui.web.api.conversations import find_conversation
from chat_tui.web.api.schemas import RepeatBody, read_body
from chat_tui.web.api.stream import check_free, check_prompt, names_model, request_settings, stream_response
from chat_tui.web.errors import ApiError
from chat_tui.web.state import AppState, client_of, state_of


def routes() -> list[BaseRoute]:
    """Return the routes of a single turn."""
    turn = "/api/conversations/{id}/turns/{turn}"
    return [
        Route(f"{turn}/again", ask_again, methods=["POST"]),
        Route(f"{turn}/select", select_version, methods=["POST"]),
    ]


async def ask_again(request: Request) -> Response:
    """Edit the question, or regenerate or continue the answer; replies as `/stream` does."""
    state, asked = state_of(request), await read_body(request, RepeatBody)
    return await stream_response(state, await start_again(state, request, asked), asked)


async def start_again(state: AppState, request: Request, asked: RepeatBody, *, by_page: bool = False) -> Answer:
    """Start another answer at the turn that the path names; `by_page` as in `start_answer`. Raises `ApiError`,
    `ChatTuiError`."""
    if asked.prompt is not None:
        check_prompt(asked.prompt)
    elif asked.attachments:
        raise ApiError(400, "`attachments` can only be set with `prompt`.", param="attachments")
    check_unchanged(asked)
    files = await load_files(state, asked.attachments)

    async def begin(engine: Engine) -> Answer:
        settings = request_settings(engine, asked).replace(uses_memory=by_page)
        await start_servers(engine, settings.tool_use)
        async with state.turn_lock:
            conversation = await find_conversation(engine, request)
            await check_free(engine, conversation.id)
            turn = find_turn(conversation, request)
            return await _start_answer(engine, conversation, turn, asked, settings, files)

    named = await names_model(state, asked)
    answer = await state.ask(client_of(request), begin, named=named, runs_alone=by_page)
    await state.uploads.remove(asked.attachments)
    return answer


async def _start_answer(
    engine: Engine,
    conversation: Conversation,
    turn: Turn,
    asked: RepeatBody,
    settings: Settings,
    files: Sequence[Attachment],
) -> Answer:
    if turn.role == "tool":
        raise ApiError(400, "This message is the result of a tool call. Ask again for its answer or its question.")
    if turn.role == "summary":
        raise ApiError(400, "This message is a summary of earlier ones. Ask again for an answer or a question.")
    if turn.role == "user":
        if asked.prompt is None:
            raise ApiError(400, "`prompt` is missing: it is the new text of the question.", param="prompt")
        await check_images(engine, conversation.id, asked.prompt, settings, files, edited=turn.id)
        return await engine.edit(conversation.id, turn.id, asked.prompt, settings, files)
    if asked.prompt is not None:
        raise ApiError(400, "`prompt` can only be set for a question; this message is an answer.", param="prompt")
    if not asked.goes_on:
        return await engine.regenerate(conversation.id, turn.id, settings)
    if turn.id != conversation.path[-1].id:
        raise ApiError(400, "Only the last answer can be continued.", param="goesOn")
    return await engine.go_on(conversation.id, settings)


def find_turn(conversation: Conversation, request: Request) -> Turn:
    """Return the turn that the path names. Raises `ApiError` if it is not on the current branch."""
    wanted = request.path_params["turn"]
    for turn in conversation.path:
        if turn.id == wanted and turn.role != "system":
            return turn
    raise ApiError(404, "This message is not on the current branch: another version may have been chosen.")


async def select_version(request: Request) -> Response:
    """Show another version of a turn, with what followed it."""
    state = state_of(request)
    engine = await state.engine()
    async with state.turn_lock:
        conversation = await find_conversation(engine, request)
        await check_free(engine, conversation.id)
        wanted = str(request.path_params["turn"])
        if not any(wanted in versions for versions in conversation.forks.values()):
            raise ApiError(404, "Unknown version of a message.")
        await engine.conversations.select(conversation.id, wanted)
    return Response(status_code=204)
