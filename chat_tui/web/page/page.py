"""The web page at `/`: one document without external resources, whose content security policy allows no other
scripts."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_FOLDER = Path(__file__).parent / "static"
_SCRIPTS = (
    *(
        "dom",
        "messages",
        "sign_in",
        "server",
        "calls",
        "turns",
        "sidebar",
        "deleted",
        "conversation",
        "tools",
        "live/answer",
        "live/running",
        "live/stream",
        "live/events",
        "live/ask",
        "versions",
    ),
    "main",
)
"""Concatenated in this order."""
TRUSTED_TYPES = "chat-tui"
"""Name of the policy with which the page creates elements from HTML."""


def document() -> tuple[bytes, str]:
    """Return the page and its content security policy."""
    style = (_FOLDER / "page.css").read_text("utf-8")
    script = "\n".join(file.read_text("utf-8") for file in (_FOLDER / f"{name}.js" for name in _SCRIPTS))
    html = (_FOLDER / "page.html").read_text("utf-8")
    html = html.replace("/*style*/", style, 1).replace("/*script*/", script, 1)
    policy = (
        "default-src 'none'",
        f"script-src {_hash(script)}",
        f"style-src {_hash(style)}",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        f"trusted-types {TRUSTED_TYPES}",
    )
    return html.encode(), "; ".join(policy)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def routes() -> list[BaseRoute]:
    """Return the route of the page, which contains nothing private and is served without the token."""
    html, policy = document()
    headers = {"Content-Security-Policy": policy, "Cross-Origin-Opener-Policy": "same-origin"}

    async def page(_: Request) -> Response:
        return Response(html, media_type="text/html", headers=headers)

    return [Route("/", page)]
