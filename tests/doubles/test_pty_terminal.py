"""The pseudo terminal answers, times and ends what it started."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from tests.support.pty_terminal import PtyTerminal

_ASKS = (
    "import os, sys, tty; tty.setraw(0); os.write(1, b'\\x1b[?2026$p\\x1b[c\\x1b[6');"
    "os.write(1, b'n'); heard = b''\n"
    "while not heard.endswith(b'R'): heard += os.read(0, 99)\n"
    "print(heard.hex()); os.read(0, 9)"
)
_SPENDS = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint('spent', flush=True); time.sleep(60)"
_SIZES = (
    "import os, signal, time\n"
    "signal.signal(signal.SIGWINCH, lambda *_: print(os.get_terminal_size().columns, flush=True))\n"
    "print('ready', flush=True)\nwhile True: time.sleep(0.1)"
)


def test_queries_are_answered_also_when_cut() -> None:
    with PtyTerminal([sys.executable, "-c", _ASKS]) as terminal:
        terminal.wait_for((b"\x1b[?2026;2$y\x1b[?62;22c\x1b[1;1R").hex())


def test_cpu_time_is_known_finer_than_a_tick() -> None:
    with PtyTerminal([sys.executable, "-c", _SPENDS]) as terminal:
        terminal.wait_for("spent")
        assert 0.29 < terminal.cpu_seconds() < 0.6
        assert terminal.resident_bytes() > 1e6


def test_a_resize_reaches_the_process() -> None:
    with PtyTerminal([sys.executable, "-c", _SIZES], columns=80, rows=24) as terminal:
        terminal.wait_for("ready")
        terminal.resize(60, 20)
        terminal.wait_for("60")


def test_the_screen_shows_what_was_drawn() -> None:
    pytest.importorskip("pyte")
    drawn = "print('\\x1b[2J\\x1b[3;5Hhere 中文', end='', flush=True); import time; time.sleep(60)"
    with PtyTerminal([sys.executable, "-c", drawn], columns=40, rows=5) as terminal:
        assert terminal.wait_until(lambda text: "中文" in text).split("\n")[2] == "    here 中文"


def test_a_dead_process_is_told_at_once() -> None:
    start = time.monotonic()
    with PtyTerminal([sys.executable, "-c", "print('gone')"]) as terminal, pytest.raises(TimeoutError, match="gone"):
        terminal.wait_for("never", 20)
    assert time.monotonic() - start < 5


def test_closing_ends_the_process_and_its_children() -> None:
    spawns = "import subprocess, sys; print('child', subprocess.Popen(['sleep', '60']).pid, flush=True); input()"
    with PtyTerminal([sys.executable, "-c", spawns]) as terminal:
        terminal.wait_for("child")
        terminal.wait_quiet(0.1)
        child = int(terminal.raw().split()[-1])
        assert child in terminal.tree()
    assert not terminal.alive
    with pytest.raises(ProcessLookupError):
        _signal_until_reaped(child)


def _signal_until_reaped(pid: int) -> None:
    for _ in range(100):
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:
            if stat.read().rpartition(")")[2].split()[0] == "Z":
                raise ProcessLookupError
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
