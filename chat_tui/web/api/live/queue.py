"""Questions that wait for the end of an answer, and are then asked; with or without a page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import Conversation
from chat_tui.core.errors import ChatTuiError, ConversationNotFound
from chat_tui.core.text.excerpts import join_texts
from chat_tui.web.api.choice.question_files import describe_files
from chat_tui.web.api.choice.setting_choice import PageQuestion, check_unset
from chat_tui.web.api.choice.tool_choice import check_unchanged
from chat_tui.web.api.conversations import find_short
from chat_tui.web.api.live.controls import control_answer
from chat_tui.web.api.live.events import ShownQuestion
from chat_tui.web.api.schemas import Name, read_body
from chat_tui.web.api.stream import check_free, check_prompt, request_settings, start_answer
from chat_tui.web.errors import ApiError, error_text
from chat_tui.web.presence.question_queues import ConversationQueue, QuestionQueue, QueuedQuestion
from chat_tui.web.state import AppState, client_of, state_of

POLL_SECONDS = 0.2
"""Time between two looks for the end of an answer."""
KEEP_SECONDS = 60.0
"""Time after which uploaded files are kept for longer."""
_ASKED_AFTER = ("complete", "length")
"""States of an answer that the next question follows."""
_GONE = "This message does not wait any more: it was sent, or taken back."


class ShownQueue(msgspec.Struct, frozen=True):
    """The questions that wait in a conversation, the next one first."""

    items: list[ShownQuestion]
    held: bool
    """True if nobody asks them any more: they go back to the prompt."""
    problem: str
    """Why."""


class QueueOrder(msgspec.Struct, frozen=True):
    """A new order of a queue."""

    order: Annotated[list[Name], Meta(max_length=100)]
    """Ids of the questions, the next one first."""


class QueuedText(msgspec.Struct, frozen=True):
    """A question in other words."""

    prompt: Annotated[str, Meta(min_length=1)]


def routes() -> list[BaseRoute]:
    """Return the routes of queues."""
    queue = "/api/conversations/{id}/queue"
    return [
        Route(queue, show_queue, methods=["GET"]),
        Route(queue, queue_question, methods=["POST"]),
        Route(queue, sort_queue, methods=["PUT"]),
        Route(queue, take_back, methods=["DELETE"]),
        Route(f"{queue}/steer", steer, methods=["POST"]),
        Route(f"{queue}/items/{{item}}", edit_question, methods=["PATCH"]),
        Route(f"{queue}/items/{{item}}", remove_question, methods=["DELETE"]),
    ]


async def show_queue(request: Request) -> Response:
    """Return the questions that wait, as a whole."""
    queue, _ = await _find_queue(request)
    return _reply(await _shown(queue, await queue.read()))


async def queue_question(request: Request) -> Response:
    """Let a question wait for the end of the answer; it is asked when that has ended well."""
    state, asked = state_of(request), await read_body(request, PageQuestion)
    check_prompt(asked.prompt)
    queue, conversation = await _find_queue(request)
    asked = replace(asked, conversation=conversation.id)
    check_unchanged(asked)
    check_unset(asked)
    files = await describe_files(state, asked.attachments)
    request_settings(await state.engine(), asked)
    body = msgspec.json.encode(asked).decode()
    try:
        is_mine = await queue.add(asked.prompt, body, client_of(request), files)
    except OverflowError as error:
        raise ApiError(409, "Too many messages wait here. Wait until some are sent.") from error
    state.monitor.hurry()
    if is_mine:
        state.queues.serve(conversation.id, partial(_serve, state, conversation.id, queue))
    return _reply(await _shown(queue, await queue.read()), 202)


async def sort_queue(request: Request) -> Response:
    """Put the questions that wait into another order."""
    asked = await read_body(request, QueueOrder)
    queue, _ = await _find_queue(request)
    await queue.sort(asked.order)
    return _changed(request)


async def take_back(request: Request) -> Response:
    """Remove all questions, and return them: of two requests, one gets each of them."""
    queue, _ = await _find_queue(request)
    before = await _shown(queue, await queue.read())
    removed = {item.id for item in await queue.remove()}
    state_of(request).monitor.hurry()
    return _reply(replace(before, items=[item for item in before.items if item.id in removed]))


async def steer(request: Request) -> Response:
    """End the answer where it is, and send all questions that wait as one."""
    queue, _ = await _find_queue(request)
    if not await queue.steer():
        raise ApiError(409, _GONE)
    return _changed(request)


async def edit_question(request: Request) -> Response:
    """Change the text of a question that waits."""
    asked = await read_body(request, QueuedText)
    check_prompt(asked.prompt)
    queue, _ = await _find_queue(request)
    item = await _find_item(request, queue)
    [body] = await queue.bodies([item])
    changed = replace(_decode(body), prompt=asked.prompt)
    if not await queue.edit(item.id, asked.prompt, msgspec.json.encode(changed).decode()):
        raise ApiError(404, _GONE)
    return _changed(request)


async def remove_question(request: Request) -> Response:
    """Remove a question that waits."""
    queue, _ = await _find_queue(request)
    item = await _find_item(request, queue)
    if not await queue.remove([item.id]):
        raise ApiError(404, _GONE)
    return _changed(request)


async def _find_queue(request: Request) -> tuple[ConversationQueue, Conversation]:
    state = state_of(request)
    engine = await state.engine()
    conversation = await find_short(engine, request)
    return state.queues.queue_of(engine.places, conversation.id), conversation


async def _find_item(request: Request, queue: ConversationQueue) -> QueuedQuestion:
    for item in (await queue.read()).items:
        if item.id == request.path_params["item"]:
            return item
    raise ApiError(404, _GONE)


def _changed(request: Request) -> Response:
    state_of(request).monitor.hurry()
    return Response(status_code=204)


def _reply(body: ShownQueue, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


async def _shown(queue: ConversationQueue, known: QuestionQueue) -> ShownQueue:
    bodies = await queue.bodies(known.items)
    items = [
        ShownQuestion(item.id, _decode(body).prompt, item.files)
        for item, body in zip(known.items, bodies, strict=True)
        if body
    ]
    return ShownQueue(items, known.is_held, known.problem)


def _decode(body: str) -> PageQuestion:
    if not body:
        raise ApiError(404, _GONE)
    return msgspec.json.decode(body, type=PageQuestion)


# -- asking what waits ------------------------------------------------------------------------------------------------


async def _serve(state: AppState, conversation_id: str, queue: ConversationQueue) -> None:
    """Ask the questions one after another, each when the answer before has ended, until none waits."""
    kept = float("-inf")
    try:
        while (known := await queue.renew()) is not None:
            if monotonic() > kept + KEEP_SECONDS:
                kept = monotonic()
                await _keep_files(state, queue, known)
            if not await _serve_next(state, conversation_id, queue, known):
                await asyncio.sleep(POLL_SECONDS)
    except ConversationNotFound:
        await queue.remove()
    except ChatTuiError as error:
        await queue.hold(error_text(error))
    state.monitor.hurry()


async def _serve_next(state: AppState, conversation_id: str, queue: ConversationQueue, known: QuestionQueue) -> bool:
    """Ask or hold what comes next; returns False if it must wait longer."""
    engine = await state.engine()
    conversation = await engine.conversations.conversation(conversation_id)
    is_free = await _is_free(state, conversation_id)
    if known.steers:
        if not is_free:
            return await _stop(state, conversation, queue)
        return await _ask(state, queue, known.items)
    if not is_free:
        return False
    if not _has_ended_well(conversation):
        await queue.hold("The answer before it did not end well.")
        return True
    return await _ask(state, queue, known.items[:1])


async def _is_free(state: AppState, conversation_id: str) -> bool:
    try:
        await check_free(await state.engine(), conversation_id)
    except ApiError:
        return False
    return True


def _has_ended_well(conversation: Conversation) -> bool:
    """Return whether the last turn is an answer that the next question can follow; not the result of a stopped call."""
    last = next((turn for turn in reversed(conversation.path) if turn.role != "summary"), None)
    return last is None or (last.role == "assistant" and last.state in _ASKED_AFTER and not last.calls)


async def _stop(state: AppState, conversation: Conversation, queue: ConversationQueue) -> bool:
    try:
        await control_answer(state, conversation, "steer")
    except ApiError as error:
        await queue.hold(str(error))
    return False


async def _ask(state: AppState, queue: ConversationQueue, items: Sequence[QueuedQuestion]) -> bool:
    """Ask these questions as one, with the choices of the last one."""
    bodies = [_decode(body) for body in await queue.bodies(items) if body]
    if bodies:
        try:
            await start_answer(state, items[-1].client, _joined(bodies), by_page=True)
        except ApiError as error:
            if error.status == 409:
                # Another question was asked meanwhile.
                return False
            await queue.hold(str(error))
            return True
    await queue.remove([item.id for item in items])
    state.monitor.hurry()
    return True


def _joined(bodies: Sequence[PageQuestion]) -> PageQuestion:
    files = [id for body in bodies for id in body.attachments]
    return replace(bodies[-1], prompt=join_texts(*(body.prompt for body in bodies)), attachments=files)


async def _keep_files(state: AppState, queue: ConversationQueue, known: QuestionQueue) -> None:
    """Keep the uploaded files of the questions, which would be removed after some minutes."""
    for body in await queue.bodies(known.items):
        if body:
            await state.uploads.beginnings(_decode(body).attachments)
