"""Child processes that use a store and print their progress, for tests that kill them at random moments."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

KILLS = int(os.environ.get("CHAT_TUI_KILLS", "40"))
"""The number of kills, over all kinds of work."""

BEGINNING = """
import asyncio, os, sys, time
from itertools import count
from pathlib import Path
from chat_tui.core.conversation import Conversation, TurnDelta, Turn, now
from chat_tui.history.queries import branches, deletion, reads, turn_deltas, writes
from chat_tui.history.store import Store

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
"""


@contextmanager
def child(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Runs `main(*arguments)` of this code; killed at the end."""
    command = [sys.executable, "-c", f"{BEGINNING}{code}\nasyncio.run(main(*sys.argv[1:]))", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(process: subprocess.Popen[str], last: str) -> None:
    """Wait until the child prints this line."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == last:
            return
    raise AssertionError(f"the child ended before it said {last}")


def killed(code: str, *arguments: object, within_seconds: float) -> list[str]:
    """Kill a child at a random moment after it printed `begun`; returns the lines printed since."""
    with child(code, *arguments) as process:
        lines_until(process, "begun")
        time.sleep(random.uniform(0, within_seconds))
        process.kill()
        rest = process.stdout.read() if process.stdout else ""
    # A kill in the middle of a line leaves a part of it.
    return rest[: rest.rfind("\n") + 1].splitlines()


def check(file: Path) -> None:
    """Check the store's integrity with SQLite, and that no work was left half done."""
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("SELECT count(*) FROM turn WHERE state = 'streaming'").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM piece").fetchone() == (0,)
        for (index,) in db.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'").fetchall():
            db.execute(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")
