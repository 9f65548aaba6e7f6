"""The models and strategies from which the web page lets people choose, and keys that can be put to use."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.config.strategy_help import STRATEGY_HELP
from chat_tui.core.models import SCRIPTED_MODEL, ModelStatus
from chat_tui.core.settings.preferred_models import ModelPreferences
from chat_tui.core.usage.token_estimate import memory_tokens
from chat_tui.engine.engine import Engine
from chat_tui.web.api.schemas import Name, read_body
from chat_tui.web.errors import ApiError
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
    tools: bool | None = None
    not_for_chat: str = ""
    """What it is for, if it cannot chat: strategies never choose it."""
    fetch_first: bool = False
    """Whether it must be downloaded first."""


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
    favourites: tuple[str, ...] = ()
    """The user's favourite models, by name."""
    recent: tuple[str, ...] = ()
    """The models that were chosen last, the latest first."""


class Preference(msgspec.Struct, frozen=True):
    """What the user does with a model in the list."""

    model: Name
    favourite: bool | None = None
    """Make it a favourite, or not any more; unset: it was chosen."""


class FoundKey(msgspec.Struct, frozen=True):
    """A key in the server's environment that is not in use."""

    provider: str
    title: str
    """Name of the provider as its makers write it."""
    source: str
    """Where the key is, such as `$GROQ_API_KEY`."""


class FoundKeys(msgspec.Struct, frozen=True):
    """Keys that can be put to use. They are never sent themselves."""

    keys: tuple[FoundKey, ...]


class AddedProvider(msgspec.Struct, frozen=True):
    """A provider that was put to use."""

    title: str
    models: int
    """Length of its list of models."""


def routes() -> list[BaseRoute]:
    """Return the routes of the list of models."""
    return [
        Route("/api/models", list_choices, methods=["GET"]),
        Route("/api/models/refresh", refresh_models, methods=["POST"]),
        Route("/api/models/preferences", note_preference, methods=["PUT"]),
        Route("/api/found-keys", list_found_keys, methods=["GET"]),
        Route("/api/found-keys/{provider}/use", use_found_key, methods=["POST"]),
    ]


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
            *(await _preferences(engine)).models,
        )
    )


async def refresh_models(request: Request) -> Response:
    """Read the config's providers again, and ask all servers for their models."""
    engine = await state_of(request).engine()
    await engine.setup.reload()
    await engine.models.discover()
    return Response(status_code=204)


async def note_preference(request: Request) -> Response:
    """Make a model a favourite or not, or note that it was chosen."""
    engine, asked = await state_of(request).engine_with_models(), await read_body(request, Preference)
    # One that is gone can still be removed from the favourites.
    if asked.favourite is not False and asked.model not in {each.model.name for each in engine.models.status()}:
        raise ApiError(404, "There is no such model.")
    if asked.favourite is None:
        await engine.models.use(asked.model)
        await ModelPreferences().note_chosen(engine.places, asked.model)
    else:
        await ModelPreferences().set_favourite(engine.places, asked.model, favourite=asked.favourite)
    return Response(status_code=204)


async def list_found_keys(request: Request) -> Response:
    """List the keys in the server's environment that are not in use."""
    return _json(FoundKeys(tuple(await _found_keys(await state_of(request).engine()))))


async def use_found_key(request: Request) -> Response:
    """Put the provider of a found key to use, which is noted in the config; its models can then be chosen."""
    engine, name = await state_of(request).engine(), str(request.path_params["provider"])
    found = next((key for key in await _found_keys(engine) if key.provider == name), None)
    if found is None:
        raise ApiError(404, "There is no unused key for this provider.")
    return _json(AddedProvider(found.title, await engine.setup.use_found_key(name)))


async def _found_keys(engine: Engine) -> Sequence[FoundKey]:
    providers = await engine.setup.hosted_providers()
    found = [each for each in providers if each.key_source.startswith("$") and not each.in_use]
    return [FoundKey(each.name, each.title, each.key_source) for each in found]


async def _preferences(engine: Engine) -> ModelPreferences:
    preferences = ModelPreferences()
    await preferences.restore(engine.places)
    return preferences


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
        model.tools,
        model.not_for_chat,
        model.to_be_fetched,
    )


def _json(record: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(record), media_type="application/json")
