"""Providers in `known_providers.toml`, and dialects of other packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

DIALECT_PLUG_INS = "chat_tui.dialects"
"""Group of entry points for dialects of other packages."""


class KnownProvider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One known provider."""

    name: str
    title: str
    """Name as its makers write it."""
    base_url: str
    dialect: str = "openai"
    keys: tuple[str, ...] = ()
    """Environment variables that may contain its key."""
    key_page: str = ""
    """Page of the provider on which a key is created, without `https://`."""
    bearer_keys: tuple[str, ...] = ()
    """Those of `keys` that are sent as a bearer token regardless of the dialect, for gateways."""
    key_optional: bool = False
    """Whether it is used without a key if none of the variables is set."""
    address_variables: tuple[str, ...] = ()
    """Environment variables of its SDK for another address, in order of precedence; they replace `base_url`."""
    endpoint: str = ""
    """Environment variable with the address that precedes `base_url`."""
    port: int = 0
    """Usual port on this machine; 0: none."""
    local: bool = False
    """Whether its models run where it listens."""
    models: tuple[str, ...] = ()
    """Its models, if it has no list."""
    models_url: str = ""
    """Address of its list of models, if it differs from the dialect's."""
    key_url: str = ""
    """Address that replies only to those with a key, if the list of models is for everybody."""
    lists_for_all: bool = False
    """Whether its list of models is for everybody, and no `key_url` is known."""
    exact: bool = False
    """Whether `base_url` is complete although it has no path."""


@cache
def known_providers() -> Mapping[str, KnownProvider]:
    """Return all known providers by name."""
    import tomllib

    file = Path(__file__).with_name("known_providers.toml")
    rows = msgspec.convert(tomllib.loads(file.read_text("utf-8"))["providers"], tuple[KnownProvider, ...])
    return MappingProxyType({row.name: row for row in rows})


def plug_in_dialects() -> Sequence[str]:
    """Return the names of dialects of other packages. Slow: it looks through all installed packages."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group=DIALECT_PLUG_INS).names)
