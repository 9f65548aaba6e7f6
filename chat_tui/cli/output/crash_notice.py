"""What is said on stderr after a crash: what happened, what was kept, and where the report is."""

from __future__ import annotations

from chat_tui.cli.output.console import say
from chat_tui.config import paths


def report(error: BaseException, kept: str) -> None:
    """Write a crash report and say where it is; `kept` is a sentence about what was kept."""
    from datetime import datetime

    from chat_tui.cli import crash_report

    say(f"chat-tui has crashed ({type(error).__name__}). {kept}\n")
    try:
        file = crash_report.write(error, paths.state_folder(), datetime.now().astimezone())
    except OSError as fault:
        say(f"No report could be written: {fault.strerror}.\n")
    else:
        say(f"Crash report (contains nothing you wrote): {file}\n")
