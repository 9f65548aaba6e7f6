"""The saved conversations and the models, for the page. Private conversations are never told."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import Conversation, SearchHit, SearchStep, Turn, title_of
from chat_tui.core.errors import ConversationNotFound
from chat_tui.core.models import SCRIPTED_MODEL, ModelStatus
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.web.api.conversation_schemas import (
    ChangedConversation,
    ConversationChanges,
    ConversationPage,
    ListedConversation,
    OfferedChoices,
    OfferedModel,
    OpenedConversation,
    ShownTurn,
)
from chat_tui.web.api.schemas import body_of, wrong_field
from chat_tui.web.errors import ApiError, words_of
from chat_tui.web.html.rendering import pieces
from chat_tui.web.state import door_of

LIST_LIMIT = 200
"""Conversations on one page of the list."""
HITS = 100
MORE_HITS = 10_000
"""In the rest of a search: many may be of one conversation."""
SEARCH_SECONDS = 1.0
"""So long one request searches: where no turn of a large history has been found by then, the page asks for the rest."""
TURNS = 30
"""Of a conversation that are told at once; earlier ones are asked for."""
_encoder = msgspec.json.Encoder()


class ListQuery(msgspec.Struct, frozen=True):
    """What stands behind the `?`."""

    query: Annotated[str, Meta(max_length=1000)] = ""
    limit: Annotated[int, Meta(ge=1, le=LIST_LIMIT)] = 60
    offset: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    before: Annotated[int, Meta(ge=0)] | None = None
    turn: Annotated[str, Meta(max_length=100)] = ""


class ExportQuery(msgspec.Struct, frozen=True):
    """How a conversation is written."""

    form: Literal["markdown", "json"] = "markdown"
    """JSON can be imported again."""


Q = TypeVar("Q", ListQuery, ExportQuery)


def routes() -> list[BaseRoute]:
    """What the page asks for."""
    one = "/api/conversations/{id}"
    return [
        Route("/api/conversations", listing, methods=["GET"]),
        Route(one, opened, methods=["GET"]),
        Route(one, change, methods=["PATCH"]),
        Route(one, delete, methods=["DELETE"]),
        Route(f"{one}/restore", restore, methods=["POST"]),
        Route(f"{one}/export", export, methods=["GET"]),
        Route("/api/models", choices, methods=["GET"]),
    ]


async def listing(request: Request) -> Response:
    """The conversations, pinned ones first, then the newest; with `query` those that have these words, best first."""
    asked, engine = _query_of(request, ListQuery), await door_of(request).engine()
    if asked.query.strip():
        return _told(await _found(engine, asked.query, asked.offset or None))
    rows = await engine.conversations.summaries(asked.limit + 1, asked.offset)
    rows = [row for row in rows if not row.private]
    shown = [
        ListedConversation(row.id, clean_line(row.title), row.updated, clean_line(row.model), row.pinned)
        for row in rows[: asked.limit]
    ]
    return _told(ConversationPage(shown, asked.offset + asked.limit if len(rows) > asked.limit else None))


async def _found(engine: Engine, query: str, start: int | None) -> ConversationPage:
    """Each conversation with its best hit: the first ones at once, and with `start` what a second more brings."""
    best: dict[str, ListedConversation] = {}
    last = SearchStep(complete=True)
    most = HITS if start is None else MORE_HITS
    end = time.monotonic() + SEARCH_SECONDS
    async with aclosing(engine.conversations.search_steps(query, most, start, private=False)) as steps:
        async for last in steps:
            for hit in last.hits:
                best.setdefault(hit.conversation, _listed(hit))
            if (best and start is None) or len(best) >= LIST_LIMIT or time.monotonic() >= end:
                break
    return ConversationPage(
        list(best.values()),
        last.rest,
        complete=last.complete,
        searched=last.searched,
        searched_back_to=last.searched_back_to,
    )


def _listed(hit: SearchHit) -> ListedConversation:
    return ListedConversation(
        hit.conversation,
        clean_line(hit.conversation_title),
        hit.created,
        clean_line(hit.model),
        turn=hit.turn,
        snippet=hit.snippet,
        marks=hit.marks,
    )


async def opened(request: Request) -> Response:
    """A conversation's last turns; those before the place `before`; or all from before the turn `turn` on."""
    asked, engine = _query_of(request, ListQuery), await door_of(request).engine()
    conversation = await conversation_of(engine, request)
    end = len(conversation.path) if asked.before is None else min(asked.before, len(conversation.path))
    first = max(0, end - TURNS)
    place = next((place for place, turn in enumerate(conversation.path) if turn.id == asked.turn), end)
    first = min(first, max(0, place - 1))
    growing = {answer.turn.id: answer for answer in engine.running(conversation.id)}
    path = [_grown(turn, growing.get(turn.id)) for turn in conversation.path]
    conversation = msgspec.structs.replace(conversation, path=tuple(path))
    # Rendering takes milliseconds for each turn.
    encoded = await asyncio.to_thread(_encoded, conversation, first, end)
    return Response(encoded, media_type="application/json")


