"""`/api/sign-in`: a browser signs in with the token, and signs out."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.web.errors import ApiError
from chat_tui.web.middleware.proxies import PREFIX
from chat_tui.web.sign_in.cookie import PROOF_HEADER, ids_in, set_cookie
from chat_tui.web.state import state_of

PATH, PATH_OF_ALL = "/api/sign-in", "/api/sign-ins"


class SignInReply(msgspec.Struct, frozen=True):
    """The browser is signed in."""

    proof: str
    """Value of the header `X-Chat-Tui-Proof`, which counts together with the cookie."""


def routes() -> list[BaseRoute]:
    """Return the routes."""
    return [
        Route(PATH, sign_in, methods=["POST"]),
        Route(PATH, sign_out, methods=["DELETE"]),
        Route(PATH_OF_ALL, sign_out_everywhere, methods=["DELETE"]),
    ]


async def sign_in(request: Request) -> Response:
    """Sign in a browser that has sent the token. One that is signed in stays so, and its other tabs with it."""
    sign_ins, proof = state_of(request).sign_ins, request.headers.get(PROOF_HEADER, "")
    for id in ids_in(request.headers):
        if await sign_ins.is_valid(id, proof):
            return _reply(request, id, proof)
    made = await sign_ins.begin()
    return _reply(request, made.id, made.proof)


def _reply(request: Request, id: str, proof: str) -> Response:
    body = msgspec.json.encode(SignInReply(proof))
    return Response(body, media_type="application/json", headers={"Set-Cookie": _cookie(request, id)})


async def sign_out(request: Request) -> Response:
    """Sign out the browser that sends this."""
    sign_ins, proof = state_of(request).sign_ins, request.headers.get(PROOF_HEADER, "")
    valid = [id for id in ids_in(request.headers) if await sign_ins.is_valid(id, proof)]
    if not valid:
        raise ApiError(404, "This browser is not signed in.")
    for id in valid:
        await sign_ins.end(id)
    return Response(status_code=204, headers={"Set-Cookie": _cookie(request, "")})


async def sign_out_everywhere(request: Request) -> Response:
    """Sign out all browsers."""
    await state_of(request).sign_ins.end_all()
    return Response(status_code=204, headers={"Set-Cookie": _cookie(request, "")})


def _cookie(request: Request, id: str) -> str:
    return set_cookie(request.headers, request.scope["scheme"], request.scope.get(PREFIX, ""), id)
