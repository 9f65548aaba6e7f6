"""The chunks of a stream: the import path for plug-ins. The code is in `chat_tui.core.chunks`."""

from chat_tui.core.chunks import *  # noqa: F403
