"""What insights cost: milliseconds of a thread for 1,000 tokens, at the beginning and late in a long answer.

Run alone: `python -m tests.benchmarks.insights`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from itertools import islice

from chat_tui.engine.insights.pipeline import Pipeline, make_pipeline
from tests.benchmarks.figures import say
from tests.benchmarks.history import Texts

PLACES = (500, 32_000)
"""Tokens that have come before."""
SPAN = 1000
EVERY = 10
LETTERS = 4
"""Of a token."""


def tokens() -> Iterator[str]:
    """Prose in pieces of a token's length, without end."""
    texts = Texts()
    while True:
        text = " ".join(texts.some(400)) + ". "
        words = text.split(" ")
        for place in range(11, len(words), 12):
            words[place] += "." if place % 36 else ".\n\n"
        text = " ".join(words)
        yield from (text[start : start + LETTERS] for start in range(0, len(text), LETTERS))


def updates(made: Pipeline, stream: Iterator[str], count: int) -> Iterator[float]:
    """The seconds of each update, for so many tokens."""
    for _ in range(count // EVERY):
        piece = "".join(islice(stream, EVERY))
        begun = time.perf_counter()
        made.feed(piece)
        made.record()
        yield time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    begun = time.perf_counter()
    made, stream, come = make_pipeline(), tokens(), 0
    say(f"loaded in {time.perf_counter() - begun:.2f} s")
    for place in PLACES:
        for _ in updates(made, stream, place - come):
            pass
        took = list(updates(made, stream, SPAN))
        come = place + SPAN
        slowest, usual = max(took) * 1000, statistics.median(took) * 1000
        whole = sum(took) * 1000
        say(f"at {place:,} tokens: {whole:.1f} ms/1,000 tokens, an update {usual:.2f} ms, at most {slowest:.2f}")


if __name__ == "__main__":
    main()
