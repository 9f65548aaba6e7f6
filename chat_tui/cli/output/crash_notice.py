"""The notice after a crash: what happened, what was kept, and where the report is."""

from __future__ import annotations

from chat_tui.config import paths
from chat_tui.core.processes.console import write_error


def report_crash(error: BaseException, kept: str) -> None:
    """Write a crash report and say where it is; `kept` is a sentence about what was kept."""
    from datetime import datetime

    from chat_tui.cli.output import crash_report

    write_error(f"chat-tui has crashed ({type(error).__name__}). {kept}\n")
    try:
        file = crash_report.write(error, paths.state_folder(), datetime.now().astimezone())
    except OSError as fault:
        write_error(f"No report could be written: {fault.strerror}.\n")
    else:
        write_error(f"Crash report (contains nothing you wrote): {file}\n")
