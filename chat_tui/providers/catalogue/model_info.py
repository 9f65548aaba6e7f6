"""What is known about a model: first from the config, then its server, its provider's row, the catalogue, a guess."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import msgspec

from chat_tui.config.schema import Config, ModelRow
from chat_tui.core.models import Model, Provider
from chat_tui.providers.catalogue.capabilities import has_responses, searches_web, takes_images, thinks, uses_tools
from chat_tui.providers.catalogue.default_tags import with_default_size
from chat_tui.providers.catalogue.model_name import bare_id, parse_name
from chat_tui.providers.catalogue.prices import Catalogue, CatalogueEntry
from chat_tui.providers.catalogue.purposes import purpose_of
from chat_tui.providers.catalogue.quality import QualityPrior, is_rated_by_size, prior_of
from chat_tui.providers.catalogue.speed import usual_speed

_SERVERS = ("llama.cpp", "vllm")
"""Providers that are named after their server program."""
_SCHEMAS_OF = {"openai": True, "xai": True, "cerebras": True, "deepseek": False, "perplexity": True}
"""Hosted providers that hold all of their current models to a schema, or none."""
STEPS_OF_WINDOW = 8
"""A conversation that outgrows the window is cut by an eighth of it at a time: between cuts all requests begin alike,
so that the server's cache can be used."""
_WITHOUT_LOGPROBS = frozenset({"anthropic"})
_WITHOUT_ADDRESSES = frozenset({"gemini", "ollama"})
"""Dialects that have no place for the probabilities of tokens, and for web addresses of images."""
NAMED_LIMIT = 32
"""The most models that only requests have named, such as mistyped ones; the oldest is replaced."""


_Priced: TypeAlias = ModelRow | Provider | Model


class ModelInfoResolver:
    """Fills in a model's window, prices, quality and usual speed."""

    def __init__(self, config: Config, catalogue: Catalogue) -> None:
        self._rows = {row.name: row for row in config.models}
        self._catalogue = catalogue

    def of(self, model: Model, provider: Provider | None = None) -> Model:
        """Return the model with all that is known about it; a local model is free unless configured otherwise."""
        row = self._rows.get(model.name) or ModelRow(model.name)
        entry = (None if model.local else self._catalogue.of(model.provider, model.id)) or CatalogueEntry()
        free = 0.0 if model.local else None
        sources: list[_Priced] = [row, *([provider] if provider else []), model]
        price_in = _first(*[each.price_in for each in sources], free, entry.price_in)
        price_out = _first(*[each.price_out for each in sources], free, entry.price_out)
        # The price of what is cached belongs to the price of what is not.
        source = next((each for each in sources if each.price_in is not None), None if model.local else entry)
        purpose = model.not_for_chat or self._purpose_by_name(model, provider)
        sized = sized_id(model)
        rated_id = sized if sized == model.id or is_rated_by_size(model.id) else model.id
        prior = (None if purpose else prior_of(rated_id, price_out)) or QualityPrior(0.0)
        dialect = provider.dialect if provider else ""
        speed = usual_speed(model.provider, sized, local=model.local)
        # A guess is made again, since the price may be known now.
        rated = _first(row.quality, None if model.guessed else model.quality)
        window = row.context_window or model.context_window or entry.context_window
        return msgspec.structs.replace(
            model,
            images=_first_known(row.images, model.images, takes_images(model.id)),
            thinking=_first_known(model.thinking, thinks(model.id)),
            tools=_first_known(row.tools, model.tools, uses_tools(model.id)),
            schemas=_first_known(row.schemas, model.schemas, self._enforces_schemas(model, provider)),
            web_search=bool(provider and has_responses(provider) and searches_web(model.id)),
            hosted_tools=_hosted_tools(provider),
            logprobs=False if dialect in _WITHOUT_LOGPROBS else model.logprobs,
            image_addresses=False if dialect in _WITHOUT_ADDRESSES else model.image_addresses,
            server=model.server or (model.provider if model.provider in _SERVERS else ""),
            asked_window=row.context_window,
            context_window=window,
            trim_step_tokens=model.trim_step_tokens or (window or 0) // STEPS_OF_WINDOW,
            price_in=price_in,
            price_out=price_out,
            price_cached=source.price_cached if source else None,
            price_cache_write=source.price_cache_write if source else None,
            price_steps=entry.price_steps if source is entry else model.price_steps if source is model else (),
            quality=_first(rated, prior.quality or None),
            qualities=model.qualities or (prior.qualities if rated is None else {}),
            guessed=rated is None and prior.guessed,
            replicas=max(1, len(provider.base_urls)) if provider else model.replicas,
            selectable=model.selectable and not purpose,
            not_for_chat=purpose,
            usual_tokens_per_second=speed.tokens_per_second,
            usual_ttft_seconds=speed.ttft_seconds,
            usual_thinking_tokens=speed.thinking_tokens,
        )

    def _enforces_schemas(self, model: Model, provider: Provider | None) -> bool | None:
        """Return whether a server holds answers to a schema, as far as that depends on the server alone."""
        enforces = model.server in _SERVERS or (provider is not None and provider.dialect in ("gemini", "ollama"))
        return True if enforces else _SCHEMAS_OF.get(model.provider)

    def _purpose_by_name(self, model: Model, provider: Provider | None) -> str:
        """Return what a model is for by its name if it is not for chat; a model that the config names is for chat."""
        if model.name in self._rows or (provider is not None and model.id in provider.models):
            return ""
        return purpose_of(model.provider, model.id)

    def models_of(self, provider: Provider) -> Sequence[Model]:
        """Return the models that a provider is known to have, without asking it."""
        names = provider.models or self._catalogue.chat_models(provider.name)
        return [Model(f"{provider.name}/{name}", local=provider.local) for name in names]


def _hosted_tools(provider: Provider | None) -> Literal["", "anthropic", "openai"]:
    if provider is None:
        return ""
    return "anthropic" if provider.dialect == "anthropic" else "openai" if has_responses(provider) else ""


def sized_id(model: Model) -> str:
    """Return the model's id, with its size behind it if only its server or Ollama's library tells that."""
    if not model.local:
        return model.id
    if model.billions and parse_name(bare_id(model.id)).billions is None:
        return f"{model.id.removesuffix(':latest')}:{model.billions:g}b"
    return with_default_size(model.id)


def _first_known(*values: bool | None) -> bool | None:
    return next((value for value in values if value is not None), None)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def merge(known: Sequence[Model], fresh: Sequence[Model], place: Callable[[Model], int]) -> tuple[Model, ...]:
    """Return the models with what is newly known about them, in their order; a new one comes after its provider's.

    `place` returns the position of a model's provider, so that the order does not depend on who answers first.
    """
    told = {model.name: model for model in fresh}
    kept = [told.pop(model.name, model) for model in known]
    return tuple(sorted([*kept, *told.values()], key=place))


def with_named(known: Sequence[Model], model: Model, place: Callable[[Model], int]) -> tuple[Model, ...]:
    """Return the models with one that a request has named: it can be asked by name, and no strategy chooses it."""
    named = [model.name for model in known if model.named]
    forgotten = set(named[: max(0, len(named) + 1 - NAMED_LIMIT)])
    kept = [model for model in known if model.name not in forgotten]
    return merge(kept, [msgspec.structs.replace(model, selectable=False, named=True)], place)
