"""What an engine stands on: a store, the built-in model's weights, and what is behind the router."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chat_tui.conversation import Conversation, Summary, Turn
from chat_tui.models import Fetching, Standing
from chat_tui.route import Route


class History(Protocol):
    """What the engine asks of a store (`chat_tui.history.Store` is one). Each raises `HistoryError`."""

    async def add_conversation(self, conversation: Conversation) -> None: ...
    async def add_turn(self, conversation_id: str, turn: Turn) -> None: ...
    async def mend(self, conversation: Conversation) -> None: ...
    async def append(self, turn_id: str, text: str, thinking: str = "") -> None: ...
    async def finish(self, turn: Turn, route: Route | None) -> None: ...
    async def conversations(self, *, limit: int = 200, offset: int = 0) -> list[Summary]: ...
    async def conversation(self, conversation_id: str) -> Conversation: ...
    async def route(self, turn_id: str) -> Route | None: ...
    async def set_system_prompt(self, conversation_id: str, text: str | None) -> None: ...
    async def prompts(self, limit: int = 200) -> list[str]: ...
    async def save_draft(self, conversation_id: str, text: str) -> None: ...
    async def draft(self, conversation_id: str) -> str: ...
    async def set_place(self, key: str, value: str) -> None: ...
    async def place(self, key: str) -> str: ...
    async def spent(self, since: datetime) -> float: ...
    async def close(self) -> None: ...


class LocalWeights(Protocol):
    """The built-in model's weights, for the faces that show their fetch."""

    @property
    def ready(self) -> bool:
        """They are on this machine."""

    @property
    def fetching(self) -> Fetching | None:
        """The fetch that runs, None when none does."""

    async def fetch(self) -> None:
        """Fetch them, or join the fetch that runs. Raises `LocalModelError`."""


class Supply(Protocol):
    """What stands behind the router (`assembly` makes one)."""

    def standings(self) -> Sequence[Standing]:
        """Every model and how it fares."""

    def admit(self, name: str) -> None:
        """Let the router choose a model that was named but not listed, where its provider is known."""

    async def discover(self) -> None:
        """Ask the servers that name no models for their lists."""

    async def prepare(self) -> None:
        """Load what a question to any server needs."""

    async def warm(self, name: str) -> None:
        """Load what this model needs."""

    async def close(self) -> None:
        """Let go of connections and children."""
