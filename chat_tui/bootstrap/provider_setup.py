"""Adds providers, servers, keys and local models, for all faces: they are in use at once, and after a restart."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from chat_tui.bootstrap.provider_checks import check_provider_key, find_server
from chat_tui.config import paths
from chat_tui.config.known_providers import KnownProvider, known_providers
from chat_tui.config.schema import Config
from chat_tui.config.watched_file import WatchedConfigFile
from chat_tui.core.errors import CommandError, KeyRefused, LocalModelError
from chat_tui.core.files.state_files import Tell, ignore
from chat_tui.core.models import (
    HostedProvider,
    KeyCheck,
    KeyPlace,
    KeySource,
    LocalOffer,
    Model,
    Provider,
    ServerCheck,
)
from chat_tui.core.text.addresses import cleaned_address, is_loopback
from chat_tui.core.text.api_keys import cleaned_key, is_sendable
from chat_tui.core.text.excerpts import shorten
from chat_tui.local.library import USUAL_WINDOW, Library, OwnFile, OwnModel, window_of
from chat_tui.local.runtime import Runtime
from chat_tui.local.server import LocalServer
from chat_tui.providers.catalogue.purposes import EMBEDDINGS
from chat_tui.providers.credentials.config_credentials import address_credentials
from chat_tui.providers.credentials.key_store import KeyStore
from chat_tui.providers.credentials.keys import KeyFile, KeyLookup, SessionKeys, StoredKeyNames, mask
from chat_tui.providers.registry import provider_of_known, provider_of_row, with_dialects

if TYPE_CHECKING:
    from chat_tui.bootstrap.backend import Backend


class ProviderSetup:
    """Checks what the user wants to add, keeps it, and puts it to use in the backend, if one is attached."""

    def __init__(
        self,
        config: Config,
        *,
        environ: Mapping[str, str] = os.environ,
        known: Mapping[str, KnownProvider] | None = None,
        runtime: Runtime | None = None,
        tell: Tell = ignore,
        watched: WatchedConfigFile | None = None,
    ) -> None:
        """`known` None means all known providers; without a `runtime` local models are only listed. `watched` is where
        the config comes from; None: it cannot change."""
        self._config, self._environ, self._runtime = config, environ, runtime
        self._known = known if known is not None else known_providers()
        kept, file, session = (
            StoredKeyNames(paths.kept_keys_file(), tell),
            KeyFile(paths.key_file(), tell),
            SessionKeys(),
        )
        self.key_store = KeyStore(kept, file, session)
        in_config = {row.name: row.api_key for row in config.providers if row.api_key}
        self.keys = KeyLookup(kept, file=file, session=session, in_config=in_config, environ=environ)
        self._library = Library(paths.library_file(), tell)
        self._backend: Backend | None = None
        self._tell, self._file = tell, watched
        self._rows = {row.name: row for row in config.providers}
        """The rows whose providers are in use."""
        self._reloading = asyncio.Lock()

    def attach(self, backend: Backend) -> None:
        """Put what is added from now on to use in this backend."""
        self._backend = backend

    async def reload(self) -> None:
        """Use the providers and keys that another program has added, and no longer those that it has removed.

        Raises `ConfigError`.
        """
        async with self._reloading:
            if self._file is None or self._backend is None:
                return
            if (config := await asyncio.to_thread(self._file.read_changed)) is not None:
                await self._use_rows(self._backend, await asyncio.to_thread(with_dialects, config, self._tell))
            for name in await asyncio.to_thread(self.key_store.places):
                known = self._known.get(name)
                has_address = known and not known.port and (not known.endpoint or self._environ.get(known.endpoint))
                if has_address and not self._backend.uses(name) and (provider := self._provider(name)) is not None:
                    await self._backend.add_provider(provider)

    async def _use_rows(self, backend: Backend, config: Config) -> None:
        """Use the providers of another config; the rows that are as before are not touched."""
        self._config, before = config, self._rows
        self._rows = {row.name: row for row in config.providers}
        self.keys.take_config({row.name: row.api_key for row in config.providers if row.api_key})
        for name in [name for name, row in before.items() if self._rows.get(name) != row]:
            await backend.remove_provider(name)
        for name in [name for name, row in self._rows.items() if before.get(name) != row]:
            if (provider := self._provider(name)) is not None:
                await backend.add_provider(provider)

    # -- keys -----------------------------------------------------------------------------------------------------

    @property
    def key_file(self) -> Path:
        """The private file for keys."""
        return self.key_store.file

    async def keyring_problem(self) -> str:
        """Return why no key can be saved in the system's keyring; empty if one can."""
        return await self.key_store.keyring_problem()

    async def hosted_providers(self) -> list[HostedProvider]:
        """Return the known providers that need a key."""
        sources = {source.provider: source.place for source in await asyncio.to_thread(self.key_sources)}
        return [
            HostedProvider(
                row.name,
                row.title,
                sources.get(row.name, ""),
                self._backend is not None and self._backend.uses(row.name),
                row.key_page,
            )
            for row in self._known.values()
            if row.keys and not row.port and (not row.endpoint or self._environ.get(row.endpoint))
        ]

    def key_page(self, name: str) -> str:
        """Return the page on which a provider's key is created, without `https://`; empty if it is unknown."""
        known = self._known.get(name)
        return known.key_page if known else ""

    def key_sources(self) -> list[KeySource]:
        """Return where the key of each provider comes from, of those that have one. Blocks."""
        rows, stored = {row.name: row for row in self._config.providers}, self.key_store.places()
        sources = []
        for name in sorted({*self._known, *rows, *stored}):
            row, provider = rows.get(name), self._provider(name)
            variable = provider.api_key_env if provider else ""
            place = stored.get(name, "")
            if place == "session":
                sources.append(KeySource(name, place))
            elif provider and provider.api_key_cmd:
                sources.append(KeySource(name, "command"))
            elif row and row.api_key:
                sources.append(KeySource(name, "config", mask(cleaned_key(row.api_key))))
            elif variable and (key := cleaned_key(self._environ.get(variable, ""))):
                sources.append(KeySource(name, f"${variable}", mask(key)))
            elif place:
                sources.append(KeySource(name, place))
        return sources

    async def check_key(self, name: str, key: str) -> KeyCheck:
        """Ask the provider whether it accepts a key. Raises `CommandError` for an unknown provider, `KeyRefused`, or
        another `ProviderError` if it could not be asked."""
        provider = self._provider(name)
        if provider is None:
            raise CommandError(f"Unknown provider: {shorten(name, 60)}.", f"Known: {', '.join(sorted(self.names()))}.")
        return await check_provider_key(provider, self._known.get(name), _sendable(key, name))

    async def check_found_key(self, name: str) -> KeyCheck:
        """Ask a provider whether it accepts the key that is found for it, which may run a command or open the keyring.

        Raises `CommandError` for an unknown provider, `KeyMissing`, `KeyRefused`, or another `ProviderError`.
        """
        provider = self._provider(name)
        return await self.check_key(name, await self.keys.of(provider) if provider is not None else "")

    async def save_key(self, name: str, key: str, place: KeyPlace) -> int:
        """Keep a key and put its provider to use; returns how many models it lists. Raises `ChatTuiError`."""
        await self.key_store.save(name, _sendable(key, name), place)
        provider = self._provider(name)
        if self._backend is None or provider is None:
            return 0
        return await self._backend.add_provider(provider)

    async def use_found_key(self, name: str) -> int:
        """Put a provider whose key was found to use, which is noted in the config; returns how many models it lists.

        Raises `ChatTuiError`.
        """
        provider = self._provider(name)
        if provider is None:
            return 0
        await check_provider_key(provider, self._known.get(name), await self.keys.of(provider))
        if name not in {row.name for row in self._config.providers}:
            await self._append({"name": name})
        return await self._backend.add_provider(provider) if self._backend is not None else 0

    async def forget_key(self, name: str) -> list[KeyPlace]:
        """Remove a kept key; returns where it was. Raises `ChatTuiError`."""
        places = await self.key_store.remove(name)
        if self._backend is not None and places:
            if name in {row.name for row in self._config.providers}:
                self.keys.forget(name)
            else:
                await self._backend.remove_provider(name)
        return places

    def names(self) -> set[str]:
        """Return the names of all providers that a key can be kept for."""
        return {*self._known, *(row.name for row in self._config.providers)}

    def _provider(self, name: str) -> Provider | None:
        known = self._known.get(name)
        row = next((row for row in self._config.providers if row.name == name), None)
        if row is not None:
            return provider_of_row(row, known, self._environ)
        return provider_of_known(known, self._environ) if known is not None else None

    # -- servers --------------------------------------------------------------------------------------------------

    async def check_server(self, address: str, key: str = "", name: str = "") -> ServerCheck:
        """Ask a server for its models; returns how it would be added. Raises `ChatTuiError`; `KeyRefused` if it wants
        a key, or another one."""
        base_url = cleaned_address(address)
        try:
            host = urlsplit(base_url).hostname
        except ValueError:
            host = None
        if not host or not base_url.startswith(("http://", "https://")):
            raise CommandError(
                f"Not an address: {shorten(address, 80)}.", "For example: 192.168.1.20:8000 or https://host/v1."
            )
        if any(address_credentials(base_url)):
            raise CommandError(
                "The address contains a key or a password, which would be stored in the config.",
                "Leave it out: the key is asked for separately.",
            )
        for row in self._config.providers:
            if cleaned_address(row.base_url) == base_url:
                raise CommandError(
                    f"This server is already in the config as `{row.name}`.", "Choose one of its models."
                )
        name = name or self._name_for(base_url)
        if name in {"", "local", "scripted"} or "/" in name or name in {row.name for row in self._config.providers}:
            raise CommandError(f"The name {shorten(name, 40)} is taken or not valid.", "Choose another name.")
        return await find_server(name, base_url, self._known.get(name), key and _sendable(key, name))

    async def add_server(self, server: ServerCheck, key: str = "", place: KeyPlace = "session") -> int:
        """Write a checked server into the config and put it to use; returns how many models it lists.

        Raises `ChatTuiError`.
        """
        row = {"name": server.name, "base_url": server.base_url}
        usual = self._known.get(server.name)
        if server.dialect != (usual.dialect if usual else "openai"):
            row["dialect"] = server.dialect
        if key:
            await self.key_store.save(server.name, _sendable(key, server.name), place)
        await self._append(row)
        if self._backend is None:
            return server.models
        added = next(row for row in self._config.providers if row.name == server.name)
        return await self._backend.add_provider(provider_of_row(added, usual, self._environ))

    async def _append(self, row: Mapping[str, str]) -> None:
        """Write a row into the config. Raises `ChatTuiError`."""
        self._config = await asyncio.to_thread(_append_provider, row)
        self._rows |= {each.name: each for each in self._config.providers if each.name == row["name"]}

    def _name_for(self, base_url: str) -> str:
        """Return a free name: the known server's at its usual port on this machine, else the host's."""
        parts = urlsplit(base_url)
        taken = {"local", "scripted", *(row.name for row in self._config.providers)}
        if is_loopback(base_url):
            usual = next((row.name for row in self._known.values() if row.port and row.port == parts.port), "")
            if usual and usual not in taken:
                return usual
            host = f"localhost-{parts.port}" if parts.port else "localhost"
        else:
            host = parts.hostname or ""
        name = re.sub(r"[^\w.-]+", "-", host.removeprefix("api.")).strip("-") or "server"
        taken |= set(self._known)
        return next(each for each in (name, *(f"{name}-{number}" for number in range(2, 1000))) if each not in taken)

    # -- local models ---------------------------------------------------------------------------------------------

    async def local_offers(self) -> Sequence[LocalOffer]:
        """Return better local models to download."""
        from chat_tui.local.hub.offers import local_offers

        return await asyncio.to_thread(lambda: local_offers(self._library.models()))

    async def pull(self, offer: LocalOffer, received: Callable[[int, int], None]) -> str:
        """Download a model and put it to use; returns its name. `received` gets the bytes so far and in total.

        A cancel stops it, and the next call resumes. Raises `LocalModelError`.
        """
        from chat_tui.local.hub.stoppable_pull import pull_in_child

        try:
            file, source = await pull_in_child(offer.source, paths.pulled_folder(), received, self._environ)
            own = await asyncio.to_thread(self._library.add, file, offer.name, pulled=True, source=source)
        except OSError as error:
            name = error.filename or paths.library_file()
            raise LocalModelError(f"{name} cannot be used: {error.strerror or error}.", "Try again.") from error
        if self._backend is not None and self._runtime is not None:
            model, server = await asyncio.to_thread(own_local_model, own, self._config, self._runtime)
            self._backend.add_own_model(model, server)
        return own.name


