"""The progress line of commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from chat_tui.cli.output.progress import DownloadMeter, ProgressLine, bar
from tests.support.pty_terminal import PtyTerminal

SCRIPT = """
from chat_tui.cli.output.progress import ProgressLine
with ProgressLine(clock={clock}) as line:
    for number in range(1000):
        line.show(f"step {{number}}", number / 1000)
    {then}
"""


class Clock:
    """A clock that the test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def drawn(tmp_path: Path, then: str = "pass", clock: str = "lambda: 5.0") -> bytes:
    """What the script writes to a terminal."""
    script = SCRIPT.format(then=then, clock=clock)
    with PtyTerminal([sys.executable, "-c", script], env={**os.environ, "HOME": str(tmp_path)}) as terminal:
        terminal.wait_exit()
        return terminal.raw()


def test_on_a_terminal_the_line_is_throttled_and_removed_at_the_end(tmp_path: Path) -> None:
    raw = drawn(tmp_path)
    assert raw.count(b"step ") == 1
    assert f"{bar(0.0)} step 0".encode() in raw
    assert raw.endswith(b"\r\x1b[K")


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit", "OSError"])
def test_the_line_is_removed_before_an_error_is_written(error: str, tmp_path: Path) -> None:
    before, after = drawn(tmp_path, f"raise {error}").rsplit(b"\r\x1b[K", 1)
    assert b"step 0" in before
    assert b"step" not in after
    assert (b"Traceback" in after) == (error != "SystemExit")


def test_elsewhere_a_line_is_written_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with ProgressLine(note_seconds=2.0, clock=clock) as line:
        for tenth in range(50):
            clock.now = 100 + tenth / 10
            line.show(f"at {tenth}", tenth / 50)
        line.show_now("only for people")
    assert capsys.readouterr().err == "chat-tui: at 20\nchat-tui: at 40\n"


def test_the_first_line_may_be_written_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    line = ProgressLine(at_once=True, clock=clock)
    line.show("first")
    line.show("second")
    assert capsys.readouterr().err == "chat-tui: first\n"


def test_a_download_that_is_resumed_has_the_speed_of_this_run() -> None:
    clock = Clock()
    meter = DownloadMeter("m", clock)
    assert meter.text(50_000_000, 100_000_000) == "m: 50.0 of 100.0 MB"
    clock.now += 2
    assert meter.text(60_000_000, 100_000_000) == "m: 60.0 of 100.0 MB, 5.0 MB/s, 8 s left"


@pytest.mark.parametrize(("part", "filled"), [(0.0, 0), (0.25, 5), (0.999, 19), (1.0, 20), (1.5, 20)])
def test_a_bar_is_filled_up_to_its_part(part: float, filled: int) -> None:
    assert bar(part) == "━" * filled + "─" * (20 - filled)
