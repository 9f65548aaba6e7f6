"""Who may come in: the request's Host, its Origin and its token, looked at before anything else.

A Host that is not ours means that a name of somebody else's leads here (DNS rebinding); an Origin that is not ours,
that a page of somebody else's asks. So neither reads an answer, token or not.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_tui.web.errors import ApiError, response
from chat_tui.web.state import AppState

TOKEN_SEEN = "chat_tui.token_seen"
"""In the scope: the request, or the handshake of a WebSocket, carried the token."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?", re.ASCII)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_METHODS = "GET, POST, PATCH, DELETE"
_ASKED_FOR = "authorization, content-type"
_PREFLIGHT_SECONDS = 600


def host_is_ours(host: str, hosts: Collection[str], local_address: str = "") -> bool:
    """This Host header names loopback, one of `hosts`, or the address that the connection came to; any port."""
    match = _HOST.fullmatch(host.lower())
    if match is None:
        return False
    name = match[1]
    if name == "localhost" or name in hosts or name.strip("[]") in hosts:
        return True
    address = _address(name.strip("[]"))
    # A name can be made to lead anywhere; an address is where it leads.
    return address is not None and (address.is_loopback or address == _address(local_address))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def origin_is_ours(origin: str, scheme: str, host: str, origins: Collection[str]) -> bool:
    """This Origin header is the request's own, or one of `origins`."""
    scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    return origin.lower() in origins or _whole(origin.lower()) == _whole(f"{scheme}://{host.lower()}")


def _whole(origin: str) -> str:
    """With its port."""
    scheme, _, rest = origin.partition("://")
    match = _HOST.fullmatch(rest)
    if match is None:
        return origin
    return f"{scheme}://{match[1]}:{match[2] or _DEFAULT_PORTS.get(scheme, '')}"


def token_is_ours(authorization: Sequence[str], token: str) -> bool:
    """The one Authorization header carries the token."""
    if len(authorization) != 1:
        return False
    scheme, _, given = authorization[0].partition(" ")
    return scheme.lower() == "bearer" and same_token(given.strip(" "), token)


def same_token(given: str, token: str) -> bool:
    """It is the token; how long that takes to tell says nothing of it."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


class AccessControl:
    """The middleware; what it refuses goes no further."""

    def __init__(self, app: ASGIApp, door: AppState) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        if origin.lower() in self._door.origins and scope["type"] == "http":
            send = _allowing(origin, send)
        try:
            self._check(scope, headers)
        except ApiError as refusal:
            await response(scope["path"], refusal)(scope, receive, send)
            return
        if _is_preflight(scope, headers):
            await _preflight(headers)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        address = (scope.get("server") or ("", 0))[0] or ""
        if len(hosts) != 1 or not host_is_ours(hosts[0], self._door.hosts, address):
            raise ApiError(403, "This host name is not allowed. Add it to [web] hosts in the config if it is yours.")
        if origins and not (
            len(origins) == 1 and origin_is_ours(origins[0], scope["scheme"], hosts[0], self._door.origins)
        ):
            raise ApiError(403, "This origin is not allowed. Add it to [web] origins in the config if it is yours.")
        self._check_token(scope, headers)

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        if _is_page(scope) or _is_preflight(scope, headers):
            return
        given = headers.getlist("authorization")
        if token_is_ours(given, self._door.token):
            scope[TOKEN_SEEN] = True
            return
        if scope["type"] == "websocket" and not given:
            # It may say the token in its first message: browsers cannot set a header.
            return
        words = "The token is wrong." if given else "A token is needed: Authorization: Bearer TOKEN."
        raise ApiError(401, words, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})


def _is_page(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["path"] == "/" and scope["method"] in ("GET", "HEAD")


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    """A browser asks whether a page of another origin, which the config names, may ask."""
    if scope["type"] != "http" or scope["method"] != "OPTIONS":
        return False
    return "origin" in headers and "access-control-request-method" in headers


def _preflight(headers: Headers) -> Response:
    told = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _ASKED_FOR,
        "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
    }
    if headers.get("access-control-request-private-network") == "true":
        told["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=told)


def _allowing(origin: str, send: Send) -> Send:
    """Let the pages of an origin that the config names read what is sent."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers.add_vary_header("Origin")
        await send(message)

    return sent
