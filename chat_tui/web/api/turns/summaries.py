"""Summaries of earlier messages: what one would take, its text as it is written, and whether it counts."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from time import monotonic
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from chat_tui.core.chunks import Usage
from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.engine.answers.summarizer import SummaryPlace, SummaryPlan, SummaryRun, WrittenSummary
from chat_tui.engine.engine import Engine
from chat_tui.web.api.conversations import find_conversation
from chat_tui.web.api.event_stream import wait_for_disconnect
from chat_tui.web.api.events import ErrorEvent, to_sse
from chat_tui.web.api.schemas import GenerationOptions, read_body
from chat_tui.web.api.stream import check_free, request_settings
from chat_tui.web.errors import ApiError, error_text
from chat_tui.web.sign_in.seals import seal_content, unseal_content
from chat_tui.web.state import AppState, state_of

SEND_SECONDS = 0.15
"""Time between two events with the growing text."""
_NOTHING = "nothing_to_summarize"


KeptMessages = Annotated[int, Meta(ge=0, le=1_000_000)]


class SummaryBody(GenerationOptions, frozen=True, kw_only=True, rename="camel"):
    """What is to be summarised, and by which model: by the one that answers, if none is named."""

    kept: KeptMessages | None = None
    """How many of the last messages stay out of it; unset: those that fit the context window."""
    or_kept: KeptMessages | None = None
    """The same, if all messages fit."""
    leaf: Annotated[str, Meta(max_length=300)] = ""
    """The `leaf` of the plan that a person has seen: then nothing is written if the conversation has gone on."""


class PlannedSummary(msgspec.Struct, frozen=True):
    """What a summary would take. Nothing was sent."""

    model: str
    messages: int
    """How many messages it replaces in later requests."""
    requests: int
    tokens: int
    """Sent in all requests together; estimated."""
    price: float | None
    """Estimated US dollars; null if the price is not known."""
    leaf: str
    """Id of the last turn."""
    kept: int | None
    """As asked: how many of the last messages stay out of it; null: those that fit the context window."""


class SummaryTextEvent(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """The text of the current request so far."""

    text: str
    request: int
    """Which one it is, counted from 1."""


class WrittenEvent(msgspec.Struct, frozen=True, tag_field="type", tag="written", rename="camel"):
    """The summary, which does not count yet."""

    text: str
    cost: float | None
    """US dollars of all requests; null if not known."""
    is_cut: bool
    """Whether it ended at the limit of tokens."""
    seal: str
    """Must be returned to keep the summary."""


class KeptSummary(msgspec.Struct, frozen=True):
    """A summary as a person wants it."""

    text: Annotated[str, Meta(min_length=1, max_length=200_000)]
    seal: Annotated[str, Meta(max_length=10_000)]
    """The one that came with it."""


class AddedSummary(msgspec.Struct, frozen=True):
    """A summary that counts."""

    turn: str
    """Its id."""


class _Sealed(msgspec.Struct, frozen=True, tag="summary"):
    """What is needed to keep a summary; a client carries it, since another worker may get it back."""

    place: SummaryPlace
    model: str
    usage: Usage | None
    cost: float | None
    is_cut: bool


def routes() -> list[BaseRoute]:
    """Return the routes of summaries."""
    summary = "/api/conversations/{id}/summary"
    return [
        Route(f"{summary}/plan", plan_summary, methods=["POST"]),
        Route(f"{summary}/write", write_summary, methods=["POST"]),
        Route(f"{summary}/keep", keep_summary, methods=["POST"]),
        Route(f"{summary}/turns/{{turn}}", take_back_summary, methods=["DELETE"]),
    ]


async def plan_summary(request: Request) -> Response:
    """Tell what a summary would take."""
    state, asked = state_of(request), await read_body(request, SummaryBody)
    engine, kept = await state.engine_with_models(), asked.kept
    try:
        plan = await _plan(engine, request, asked)
    except ApiError as error:
        if error.code != _NOTHING or kept is not None or asked.or_kept is None:
            raise
        kept = asked.or_kept
        plan = await _plan(engine, request, replace(asked, kept=kept))
    told = PlannedSummary(
        plan.model, plan.summarized.messages, len(plan.parts), plan.tokens, plan.price, plan.place.leaf, kept
    )
    return Response(msgspec.json.encode(told), media_type="application/json")


async def write_summary(request: Request) -> Response:
    """Write a summary, as server-sent events; it does not count until it is kept. Stops when the client disconnects."""
    state, asked = state_of(request), await read_body(request, SummaryBody)
    if state.stopping:
        raise ApiError(503, "The server is shutting down.", headers={"Retry-After": "5"})
    engine = await state.engine_with_models()
    plan = await _plan(engine, request, asked)
    if asked.leaf and asked.leaf != plan.place.leaf:
        raise ApiError(409, "The conversation has gone on meanwhile. Begin again.")
    return SummaryStream(state, engine.summaries.begin(plan))


async def _plan(engine: Engine, request: Request, asked: SummaryBody) -> SummaryPlan:
    settings = request_settings(engine, replace(asked, tools=None, ask_tools=None))
    conversation = await find_conversation(engine, request)
    await check_free(engine, conversation.id)
    try:
        return await engine.summaries.plan(conversation.id, asked.kept, settings)
    except CommandError as error:
        # Its hint is about the command of the terminal.
        raise ApiError(400, error.title, param="kept", code=_NOTHING) from error


class SummaryStream(Response):
    """The stream of a summary that is being written."""

    media_type = "text/event-stream"

    def __init__(self, state: AppState, run: SummaryRun) -> None:
        super().__init__(None, 200, {"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._state, self._run = state, run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream until its end or until the client disconnects."""
        with self._state.serving_reader():
            writing = asyncio.ensure_future(self._write(send))
            leaving = asyncio.ensure_future(wait_for_disconnect(receive))
            try:
                await asyncio.wait([writing, leaving], return_when=asyncio.FIRST_COMPLETED)
                if writing.done():
                    writing.result()
            except OSError:
                # Some servers tell so that the client has gone.
                pass
            finally:
                # The request is cancelled with its reader, so nothing more is paid for.
                for task in (writing, leaving):
                    task.cancel()
                await asyncio.wait([writing, leaving])

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sent, run = float("-inf"), self._run
        try:
            async with aclosing(run.texts()) as texts:
                async for text in texts:
                    if monotonic() >= sent + SEND_SECONDS:
                        sent = monotonic()
                        await _send_event(send, SummaryTextEvent(text, run.step))
            written = run.result()
            seal = _seal(run.plan, written, self._state.token)
            await _send_event(send, WrittenEvent(written.text, written.cost, written.is_cut, seal))
        except ChatTuiError as error:
            await _send_event(send, ErrorEvent(error_text(error), error.kind))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_event(send: Send, event: msgspec.Struct) -> None:
    await send({"type": "http.response.body", "body": to_sse([event]), "more_body": True})