def own_local_model(own: OwnModel, config: Config, runtime: Runtime) -> tuple[Model, LocalServer]:
    """Return one of the user's local models with the metadata of its file, and its server. Blocks."""
    wanted = next((row.context_window for row in config.models if row.name == own.name), None)
    try:
        head = own.head()
    except LocalModelError:
        # Choosing it says what is wrong with its file; a strategy does not.
        window, selectable, purpose = wanted or USUAL_WINDOW, False, ""
    else:
        purpose = EMBEDDINGS if head.makes_embeddings else ""
        window, selectable = window_of(head, wanted), not purpose
    server = LocalServer(
        OwnFile(Path(own.path)),
        runtime=runtime,
        model=own.name,
        context_window=window,
        threads=config.local.threads,
        embeddings=bool(purpose),
    )
    model = Model(own.name, window, local=True, selectable=selectable, server="llama.cpp", not_for_chat=purpose)
    # Without the projector that belongs to it, which is another file, no model sees.
    return msgspec.structs.replace(model, images=False), server


def _append_provider(row: Mapping[str, str]) -> Config:
    from chat_tui.config import edit

    return edit.append_table(paths.config_file(), "providers", row)


def _sendable(key: str, name: str) -> str:
    key = cleaned_key(key)
    if not is_sendable(key):
        raise KeyRefused(
            "Not a valid key: it is empty or contains invalid characters.", "Copy it again.", provider=name
        )
    return key
