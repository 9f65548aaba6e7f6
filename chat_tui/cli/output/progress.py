"""The progress line on stderr, and the texts that it shows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from chat_tui.core.processes.console import StatusLine, error_is_terminal, write_error
from chat_tui.core.usage.download_pace import DownloadPace

if TYPE_CHECKING:
    from chat_tui.engine.batch.runner import BatchProgress

REDRAW_SECONDS = 0.1
NOTE_SECONDS = 2.0
_BAR_CELLS = 20


class ProgressLine:
    """A line on stderr that shows progress: redrawn in place on a terminal, written again now and then elsewhere.

    As a context manager it removes the line at the end, also after Ctrl-C.
    """

    def __init__(
        self,
        *,
        note_seconds: float = NOTE_SECONDS,
        at_once: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`note_seconds` is the time between two lines where stderr is no terminal; the first is written `at_once`, or
        when that time has passed."""
        self._clock = clock
        self._is_terminal = error_is_terminal()
        self._seconds = REDRAW_SECONDS if self._is_terminal else note_seconds
        self._shown_at = -math.inf if self._is_terminal or at_once else clock()
        self._line = StatusLine()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, text: str, part: float | None = None) -> None:
        """Show the text, behind a bar if `part` (0 to 1) is known; does nothing if the last one is too recent."""
        now = self._clock()
        if now - self._shown_at < self._seconds:
            return
        self._shown_at = now
        if self._is_terminal:
            self._line.show(text if part is None else f"{bar(part)} {text}")
        else:
            write_error(f"chat-tui: {text}\n")

    def show_now(self, text: str) -> None:
        """Show the text on a terminal, however recent the last one is; does nothing elsewhere."""
        self._line.show(text)

    def clear(self) -> None:
        """Remove the line; the next text is shown at once."""
        self._line.clear()
        if self._is_terminal:
            self._shown_at = -math.inf


class DownloadMeter:
    """Formats the progress of one download; the speed is measured from the first call on."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._pace = DownloadPace(clock)

    def text(self, received: int, total: int) -> str:
        """Return `NAME: 12.3 of 92.9 MB, 5.7 MB/s, 14 s left`; speed and time only once they are known."""
        now = self._pace.progress(received, total)
        text = f"{self._name}: {received / 1e6:.1f} of {total / 1e6:.1f} MB"
        if now.bytes_per_second and now.seconds_left is not None:
            text += f", {now.bytes_per_second / 1e6:.1f} MB/s, {now.seconds_left:.0f} s left"
        return text


def batch_progress(count: BatchProgress, now: float) -> str:
    """Return `120/10,000 · 3 failed · 340 prompts/min · 512 tokens/s · 29 min left`; `now` is monotonic seconds."""
    seconds = max(0.001, now - count.begun)
    rate = count.asked / seconds
    parts = [f"{count.done:,}/{count.total:,}" if count.total is not None else f"{count.done:,} done"]
    if count.failed:
        parts.append(f"{count.failed:,} failed")
    parts.append(f"{rate * 60:,.0f} prompts/min")
    if count.tokens:
        parts.append(f"{count.tokens / seconds:,.0f} tokens/s")
    if count.total is not None and rate:
        parts.append(f"{_duration(max(0, count.total - count.done - count.left_out) / rate)} left")
    return " · ".join(parts)


def bar(part: float) -> str:
    """Return a bar of 20 cells that is filled up to `part`, 0 to 1."""
    full = min(_BAR_CELLS, int(part * _BAR_CELLS))
    return "━" * full + "─" * (_BAR_CELLS - full)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
