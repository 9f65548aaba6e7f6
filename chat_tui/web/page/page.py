"""The web page at `/`: one document, whose content security policy allows no other scripts, and the worker that its
tabs share."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.attachments.attachment import FILES_LIMIT, IMAGE_LIMIT, PDF_LIMIT, TEXT_LIMIT

_FOLDER = Path(__file__).parent / "static"
_SCRIPTS = (
    "base/dom",
    "base/keyboard",
    "base/messages",
    "sign_in/sign_in",
    "base/server",
    "conversation/calls",
    "conversation/files",
    "conversation/turns",
    "conversation/answers",
    "sidebar/sidebar",
    "sidebar/search",
    "sidebar/row_menu",
    "sidebar/deleted",
    "conversation/conversation",
    "find/find",
    "conversation/marks",
    "composer/choice",
    "models/picker",
    "composer/tools",
    "composer/attachments",
    "composer/pastes",
    "composer/private",
    "composer/settings",
    "live/reader",
    "live/answer",
    "comparison/columns",
    "live/running",
    "live/stream",
    "live/shared_stream",
    "live/events",
    "comparison/running",
    "live/ask",
    "comparison/models",
    "composer/pause",
    "composer/queue",
    "composer/prompt",
    "conversation/versions",
    "conversation/summary",
    "main",
)
_STYLES = (
    "base/base",
    "sign_in/sign_in",
    "sidebar/sidebar",
    "conversation/conversation",
    "find/find",
    "conversation/turns",
    "conversation/files",
    "conversation/calls",
    "conversation/answers",
    "comparison/columns",
    "composer/tools",
    "comparison/models",
    "composer/settings",
    "conversation/markdown",
    "composer/composer",
    "models/picker",
    "composer/queue",
    "composer/attachments",
    "base/dialogs",
    "conversation/summary",
    "base/media",
)
"""Both are concatenated in this order."""
_WORKER = ("live/stream", "live/worker")
WORKER_PATH = "/worker.js"
_WORKER_POLICY = "default-src 'none'; connect-src 'self'"
_LIMITS = {"files": FILES_LIMIT, "image": IMAGE_LIMIT, "text": TEXT_LIMIT, "pdf": PDF_LIMIT}
"""Number of files of a question, and their sizes in bytes."""
TRUSTED_TYPES = "chat-tui"
"""Name of the policy with which the page creates elements from HTML."""


def document() -> tuple[bytes, str]:
    """Return the page and its content security policy."""
    style = _read(_STYLES, "css")
    # A tab of another version has a worker of its own.
    script = _read(_SCRIPTS, "js").replace("/*version*/", hashlib.sha256(worker()).hexdigest()[:16], 1)
    script = script.replace("/*limits*/{}", msgspec.json.encode(_LIMITS).decode(), 1)
    html = (_FOLDER / "page.html").read_text("utf-8")
    html = html.replace("/*style*/", style, 1).replace("/*script*/", script, 1)
    policy = (
        "default-src 'none'",
        f"script-src {_hash(script)}",
        f"style-src {_hash(style)}",
        "connect-src 'self'",
        "worker-src 'self'",
        # Files of the user are shown from memory.
        "img-src 'self' data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        f"trusted-types {TRUSTED_TYPES}",
    )
    return html.encode(), "; ".join(policy)


def worker() -> bytes:
    """Return the script of the worker."""
    return _read(_WORKER, "js").encode()


def _read(names: Sequence[str], ending: str) -> str:
    return "\n".join((_FOLDER / f"{name}.{ending}").read_text("utf-8") for name in names)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def routes() -> list[BaseRoute]:
    """Return the routes of the page and its worker, which contain nothing private and are served without the token."""
    html, policy = document()
    script = worker()
    headers = {"Content-Security-Policy": policy, "Cross-Origin-Opener-Policy": "same-origin"}

    async def page(_: Request) -> Response:
        return Response(html, media_type="text/html", headers=headers)

    async def page_worker(_: Request) -> Response:
        return Response(script, media_type="text/javascript", headers={"Content-Security-Policy": _WORKER_POLICY})

    return [Route("/", page), Route(WORKER_PATH, page_worker)]
