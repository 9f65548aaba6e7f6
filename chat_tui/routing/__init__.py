"""The router: which model answers, and what happens when it does not. Usable without the rest of chat-tui."""

from chat_tui.routing.execution.stream import Stream
from chat_tui.routing.policy import RoutingPolicy
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.router import Reply, Router

__all__ = ["Health", "Reply", "Router", "RoutingPolicy", "Stream"]
