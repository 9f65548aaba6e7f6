"""A key until its echo is written to the terminal, at rest and while 200 tokens a second stream."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from tests.benchmarks.figures import Figure, Room, Samples, at_percentile, say
from tests.benchmarks.session import LETTERS, Session, session
from tests.benchmarks.subjects import Subject

FIGURES = (
    Figure("rest_50", "key to echo at rest, p50", "ms", digits=1),
    Figure("rest_99", "key to echo at rest, p99", "ms", digits=1),
    Figure("stream_50", "key to echo while 200/s stream, p50", "ms", "<= 15", 1),
    Figure("stream_99", "key to echo while 200/s stream, p99", "ms", "<= 50", 1),
    Figure("stream_max", "key to echo while 200/s stream, longest", "ms", digits=1),
    Figure("keys", "keys typed while streaming", "", digits=0),
)


def measure(room: Room) -> Samples:
    """The keys of all rounds are counted together."""
    pooled: dict[str, list[float]] = {}

    def typed(subject: Subject) -> dict[str, float]:
        with session(subject) as running:
            rest = list(_echoes(running, 3))
            running.terminal.send("[t2200-r200]\r")
            time.sleep(0.5)
            streaming = pooled.setdefault(subject.name, [])
            streaming += _echoes(running, 10)
        return {
            "rest_50": at_percentile(rest, 50),
            "rest_99": at_percentile(rest, 99),
        }

    samples = room.alternate(3, typed)
    for subject in room.subjects:
        if echoes := pooled.get(subject.name):
            shares = {"stream_50": 50, "stream_99": 99, "stream_max": 100}
            samples.add(subject, {key: at_percentile(echoes, percent) for key, percent in shares.items()})
            samples.add(subject, {"keys": len(echoes)})
            say("  " + subject.name + " slowest, ms: " + " ".join(f"{echo:.0f}" for echo in sorted(echoes)[-8:]))
    return samples


def _echoes(running: Session, seconds: float) -> Iterator[float]:
    """Milliseconds from key to echo, for so long; the prompt is emptied now and then."""
    terminal, chance = running.terminal, random.Random(5)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for letter in LETTERS:
            if time.monotonic() >= end:
                break
            written = terminal.written
            sent = terminal.send(letter)
            yield (terminal.wait_for(letter, 5, written) - sent) * 1000
            time.sleep(chance.uniform(0.03, 0.09))
        terminal.send(b"\x7f" * len(LETTERS))
        time.sleep(0.4)
