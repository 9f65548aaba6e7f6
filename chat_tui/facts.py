"""What is known of a model: from the config before all, then its server, its provider's row, the catalogue, a guess."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chat_tui.config import Config, ModelRow
from chat_tui.models import Model, Provider
from chat_tui.providers.catalogue import Catalogue, Entry
from chat_tui.providers.quality import Prior, prior_of
from chat_tui.providers.sight import takes_images, thinks

_SERVERS = ("llama.cpp", "vllm")
"""Providers that are called after the program that serves them."""


class Facts:
    """Fills in a model's window, prices and quality."""

    def __init__(self, config: Config, catalogue: Catalogue) -> None:
        self._rows = {row.name: row for row in config.models}
        self._catalogue = catalogue

    def of(self, model: Model, provider: Provider | None = None) -> Model:
        """The model with all that is known of it; what runs on this machine is free unless somebody says otherwise."""
        row = self._rows.get(model.name) or ModelRow(model.name)
        entry = (None if model.local else self._catalogue.of(model.provider, model.id)) or Entry()
        free = 0.0 if model.local else None
        price_in, price_out = (provider.price_in, provider.price_out) if provider else (None, None)
        price_out = _first(row.price_out, price_out, model.price_out, free, entry.price_out)
        prior = prior_of(model.id, price_out) or Prior(0.0)
        rated = _first(row.quality, model.quality)
        return msgspec.structs.replace(
            model,
            images=_told(row.images, model.images, takes_images(model.id)),
            thinking=_told(model.thinking, thinks(model.id)),
            server=model.server or (model.provider if model.provider in _SERVERS else ""),
            asked_window=row.context_window,
            context_window=row.context_window or model.context_window or entry.context_window,
            price_in=_first(row.price_in, price_in, model.price_in, free, entry.price_in),
            price_out=price_out,
            quality=_first(rated, prior.quality or None),
            qualities=model.qualities or (prior.qualities if rated is None else {}),
            guessed=rated is None and prior.guessed,
            replicas=max(1, len(provider.base_urls)) if provider else model.replicas,
        )

    def models_of(self, provider: Provider) -> Sequence[Model]:
        """The models that a provider is known to have, without asking it."""
        names = provider.models or self._catalogue.chat_models(provider.name)
        return [Model(f"{provider.name}/{name}", local=provider.local) for name in names]


def _told(*values: bool | None) -> bool | None:
    return next((value for value in values if value is not None), None)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
