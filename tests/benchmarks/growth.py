"""Does a token cost more in a long answer: CPU for 1,000 tokens of 500, 4,000 and 32,000, at 1,000 a second.

The bare app is left out at 32,000, where it would need minutes. The last two figures look inside the longest answer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from tests.benchmarks.figures import Figure, Room, Samples
from tests.benchmarks.session import Session, session
from tests.benchmarks.subjects import Subject

FIGURES = (
    Figure("500", "CPU for 1,000 tokens, of 500", "ms", digits=0),
    Figure("4000", "CPU for 1,000 tokens, of 4,000", "ms", digits=0),
    Figure("32000", "CPU for 1,000 tokens, of 32,000", "ms", "<= 1.3 times that of 500", 0),
    Figure("early", "CPU for a second, seconds 1 to 4 of 32", "ms", digits=0),
    Figure("late", "CPU for a second, seconds 28 to 31 of 32", "ms", digits=0),
)


def measure(room: Room) -> Samples:
    """The small answers three times each, the longest once a round."""

    def growing(subject: Subject) -> Mapping[str, float]:
        figures: dict[str, float] = {}
        with session(subject) as running:
            small = sorted(running.ask("t500-r1000").cpu_seconds for _ in range(3))
            figures["500"] = small[1] / 500 * 1e6
            figures["4000"] = running.ask("t4000-r1000", 90).cpu_seconds / 4000 * 1e6
        if subject.name != "bare":
            with session(subject) as running:
                figures.update(_longest(running))
        return figures

    return room.alternate(2, growing)


def _longest(running: Session) -> Mapping[str, float]:
    terminal = running.terminal
    cpu, written = terminal.cpu_seconds(), terminal.written
    start = terminal.send("[t32000-r1000-mark7]\r")

    def at(second: float) -> float:
        time.sleep(max(0, start + second - time.monotonic()))
        return terminal.cpu_seconds()

    early = -at(1) + at(4)
    late = -at(28) + at(31)
    terminal.wait_for("Finis7", 60, written)
    running.settle()
    spent = terminal.cpu_seconds() - cpu - running.idle_share * (time.monotonic() - start)
    return {"32000": spent / 32000 * 1e6, "early": early / 3 * 1e3, "late": late / 3 * 1e3}
