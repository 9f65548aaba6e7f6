"""The router: which model answers, and what happens when it does not. Usable without the rest of chat-tui."""

from chat_tui.routing.health import Health
from chat_tui.routing.router import Reply, Router
from chat_tui.routing.settings import Settings
from chat_tui.routing.stream import Stream

__all__ = ["Health", "Reply", "Router", "Settings", "Stream"]
