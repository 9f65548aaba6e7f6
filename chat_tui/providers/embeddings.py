"""Passes requests for embeddings on to the provider of the named model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from chat_tui.core.errors import Rejected
from chat_tui.providers.client import ProviderClient
from chat_tui.providers.credentials.keys import KeyLookup
from chat_tui.providers.registry import ProviderRegistry


class EmbeddingClient:
    """Asks providers for embeddings; what they send is passed on."""

    def __init__(self, registry: ProviderRegistry, keys: KeyLookup, providers: ProviderClient) -> None:
        self._registry, self._keys, self._providers = registry, keys, providers

    async def embed(self, name: str, body: Mapping[str, Any]) -> Any:
        """Return what the model's provider sends for this body in OpenAI's format, as JSON. Raises `ProviderError`."""
        provider = self._registry.usable(name.partition("/")[0])
        if provider is None:
            raise Rejected(f"No provider is configured for {name}.", "Add it under [[providers]].", model=name)
        await self._providers.unconfigured_address(provider)
        from chat_tui.providers.endpoint import Endpoint

        address = next(iter(provider.base_urls), provider.base_url)
        endpoint = Endpoint(msgspec.structs.replace(provider, base_url=address), await self._keys.of(provider))
        return await (await self._providers.transport()).embed(endpoint, name, body)
