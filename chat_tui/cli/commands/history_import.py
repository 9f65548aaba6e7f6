"""`chat-tui history import`: how far it is on stderr, what has come of it on stdout."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec

from chat_tui.cli.output.console import report_migration, report_recovery
from chat_tui.config import paths
from chat_tui.core.processes import console
from chat_tui.core.processes.console import write_error
from chat_tui.history.opening import StoreSettings
from chat_tui.history.store import Store
from chat_tui.history.transfer import importer
from chat_tui.history.transfer.formats import native

_NOTE_SECONDS = 2.0
"""Between two notes where stderr is no terminal."""
_BAR = 30
_TOLD = 20
"""Skipped records that people are told of one by one."""


async def run(file: Path, *, as_json: bool) -> int:
    """Import the file; gives the exit code."""
    if not paths.store_file().exists():
        # A file that cannot be imported must not make a store.
        await importer.recognise(file)
    bar = _Bar(file.name[:60])
    store = await Store.open(
        paths.store_file(), StoreSettings(when_slow=report_migration, when_recovering=report_recovery)
    )
    try:
        if store.notice:
            write_error(f"chat-tui: {store.notice}\n")
        report = await importer.bring_in(store, file, bar.show)
    except asyncio.CancelledError:
        bar.end()
        write_error("chat-tui: stopped. What was imported so far is kept; import the file again for the rest.\n")
        raise
    finally:
        bar.end()
        await store.close()
    for skipped in report.skipped[:_TOLD]:
        write_error(f"chat-tui: skipped {skipped.record}: {skipped.reason}.\n")
    if report.skipped_count > _TOLD:
        write_error(f"chat-tui: {report.skipped_count - _TOLD} more were skipped; --json lists them.\n")
    if as_json:
        fields = {name: getattr(report, name) for name in report.__struct_fields__}
        text = native.json_text(msgspec.to_builtins(fields)) + "\n"
    else:
        text = report.words() + "\n"
    console.write_output(text)
    return 0


class _Bar:
    """One line on a terminal, now and then a plain one elsewhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._terminal = console.error_is_terminal()
        self._line = console.StatusLine()
        self._told = 0.0 if self._terminal else time.monotonic()

    def show(self, progress: importer.ImportProgress) -> None:
        """Show how far it is, at most ten times a second."""
        now = time.monotonic()
        if now - self._told < (0.1 if self._terminal else _NOTE_SECONDS):
            return
        self._told = now
        part = progress.part
        rate = progress.turns / max(0.001, progress.seconds)
        text = f"{part:4.0%}  {progress.turns:,} turns, {rate:,.0f} turns/s"
        if 0.01 < part < 1:
            text += f", {progress.seconds / part - progress.seconds:.0f} s left"
        if self._terminal:
            full = round(part * _BAR)
            self._line.show(f"{self._name} {'━' * full}{'─' * (_BAR - full)} {text}")
        else:
            write_error(f"{self._name}: {text.strip()}\n")

    def end(self) -> None:
        """Leave the line clean."""
        self._line.clear()
