"""The engine of a command that asks models."""

from __future__ import annotations

from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.cli.output.console import say_recovering, say_updating, told
from chat_tui.config.load import Config
from chat_tui.core.errors import ChatTuiError
from chat_tui.engine.engine import Engine


async def open_reporting_engine(settings: Config, *, save: bool) -> Engine:
    """Open an engine that reports on stderr what goes wrong, and how far an update or a recovery of the history is."""
    return await open_engine(settings, save=save, tell=report, when_slow=say_updating, when_recovering=say_recovering)


def report(error: ChatTuiError) -> None:
    """Report an error on stderr."""
    told(error)
