"""The web page's conversations and models. Private conversations are never listed or found; a page that has begun one
knows its id."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import (
    Conversation,
    ConversationWindow,
    SearchHit,
    SearchStep,
    TitleHit,
    Turn,
    WindowRange,
    summary_title,
)
from chat_tui.core.errors import ConversationNotFound
from chat_tui.core.settings.conversation_settings import decode_settings
from chat_tui.core.tools import ToolUse
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.conversations.continuation import Continuation, continuation_of
from chat_tui.engine.engine import Engine
from chat_tui.markdown.html.rendering import render_pieces
from chat_tui.web.api.choice.setting_choice import shown_settings
from chat_tui.web.api.conversation_schemas import (
    ChangedConversation,
    ConversationChanges,
    ConversationPage,
    ConversationTools,
    FoundEvent,
    ListedConversation,
    OpenedConversation,
    ShownCall,
    ShownComparison,
    ShownConsent,
    ShownFile,
    ShownResult,
    ShownTurn,
)
from chat_tui.web.api.schemas import parse_query, read_body
from chat_tui.web.errors import ApiError, error_text
from chat_tui.web.presence.call_notes import PendingCall, find_note, indent_arguments, pending_calls
from chat_tui.web.presence.comparisons import ComparisonNote
from chat_tui.web.state import AppState, state_of

LIST_LIMIT = 200
"""Maximum number of conversations on one page."""
HITS = 100
MORE_HITS = 10_000
"""Maximum number of hits in the rest of a search; many may be in one conversation."""
SEARCH_SECONDS = 1.0
"""Maximum duration of one search request if nothing has been found; the page then continues the search."""
TURNS = 30
"""Number of turns that are sent at once if no `limit` is given; earlier ones are requested later."""
TURN_LIMIT = 200
"""Maximum number of turns that can be requested at once."""
_encoder = msgspec.json.Encoder()
Found = TypeVar("Found")


class ListQuery(msgspec.Struct, frozen=True):
    """Parameters of the URL."""

    query: Annotated[str, Meta(max_length=1000)] = ""
    limit: Annotated[int, Meta(ge=1, le=LIST_LIMIT)] = 60
    offset: Annotated[int, Meta(ge=0, le=10_000_000)] = 0


class SearchQuery(msgspec.Struct, frozen=True):
    """Parameters of a search."""

    query: Annotated[str, Meta(max_length=1000)]
    limit: Annotated[int, Meta(ge=1, le=LIST_LIMIT)] = LIST_LIMIT
    """Maximum number of messages whose conversations are listed; all are counted."""
    start: Annotated[int, Meta(ge=0, le=2**62)] | None = None
    """`next` of an earlier search."""


class TurnsQuery(msgspec.Struct, frozen=True):
    """Which turns of a conversation are wanted."""

    limit: Annotated[int, Meta(ge=1, le=TURN_LIMIT)] | None = None
    before: Annotated[int, Meta(ge=0)] | None = None
    turn: Annotated[str, Meta(max_length=100)] = ""


class ExportQuery(msgspec.Struct, frozen=True):
    """Parameters of an export."""

    form: Literal["markdown", "html", "json"] = "markdown"
    """JSON can be imported again."""


def routes() -> list[BaseRoute]:
    """Return the routes of the page's API."""
    one = "/api/conversations/{id}"
    return [
        Route("/api/conversations", list_conversations, methods=["GET"]),
        Route("/api/search", search_conversations, methods=["GET"]),
        Route(one, open_conversation, methods=["GET"]),
        Route(one, change_conversation, methods=["PATCH"]),
        Route(one, delete_conversation, methods=["DELETE"]),
        Route(f"{one}/restore", restore_conversation, methods=["POST"]),
        Route(f"{one}/export", export_conversation, methods=["GET"]),
    ]


async def list_conversations(request: Request) -> Response:
    """List conversations, pinned ones first, then the newest; with `query`, those that match, best first."""
    asked, engine = parse_query(request, ListQuery), await state_of(request).engine()
    if asked.query.strip():
        return _json_response(await _search(engine, asked.query, asked.offset or None))
    rows = await engine.conversations.summaries(asked.limit + 1, asked.offset)
    rows = [row for row in rows if not row.private]
    shown = [ListedConversation(row.id, row.title, row.updated, row.model, row.pinned) for row in rows[: asked.limit]]
    more = asked.offset + asked.limit if len(rows) > asked.limit else None
    deleted = await engine.conversations.deletion.count(private=False)
    return _json_response(ConversationPage(shown, more, deleted=deleted))


