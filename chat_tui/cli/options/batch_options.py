"""The options of `chat-tui batch`, apart from it: reading the command line must not load the engine."""

from __future__ import annotations

import argparse

from chat_tui.cli.options import option_types

DESCRIPTION = (
    "Answer many prompts at once. A .txt file has one prompt a line; a .jsonl file has a text or an object a line, with"
    " `prompt` and, where wanted, `id`, `model`, `strategy`, `system`, `max_tokens` and `temperature`; what else stands"
    " there goes into the result. Results come in the order of the prompts, one JSON object a line. The same command"
    " goes on where a run before was stopped or killed. Nothing is put into the history; the daily budget holds."
)


def add(batch: argparse.ArgumentParser) -> None:
    """Give the parser what `batch` takes besides model and preset."""
    batch.add_argument("prompts", metavar="PROMPTS", help="a .txt or .jsonl file, or - for standard input")
    batch.add_argument("--out", metavar="FILE", default="-", help="write results there (default: - for stdout)")
    batch.add_argument(
        "--concurrency",
        type=_streams,
        default=3,
        metavar="N",
        help="so many at once (default: 3), within the limits of each provider",
    )
    batch.add_argument(
        "--max-tokens", type=option_types.positive_int, metavar="N", help="at most N tokens of each answer"
    )
    batch.add_argument("--temperature", type=option_types.not_negative, metavar="T", help="0 is the most certain")
    batch.add_argument("--system", metavar="TEXT", help="the system prompt for those that have none of their own")
    batch.add_argument(
        "--max-price", type=option_types.not_negative, metavar="DOLLARS", help="the most each answer may cost"
    )
    batch.add_argument("--no-fallback", action="store_true", help="try the first choice only")
    batch.add_argument(
        "--retry-failed", action="store_true", help="ask only those again that failed; their lines may have been mended"
    )
    option_types.add_private(batch, help="save nothing but the results, not even their cost")
    batch.add_argument("--json", action="store_true", help="end with a summary on stdout, as a line of JSON")


def _streams(text: str) -> int:
    count = option_types.positive_int(text)
    if count > 1000:
        raise argparse.ArgumentTypeError("must not be greater than 1000")
    return count
