"""The models and strategies from which the web page lets people choose."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.config.strategy_help import STRATEGY_HELP
from chat_tui.core.models import SCRIPTED_MODEL, ModelStatus
from chat_tui.core.usage.token_estimate import memory_tokens
from chat_tui.web.state import state_of


class OfferedModel(msgspec.Struct, frozen=True, rename="camel"):
    """A model that can be chosen."""

    name: str
    provider: str
    state: str
    """State in words, such as `ready`, `not fetched`, `cooldown 12 s`."""
    usable: bool
    local: bool
    free: bool
    context_window: int | None = None
    price_in: float | None = None
    """US dollars per million prompt tokens."""
    price_out: float | None = None
    """US dollars per million completion tokens."""
    images: bool | None = None
    thinking: bool | None = None
    web_search: bool = False
    """Whether it can search the web with its provider's own search."""
    ttft_seconds: float | None = None
    tokens_per_second: float | None = None


class OfferedChoices(msgspec.Struct, frozen=True, rename="camel"):
    """Models and strategies that can be chosen, and what else is sent."""

    models: list[OfferedModel]
    strategies: list[str]
    strategy: str
    """Strategy that is used if nothing is chosen."""
    model: str | None = None
    """Model that the config chooses."""
    memory_tokens: int = 0
    """Estimated tokens of what the user has asked to remember; 0: nothing."""
    uses_memory: bool = True
    """Whether it is sent with questions of the page in a new conversation."""
    strategy_help: dict[str, str] = {}
    """What the strategies prefer, by their names; those of plug-ins may say nothing."""


def routes() -> list[BaseRoute]:
    """Return the routes of the list of models."""
    return [Route("/api/models", list_choices, methods=["GET"])]


async def list_choices(request: Request) -> Response:
    """List the models and strategies that can be chosen."""
    engine = await state_of(request).engine_with_models()
    models = [_offer_of(standing) for standing in engine.models.status() if not standing.model.named]
    config = engine.config
    return _json(
        OfferedChoices(
            models,
            list(engine.models.strategies()),
            config.strategy,
            config.model,
            sum(map(memory_tokens, await engine.memory.texts())),
            config.memory.enabled,
            STRATEGY_HELP,
        )
    )


def _offer_of(standing: ModelStatus) -> OfferedModel:
    model = standing.model
    return OfferedModel(
        model.name,
        model.provider,
        "demo" if model.name == SCRIPTED_MODEL else standing.state,
        standing.usable,
        model.local,
        model.free,
        model.context_window,
        model.price_in,
        model.price_out,
        model.images,
        model.thinking,
        model.web_search,
        standing.ttft_seconds,
        standing.tokens_per_second,
    )


def _json(record: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(record), media_type="application/json")
