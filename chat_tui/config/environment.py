"""The environment variables that chat-tui reads, as the list of settings shows them. No key is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from chat_tui.config.known_providers import KnownProvider, known_providers
from chat_tui.config.schema import ProviderRow
from chat_tui.core.text.addresses import host_of

HIDDEN = "set (not shown)"
"""In place of a key or a token."""


class EnvironmentVariable(NamedTuple):
    """A variable that is set."""

    name: str
    shown: str
    """Its value as far as it may be shown."""
    meaning: str


_PLAIN = {
    "CHAT_TUI_CONFIG": "The config file.",
    "CHAT_TUI_LOG": "File of the debug log.",
    "HF_HOME": "Folder of Hugging Face's programs, in which their token is.",
    "HF_TOKEN_PATH": "File with the token for Hugging Face.",
    "SSL_CERT_FILE": "File with the certificates to trust.",
    "SSL_CERT_DIR": "Folder with the certificates to trust.",
    "NO_PROXY": "Hosts that are reached without a proxy.",
    "no_proxy": "Hosts that are reached without a proxy.",
    "NO_COLOR": "The screen has no colours while it is set.",
    "VISUAL": "Editor of the prompt.",
    "EDITOR": "Editor of the prompt, unless VISUAL is set.",
}
_ADDRESSES = {
    "HTTPS_PROXY": "Proxy to servers with https.",
    "HTTP_PROXY": "Proxy to servers with http.",
    "ALL_PROXY": "Proxy to servers for which no other proxy is set.",
    "HF_ENDPOINT": "Where local models are downloaded from, instead of Hugging Face.",
}
"""Variables with an address that may contain a password."""
_HIDDEN = {"CHAT_TUI_TOKEN": "Token of chat-tui serve; takes precedence over web.token."}


def set_variables(environ: Mapping[str, str], rows: Sequence[ProviderRow] = ()) -> Iterator[EnvironmentVariable]:
    """Yield the variables that are set, those that only chat-tui reads first; `rows` may name more for keys."""
    given = {name: value for name, value in environ.items() if value.strip()}
    for name, meaning in _HIDDEN.items():
        if name in given:
            yield EnvironmentVariable(name, HIDDEN, meaning)
    for name, meaning in _PLAIN.items():
        if name in given:
            yield EnvironmentVariable(name, given[name], meaning)
    seen = set[str]()
    for row in known_providers().values():
        for variable in _of_provider(row, given):
            seen.add(variable.name)
            yield variable
    for own in rows:
        if own.api_key_env in given and own.api_key_env not in seen:
            yield EnvironmentVariable(own.api_key_env, HIDDEN, f"API key of {own.name}.")
    for name, meaning in _ADDRESSES.items():
        for written in (name, name.lower()):
            if written in given:
                yield EnvironmentVariable(written, host_of(given[written]) or HIDDEN, meaning)


def all_variables() -> Mapping[str, str]:
    """Return what each variable that may be set means, those that only chat-tui reads first."""
    meanings = {**_HIDDEN, **_PLAIN, **_ADDRESSES}
    meanings = dict(sorted(meanings.items(), key=lambda each: not each[0].startswith("CHAT_TUI_")))
    for row in known_providers().values():
        every = dict.fromkeys((*row.address_variables, row.endpoint, *row.keys), "set")
        for variable in _of_provider(row, every):
            meanings.setdefault(variable.name, variable.meaning)
    return {name: meaning for name, meaning in meanings.items() if name.isupper()}


def _of_provider(row: KnownProvider, given: Mapping[str, str]) -> Iterator[EnvironmentVariable]:
    for name in filter(None, (*row.address_variables, row.endpoint)):
        if name in given:
            yield EnvironmentVariable(name, host_of(given[name]) or HIDDEN, f"Address of {row.title}.")
    for name in row.keys:
        if name in given:
            yield EnvironmentVariable(name, HIDDEN, f"API key of {row.title}.")
