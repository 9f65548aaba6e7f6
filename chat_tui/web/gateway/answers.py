"""Starts the answers to a question, and sends them as a stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from starlette.responses import Response
from starlette.types import Scope

from chat_tui.core.chunks import Chunk, End, Metadata, Token, ToolCallDelta
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.tools import ToolUse
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.web.api.choice.model_choice import is_known_model, resolve_choice
from chat_tui.web.api.event_stream import EventStream, retry_after
from chat_tui.web.errors import ApiError, error_response
from chat_tui.web.gateway.documents import read_documents
from chat_tui.web.gateway.failures import incomplete_error
from chat_tui.web.gateway.question import GatewayQuestion, settings_for
from chat_tui.web.state import AppState

HEAD_SECONDS = 10.0
"""Time for which a stream's status waits for the first token, so that an error can have its own status."""
ROUTE_CHARACTERS = 2000
"""Characters of the header with the route."""

_NO_TOOL_SERVERS = ToolUse()
"""Clients of these APIs run their own tools; those of a stored conversation are for its faces."""
EncodeChunks = Callable[[Sequence[Chunk]], bytes]


async def start_answers(state: AppState, client: str, asked: GatewayQuestion) -> Sequence[Answer]:
    """Start the answers to a question; none if not all of them may be. Raises `ApiError`, `ChatTuiError`."""
    asked = await read_documents(asked)
    named = await is_known_model(state, asked.model)
    answers: list[Answer] = []

    async def begin(engine: Engine) -> Answer:
        meant = resolve_choice(engine, asked.model)
        settings = settings_for(asked, len(answers)).replace(
            model=meant.model, strategy=meant.strategy, tool_use=_NO_TOOL_SERVERS
        )
        beginning = NewConversation(asked.system_prompt, earlier=asked.turns)
        return await engine.answer_turns(beginning, settings, is_stored=asked.is_stored, after=asked.after)

    try:
        while len(answers) < asked.count:
            answers.append(await state.ask(client, begin, named=named))
    finally:
        if len(answers) < asked.count:
            await asyncio.gather(*(answer.cancel() for answer in answers))
    return answers


def answer_stream(
    state: AppState,
    answers: Sequence[Answer],
    encodes: Sequence[EncodeChunks],
    id: str,
    *,
    head_seconds: float = HEAD_SECONDS,
) -> EventStream:
    """Return the events of answers, each encoded by its own function. If the first one fails before its first token,
    the status says so."""
    answer = answers[0]

    async def open(scope: Scope) -> Response | Mapping[str, str]:
        try:
            async with asyncio.timeout(head_seconds):
                await _first_outcome(answer)
        except TimeoutError:
            # A client that waits must see by now that the server is there.
            pass
        if failed_before_text(answer):
            refusal = await with_retry_after(state, answer, incomplete_error(answer.turn.error, answer.route))
            return error_response(scope["path"], refusal)
        return response_headers(answer, id)

    streams = [(each, _as_coroutine(encode)) for each, encode in zip(answers, encodes, strict=True)]
    return EventStream(state, *streams[0], others=streams[1:], open=open)


def _as_coroutine(encode: EncodeChunks) -> Callable[[Sequence[Chunk]], Awaitable[bytes]]:
    async def encode_chunks(chunks: Sequence[Chunk]) -> bytes:
        return encode(chunks)

    return encode_chunks


def failed_before_text(answer: Answer) -> bool:
    """Return whether an answer has ended without anything that a client could show."""
    turn = answer.turn
    nothing = not (turn.text or turn.thinking or turn.calls)
    return answer.ended and nothing and turn.state in {"failed", "cancelled"}


async def _first_outcome(answer: Answer) -> None:
    async for chunk in answer.follow():
        if isinstance(chunk, (Token, ToolCallDelta, End)):
            return


async def with_retry_after(state: AppState, answer: Answer, refusal: ApiError) -> ApiError:
    """Return the refusal with a `Retry-After` header, if the time is known."""
    refusal.headers |= await retry_after(state, answer, refusal.status)
    return refusal


def response_headers(answer: Answer, id: str) -> dict[str, str]:
    """Return headers with the model, the route and the ids of the answer."""
    told = {
        "x-chat-tui-model": answer.turn.model,
        "x-chat-tui-route": route_header(answer),
        "x-request-id": id,
        "request-id": id,
    }
    if answer.conversation_id:
        told["x-chat-tui-conversation"] = answer.conversation_id
    return {name: value for name, value in told.items() if value.isascii() and value.isprintable()}


def route_header(answer: Answer) -> str:
    """Return the route as short JSON: the strategy, and each attempt so far with its outcome."""
    tries: list[dict[str, str]] = []
    if answer.route is not None:
        tries = [{"model": entry.model, "outcome": entry.outcome} for entry in answer.route.tries]
    else:
        tries = [*_failed_tries(answer), {"model": answer.turn.model}]
    told = json.dumps({"strategy": answer.turn.strategy, "tries": tries}, separators=(",", ":"))
    if len(told) > ROUTE_CHARACTERS:
        told = json.dumps({"strategy": answer.turn.strategy, "tries": len(tries)}, separators=(",", ":"))
    return told


def _failed_tries(answer: Answer) -> Iterator[dict[str, str]]:
    """Yield the attempts of a running answer that have failed."""
    model = ""
    for chunk in answer.chunks:
        if isinstance(chunk, Metadata) and chunk.event in {"connecting", "retry", "failover"}:
            if chunk.event != "connecting":
                yield {"model": model, "outcome": chunk.reason}
            model = chunk.model
