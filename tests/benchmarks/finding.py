"""The files that `@` finds in a project of 100,000: the first look, each key after it, and the waits of the event loop.

Run alone: `python -m tests.benchmarks.finding [--files 100000]`. Processor time is that of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import tempfile
import time
from pathlib import Path

from chat_tui.core.files.project_files import ProjectFiles, list_project
from tests.benchmarks.figures import say
from tests.benchmarks.history import SYLLABLES

TYPED = ("n", "needle", "ndl", "zzzqx", "module", ".py", "needle_file.py")
PER_FOLDER = 40


def write_project(folder: Path, files: int) -> None:
    """A repository with so many empty files."""
    chance = random.Random(1)
    words = ["".join(chance.choices(SYLLABLES, k=3)) for _ in range(3000)]
    for begin in range(0, files, PER_FOLDER):
        below = folder.joinpath(*chance.choices(words, k=chance.randint(1, 5)))
        below.mkdir(parents=True, exist_ok=True)
        for number in range(begin, min(files, begin + PER_FOLDER)):
            (below / f"{chance.choice(words)}{number}.py").touch()
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "needle_file.py").touch()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)


class LoopWaits:
    """The longest time in milliseconds that the event loop was late."""

    def __init__(self) -> None:
        self._longest = 0.0

    async def watch(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            self._longest = max(self._longest, (time.perf_counter() - began - 0.001) * 1000)

    def take(self) -> float:
        longest, self._longest = self._longest, 0.0
        return longest


async def measure(folder: Path) -> None:
    waits = LoopWaits()
    watching = asyncio.ensure_future(waits.watch())
    await asyncio.sleep(1)
    say(f"nothing runs: event loop late by {waits.take():.1f} ms at most")
    began = time.perf_counter()
    files: ProjectFiles = await list_project(folder)
    say(f"first look: {time.perf_counter() - began:.2f} s, {len(files):,} paths, loop {waits.take():.1f} ms")
    for typed in TYPED:
        began, used = time.perf_counter(), time.process_time()
        found = await asyncio.to_thread(files.search, typed, 50)
        took, used = (time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000
        say(f"{typed!r}: {took:.1f} ms, processor {used:.1f} ms, {len(found)} found, loop {waits.take():.1f} ms")
    watching.cancel()


def main() -> None:
    """Make the project, measure, print."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.finding", description=__doc__)
    options.add_argument("--files", type=int, default=100_000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), given.files)
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
