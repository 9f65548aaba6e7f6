"""The credentials that a provider is configured with: its key, headers, and what its addresses hold."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote
from urllib.request import getproxies

from chat_tui.core.redaction import Credential
from chat_tui.models import Provider

_HARMLESS_HEADERS = re.compile(
    r"accept(-encoding|-language)?|anthropic-(beta|version)|cache-control|connection|content-type|host|(http-)?referer"
    r"|openai-beta|origin|prefer|user-agent|x-goog-api-client|x-title",
    re.IGNORECASE,
)
"""Headers of which it is known that they hold no credential."""
_HARMLESS_PARAMETERS = re.compile(r"alt|api[-_]version|model|region|stream|timeout|version", re.IGNORECASE)
_PLACEHOLDERS = re.compile(
    r"anything|dummy|empty|fake|lm-studio|local|no-key|none|not-needed|null|ollama|test", re.IGNORECASE
)
"""What people write where a server wants a key and looks at none."""
_USER_INFO = re.compile(r"\s*(?:[a-z][a-z0-9+.\-]*:)?//([^/?#]*)@", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)\s+(\S.*)", re.DOTALL)


def credentials_of(provider: Provider, api_key: str = "") -> Iterator[Credential]:
    """Everything that a server, or the proxy before it, is sent and that nobody else may read."""
    for credential in _all(provider, api_key):
        value = credential.value
        if value and value.casefold() != provider.name.casefold() and not _PLACEHOLDERS.fullmatch(value):
            yield credential


def _all(provider: Provider, api_key: str) -> Iterator[Credential]:
    if api_key:
        yield Credential(api_key, "key")
        yield Credential(api_key, "bearer")
    for name, value in provider.headers.items():
        if not _HARMLESS_HEADERS.fullmatch(name.strip()):
            yield from _of_header(name.strip(), value.strip())
    addresses = (provider.base_url, *provider.base_urls, provider.models_url, provider.proxy, *getproxies().values())
    for address in addresses:
        yield from of_address(address)


def _of_header(name: str, value: str) -> Iterator[Credential]:
    scheme = _SCHEME.fullmatch(value)
    if scheme is None or not re.search("auth", name, re.IGNORECASE):
        yield Credential(value, name)
        return
    # The scheme's own name is a word that an error may well hold.
    kind, payload = scheme.groups()
    yield Credential(payload, kind)
    if kind.casefold() == "basic":
        yield from _of_user(_decoded(payload))


def of_address(address: str) -> Iterator[Credential]:
    """User, password and query parameters of an address."""
    user_info = _USER_INFO.match(address)
    if user_info:
        yield from _of_user(user_info.group(1))
    query = address.partition("?")[2].partition("#")[0]
    for name, value in parse_qsl(query):
        if not _HARMLESS_PARAMETERS.fullmatch(name):
            yield Credential(value, name)


def _of_user(user_info: str) -> Iterator[Credential]:
    """From `user:password`, which may be percent-encoded."""
    for written in dict.fromkeys((user_info, unquote(user_info))):
        user, colon, password = written.partition(":")
        yield Credential(written if colon else user, "user")
        yield Credential(user, "user")
        if password:
            yield Credential(password, user)
            yield Credential(password, "password")
            yield Credential(f"{user}:{password}@")


def _decoded(payload: str) -> str:
    try:
        return b64decode(payload + "=" * (-len(payload) % 4)).decode("utf-8", "replace")
    except ValueError:
        return ""
