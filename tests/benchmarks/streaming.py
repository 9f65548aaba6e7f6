"""One answer: 2,000 tokens at 200 a second, 2,000 and 8,000 at full speed; CPU, bytes to the terminal, memory."""

from __future__ import annotations

from collections.abc import Mapping

from tests.benchmarks.figures import Figure, Room, Samples
from tests.benchmarks.session import session
from tests.benchmarks.subjects import Subject

FIGURES = (
    Figure("paced_cpu", "2,000 tokens at 200/s, CPU", "s", "ratio <= 0.4"),
    Figure("paced_bytes", "2,000 tokens at 200/s, to the terminal", "MB", "<= 1"),
    Figure("paced_late", "2,000 tokens at 200/s, last word late by", "s"),
    Figure("burst_cpu", "2,000 tokens at full speed, CPU", "s", "ratio <= 0.125", 3),
    Figure("burst_wall", "2,000 tokens at full speed, until painted", "s", digits=3),
    Figure("large_cpu", "8,000 tokens at full speed, CPU", "s", "ratio <= 0.0625", 3),
    Figure("large_wall", "8,000 tokens at full speed, until painted", "s", digits=3),
    Figure("memory", "memory after all of it", "MB", digits=0),
)


def measure(room: Room) -> Samples:
    """Each in a session of its own; the full-speed answers first."""
    return room.alternate(3, _answers)


def _answers(subject: Subject) -> Mapping[str, float]:
    with session(subject) as running:
        burst = running.ask("t2000")
        large = running.ask("t8000", 120)
        memory = running.terminal.resident_bytes()
    with session(subject) as running:
        paced = running.ask("t2000-r200", 90)
    return {
        "paced_cpu": paced.cpu_seconds,
        "paced_bytes": paced.written_bytes / 1e6,
        "paced_late": paced.wall_seconds - 10,
        "burst_cpu": burst.cpu_seconds,
        "burst_wall": burst.wall_seconds,
        "large_cpu": large.cpu_seconds,
        "large_wall": large.wall_seconds,
        "memory": memory / 1e6,
    }
