"""Runs the benchmarks and prints a table: bare beside chat-tui, medians with (least–most), ratios of the same run."""

from __future__ import annotations

import argparse
import platform
import sys
from types import ModuleType

from tests.benchmarks import cancelling, echoes, growth, idle, opening, startup, streaming
from tests.benchmarks.figures import Room, say, table
from tests.benchmarks.subjects import ServerProcess, bare, ours

BENCHMARKS: dict[str, ModuleType] = {
    "startup": startup,
    "streaming": streaming,
    "growth": growth,
    "echoes": echoes,
    "cancelling": cancelling,
    "opening": opening,
    "idle": idle,
}


def main() -> None:
    """Read the options, run, print."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    options.add_argument("--only", action="append", choices=tuple(BENCHMARKS), help="just this one; may be repeated")
    options.add_argument("--quick", action="store_true", help="one round of each")
    options.add_argument("--subject", choices=("bare", "chat-tui"), help="measure only one of the two")
    given = options.parse_args()
    server = ServerProcess()
    try:
        found = [subject for subject in (bare(server.url), ours(server.url)) if subject is not None]
        subjects = tuple(subject for subject in found if given.subject in (None, subject.name))
        room = Room(subjects, server, given.quick)
        rows: list[tuple[str, ...]] = []
        notes: list[str] = []
        for name in given.only or BENCHMARKS:
            say(f"{name}: {(BENCHMARKS[name].__doc__ or '').splitlines()[0]}")
            samples = BENCHMARKS[name].measure(room)
            rows += [samples.row(figure) for figure in BENCHMARKS[name].FIGURES]
            notes += [f"{name}: {note}" for note in samples.notes]
    finally:
        server.close()
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    sys.stdout.write(f"\n{machine}\n\n{table(rows)}\n")
    for note in notes:
        sys.stdout.write(f"\n{note}\n")


if __name__ == "__main__":
    main()
