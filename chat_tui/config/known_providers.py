"""What is known by its name: the providers of `providers/known.toml`, the dialects of other packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

DIALECT_PLUG_INS = "chat_tui.dialects"
"""The group of entry points with which other packages bring dialects."""


class KnownProvider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One known provider."""

    name: str
    title: str
    """As its makers write it."""
    base_url: str
    dialect: str = "openai"
    keys: tuple[str, ...] = ()
    """The variables that may hold its key."""
    bearer_keys: tuple[str, ...] = ()
    """Those of `keys` that are sent as a bearer token, whatever the dialect does with keys; gateways take such."""
    key_optional: bool = False
    """It is spoken to without a key where none of the variables is set."""
    address_variables: tuple[str, ...] = ()
    """The variables with which its SDK takes another address, the first that is set wins; in place of `base_url`."""
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

    file = Path(__file__).with_name("known_providers.toml")
    rows = msgspec.convert(tomllib.loads(file.read_text("utf-8"))["providers"], tuple[KnownProvider, ...])
    return MappingProxyType({row.name: row for row in rows})


def plug_in_dialects() -> Sequence[str]:
    """The names of the dialects that other packages bring; a look through all that are installed, so ask late."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group=DIALECT_PLUG_INS).names)
