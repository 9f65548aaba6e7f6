"""What is known about models by their names alone, whether they can be asked from here or not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chat_tui.config import paths
from chat_tui.config.known_providers import known_providers
from chat_tui.config.schema import Config
from chat_tui.core.models import Model
from chat_tui.providers.catalogue.model_info import ModelInfoResolver
from chat_tui.providers.catalogue.prices import Catalogue


async def named_models(settings: Config, names: Sequence[str]) -> Sequence[Model]:
    """Return models with their prices, abilities and usual speed, from the config and the catalogue.

    No server is asked. The models of providers that usually listen on this machine run there, unless the config has a
    provider of that name.
    """
    catalogue = Catalogue(paths.catalogue_file())
    await catalogue.refresh()
    resolver = ModelInfoResolver(settings, catalogue)
    known = await asyncio.to_thread(known_providers)
    usual = {"local", *(provider.name for provider in known.values() if provider.local)}
    local = usual - {row.name for row in settings.providers}
    return [resolver.of(Model(name, local=name.partition("/")[0] in local)) for name in dict.fromkeys(names)]
