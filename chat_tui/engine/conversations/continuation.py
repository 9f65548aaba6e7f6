"""What a conversation goes on with when it is named again: the model or the strategy of its last answer."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from chat_tui.core.conversation import Conversation
from chat_tui.core.settings.conversation_settings import ConversationSettings, decode_settings
from chat_tui.core.settings.preset import Preset, decode_preset
from chat_tui.engine.conversations.conversations import Conversations
from chat_tui.routing.policy import FIXED


class Continuation(msgspec.Struct, frozen=True):
    """A conversation to go on with."""

    conversation: Conversation
    model: str | None = None
    """The model that was chosen by name for the last answer; None: none was."""
    strategy: str | None = None
    """The strategy that chose its model; None: none did, or it is not known."""

    @property
    def preset(self) -> Preset | None:
        """Its preset."""
        return decode_preset(self.conversation.preset)

    @property
    def settings(self) -> ConversationSettings:
        """Its own settings."""
        return decode_settings(self.conversation.settings)

    def choice(self, strategies: Collection[str]) -> tuple[str | None, str | None]:
        """Return the model, or else the strategy, that can go on where there are these strategies."""
        return self.model, self.strategy if self.strategy in strategies else None

    def labels(self, *, own_model: bool = True) -> list[str]:
        """Return in short what it goes on with, such as `model groq/llama`, `preset translate`, `temp 0.2`.

        `own_model`: whether that includes its model or strategy.
        """
        preset, tools = self.preset, self.settings.tools
        said = []
        if own_model and (self.model or self.strategy):
            said += [f"model {self.model}" if self.model else f"strategy {self.strategy}"]
        said += [f"preset {preset.name}"] if preset is not None and preset.name else []
        said += self.settings.labels()
        return said + ([f"tools {', '.join(tools.servers)}"] if tools is not None and tools.servers else [])


async def find_continuation(conversations: Conversations, name: str) -> Continuation:
    """Return the conversation that a person names, with what its last answer was asked of.

    Raises `HistoryError` if the name means none, or several.
    """
    return await continuation_of(conversations, await conversations.conversation(await conversations.find(name)))


async def continuation_of(conversations: Conversations, conversation: Conversation) -> Continuation:
    """Return what a conversation, or a last part of it, goes on with."""
    last = next((turn for turn in reversed(conversation.path) if turn.role == "assistant"), None)
    route = await conversations.route(last.id) if last is not None else None
    if last is None or route is None:
        return Continuation(conversation)
    if route.strategy != FIXED:
        return Continuation(conversation, strategy=route.strategy)
    # Another one may have answered in its place.
    return Continuation(conversation, model=route.tries[0].model if route.tries else last.model)
