"""Opens the engine of a command that asks models."""

from __future__ import annotations

from pathlib import Path

from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.cli.output.history_notices import report_migration, report_recovery
from chat_tui.config.schema import Config
from chat_tui.core.processes.console import report_error
from chat_tui.engine.engine import Engine


async def open_reporting_engine(settings: Config, *, save: bool, folder: Path | None = None) -> Engine:
    """Open an engine that reports errors, and the progress of an update or recovery of the history, on stderr; `folder`
    is the one whose notes may be part of the memory."""
    return await open_engine(
        settings,
        save=save,
        tell=report_error,
        folder=folder,
        when_slow=report_migration,
        when_recovering=report_recovery,
    )
