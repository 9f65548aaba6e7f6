"""Stored responses: `GET` and `DELETE /v1/responses/ID`, and the items of a response's input.

A stored response is an answer of a conversation. A deleted one stays in it, since later ones build on it, but cannot
be named any more; the conversation is deleted with the last of its responses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.attachments.attachment import images_of, spoken_text
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import ConversationNotFound
from chat_tui.engine.engine import Engine
from chat_tui.web.api.events import encode_event
from chat_tui.web.api.schemas import parse_query
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.images import data_url
from chat_tui.web.gateway.sealing import seal
from chat_tui.web.responses.replies import output_of, stored_response
from chat_tui.web.responses.schemas import (
    DeletedResponse,
    InputImage,
    InputItems,
    InputText,
    ListedItem,
    ListedMessage,
    ListedOutput,
    MessageItem,
)
from chat_tui.web.state import state_of

PREFIX, JOINT = "resp_", "-"
_DELETED = "deleted responses "
"""Begins the place key of a conversation's deleted responses; the value has their ids."""


class StoredResponse(msgspec.Struct, frozen=True):
    """A stored response, and where it is."""

    conversation: Conversation
    place: int
    """Of its answer, on the path of the conversation."""

    @property
    def turn(self) -> Turn:
        """The answer."""
        return self.conversation.path[self.place]

    @property
    def instructions(self) -> str | None:
        """The system prompt. Only that of the last response is known: each one sets that of the conversation."""
        return self.conversation.system_prompt if self.turn is self.conversation.path[-1] else None

    @property
    def previous(self) -> str | None:
        """The id of the response before it."""
        earlier = (turn for turn in reversed(self.conversation.path[: self.place]) if turn.role == "assistant")
        return next((response_id(self.conversation.id, turn.id) for turn in earlier), None)


class RetrievalQuery(msgspec.Struct, frozen=True):
    """Parameters of `GET /v1/responses/ID`."""

    stream: Annotated[bool, Meta(description="Only false is possible.", extra_json_schema={"const": False})] = False


class ItemsQuery(msgspec.Struct, frozen=True):
    """Parameters of `GET /v1/responses/ID/input_items`."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: Annotated[str, Meta(max_length=200, description="Id of the item that the list begins after.")] = ""


def routes() -> list[BaseRoute]:
    """Return the routes."""
    one = "/v1/responses/{id}"
    return [
        Route(one, get_response, methods=["GET"]),
        Route(one, delete_response, methods=["DELETE"]),
        Route(f"{one}/input_items", list_input_items, methods=["GET"]),
    ]


async def get_response(request: Request) -> Response:
    """Return a stored response, also one that is still running."""
    state = state_of(request)
    if parse_query(request, RetrievalQuery).stream:
        raise ApiError(400, "A stored response cannot be streamed.", param="stream", code="unsupported_parameter")
    engine = await state.engine()
    stored = await find_response(engine, request.path_params["id"])
    id = response_id(stored.conversation.id, stored.turn.id)
    route = await engine.conversations.route(stored.turn.id)
    response = stored_response(id, stored.turn, route, stored.instructions, stored.previous)
    if response.status != "in_progress":
        output = output_of(stored.turn, (), "", seal(stored.turn, state.token))
        response = msgspec.structs.replace(response, output=list(output))
    return _json(response)


async def delete_response(request: Request) -> Response:
    """Delete a stored response. One that is running is cancelled."""
    engine = await state_of(request).engine()
    stored = await find_response(engine, request.path_params["id"])
    conversation = stored.conversation
    for answer in engine.running(conversation.id):
        if answer.turn.id == stored.turn.id:
            await answer.cancel()
            await answer.saved.wait()
    key = _DELETED + conversation.id
    deleted = {*(await engine.places.get(key)).split(), stored.turn.id}
    if all(turn.id in deleted for turn in conversation.path if turn.role == "assistant"):
        await engine.places.set(key, "")
        await engine.delete(conversation.id)
    else:
        await engine.places.set(key, " ".join(sorted(deleted)))
    return _json(DeletedResponse(response_id(conversation.id, stored.turn.id)))


async def list_input_items(request: Request) -> Response:
    """List what a stored response has answered: all messages, calls and results before it, the last ones first."""
    asked, state = parse_query(request, ItemsQuery), state_of(request)
    engine = await state.engine()
    stored = await find_response(engine, request.path_params["id"])
    before = [turn for turn in stored.conversation.path[: stored.place] if turn.role != "summary"]
    turns = await engine.conversations.with_contents(stored.conversation, before)
    # Images are encoded anew.
    page = await asyncio.to_thread(_encode_page, turns, asked, state.token)
    return Response(page, media_type="application/json")


def _encode_page(turns: Sequence[Turn], asked: ItemsQuery, token: str) -> bytes:
    items = [item for turn in turns for item in _items_of(turn, token)]
    if asked.order == "desc":
        items.reverse()
    if asked.after:
        place = next((place for place, item in enumerate(items) if item.id == asked.after), None)
        if place is None:
            raise ApiError(400, "There is no item with this id.", param="after")
        items = items[place + 1 :]
    page = items[: asked.limit]
    first, last = (page[0].id, page[-1].id) if page else (None, None)
    return encode_event(InputItems(page, first, last, has_more=len(items) > len(page)))


def _items_of(turn: Turn, token: str) -> Sequence[ListedItem]:
    if turn.role == "assistant":
        return [
            ListedMessage(item.id, "assistant", [*item.content], item.status) if isinstance(item, MessageItem) else item
            for item in output_of(turn, (), "", seal(turn, token))
        ]
    text = spoken_text(turn)
    content: list[InputText | InputImage] = [InputText(text)] if text else []
    content += [InputImage(data_url(image)) for image in images_of(turn)]
    if turn.result is not None:
        output = content if images_of(turn) else text
        return [ListedOutput(f"fco_{turn.id}", turn.result.call, output)]
    return [ListedMessage(f"msg_{turn.id}", "user", [*content])]


async def find_response(engine: Engine, id: str, param: str | None = None) -> StoredResponse:
    """Return a stored response. Raises `ApiError` if there is none with this id; `param` is the field with it."""
    conversation_id, _, turn_id = id.removeprefix(PREFIX).partition(JOINT)
    lost = ApiError(
        404,
        "There is no stored response with this id: store it with `store: true`.",
        code="previous_response_not_found" if param else "not_found",
        param=param,
    )
    if not turn_id or not conversation_id or engine.conversations.is_private(conversation_id):
        raise lost
    try:
        conversation = await engine.conversations.conversation(conversation_id)
    except ConversationNotFound:
        raise lost from None
    place = next((place for place, turn in enumerate(conversation.path) if turn.id == turn_id), None)
    if place is None or conversation.path[place].role != "assistant":
        raise lost
    if turn_id in (await engine.places.get(_DELETED + conversation_id)).split():
        raise lost
    return StoredResponse(conversation, place)


def response_id(conversation_id: str, turn_id: str) -> str:
    """Return the id of a response; that of a stored one says where it is."""
    return f"{PREFIX}{conversation_id}{JOINT}{turn_id}" if conversation_id else f"{PREFIX}{turn_id}"


def _json(record: msgspec.Struct) -> Response:
    return Response(encode_event(record), media_type="application/json")
