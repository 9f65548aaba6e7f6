"""Collects the credentials that a provider is configured with: its key, headers, and parts of its addresses."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote
from urllib.request import getproxies

from chat_tui.core.models import Provider
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.text.redaction import Credential

_HARMLESS_HEADERS = lazy_pattern(
    r"accept(-encoding|-language)?|anthropic-(beta|version)|cache-control|connection|content-type|host|(http-)?referer"
    r"|openai-beta|origin|prefer|user-agent|x-goog-api-client|x-title",
    re.IGNORECASE,
)
"""Headers that never hold a credential."""
_HARMLESS_PARAMETERS = lazy_pattern(r"alt|api[-_]version|model|region|stream|timeout|version", re.IGNORECASE)
_PLACEHOLDERS = lazy_pattern(
    r"anything|dummy|empty|fake|lm-studio|local|no-key|none|not-needed|null|ollama|test", re.IGNORECASE
)
"""Placeholder keys for servers that require a key but do not check it."""
_USER_INFO = lazy_pattern(r"\s*(?:[a-z][a-z0-9+.\-]*:)?//([^/?#]*)@", re.IGNORECASE)
_SCHEME = lazy_pattern(r"([A-Za-z][A-Za-z0-9_-]*)\s+(\S.*)", re.DOTALL)


def credentials_of(provider: Provider, api_key: str = "") -> Iterator[Credential]:
    """All secrets that are sent to a provider's servers or proxy."""
    for credential in _candidates(provider, api_key):
        value = credential.value
        if value and value.casefold() != provider.name.casefold() and not _PLACEHOLDERS.fullmatch(value):
            yield credential


def _candidates(provider: Provider, api_key: str) -> Iterator[Credential]:
    if api_key:
        yield Credential(api_key, "key")
        yield Credential(api_key, "bearer")
    for name, value in provider.headers.items():
        if not _HARMLESS_HEADERS.fullmatch(name.strip()):
            yield from _header_credentials(name.strip(), value.strip())
    addresses = (provider.base_url, *provider.base_urls, provider.models_url, provider.proxy, *getproxies().values())
    for address in addresses:
        yield from address_credentials(address)


def _header_credentials(name: str, value: str) -> Iterator[Credential]:
    scheme = _SCHEME.fullmatch(value)
    if scheme is None or not re.search("auth", name, re.IGNORECASE):
        yield Credential(value, name)
        return
    # The name of the scheme is an ordinary word in error messages.
    kind, payload = scheme.groups()
    yield Credential(payload, kind)
    if kind.casefold() == "basic":
        yield from _user_credentials(_decode(payload))


def address_credentials(address: str) -> Iterator[Credential]:
    """The user, password and query parameters of an address."""
    user_info = _USER_INFO.match(address)
    if user_info:
        yield from _user_credentials(user_info.group(1))
    query = address.partition("?")[2].partition("#")[0]
    for name, value in parse_qsl(query):
        if not _HARMLESS_PARAMETERS.fullmatch(name):
            yield Credential(value, name)


def _user_credentials(user_info: str) -> Iterator[Credential]:
    """Credentials in `user:password`, which may be percent-encoded."""
    for written in dict.fromkeys((user_info, unquote(user_info))):
        user, colon, password = written.partition(":")
        yield Credential(written if colon else user, "user")
        yield Credential(user, "user")
        if password:
            yield Credential(password, user)
            yield Credential(password, "password")
            yield Credential(f"{user}:{password}@")


def _decode(payload: str) -> str:
    try:
        return b64decode(payload + "=" * (-len(payload) % 4)).decode("utf-8", "replace")
    except ValueError:
        return ""
