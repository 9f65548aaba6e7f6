"""What is asked of the router: the import path for plug-ins. The code is in `chat_tui.core.request`."""

from chat_tui.core.request import *  # noqa: F403
