"""Start until the first frame, and until a typed key shows: time and CPU, with warm caches and an existing home."""

from __future__ import annotations

import time
from collections.abc import Mapping

from tests.benchmarks.figures import Figure, Room, Samples
from tests.benchmarks.session import LETTERS, quit_politely
from tests.benchmarks.subjects import PAINTED, Subject, fresh_home
from tests.support.pty_terminal import PtyTerminal

DELETE_LINE = b"\x15"
"""Ctrl+U."""

FIGURES = (
    Figure("paint_wall", "start to first paint", "s"),
    Figure("paint_cpu", "start to first paint, CPU", "s"),
    Figure("key_wall", "start to first key shown", "s"),
    Figure("key_cpu", "start to first key shown, CPU", "s", "ratio <= 1.3"),
    Figure("settled_cpu", "first 2 s after that key, CPU", "s"),
    Figure("settled_memory", "memory then", "MB", digits=0),
)


def measure(room: Room) -> Samples:
    """Start each several times."""
    with fresh_home() as bare_home, fresh_home() as our_home:
        homes = {"bare": bare_home, "chat-tui": our_home}
        for subject in room.subjects:
            # The first start compiles and creates what later ones find, also what is imported behind the first key.
            with subject.open(homes[subject.name]) as terminal:
                _measured(terminal)
                _end(terminal)

        def start(subject: Subject) -> Mapping[str, float]:
            with subject.open(homes[subject.name]) as terminal:
                figures = _measured(terminal)
                _end(terminal)
                return figures

        return room.alternate(7, start)


def _measured(terminal: PtyTerminal) -> Mapping[str, float]:
    painted = terminal.wait_for(PAINTED, 30)
    paint_cpu = terminal.cpu_seconds()
    shown = _first_key(terminal)
    key_cpu = terminal.cpu_seconds()
    time.sleep(2)
    return {
        "paint_wall": painted - terminal.started,
        "paint_cpu": paint_cpu,
        "key_wall": shown - terminal.started,
        "key_cpu": key_cpu,
        "settled_cpu": terminal.cpu_seconds() - key_cpu,
        "settled_memory": terminal.resident_bytes() / 1e6,
    }


def _first_key(terminal: PtyTerminal) -> float:
    """Type until something is echoed: keys that come before the prompt has the focus may be lost."""
    terminal.wait_for(PAINTED, 30)
    for letter in LETTERS:
        terminal.send(letter)
        try:
            return terminal.wait_for(letter, 0.5)
        except TimeoutError:
            continue
    raise TimeoutError("no typed key was ever shown")


def _end(terminal: PtyTerminal) -> None:
    """Delete what was typed and quit: the next start would restore the draft, which is a layout of its own."""
    written = terminal.written
    terminal.send(DELETE_LINE)
    terminal.wait_for(PAINTED, 5, written)
    quit_politely(terminal)
