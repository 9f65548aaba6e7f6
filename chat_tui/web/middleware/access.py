"""Access control: checks the Host, the Origin, and the token or the sign-in of each request before anything else.

An unknown Host means that somebody else's name points to this machine (DNS rebinding); an unknown Origin means that
another site's page sends the request. Neither can read an answer, even with the token.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_tui.web.errors import OPENAI_PATH, ApiError, error_response, is_below
from chat_tui.web.middleware.connections import admit
from chat_tui.web.sign_in.cookie import PROOF_HEADER, ids_in
from chat_tui.web.state import AppState

TOKEN_SEEN = "chat_tui.token_seen"
"""Set in the scope if the request, or the handshake of a WebSocket, has the token or comes from a browser that is
signed in."""

PAGE_PATHS = ("/", "/worker.js")
"""Served without the token: they contain nothing private."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?", re.ASCII)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_METHODS = "GET, POST, PUT, PATCH, DELETE"
_ALLOWED = (
    *("authorization", "content-type", "x-api-key", "x-request-id", "idempotency-key"),
    *("openai-organization", "openai-project", "openai-beta", "http-referer", "x-title"),
    *("anthropic-version", "anthropic-beta", "anthropic-dangerous-direct-browser-access"),
)
_OF_CLIENTS = re.compile(r"x-stainless-[a-z0-9-]{1,60}")
"""Headers that OpenAI's and Anthropic's own clients send; there is one for each thing that they tell of themselves."""
_EXPOSED = "request-id, retry-after, x-chat-tui-conversation, x-chat-tui-model, x-chat-tui-route, x-request-id"
_HEADERS_LIMIT = 100
_NOTHING_GIVEN = {
    False: "A token is needed: Authorization: Bearer TOKEN.",
    True: "This browser is not signed in any more. Open the address that `chat-tui serve` prints, or enter the token.",
}
"""What a request without a token is told, by whether it comes from a browser that was signed in."""
_PREFLIGHT_SECONDS = 600


def host_is_ours(host: str, hosts: Collection[str], local_address: str = "") -> bool:
    """Return whether this Host header names loopback, one of `hosts`, or the address of the connection, with any
    port."""
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
    """Return whether this Origin header is the request's own origin, or one of `origins`."""
    scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    return origin.lower() in origins or _with_port(origin.lower()) == _with_port(f"{scheme}://{host.lower()}")


def _with_port(origin: str) -> str:
    """Return an origin with its port."""
    scheme, _, rest = origin.partition("://")
    match = _HOST.fullmatch(rest)
    if match is None:
        return origin
    return f"{scheme}://{match[1]}:{match[2] or _DEFAULT_PORTS.get(scheme, '')}"


def bearer_token(authorization: Sequence[str]) -> str | None:
    """Return the token of the single Authorization header; None if there is none, or another scheme."""
    if len(authorization) != 1:
        return None
    scheme, _, given = authorization[0].partition(" ")
    return given.strip(" ") if scheme.lower() == "bearer" else None


class AccessControl:
    """The middleware."""

    def __init__(self, app: ASGIApp, state: AppState) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        if origin.lower() in self._state.origins and scope["type"] == "http":
            send = _with_cors_headers(origin, send)
        try:
            self._check_sender(scope, headers)
            await self._authenticate(scope, headers)
        except ApiError as refusal:
            await error_response(scope["path"], refusal)(scope, receive, send)
            return
        if _is_preflight(scope, headers):
            await _preflight(headers)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_sender(self, scope: Scope, headers: Headers) -> None:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        address = (scope.get("server") or ("", 0))[0] or ""
        if len(hosts) != 1 or not host_is_ours(hosts[0], self._state.hosts, address):
            raise ApiError(403, "This host name is not allowed. Add it to [web] hosts in the config if it is yours.")
        if origins and not (
            len(origins) == 1 and origin_is_ours(origins[0], scope["scheme"], hosts[0], self._state.origins)
        ):
            raise ApiError(403, "This origin is not allowed. Add it to [web] origins in the config if it is yours.")

    async def _authenticate(self, scope: Scope, headers: Headers) -> None:
        if await self._is_authenticated(scope, headers):
            scope[TOKEN_SEEN] = True
            admit(scope)
            return
        if not (_is_page(scope) and self._is_known_browser(headers)):
            self._state.count_unauthenticated(_client(scope))
        if _is_page(scope) or _is_preflight(scope, headers):
            return
        given = [name for name in ("authorization", "x-api-key") if name in headers]
        if scope["type"] == "websocket" and "authorization" not in given:
            # It may say the token in its first message: browsers cannot set a header.
            return
        words = "The token is wrong." if given else _NOTHING_GIVEN[PROOF_HEADER in headers]
        raise ApiError(401, words, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})

    async def _is_authenticated(self, scope: Scope, headers: Headers) -> bool:
        """Return whether a request has the token, or comes from a browser that is signed in. Raises `ApiError` if its
        client has sent too many wrong tokens."""
        if _is_page(scope) or _is_preflight(scope, headers):
            return False
        tokens = _tokens(scope, headers)
        for token in tokens:
            if await self._state.token_check.is_right(_client(scope), token):
                return True
        return not tokens and "authorization" not in headers and await self._is_signed_in(headers)

    def _is_known_browser(self, headers: Headers) -> bool:
        """Return whether a request for the page has the cookie of a sign-in: others cannot use up its limit."""
        return any(map(self._state.sign_ins.is_known, ids_in(headers)))

    async def _is_signed_in(self, headers: Headers) -> bool:
        proofs = headers.getlist(PROOF_HEADER)
        if len(proofs) != 1:
            return False
        for id in ids_in(headers):
            if await self._state.sign_ins.is_valid(id, proofs[0]):
                return True
        return False


def _tokens(scope: Scope, headers: Headers) -> Sequence[str]:
    """Return the tokens that a request gives."""
    # Anthropic's clients have a header of their own.
    keys = headers.getlist("x-api-key") if is_below(scope["path"], OPENAI_PATH) else []
    bearer = bearer_token(headers.getlist("authorization"))
    return [*(keys if len(keys) == 1 else []), *([] if bearer is None else [bearer])]


def _client(scope: Scope) -> str:
    return (scope.get("client") or ("", 0))[0]


def _is_page(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["path"] in PAGE_PATHS and scope["method"] in ("GET", "HEAD")


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    """Return whether this is a preflight request from an allowed origin."""
    if scope["type"] != "http" or scope["method"] != "OPTIONS":
        return False
    return "origin" in headers and "access-control-request-method" in headers


def _preflight(headers: Headers) -> Response:
    told = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": ", ".join([*_ALLOWED, *_headers_of_clients(headers)]),
        "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
    }
    if headers.get("access-control-request-private-network") == "true":
        told["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=told)


def _headers_of_clients(headers: Headers) -> Sequence[str]:
    """Return the headers of official clients among those that a preflight asks for."""
    wanted = headers.get("access-control-request-headers", "").lower().split(",")[:_HEADERS_LIMIT]
    return [name for name in dict.fromkeys(map(str.strip, wanted)) if _OF_CLIENTS.fullmatch(name)]


def _with_cors_headers(origin: str, send: Send) -> Send:
    """Add headers that let pages of an allowed origin read the reply."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED
            headers.add_vary_header("Origin")
        await send(message)

    return send_with_headers