async def _search(engine: Engine, query: str, start: int | None) -> ConversationPage:
    """Return each conversation with its best hit: the first ones at once; with `start`, what another second of
    search finds."""
    best: dict[str, ListedConversation] = {}
    last = SearchStep(complete=True)
    most = HITS if start is None else MORE_HITS
    end = time.monotonic() + SEARCH_SECONDS
    async with aclosing(engine.conversations.search_steps(query, most, start, private=False)) as steps:
        async for last in steps:
            for title in last.titles:
                best[title.summary.id] = _list_title(title)
            for hit in last.hits:
                best.setdefault(hit.conversation, _list_hit(hit))
            if (best and start is None) or len(best) >= LIST_LIMIT or time.monotonic() >= end:
                break
    return ConversationPage(
        list(best.values()),
        last.rest,
        complete=last.complete,
        searched=last.searched,
        searched_back_to=last.searched_back_to,
    )


def _list_hit(hit: SearchHit) -> ListedConversation:
    return ListedConversation(
        hit.conversation,
        hit.conversation_title,
        hit.created,
        hit.model,
        turn=hit.turn,
        snippet=hit.snippet,
        marks=hit.marks,
    )


async def search_conversations(request: Request) -> Response:
    """Search titles and messages; returns a stream of what is found and of how much it is. It ends when all is
    counted, or with `start` when the limit is reached; the search ends when the client leaves."""
    asked, engine = parse_query(request, SearchQuery), await state_of(request).engine()
    steps = engine.conversations.search_steps(
        asked.query, asked.limit, asked.start, private=False, counts=asked.start is None
    )
    events = _found_events(steps, asked.limit)
    # A wrong query is refused before the stream begins.
    first = await anext(events)

    async def body() -> AsyncGenerator[bytes, None]:
        async with aclosing(events):
            yield first
            async for event in events:
                yield event

    return StreamingResponse(body(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _found_events(steps: AsyncGenerator[SearchStep, None], limit: int) -> AsyncGenerator[bytes, None]:
    titles = hits = 0
    known: set[str] = set()
    async with aclosing(steps):
        async for step in steps:
            titles += len(step.titles)
            hits += len(step.hits)
            rows = {title.summary.id: _list_title(title) for title in step.titles}
            for hit in step.hits:
                rows.setdefault(hit.conversation, _list_hit(hit))
            event = FoundEvent(
                [row for id, row in rows.items() if id not in known],
                step.messages,
                titles,
                step.conversations,
                step.complete,
                step.searched,
                step.searched_back_to,
                step.rest if hits >= limit else None,
            )
            known.update(rows)
            yield b"data: " + encode_record(event) + b"\n\n"


def _list_title(title: TitleHit) -> ListedConversation:
    row = title.summary
    return ListedConversation(row.id, row.title, row.updated, row.model, row.pinned, marks=title.marks)


async def open_conversation(request: Request) -> Response:
    """Return the last turns of a conversation, those before position `before`, or those from before `turn` on: at
    most `limit`, and results of tool calls that belong to them. With `turn` and without `limit`, return all that
    follow."""
    asked, engine = parse_query(request, TurnsQuery), await state_of(request).engine()
    window = await find_window(engine, request, WindowRange(asked.limit or TURNS, asked.before, asked.turn))
    if asked.turn and asked.limit is None:
        window = await find_window(engine, request, WindowRange(max(1, window.length - window.first)))
    conversation = window.conversation
    growing = {answer.turn.id: answer for answer in engine.running(conversation.id)}
    path = [_with_running_answer(turn, growing.get(turn.id)) for turn in conversation.path]
    window = msgspec.structs.replace(window, conversation=msgspec.structs.replace(conversation, path=tuple(path)))
    statuses = [status for round in engine.tools.rounds(conversation.id) for status in round.statuses]
    note = None if conversation.id in engine.tools else await find_note(engine.places, conversation.id)
    is_calling = conversation.id in engine.tools or note is not None
    has_end = window.first + len(conversation.path) == window.length
    compared = await _find_comparison(state_of(request), engine, conversation) if has_end else None
    # The answers of a comparison do not tell what is asked next.
    has_choice = asked.before is None and compared is None
    goes_on = await _find_continuation(engine, request, window) if has_choice else None
    model, strategy = goes_on.choice(engine.models.strategies()) if goes_on else (None, None)

    def encode() -> bytes:
        # Rendering takes milliseconds for each turn.
        pending = pending_calls(statuses) if note is None else note.calls
        return _encode_window(
            window,
            pending,
            is_calling=is_calling,
            uses_memory=_uses_memory(engine, conversation),
            is_private=engine.conversations.is_private(conversation.id),
            comparison=compared and _shown_comparison(*compared),
            model=model,
            strategy=strategy,
        )

    return Response(await asyncio.to_thread(encode), media_type="application/json")


async def _find_continuation(engine: Engine, request: Request, window: ConversationWindow) -> Continuation:
    """Return what the conversation goes on with, whichever part of it is shown."""
    conversation = window.conversation
    if window.first + len(conversation.path) < window.length:
        # Its last answer is in no part that is shown.
        conversation = (await find_window(engine, request, WindowRange(2))).conversation
    return await continuation_of(engine.conversations, conversation)


async def _find_comparison(
    state: AppState, engine: Engine, conversation: Conversation
) -> tuple[ComparisonNote, Sequence[Turn]] | None:
    """Return the comparison at the end of a conversation, and its answers as far as they are; None without one."""
    last = conversation.path[-1].id if conversation.path else ""
    note = await state.comparisons.find(engine, conversation.id, last)
    if note is None:
        return None
    siblings = {turn.id: turn for turn in await engine.conversations.siblings(conversation.id, last)}
    here = {answer.turn.id: answer for answer in state.comparisons.answers(conversation.id)}
    turns = [_with_running_answer(siblings[id], here.get(id)) for id in note.answers if id in siblings]
    return (note, turns) if len(turns) == len(note.answers) else None


def _shown_comparison(note: ComparisonNote, turns: Sequence[Turn]) -> ShownComparison:
    return ShownComparison(note.models, [_shown_turn(turn, ()) for turn in turns], note.without_tools)


def _uses_memory(engine: Engine, conversation: Conversation) -> bool:
    """Return whether the memory is sent with questions of the page."""
    own = decode_settings(conversation.settings).memory
    is_on = engine.config.memory.enabled if own is None else own
    return is_on and not engine.conversations.is_private(conversation.id)


def _encode_window(
    window: ConversationWindow,
    pending: Sequence[PendingCall],
    *,
    is_calling: bool,
    uses_memory: bool,
    is_private: bool,
    comparison: ShownComparison | None,
    model: str | None,
    strategy: str | None,
) -> bytes:
    conversation = window.conversation
    turns = [
        _shown_turn(turn, conversation.forks.get(turn.id, ())) for turn in conversation.path if turn.role != "system"
    ]
    return encode_record(
        OpenedConversation(
            conversation.id,
            conversation.title,
            conversation.pinned,
            turns,
            window.first,
            window.first + len(conversation.path),
            window.length,
            tools_of(conversation),
            uses_memory,
            is_calling,
            tuple(pending),
            shown_settings(conversation),
            is_private,
            comparison,
            model,
            strategy,
        )
    )


def tools_of(conversation: Conversation) -> ConversationTools:
    """Return the tools that a conversation uses."""
    settings = decode_settings(conversation.settings)
    use = settings.tools or ToolUse()
    consents = tuple(ShownConsent(each.tool, each.host) for each in use.consents)
    return ConversationTools(use.servers, use.off, consents, bool(settings.web_search))


def _shown_result(turn: Turn) -> ShownResult | None:
    if turn.result is None:
        return None
    result = turn.result
    images = sum(file.is_image for file in turn.attachments)
    return ShownResult(result.call, result.name, result.source, indent_arguments(result.arguments), images)


def _with_running_answer(turn: Turn, answer: Answer | None) -> Turn:
    """Return the turn with what has arrived of its running answer."""
    if answer is None:
        return turn
    return msgspec.structs.replace(answer.turn, text=answer.text, thinking=answer.thinking)


def _shown_turn(turn: Turn, versions: tuple[str, ...]) -> ShownTurn:
    answer = turn.role == "assistant"
    return ShownTurn(
        turn.id,
        turn.role,
        turn.text,
        render_pieces(turn.text) if answer or turn.role == "summary" else [],
        turn.created,
        turn.thinking,
        turn.model,
        turn.strategy,
        turn.state,
        error_text(turn.error) if turn.error is not None else None,
        turn.quick.text if turn.quick is not None else None,
        _figures(turn) if answer else {},
        versions,
        tuple(file.name for file in turn.attachments),
        tuple(ShownFile(file.name, file.media_type, file.size_bytes) for file in turn.attachments),
        tuple(ShownCall(call.id, call.name, indent_arguments(call.arguments)) for call in turn.calls),
        _shown_result(turn),
        summary_title(turn) if turn.role == "summary" else UNSET,
        turn.verdict,
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


async def change_conversation(request: Request) -> Response:
    """Rename, pin or unpin a conversation."""
    asked, engine = await read_body(request, ConversationChanges), await state_of(request).engine()
    conversation = await find_short(engine, request)
    if asked.title is not UNSET:
        title = await engine.conversations.rename(conversation.id, str(asked.title))
        conversation = msgspec.structs.replace(conversation, title=title)
    if isinstance(asked.pinned, bool):
        await engine.conversations.pin(conversation.id, asked.pinned)
        conversation = msgspec.structs.replace(conversation, pinned=asked.pinned)
    return _json_response(ChangedConversation(conversation.id, conversation.title, conversation.pinned))


async def delete_conversation(request: Request) -> Response:
    """Delete a conversation; it can be restored for 30 days, unless it is private."""
    state = state_of(request)
    engine = await state.engine()
    conversation_id = (await find_short(engine, request)).id
    if conversation_id in state.private:
        await state.private.delete(engine, conversation_id)
    else:
        await engine.delete(conversation_id)
    return Response(status_code=204)


async def restore_conversation(request: Request) -> Response:
    """Restore a deleted conversation."""
    engine = await state_of(request).engine()
    conversation_id = str(request.path_params["id"])
    if engine.conversations.is_private(conversation_id):
        raise _not_found()
    try:
        await engine.conversations.deletion.restore(conversation_id)
    except ConversationNotFound as error:
        raise _not_found() from error
    return Response(status_code=204)


async def export_conversation(request: Request) -> Response:
    """Return a conversation as a file; as JSON, with all its branches."""
    asked, engine = parse_query(request, ExportQuery), await state_of(request).engine()
    conversation = await find_short(engine, request)
    text = await engine.conversations.export(conversation.id, asked.form)
    media_type = {"json": "application/json", "html": "text/html"}.get(asked.form, "text/markdown")
    return Response(text, media_type=media_type, headers={"Content-Disposition": "attachment"})


async def find_conversation(engine: Engine, request: Request) -> Conversation:
    """Return the conversation that the path names. Raises `ApiError`."""
    return await _found(engine, request, engine.conversations.conversation)


async def find_short(engine: Engine, request: Request) -> Conversation:
    """Return the conversation that the path names, with its last turn only. Raises `ApiError`."""
    return (await find_window(engine, request, WindowRange(1))).conversation


async def find_window(engine: Engine, request: Request, asked: WindowRange) -> ConversationWindow:
    """Return a part of the conversation that the path names. Raises `ApiError`."""
    return await _found(engine, request, lambda id: engine.conversations.window(id, asked))


async def _found(engine: Engine, request: Request, find: Callable[[str], Awaitable[Found]]) -> Found:
    conversation_id = str(request.path_params["id"])
    check_shown(engine, request, conversation_id)
    try:
        return await find(conversation_id)
    except ConversationNotFound as error:
        raise _not_found() from error


def check_shown(engine: Engine, request: Request, conversation_id: str) -> None:
    """Raise `ApiError` for a private conversation that no page has begun."""
    if engine.conversations.is_private(conversation_id) and conversation_id not in state_of(request).private:
        raise _not_found()


def _not_found() -> ApiError:
    return ApiError(404, "Conversation not found: it may have been deleted.")


def encode_record(record: msgspec.Struct) -> bytes:
    return _encoder.encode(record)


def _json_response(record: msgspec.Struct) -> Response:
    return Response(encode_record(record), media_type="application/json")
