"""Models and providers: the import path for plug-ins. The code is in `chat_tui.core.models`."""

from chat_tui.core.models import *  # noqa: F403
