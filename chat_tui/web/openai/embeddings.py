"""`POST /v1/embeddings`: passed to the provider of the model, if its API has them. No strategy chooses among models."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive

from chat_tui.engine.engine import Engine
from chat_tui.web.api.choice.model_choice import is_known_model, resolve_choice
from chat_tui.web.api.schemas import decode, parse_body
from chat_tui.web.errors import ApiError
from chat_tui.web.openai.schemas import Word
from chat_tui.web.state import state_of

INPUTS_LIMIT = 4096
MAKES_EMBEDDINGS = "makes embeddings"
"""As in `Model.not_for_chat`."""

T = TypeVar("T")


class EmbeddingRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of `POST /v1/embeddings`."""

    input: str | Annotated[list[str | int | list[int]], Meta(min_length=1, max_length=INPUTS_LIMIT)]
    """A text, several texts, or tokens."""
    model: Annotated[str, Meta(max_length=300, description="A model, an alias, or `auto` for the first that can.")] = (
        "auto"
    )
    dimensions: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: Word | None = None


class Embedding(msgspec.Struct, frozen=True):
    """The embedding of one text."""

    index: int
    embedding: list[float] | str
    object: Literal["embedding"] = "embedding"


class EmbeddingUsage(msgspec.Struct, frozen=True):
    """Token counts."""

    prompt_tokens: int = 0
    total_tokens: int = 0


class EmbeddingList(msgspec.Struct, frozen=True):
    """The reply to `POST /v1/embeddings`."""

    data: list[Embedding]
    model: str = ""
    object: Literal["list"] = "list"
    usage: EmbeddingUsage = EmbeddingUsage()


def routes() -> list[BaseRoute]:
    """Return the routes."""
    return [Route("/v1/embeddings", create_embeddings, methods=["POST"])]


async def create_embeddings(request: Request) -> Response:
    """Return the embeddings of texts."""
    state, body = state_of(request), await parse_body(request, lambda raw: decode(raw, EmbeddingRequest))
    if state.stopping:
        raise ApiError(503, "The server is shutting down.", headers={"Retry-After": "5"})
    named = await is_known_model(state, body.model)
    engine = await (state.engine() if named else state.engine_with_models())
    model = _model_for(engine, body.model)
    asked = msgspec.to_builtins(body) | {"model": model.partition("/")[2]}
    embedded = await run_while_connected(request.receive, engine.embeddings.embed(model, asked))
    state.metrics.count_embeddings(model, embedded.tokens, embedded.cost)
    raw = await asyncio.to_thread(_encode, embedded.reply, model)
    return Response(raw, headers={"x-chat-tui-model": model}, media_type="application/json")


def _model_for(engine: Engine, wanted: str) -> str:
    """Return the model that is meant; `auto` and strategies mean the first one that makes embeddings."""
    meant = resolve_choice(engine, wanted)
    able = (model.name for model in engine.models.in_use() if model.not_for_chat == MAKES_EMBEDDINGS)
    name = meant.model or next(able, "")
    if not name:
        raise ApiError(400, "No model that makes embeddings is known. Name one as `provider/model`.", param="model")
    return name


def _encode(told: Any, model: str) -> bytes:
    """Return the reply of a provider in OpenAI's format. Raises `ApiError`."""
    try:
        found = msgspec.convert(told, EmbeddingList)
    except msgspec.ValidationError:
        raise ApiError(502, f"The server of {model} sent no embeddings.") from None
    return msgspec.json.encode(msgspec.structs.replace(found, model=model))


async def run_while_connected(receive: Receive, work: Awaitable[T]) -> T:
    """Return what the work gives; it is cancelled when the client disconnects. Raises `ClientDisconnect`."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    working, watching = asyncio.ensure_future(work), asyncio.ensure_future(watch())
    try:
        await asyncio.wait([working, watching], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.wait([working, watching])