def _seal(plan: SummaryPlan, written: WrittenSummary, token: str) -> str:
    sealed = _Sealed(plan.place, written.model, written.usage, written.cost, written.is_cut)
    return seal_content(msgspec.json.encode(sealed), token)


async def keep_summary(request: Request) -> Response:
    """Add a summary: from now on requests send it in place of the messages that it replaces."""
    state, asked = state_of(request), await read_body(request, KeptSummary)
    engine = await state.engine()
    async with state.turn_lock:
        conversation = await find_conversation(engine, request)
        sealed = _unseal(asked.seal, conversation.id, state.token)
        await check_free(engine, conversation.id)
        written = WrittenSummary(asked.text, sealed.model, sealed.usage, sealed.cost, sealed.is_cut)
        try:
            kept = await engine.summaries.keep(sealed.place, written, asked.text)
        except CommandError as error:
            raise ApiError(409, error.title, code=error.kind) from error
    state.monitor.hurry()
    body = msgspec.json.encode(AddedSummary(kept.path[-1].id))
    return Response(body, 201, media_type="application/json")


def _unseal(seal: str, conversation_id: str, token: str) -> _Sealed:
    try:
        sealed = msgspec.json.decode(unseal_content(seal, token) or b"", type=_Sealed)
    except msgspec.MsgspecError:
        sealed = None
    if sealed is None or sealed.place.conversation_id != conversation_id:
        raise ApiError(400, "`seal` did not come with a summary of this conversation.", param="seal")
    return sealed


async def take_back_summary(request: Request) -> Response:
    """Take back a summary that ends the conversation: all messages are sent again."""
    state, wanted = state_of(request), str(request.path_params["turn"])
    engine = await state.engine()
    async with state.turn_lock:
        conversation = await find_conversation(engine, request)
        if not any(turn.id == wanted and turn.role == "summary" for turn in conversation.path):
            raise ApiError(404, "There is no such summary on the current branch.")
        await check_free(engine, conversation.id)
        try:
            await engine.summaries.take_back(conversation.id, wanted)
        except CommandError as error:
            raise ApiError(409, error.title, code=error.kind) from error
    state.monitor.hurry()
    return Response(status_code=204)
