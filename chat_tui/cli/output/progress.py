"""How far a batch is: one line that is painted anew on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time

from chat_tui.core.processes.console import StatusLine, write_error
from chat_tui.engine.batch.runner import BatchProgress

PAINT_SECONDS = 0.1
NOTE_SECONDS = 10.0
"""Between two lines where stderr is no terminal."""
_BAR_CELLS = 20


class BatchProgressLine:
    """Written to stderr as the batch goes on; `terminal` tells whether that is one."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal
        self._shown_at = 0.0 if terminal else time.monotonic()
        self._line = StatusLine()

    def show(self, count: BatchProgress) -> None:
        """Say how far it is, unless that was said just now."""
        now = time.monotonic()
        if now - self._shown_at < (PAINT_SECONDS if self._terminal else NOTE_SECONDS):
            return
        self._shown_at = now
        text = words(count, now)
        if self._terminal:
            self._line.show(f"{bar(count)}{text}")
        else:
            write_error(f"chat-tui: {text}\n")

    def clear(self) -> None:
        """Take the line away."""
        self._line.clear()


def words(count: BatchProgress, now: float) -> str:
    """`120/10,000 · 3 failed · 340 prompts/min · 512 tokens/s · 29 min left`."""
    took = max(0.001, now - count.begun)
    rate = count.asked / took
    parts = [f"{count.done:,}/{count.total:,}" if count.total is not None else f"{count.done:,} done"]
    if count.failed:
        parts.append(f"{count.failed:,} failed")
    parts.append(f"{rate * 60:,.0f} prompts/min")
    if count.tokens:
        parts.append(f"{count.tokens / took:,.0f} tokens/s")
    if count.total is not None and rate:
        parts.append(f"{_duration(max(0, count.total - count.done - count.left_out) / rate)} left")
    return " · ".join(parts)


def bar(count: BatchProgress) -> str:
    """How much of the whole that is, as cells; empty where nobody knows the whole."""
    if not count.total:
        return ""
    full = min(_BAR_CELLS, count.done * _BAR_CELLS // count.total)
    return f"[{'#' * full}{'.' * (_BAR_CELLS - full)}] "


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
