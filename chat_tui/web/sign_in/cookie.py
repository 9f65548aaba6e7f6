"""The cookie with the id of a sign-in, and the header with its proof.

The name has the port, because a cookie goes to all ports of its host. Over HTTPS a prefix of the name keeps pages of
other hosts and unencrypted ones from setting it.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers

PROOF_HEADER = "x-chat-tui-proof"
MAX_AGE_SECONDS = 400 * 86_400
"""The longest time for which browsers keep a cookie; the server ends unused sign-ins sooner."""
_HOST, _SECURE = "__Host-", "__Secure-"
_MOST_IDS = 4
"""Browsers may send cookies of several paths."""
_ID_CHARACTERS = 100


def ids_in(headers: Headers) -> Sequence[str]:
    """Return the ids of sign-ins that a request's cookies have."""
    name = _base_name(headers.get("host", ""))
    names = {f"{_HOST}{name}", f"{_SECURE}{name}", name}
    found: list[str] = []
    for header in headers.getlist("cookie"):
        for part in header.split(";"):
            key, _, value = part.strip().partition("=")
            if key in names and 0 < len(value) <= _ID_CHARACTERS:
                found.append(value)
    return found[:_MOST_IDS]


def set_cookie(headers: Headers, scheme: str, prefix: str, id: str) -> str:
    """Return the `Set-Cookie` header that keeps this id; an empty one removes the cookie. `prefix` is the path under
    which a reverse proxy serves the app, or empty."""
    # The Origin has been checked. Behind a proxy that ends TLS, it tells how the browser sees the page.
    is_secure = scheme in ("https", "wss") or headers.get("origin", "").lower().startswith("https://")
    name = _base_name(headers.get("host", ""))
    if is_secure:
        name = f"{_SECURE if prefix else _HOST}{name}"
    age = MAX_AGE_SECONDS if id else 0
    parts = [f"{name}={id}", f"Path={prefix}/", f"Max-Age={age}", "HttpOnly", "SameSite=Strict"]
    return "; ".join([*parts, "Secure"] if is_secure else parts)


def _base_name(host: str) -> str:
    port = host.rpartition(":")[2]
    return f"chat-tui-{port}" if port.isdecimal() and ":" in host else "chat-tui"
