"""Esc at the terminal until the server sees its socket closed: in an answer, and before its first token."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

from tests.benchmarks.figures import Figure, Room, Samples, at_percentile
from tests.benchmarks.session import Session, session
from tests.benchmarks.subjects import ServerProcess, Subject

FIGURES = (
    Figure("answer", "Esc to closed socket while 200/s stream, median", "ms", "<= 50", 1),
    Figure("answer_max", "Esc to closed socket while 200/s stream, longest", "ms", digits=1),
    Figure("waiting", "Esc to closed socket before the first token", "ms", digits=1),
)


def measure(room: Room) -> Samples:
    """Several cancels in one session of each."""

    def cancelled(subject: Subject) -> Mapping[str, float]:
        with session(subject) as running:
            chance = random.Random(3)
            answers = [_cancel(room.server, running, "t9000-r200", chance.uniform(0.7, 1.2)) for _ in range(7)]
            waits = [_cancel(room.server, running, "first60000", chance.uniform(0.4, 0.8)) for _ in range(3)]
        return {
            "answer": at_percentile(answers, 50),
            "answer_max": max(answers),
            "waiting": at_percentile(waits, 50),
        }

    return room.alternate(2, cancelled)


def _cancel(server: ServerProcess, running: Session, words: str, seconds: float) -> float:
    """Milliseconds from Esc to closed socket, asked and cancelled once."""
    before = server.last().get("number", -1)
    running.terminal.send(f"[{words}]\r")
    server.wait_last("started", before)
    time.sleep(seconds)
    sent = running.terminal.send(b"\x1b")
    closed: float = server.wait_last("closed_by_client", before)["closed_by_client"]
    running.settle(5)
    return (closed - sent) * 1000
