"""The providers: those of the config, and those that are found, which are only offered until the user chooses them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from chat_tui.config.known_providers import KnownProvider
from chat_tui.config.schema import Config, ProviderRow
from chat_tui.core.errors import ChatTuiError, ConfigError
from chat_tui.core.models import DIALECTS, Provider
from chat_tui.core.text.addresses import cleaned_address, dialect_of, is_loopback, ollama_address
from chat_tui.core.text.api_keys import cleaned_key
from chat_tui.core.text.excerpts import shorten
from chat_tui.providers.dialects import dialect
from chat_tui.providers.discovery.socket_owners import ServerOwner

if TYPE_CHECKING:
    from chat_tui.providers.discovery.port_scan import PortCandidate


class ProviderRegistry:
    """Providers by name, in use or only offered."""

    def __init__(
        self,
        config: Config,
        known: Mapping[str, KnownProvider],
        environ: Mapping[str, str],
        stored_keys: Collection[str] = (),
    ) -> None:
        self._known, self._environ, self._mode = known, environ, config.discovered
        self.in_use = {row.name: provider_of_row(row, known.get(row.name), environ) for row in config.providers}
        """Providers whose models a strategy may choose, by name."""
        in_line = dict.fromkeys([*self.in_use, *known])
        self._places = {name: place for place, name in enumerate(in_line)}
        self.offered: dict[str, Provider] = {}
        """Providers that were found, and whose models are used only by name."""
        self._named: dict[str, Provider] = {}
        self._servers_here: dict[str, Provider] = {}
        for row in known.values() if self._mode != "ignore" else ():
            has_address = bool(address_variable(row, environ))
            has_key = any(cleaned_key(environ.get(key, "")) for key in row.keys)
            if row.port and has_address and row.name not in self.in_use:
                # A server that the user has configured is meant to be asked.
                self.in_use[row.name] = provider_of_known(row, environ)
            elif (has_key or has_address) and not row.port and (not row.endpoint or environ.get(row.endpoint)):
                self._take_found(provider_of_known(row, environ))
        for name in stored_keys:
            # Whoever enters a provider's key means it to be asked, if it has an address.
            given = known.get(name)
            if given and not given.port and (not given.endpoint or environ.get(given.endpoint)):
                self.add(self.in_use.get(name) or provider_of_known(given, environ))

    def add(self, provider: Provider) -> None:
        """Put a provider to use."""
        self.offered.pop(provider.name, None)
        self.in_use[provider.name] = provider
        self._places.setdefault(provider.name, len(self._places))

    def remove(self, name: str) -> None:
        """Use a provider no longer; one whose key is in the environment is offered again."""
        self._named.pop(name, None)
        if self.in_use.pop(name, None) is None or name not in self._known:
            return
        row = self._known[name]
        if self._mode != "ignore" and any(cleaned_key(self._environ.get(key, "")) for key in row.keys):
            self.offered[name] = provider_of_known(row, self._environ)

    def position(self, name: str) -> int:
        """Return a provider's position; unknown ones come last."""
        return self._places.get(name, len(self._places))

    def name_provider(self, name: str) -> Provider | None:
        """Return a provider by its name and let it be asked from now on; None if it is not known."""
        provider = self.usable(name) or self.offered.get(name)
        if provider is None and name in self._known:
            provider = provider_of_known(self._known[name], self._environ)
        if provider is not None and name not in self.in_use:
            self._named[name] = provider
        return provider

    def forget(self, name: str) -> None:
        """Do not let it be asked any more, unless it is in use."""
        self._named.pop(name, None)

    def usable(self, name: str) -> Provider | None:
        """Return the provider if it is in use or was named."""
        return self.in_use.get(name) or self._named.get(name)

    @property
    def all_usable(self) -> list[Provider]:
        """All providers that are in use or were named."""
        return [*self.in_use.values(), *self._named.values()]

    def expected_servers(self) -> list[KnownProvider]:
        """Return the known servers that may listen on this machine and are not configured."""
        if self._mode == "ignore":
            return []
        ports = set(_own_ports(self.in_use.values()))
        return [
            row for row in self._known.values() if row.port and row.name not in self.in_use and row.port not in ports
        ]

    def add_found(self, row: KnownProvider, host: str, owner: ServerOwner) -> Provider:
        """Add a server that was found on this machine: in use if its models run here and its owner is trusted, else
        offered."""
        provider = at_its_port(row, self._environ, host)
        self._servers_here[provider.name] = provider
        self._take_found(provider, owner)
        return provider

    def is_found_here(self, provider: Provider) -> bool:
        """Return whether it is a server of this machine that is not configured."""
        return self._servers_here.get(provider.name) == provider

    def is_stranger(self, owner: ServerOwner) -> bool:
        """Return whether the owner is another account, or unknown while not all found servers are to be used."""
        return not owner.is_trusted and (owner.uid is not None or self._mode != "use")

    def distrust(self, provider: Provider) -> None:
        """Let a server be only offered, since another account's process answers in its place."""
        self.in_use.pop(provider.name, None)
        self.offered[provider.name] = provider

    def _take_found(self, provider: Provider, owner: ServerOwner | None = None) -> None:
        if provider.name in self.in_use:
            return
        if owner is None:
            is_used = self._mode == "use"
        else:
            is_used = not self.is_stranger(owner) and (provider.local or self._mode == "use")
        (self.in_use if is_used else self.offered)[provider.name] = provider


