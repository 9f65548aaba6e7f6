"""What `chat-tui serve` takes."""

from __future__ import annotations

import argparse

DESCRIPTION = (
    "Serve the web page, the /stream, /generate and /ws endpoints, and an OpenAI-compatible API at /v1, all with the"
    " same history. The first line on stdout is the page's address with the token that every request needs. Ctrl-C"
    " stops the server once running answers have ended; a second Ctrl-C stops it at once."
)


def add(serve: argparse.ArgumentParser) -> None:
    """Give the parser what `serve` takes besides the model."""
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: 127.0.0.1); any other than loopback needs CHAT_TUI_TOKEN",
    )
    serve.add_argument(
        "--port", type=_port, default=3000, metavar="N", help="port to listen on (default: 3000); 0 picks a free one"
    )
    serve.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="https://HOST",
        help="also accept requests from pages of this origin; may be repeated (default: only its own page)",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)
