"""`chat-tui history import`: progress on stderr, the report on stdout."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from chat_tui.cli.output.history_notices import report_migration, report_recovery
from chat_tui.cli.output.progress import ProgressLine
from chat_tui.config import paths
from chat_tui.core.processes import console
from chat_tui.core.processes.console import write_error
from chat_tui.core.text.counts import count_of
from chat_tui.history.opening import StoreSettings
from chat_tui.history.store import Store
from chat_tui.history.transfer import importer
from chat_tui.history.transfer.formats import native

_LISTED_SKIPS = 20
"""Skipped records that are reported one by one."""


async def run(file: Path, *, as_json: bool) -> int:
    """Import the file; returns the exit code. Raises `ImportFailed`, `HistoryError`."""
    if not paths.store_file().exists():
        # A file that cannot be imported must not create a store.
        await importer.check_importable(file)
    settings = StoreSettings(when_slow=report_migration, when_recovering=report_recovery)
    store = await Store.open(paths.store_file(), settings)
    try:
        if store.notice:
            write_error(f"chat-tui: {store.notice}\n")
        with ProgressLine() as line:
            name = file.name[:60]
            report = await importer.import_file(
                store, file, lambda step: line.show(_progress_text(name, step), step.part)
            )
    except asyncio.CancelledError:
        write_error("chat-tui: stopped. What was imported so far is kept; import the file again for the rest.\n")
        raise
    finally:
        await store.close()
    for skipped in report.skipped[:_LISTED_SKIPS]:
        write_error(f"chat-tui: skipped {skipped.record}: {skipped.reason}.\n")
    if report.skipped_count > _LISTED_SKIPS:
        more = count_of(report.skipped_count - _LISTED_SKIPS, "more record")
        write_error(f"chat-tui: {more} skipped; --json lists them.\n")
    if as_json:
        fields = {name: getattr(report, name) for name in report.__struct_fields__}
        text = native.json_text(msgspec.to_builtins(fields)) + "\n"
    else:
        text = report.summary() + "\n"
    console.write_output(text)
    return 0


def _progress_text(name: str, progress: importer.ImportProgress) -> str:
    """Return `export.json: 12%, 1,200 turns, 3,456 turns/s, 20 s left`."""
    part = progress.part
    rate = progress.turns / max(0.001, progress.seconds)
    text = f"{name}: {part:.0%}, {count_of(progress.turns, 'turn')}, {rate:,.0f} turns/s"
    if 0.01 < part < 1:
        text += f", {progress.seconds / part - progress.seconds:.0f} s left"
    return text
