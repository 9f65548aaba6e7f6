"""Which providers there are: those of the config, and those that are found, offered until the user says so."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from urllib.parse import urlsplit

import msgspec

from chat_tui.config import Config, ProviderRow
from chat_tui.errors import ChatTuiError, ConfigError
from chat_tui.known import KnownProvider
from chat_tui.models import DIALECTS, Provider
from chat_tui.providers.dialects import dialect
from chat_tui.providers.line import on_loopback
from chat_tui.text_safety import clean_line


class Roster:
    """Providers by name, in use or only offered."""

    def __init__(
        self,
        config: Config,
        known: Mapping[str, KnownProvider],
        environ: Mapping[str, str],
        kept_keys: Collection[str] = (),
    ) -> None:
        self._known, self._environ, self._mode = known, environ, config.discovered
        self.in_use = {row.name: of_row(row, known.get(row.name), environ) for row in config.providers}
        """Those whose models a strategy may choose."""
        in_line = dict.fromkeys([*self.in_use, *known])
        self._places = {name: place for place, name in enumerate(in_line)}
        self.offered: dict[str, Provider] = {}
        """Those that were found, and whose models are taken only by name."""
        self._named: dict[str, Provider] = {}
        for row in known.values() if self._mode != "ignore" else ():
            has_key = row.name in kept_keys or any(environ.get(key, "").strip() for key in row.keys)
            if has_key and not row.port and (not row.endpoint or environ.get(row.endpoint)):
                self._found(of_known(row, environ))

    def place(self, name: str) -> int:
        """Where a provider stands in the line, who is not known behind all others."""
        return self._places.get(name, len(self._places))

    def named(self, name: str) -> Provider | None:
        """The provider that somebody names, which may be spoken to from now on; None where it is nowhere known."""
        provider = self.spoken_to(name) or self.offered.get(name)
        if provider is None and name in self._known:
            provider = of_known(self._known[name], self._environ)
        if provider is not None and name not in self.in_use:
            self._named[name] = provider
        return provider

    def forget(self, name: str) -> None:
        """It is named no longer."""
        self._named.pop(name, None)

    def spoken_to(self, name: str) -> Provider | None:
        """The provider, where it is in use or was named."""
        return self.in_use.get(name) or self._named.get(name)

    @property
    def spoken(self) -> list[Provider]:
        """All that may be spoken to."""
        return [*self.in_use.values(), *self._named.values()]

    def to_be_looked_for(self) -> list[KnownProvider]:
        """The servers that may listen on this machine and that nobody has named."""
        if self._mode == "ignore":
            return []
        ports = set(_own_ports(self.in_use.values()))
        return [
            row for row in self._known.values() if row.port and row.name not in self.in_use and row.port not in ports
        ]

    def answered(self, row: KnownProvider) -> Provider:
        """A server on this machine has answered: it is in use where its models run here too, else offered."""
        provider = at_its_port(row, self._environ)
        self._found(provider)
        return provider

    def _found(self, provider: Provider) -> None:
        if provider.name not in self.in_use:
            (self.in_use if provider.local or self._mode == "use" else self.offered)[provider.name] = provider


def of_row(row: ProviderRow, known: KnownProvider | None, environ: Mapping[str, str]) -> Provider:
    """The provider of a row of the config, over what is known of its name."""
    usual = of_known(known, environ) if known else Provider(row.name)
    base_url = row.base_urls[0] if row.base_urls else row.base_url
    command = shlex.split(row.api_key_cmd) if isinstance(row.api_key_cmd, str) else row.api_key_cmd
    its_own = bool(base_url)
    base_url = base_url or usual.base_url
    runs_here = all(map(_is_here, row.base_urls or (base_url,)))
    return msgspec.structs.replace(
        usual,
        dialect=row.dialect or usual.dialect,
        base_url=base_url,
        base_urls=row.base_urls,
        api_key_env=row.api_key_env or usual.api_key_env,
        # A server of one's own under a known name may well want no key.
        key_optional=not row.api_key_env and (usual.key_optional or its_own),
        api_key_cmd=tuple(command),
        headers=row.headers,
        proxy=row.proxy,
        verify=row.verify,
        connection_seconds=row.connection_seconds,
        price_in=row.price_in,
        price_out=row.price_out,
        models=row.models or (() if its_own else usual.models),
        models_url="" if its_own else usual.models_url,
        exact=usual.exact and not its_own,
        local=runs_here and (known is None or known.local or not known.port),
    )


def of_known(row: KnownProvider, environ: Mapping[str, str]) -> Provider:
    """A known provider; its key is in the first of its variables that is set."""
    return Provider(
        row.name,
        row.dialect,
        environ.get(row.endpoint, "").strip().rstrip("/") + row.base_url if row.endpoint else row.base_url,
        api_key_env=next((key for key in row.keys if environ.get(key, "").strip()), next(iter(row.keys), "")),
        key_optional=row.key_optional,
        models=row.models,
        models_url=row.models_url,
        exact=row.exact,
        local=row.local,
    )


def at_its_port(row: KnownProvider, environ: Mapping[str, str]) -> Provider:
    """A known server at its usual port on this machine."""
    path = urlsplit(row.base_url).path
    return msgspec.structs.replace(of_known(row, environ), base_url=f"http://127.0.0.1:{row.port}{path}")


def _is_here(url: str) -> bool:
    try:
        return on_loopback(url)
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


def with_dialects(config: Config, tell: Callable[[ChatTuiError], None]) -> Config:
    """The config without the providers whose dialect, which another package brings, cannot be used; each is told."""
    spoken = []
    for row in config.providers:
        try:
            if row.dialect and row.dialect not in DIALECTS:
                dialect(row.dialect)
        except ConfigError as error:
            tell(ConfigError(error.title, f"`{clean_line(row.name, 40)}` is left out. {error.hint}", key=error.key))
        else:
            spoken.append(row)
    return msgspec.structs.replace(config, providers=tuple(spoken))
