"""Errors: the import path for plug-ins. The code is in `chat_tui.core.errors`."""

from chat_tui.core.errors import *  # noqa: F403
