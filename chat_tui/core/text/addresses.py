"""Normalises addresses of servers as users and other programs write them. Pure functions.

Sources of the forms: the READMEs of the OpenAI, Anthropic and Google SDKs (`OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL`,
`GOOGLE_GEMINI_BASE_URL`), and Ollama's FAQ (`OLLAMA_HOST`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

OLLAMA_PORT = 11434

_BLANKS = re.compile(r"[\s\u200b\u200c\u200d\u2060\ufeff]+")
_QUOTES = "\"'`<>\u2018\u2019\u201c\u201d"
_HTTP = re.compile(r"(https?):/{0,2}(?!/)", re.IGNORECASE)
_PARTS = re.compile(r"([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_VERSION = r"/v\d[\w.-]*"
_OLLAMA_ENDPOINTS = r"/api/(?:chat|generate|tags|show|ps|version|embed|embeddings)"
_ENDPOINTS = (
    r"/(?:chat(?:/completions)?|completions?|responses|embeddings|models(?:/[^/]+)?|complete"
    r"|messages(?:/count_tokens|/batches)?|api/(?:chat|generate|tags))"
)
"""Endpoints of all dialects, after a version: servers support several dialects below one address."""
_PRIVATE_NAMES = (".local", ".localhost", ".lan", ".home", ".internal", ".home.arpa", ".test")
_SDKS_APPEND_VERSION = ("anthropic", "gemini")
_DIALECTS = {
    "anthropic": r"/anthropic(?:/v1)?(?:/messages)?$|/v1/messages$",
    "gemini": r":(?:streamGenerateContent|generateContent)$",
    "ollama": rf"{_OLLAMA_ENDPOINTS}$",
}
_TLS_PORTS = ("443", "8443")
KEPT = 256
"""Addresses whose forms are kept: those of the providers in use, which each request asks for."""


@lru_cache(KEPT)
def cleaned_address(text: str) -> str:
    """Return an address with its scheme, without spaces, quotes, doubled slashes and fragment; user and query stay.

    The default scheme is `https`, or `http` for this machine, private names and other ports. An address with another
    scheme is returned unchanged; using it will fail.
    """
    text = _BLANKS.sub("", text).strip(_QUOTES)
    if not text:
        return ""
    known = _HTTP.match(text)
    if known is None and "://" in text.partition("?")[0]:
        return text
    rest = text[known.end() :] if known else text.removeprefix("//")
    parts = _PARTS.fullmatch(rest)
    assert parts is not None  # Any text has these parts.
    authority, path, query = parts[1], re.sub("/{2,}", "/", parts[2]), parts[3] or ""
    user, at, host_and_port = authority.rpartition("@")
    host, port = _host_and_port(host_and_port)
    scheme = known[1].lower() if known else _scheme_for(host, port)
    return f"{scheme}://{user}{at}{host}{':' if port else ''}{port}{path}{query}"


@lru_cache(KEPT)
def base_url(
    address: str, *, dialect: str, root: str, endings: str, exact: bool = False, is_for_sdk: bool = False
) -> str:
    """Return the address up to where a dialect's paths begin, without its query.

    `root` is appended if the address has no path; `endings` is a pattern of endpoints that users paste with it. An
    `exact` address is complete as it is; the version is appended to one that `is_for_sdk` of Anthropic or Google.
    Raises ValueError if there is no host.
    """
    url = cleaned_address(address).partition("?")[0].rstrip("/")
    if exact:
        return url
    previous = ""
    while url != previous:
        previous = url
        url = re.sub(f"(?:{endings})+$", "", url, flags=re.IGNORECASE).rstrip("/")
        url = re.sub(f"({_VERSION}){_ENDPOINTS}$", r"\1", url, flags=re.IGNORECASE)
        url = re.sub(f"({_VERSION})\\1+$", r"\1", url)
        if dialect != "ollama":
            # Ollama's own paths are not below those of other dialects.
            url = re.sub(f"{_OLLAMA_ENDPOINTS}$", "", url, flags=re.IGNORECASE)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("no host")
    if is_for_sdk and dialect in _SDKS_APPEND_VERSION:
        return url if re.search(f"{_VERSION}$", parts.path) else url + root
    return url + root if _wants_root(parts.path, dialect) else url


def _wants_root(path: str, dialect: str) -> bool:
    """Return whether the dialect's root must be appended: there is no path, or it ends in the dialect's name."""
    if path in {"", "/"}:
        return True
    if not path.endswith(f"/{dialect}"):
        return False
    # Gateways that have a version in front (`/v1/openai`) speak OpenAI's dialect right behind the name.
    return dialect != "openai" or not re.search(f"{_VERSION}(?:/|$)", path)


def ollama_address(host: str) -> str:
    """Return the address that `OLLAMA_HOST` means: a host, `host:port`, `:port`, or an address with scheme and path."""
    text = _BLANKS.sub("", host).strip(_QUOTES)
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = ("https" if text.partition("/")[0] == "ollama.com" else "http"), text
    if scheme.lower() not in {"http", "https"}:
        return text
    authority, slash, path = rest.partition("/")
    user, at, host_and_port = authority.rpartition("@")
    name, port = _host_and_port(host_and_port)
    if not port.isdigit() or int(port) > 65535:
        # With a scheme the port is that of the scheme.
        port = "" if mark or scheme == "https" else str(OLLAMA_PORT)
    return cleaned_address(
        f"{scheme}://{user}{at}{name or '127.0.0.1'}{':' if port else ''}{port}{slash}{path}".rstrip("/")
    )


def dialect_of(address: str) -> str:
    """Return the dialect that the path of an address indicates; empty if it indicates none."""
    path = cleaned_address(address).partition("?")[0].rstrip("/")
    return next((name for name, pattern in _DIALECTS.items() if re.search(pattern, path, re.IGNORECASE)), "")


def is_loopback(address: str) -> bool:
    """Return whether the address is on this machine. Raises ValueError if it is not an address."""
    host = urlsplit(cleaned_address(address)).hostname or ""
    try:
        ip = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return (mapped or ip).is_loopback


def host_of(address: str) -> str:
    """Return host and port for display, without user, password, path and query; empty if there is none."""
    try:
        return urlsplit(cleaned_address(address)).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _host_and_port(text: str) -> tuple[str, str]:
    """Return the host in lower case with its port, IPv6 in brackets; an address for all interfaces becomes loopback."""
    if text.startswith("["):
        if "]" not in text:
            return text, ""
        host, _, port = text.partition("]")
        host, port = host + "]", port.removeprefix(":")
    elif text.count(":") > 1:
        host, port = f"[{text}]", ""
    else:
        host, _, port = text.partition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host.lower(), host.lower())
    return host, port


def _scheme_for(host: str, port: str) -> str:
    if port:
        return "https" if port in _TLS_PORTS else "http"
    name = host.strip("[]")
    try:
        ip_address(name)
    except ValueError:
        return "http" if "." not in name or name.endswith(_PRIVATE_NAMES) else "https"
    return "http"
