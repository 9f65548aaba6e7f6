"""What `chat-tui serve` takes."""

from __future__ import annotations

import argparse

DESCRIPTION = (
    "Serve a page, the seed's /stream, /generate and /ws, and an OpenAI-compatible door at /v1, over the same history."
    " The first line on stdout is the address with the token that every request must carry. Ctrl-C stops it: running"
    " answers may end, a second Ctrl-C stops them."
)


def add(serve: argparse.ArgumentParser) -> None:
    """Give the parser what `serve` takes besides the model."""
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen there (default: 127.0.0.1); another than loopback needs CHAT_TUI_TOKEN",
    )
    serve.add_argument("--port", type=_port, default=3000, metavar="N", help="default: 3000; 0 takes a free one")
    serve.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="https://HOST",
        help="pages from there may ask too; may be repeated (default: only its own)",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)
