"""The providers that need nothing but their name: the rows of `providers/known.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec


class KnownProvider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One known provider."""

    name: str
    title: str
    """As its makers write it."""
    base_url: str
    dialect: str = "openai"
    keys: tuple[str, ...] = ()
    """The variables that may hold its key."""
    key_optional: bool = False
    """It is spoken to without a key where none of the variables is set."""
    endpoint: str = ""
    """The variable with the address in front of `base_url`."""
    port: int = 0
    """Where it usually listens on this machine; 0: nowhere."""
    local: bool = False
    """Its models run where it listens."""
    models: tuple[str, ...] = ()
    """Its models, where it has no list."""
    models_url: str = ""
    """Its list, where that is not at the dialect's own path."""
    exact: bool = False
    """`base_url` is complete though it has no path."""


@cache
def known_providers() -> Mapping[str, KnownProvider]:
    """All of them by name."""
    import tomllib

    file = Path(__file__).parent / "providers" / "known.toml"
    rows = msgspec.convert(tomllib.loads(file.read_text("utf-8"))["providers"], tuple[KnownProvider, ...])
    return MappingProxyType({row.name: row for row in rows})
