"""What slash commands need of the screen that they act on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.tui.chat.controllers.model_selection import ModelSelection
from chat_tui.tui.chat.controllers.views import ChatViews
from chat_tui.tui.chat.conversation.chat import Chat
from chat_tui.tui.chat.conversation.conversation_actions import ConversationActions
from chat_tui.tui.widgets.host import Host

if TYPE_CHECKING:
    from chat_tui.core.preset import Preset
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.chat.conversation.live_preview import LivePreview


class CommandTarget(Protocol):
    """The screen that commands act on."""

    chat: Chat
    upkeep: ConversationActions
    models: ModelSelection
    views: ChatViews
    presets: Sequence[Preset]
    """All that were found when they were last looked for."""

    @property
    def host(self) -> Host:
        """The app around it."""

    async def opened(self) -> Engine:
        """The engine, as soon as it is open."""

    async def action_pause_or_resume(self) -> None:
        """Hold the answer, or let it go on."""

    def ask(self, text: str, files: Sequence[Attachment] = ()) -> None:
        """Ask."""

    def as_you_type(self) -> LivePreview:
        """What answers before it is sent."""

    async def action_new_conversation(self) -> None:
        """Begin a new conversation."""

    def action_help(self) -> None:
        """Show the help."""

    def action_act(self, what: str) -> None:
        """Rename, pin or delete the conversation."""

    def action_go_on(self) -> None:
        """Let the last answer go on."""

    def regenerate(self, model: str | None) -> None:
        """Ask for another version of the answer by this model; None: the one that the strategy chooses."""

    async def toggle_insights(self) -> None:
        """Unfold what can be said of the answer, or fold it away."""

    async def action_quit(self) -> None:
        """Leave."""
