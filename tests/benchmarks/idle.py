"""What an idle screen takes of a core, over 20 seconds, before any question and under a finished answer."""

from __future__ import annotations

from collections.abc import Mapping

from tests.benchmarks.figures import Figure, Room, Samples
from tests.benchmarks.session import session
from tests.benchmarks.subjects import Subject

FIGURES = (
    Figure("share", "idle, of a core", "%", "<= bare", 3),
    Figure("after", "idle under an answer of 500 tokens, of a core", "%", "<= bare", 3),
    Figure("bytes", "written to the terminal meanwhile", "bytes/s", digits=0),
)


def measure(room: Room) -> Samples:
    """One long look at each."""
    seconds = 5 if room.quick else 20

    def idle(subject: Subject) -> Mapping[str, float]:
        with session(subject, warm=False) as running:
            share = running.measure_idle(seconds)
            running.ask("t500")
            written = running.terminal.written
            after = running.measure_idle(seconds)
            rate = (running.terminal.written - written) / seconds
        return {"share": share * 100, "after": after * 100, "bytes": rate}

    return room.alternate(1, idle)
