"""A running subject: asks it questions and reads what each has cost."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from tests.benchmarks.subjects import PAINTED, QUIT, Subject, fresh_home
from tests.support.pty_terminal import PtyTerminal

LETTERS = "абвгдежзийклмнопрстуфхцчш"
"""Typed to see their echo: no answer and no frame holds them."""


@dataclass(frozen=True)
class Cost:
    """What one answer has cost."""

    cpu_seconds: float
    """Idle time subtracted."""
    wall_seconds: float
    """From Enter until the answer's last words were written to the terminal."""
    written_bytes: int


class Session:
    """A subject at its prompt, warmed up by a first question."""

    def __init__(self, terminal: PtyTerminal) -> None:
        self.terminal = terminal
        self.idle_share = 0.0
        """Of a core, with nothing to do."""
        self._marks = count(100)

    def ask(self, words: str, timeout_seconds: float = 60) -> Cost:
        """Ask for a scripted answer (`t2000-r200`) and wait until it is painted and all is quiet again."""
        terminal, mark = self.terminal, next(self._marks)
        cpu, written = terminal.cpu_seconds(), terminal.written
        asked = terminal.send(f"[{words}-mark{mark}]\r")
        painted = terminal.wait_for(f"Finis{mark}", timeout_seconds, written)
        self.settle()
        spent = terminal.cpu_seconds() - cpu - self.idle_share * (time.monotonic() - asked)
        return Cost(spent, painted - asked, terminal.written - written)

    def settle(self, timeout_seconds: float = 20) -> None:
        """Wait until two half seconds, one after the other, have cost next to nothing."""
        end = time.monotonic() + timeout_seconds
        before, quiet = self.terminal.cpu_seconds(), 0
        while quiet < 2 and time.monotonic() < end:
            time.sleep(0.5)
            now = self.terminal.cpu_seconds()
            quiet = quiet + 1 if now - before < 0.02 else 0
            before = now

    def measure_idle(self, seconds: float) -> float:
        """The share of a core that it takes with nothing to do."""
        cpu, start = self.terminal.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        return (self.terminal.cpu_seconds() - cpu) / (time.monotonic() - start)


@contextmanager
def session(subject: Subject, *, warm: bool = True) -> Iterator[Session]:
    """Start a subject in a home of its own, and end it. Warm: one small answer has been given before."""
    with fresh_home() as home, subject.open(home) as terminal:
        terminal.wait_for(PAINTED, 30)
        running = Session(terminal)
        time.sleep(0.3)
        running.settle()
        if warm:
            running.ask("t30")
            running.idle_share = running.measure_idle(2)
        yield running
        quit_politely(terminal)


def quit_politely(terminal: PtyTerminal) -> None:
    """Ctrl+Q; what does not end is killed when the terminal is closed."""
    terminal.send(QUIT)
    try:
        terminal.wait_exit(5)
    except subprocess.TimeoutExpired:
        return
