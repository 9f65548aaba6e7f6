"""The options of `chat-tui batch`, apart from it: reading the command line must not load the engine."""

from __future__ import annotations

import argparse

from chat_tui.cli.options import option_types

DESCRIPTION = (
    "Answer many prompts from a file. A .txt file has one prompt per line. A .jsonl file has a string or an object per"
    " line, with `prompt` and optionally `id`, `model`, `strategy`, `system`, `max_tokens` and `temperature`; other"
    " fields are copied to the result. Results are written in the order of the prompts, one JSON object per line. Run"
    " the same command again to resume after a stop or a crash. Nothing is saved in the history; the daily budget"
    " applies."
)


def add(batch: argparse.ArgumentParser) -> None:
    """Give the parser what `batch` takes besides model and preset."""
    batch.add_argument("prompts", metavar="PROMPTS", help="a .txt or .jsonl file, or - for standard input")
    batch.add_argument("--out", metavar="FILE", default="-", help="where to write results (default: - for stdout)")
    batch.add_argument(
        "--concurrency",
        type=_streams,
        default=3,
        metavar="N",
        help="number of concurrent requests (default: 3), within each provider's limit",
    )
    batch.add_argument(
        "--max-tokens", type=option_types.positive_int, metavar="N", help="limit each answer to N tokens"
    )
    batch.add_argument(
        "--temperature", type=option_types.not_negative, metavar="T", help="0 = deterministic; higher = more varied"
    )
    batch.add_argument("--system", metavar="TEXT", help="the system prompt for prompts that do not set their own")
    batch.add_argument(
        "--max-price", type=option_types.not_negative, metavar="DOLLARS", help="maximum price of each answer"
    )
    batch.add_argument("--no-fallback", action="store_true", help="do not fall back to other models")
    batch.add_argument(
        "--retry-failed", action="store_true", help="send only failed prompts again; you may edit their lines first"
    )
    option_types.add_private(batch, help="save only the results, not even their cost")
    batch.add_argument("--json", action="store_true", help="end with a one-line JSON summary on stdout")


def _streams(text: str) -> int:
    count = option_types.positive_int(text)
    if count > 1000:
        raise argparse.ArgumentTypeError("must not be greater than 1000")
    return count
