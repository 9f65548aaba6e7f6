"""What is known about models by their names alone, whether they can be asked from here or not."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.config import paths
from chat_tui.config.schema import Config
from chat_tui.core.models import Model
from chat_tui.providers.catalogue.model_info import ModelInfoResolver
from chat_tui.providers.catalogue.prices import Catalogue

LOCAL_PROVIDERS = frozenset(["local", "ollama", "llama.cpp", "lmstudio"])
"""Providers whose models run on this machine, unless the config says otherwise."""


async def named_models(settings: Config, names: Sequence[str]) -> Sequence[Model]:
    """Return models with their prices, abilities and usual speed, from the config and the catalogue.

    No server is asked.
    """
    catalogue = Catalogue(paths.catalogue_file())
    await catalogue.refresh()
    resolver = ModelInfoResolver(settings, catalogue)
    local = LOCAL_PROVIDERS - {row.name for row in settings.providers}
    return [resolver.of(Model(name, local=name.partition("/")[0] in local)) for name in dict.fromkeys(names)]