def _encoded(conversation: Conversation, first: int, end: int) -> bytes:
    turns = [
        _shown(turn, conversation.forks.get(turn.id, ()))
        for turn in conversation.path[first:end]
        if turn.role != "system"
    ]
    return encoded(
        OpenedConversation(conversation.id, clean_line(conversation.title), conversation.pinned, turns, first)
    )


def _grown(turn: Turn, answer: Answer | None) -> Turn:
    """The turn with what has come so far of its answer, where that runs here."""
    if answer is None:
        return turn
    return msgspec.structs.replace(answer.turn, text=answer.text, thinking=answer.thinking)


def _shown(turn: Turn, versions: tuple[str, ...]) -> ShownTurn:
    answer = turn.role == "assistant"
    text = clean(turn.text)
    return ShownTurn(
        turn.id,
        turn.role,
        text,
        pieces(text) if answer else [],
        turn.created,
        clean(turn.thinking),
        clean_line(turn.model),
        clean_line(turn.strategy),
        turn.state,
        words_of(turn.error) if turn.error is not None else None,
        clean(turn.quick.text) if turn.quick is not None else None,
        _figures(turn) if answer else {},
        versions,
        tuple(clean_line(file.name, 100) for file in turn.attachments),
    )


def _figures(turn: Turn) -> dict[str, Any]:
    told: dict[str, Any] = {"cost": turn.cost, "servedModel": turn.served_model}
    if turn.timings is not None:
        told |= {
            "ttftSeconds": turn.timings.ttft_seconds,
            "rate": turn.timings.tokens_per_second,
            "rateEstimated": turn.timings.estimated,
            "durationSeconds": turn.timings.duration_seconds,
        }
    if turn.usage is not None:
        told |= {"completionTokens": turn.usage.completion_tokens, "completionEstimated": turn.usage.estimated}
        told |= {"costEstimated": turn.usage.estimated}
    return told


async def change(request: Request) -> Response:
    """Give a conversation another title, or let it stand before the others."""
    asked, engine = await body_of(request, ConversationChanges), await door_of(request).engine()
    conversation = await conversation_of(engine, request)
    if asked.title is not UNSET:
        await engine.conversations.rename(conversation.id, clean(str(asked.title)))
        conversation = msgspec.structs.replace(conversation, title=title_of(clean(str(asked.title))))
    if isinstance(asked.pinned, bool):
        await engine.conversations.pin(conversation.id, asked.pinned)
        conversation = msgspec.structs.replace(conversation, pinned=asked.pinned)
    return _told(ChangedConversation(conversation.id, clean_line(conversation.title), conversation.pinned))


async def delete(request: Request) -> Response:
    """Delete a conversation; it can be restored for ten seconds."""
    engine = await door_of(request).engine()
    await engine.delete((await conversation_of(engine, request)).id)
    return Response(status_code=204)


async def restore(request: Request) -> Response:
    """Bring back a conversation that was just deleted."""
    engine = await door_of(request).engine()
    conversation_id = str(request.path_params["id"])
    if engine.conversations.is_private(conversation_id):
        raise _no_such()
    try:
        await engine.conversations.deletion.restore(conversation_id)
    except ConversationNotFound as error:
        raise _no_such() from error
    return Response(status_code=204)


async def export(request: Request) -> Response:
    """A conversation with all its branches as a file."""
    asked, engine = _query_of(request, ExportQuery), await door_of(request).engine()
    conversation = await conversation_of(engine, request)
    text = await engine.conversations.export(conversation.id, asked.form)
    media_type = "application/json" if asked.form == "json" else "text/markdown"
    return Response(text, media_type=media_type, headers={"Content-Disposition": "attachment"})


async def choices(request: Request) -> Response:
    """The models and strategies that a question can name."""
    engine = await door_of(request).discovered()
    models = [_offered(standing) for standing in engine.models.status() if not standing.model.named]
    return _told(OfferedChoices(models, list(engine.models.strategies()), engine.config.strategy, engine.config.model))


def _offered(standing: ModelStatus) -> OfferedModel:
    model = standing.model
    return OfferedModel(
        clean_line(model.name),
        clean_line(model.provider),
        "demo" if model.name == SCRIPTED_MODEL else clean_line(standing.state),
        standing.usable,
        model.local,
        model.free,
        model.context_window,
        model.price_in,
        model.price_out,
        model.images,
        model.thinking,
        standing.ttft_seconds,
        standing.tokens_per_second,
    )


async def conversation_of(engine: Engine, request: Request) -> Conversation:
    """The conversation that the path names. Raises `ApiError`."""
    conversation_id = str(request.path_params["id"])
    if engine.conversations.is_private(conversation_id):
        raise _no_such()
    try:
        return await engine.conversations.conversation(conversation_id)
    except ConversationNotFound as error:
        raise _no_such() from error


def _no_such() -> ApiError:
    return ApiError(404, "Conversation not found: it may have been deleted.")


def _query_of(request: Request, kind: type[Q]) -> Q:
    try:
        return msgspec.convert(dict(request.query_params), kind, strict=False)
    except msgspec.ValidationError as error:
        raise wrong_field(error) from error


def encoded(record: msgspec.Struct) -> bytes:
    """A record as JSON."""
    return _encoder.encode(record)


def _told(record: msgspec.Struct) -> Response:
    return Response(encoded(record), media_type="application/json")
