"""What is known of a model: from the config before all, then from its server, then from its provider's row."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chat_tui.config import Config, ModelRow
from chat_tui.models import Model, Provider


class Facts:
    """Fills in a model's window, prices and quality."""

    def __init__(self, config: Config) -> None:
        self._rows = {row.name: row for row in config.models}

    def of(self, model: Model, provider: Provider | None = None) -> Model:
        """The model with all that is known of it; what runs on this machine is free unless somebody says otherwise."""
        row = self._rows.get(model.name) or ModelRow(model.name)
        free = 0.0 if model.local else None
        price_in, price_out = (provider.price_in, provider.price_out) if provider else (None, None)
        return msgspec.structs.replace(
            model,
            context_window=row.context_window or model.context_window,
            price_in=_first(row.price_in, price_in, model.price_in, free),
            price_out=_first(row.price_out, price_out, model.price_out, free),
            quality=_first(row.quality, model.quality),
        )

    def models_of(self, provider: Provider) -> Sequence[Model]:
        """The models that a provider is known to have, without asking it."""
        return [Model(f"{provider.name}/{name}") for name in provider.models]


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