def provider_of_row(row: ProviderRow, known: KnownProvider | None, environ: Mapping[str, str]) -> Provider:
    """Return the provider of a row of the config; what it leaves open comes from the known provider of that name."""
    usual = provider_of_known(known, environ) if known else Provider(row.name)
    base_url = row.base_urls[0] if row.base_urls else row.base_url
    command = shlex.split(row.api_key_cmd) if isinstance(row.api_key_cmd, str) else row.api_key_cmd
    its_own = bool(base_url)
    base_url = cleaned_address(base_url) if its_own else usual.base_url
    base_urls = tuple(map(cleaned_address, row.base_urls))
    runs_here = all(map(_is_here, base_urls or (base_url,)))
    return msgspec.structs.replace(
        usual,
        dialect=row.dialect or (dialect_of(base_url) if its_own else "") or usual.dialect,
        base_url=base_url,
        base_urls=base_urls,
        address_source="" if its_own else usual.address_source,
        api_key_env=row.api_key_env or usual.api_key_env,
        is_bearer=usual.is_bearer and not (row.api_key_env or row.api_key_cmd or row.api_key),
        # A server of one's own under a known name may well want no key.
        key_optional=not row.api_key_env and (usual.key_optional or its_own),
        api_key_cmd=tuple(command),
        headers=row.headers,
        proxy=row.proxy,
        verify=row.verify,
        connection_seconds=row.connection_seconds,
        price_in=row.price_in,
        price_out=row.price_out,
        price_cached=row.price_cached,
        price_cache_write=row.price_cache_write,
        models=row.models or (() if its_own else usual.models),
        models_url="" if its_own else usual.models_url,
        exact=usual.exact and not its_own,
        # A hosted provider's name at an address of this machine is a gateway to it: it costs what the provider costs.
        local=runs_here and (known is None or known.local),
    )


def provider_of_known(row: KnownProvider, environ: Mapping[str, str]) -> Provider:
    """Return a known provider; its key, and its address if it has one, is in the first variable that is set."""
    variable = address_variable(row, environ)
    base_url = _address_of(row, environ, variable)
    key = next((key for key in row.keys if cleaned_key(environ.get(key, ""))), next(iter(row.keys), ""))
    return Provider(
        row.name,
        row.dialect,
        base_url,
        api_key_env=key,
        is_bearer=key in row.bearer_keys,
        # A gateway that the environment names may know who asks by other means.
        key_optional=row.key_optional or bool(variable),
        models=row.models,
        models_url="" if variable else row.models_url,
        exact=row.exact and not variable,
        local=row.local and (not variable or _is_here(base_url)),
        address_source=variable,
    )


def address_variable(row: KnownProvider, environ: Mapping[str, str]) -> str:
    """Return the variable that holds the provider's address; empty if none does."""
    return next((name for name in row.address_variables if cleaned_address(environ.get(name, ""))), "")


def _address_of(row: KnownProvider, environ: Mapping[str, str], variable: str) -> str:
    if variable:
        return (ollama_address if row.dialect == "ollama" else cleaned_address)(environ[variable])
    if not row.endpoint:
        return row.base_url
    # The endpoint is pasted with the path as well.
    endpoint = cleaned_address(environ.get(row.endpoint, "")).partition("?")[0].rstrip("/")
    return endpoint.removesuffix(row.base_url).removesuffix("/openai") + row.base_url


def at_its_port(row: KnownProvider, environ: Mapping[str, str], host: str = "127.0.0.1") -> Provider:
    """Return a known server at its usual port on this machine."""
    path = urlsplit(row.base_url).path
    base_url = f"http://{host}:{row.port}{path}"
    return msgspec.structs.replace(
        provider_of_known(row, environ), base_url=base_url, address_source="", local=row.local
    )


def port_candidates(rows: Iterable[KnownProvider]) -> dict[str, PortCandidate]:
    """Return where known servers list their models on this machine, by name, for `port_scan.scan`."""
    from chat_tui.providers.discovery.port_scan import PortCandidate
    from chat_tui.providers.endpoint import base_url_of

    places = {}
    for row in rows:
        path = urlsplit(base_url_of(at_its_port(row, {})) + dialect(row.dialect).model_list.path).path
        # No key is sent: it is not known yet who listens there.
        places[row.name] = PortCandidate(row.port, path)
    return places


def _is_here(url: str) -> bool:
    try:
        return is_loopback(url)
    except ValueError:
        # It is no address; asking it will say so.
        return False


def _own_ports(providers: Collection[Provider]) -> Iterator[int]:
    for provider in providers:
        for url in provider.base_urls or (provider.base_url,):
            try:
                port = urlsplit(url).port
            except ValueError:
                continue
            if port and _is_here(url):
                yield port


def with_dialects(config: Config, tell: Callable[[ChatTuiError], object]) -> Config:
    """Return the config without providers whose plug-in dialect cannot be used; `tell` gets an error for each."""
    spoken = []
    for row in config.providers:
        try:
            if row.dialect and row.dialect not in DIALECTS:
                dialect(row.dialect)
        except ConfigError as error:
            tell(ConfigError(error.title, f"`{shorten(row.name, 40)}` is skipped. {error.hint}", key=error.key))
        else:
            spoken.append(row)
    return msgspec.structs.replace(config, providers=tuple(spoken))
