"""Asks providers and servers whether a key is good and which models they have, before anything is kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from chat_tui.config.known_providers import KnownProvider
from chat_tui.config.schema import ProviderRow
from chat_tui.core.errors import KeyMissing, KeyRefused, ProviderError, Rejected, TooSlow, Unreachable
from chat_tui.core.models import KeyCheck, Provider, ServerCheck
from chat_tui.core.text.addresses import OLLAMA_PORT, dialect_of, host_of
from chat_tui.core.text.log_filter import hide_in_log
from chat_tui.providers.client import load_transport
from chat_tui.providers.credentials.config_credentials import credentials_of
from chat_tui.providers.registry import provider_of_row

if TYPE_CHECKING:
    from chat_tui.providers.http.transport import Transport

CONNECTION_SECONDS = 10.0


async def check_provider_key(provider: Provider, known: KnownProvider | None, key: str) -> KeyCheck:
    """Ask a provider for its list of models with this key. Raises `ProviderError`."""
    hide_in_log(credentials_of(provider, key))
    try:
        return await _check_key(provider, known, key)
    except KeyRefused as error:
        # Its hint names the variable, from which this key does not come.
        raise KeyRefused(error.title, "Copy the key again, or create a new one.", provider=provider.name) from None


async def _check_key(provider: Provider, known: KnownProvider | None, key: str) -> KeyCheck:
    async with _transport() as transport:
        if known is not None and known.key_url and not provider.address_source:
            # Its list of models is for everybody, this address only for those with a key.
            await transport.list_models(msgspec.structs.replace(provider, models_url=known.key_url), key)
        if provider.models:
            return KeyCheck(len(provider.models), is_certain=bool(known and known.key_url))
        count = await _count_models(transport, provider, key)
    return KeyCheck(count, is_certain=not (known and known.lists_for_all))


async def find_server(name: str, base_url: str, known: KnownProvider | None, key: str) -> ServerCheck:
    """Find out which dialect a server speaks. Raises `ProviderError`; `KeyRefused` if it wants a key."""
    first: ProviderError | None = None
    async with _transport() as transport:
        for dialect in _likely_dialects(base_url, known):
            provider = provider_of_row(ProviderRow(name, base_url=base_url, dialect=dialect), known, {})
            hide_in_log(credentials_of(provider, key))
            try:
                count = await _count_models(transport, provider, key)
            except (KeyRefused, KeyMissing) as error:
                title = error.title if key else f"{host_of(base_url)} wants an API key."
                raise KeyRefused(title, "Enter the key of this server.", provider=name) from None
            except (Unreachable, TooSlow) as error:
                raise _naming_address(error, name, base_url) from None
            except ProviderError as error:
                first = first or _naming_address(error, name, base_url)
            else:
                if count:
                    return ServerCheck(name, base_url, dialect, count)
    raise first or Rejected(
        f"{host_of(base_url)} lists no models.", "Load a model there, or check the address.", provider=name
    )


def _naming_address(error: ProviderError, name: str, base_url: str) -> ProviderError:
    """Return the error with the server's host for its name, which the user has not heard of, and no setting."""
    error.title = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", lambda _: host_of(base_url), error.title, count=1)
    error.args = (error.title,)
    error.hint = error.hint.replace("`base_url`", "the address")
    if isinstance(error, TooSlow) and "address" not in error.hint:
        error.hint = "Check the address: perhaps another kind of server listens there, or it needs http:// or https://."
    return error


def _likely_dialects(base_url: str, known: KnownProvider | None) -> list[str]:
    hinted = dialect_of(base_url) or (known.dialect if known else "")
    if not hinted and urlsplit(base_url).port == OLLAMA_PORT:
        hinted = "ollama"
    return list(dict.fromkeys(filter(None, [hinted, "openai", "ollama"])))


async def _count_models(transport: Transport, provider: Provider, key: str) -> int:
    from chat_tui.providers.discovery.model_list import models_of

    return len(await asyncio.to_thread(models_of, provider, await transport.list_models(provider, key)))


@asynccontextmanager
async def _transport() -> AsyncIterator[Transport]:
    made = (await asyncio.to_thread(load_transport))(connection_seconds=CONNECTION_SECONDS)
    try:
        yield made
    finally:
        await made.close()
