"""The parts of the chat screen that slash commands act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chat_tui.tui.chat.controllers.answer_actions import AnswerActions
from chat_tui.tui.chat.controllers.first_steps import FirstSteps
from chat_tui.tui.chat.controllers.model_selection import ModelSelection
from chat_tui.tui.chat.controllers.panels import ChatPanels
from chat_tui.tui.chat.controllers.pending_engine import PendingEngine
from chat_tui.tui.chat.controllers.submission import PromptSubmission
from chat_tui.tui.chat.controllers.views import ChatViews
from chat_tui.tui.chat.conversation.conversation_actions import ConversationActions
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.widgets.host import Host

if TYPE_CHECKING:
    from chat_tui.core.settings.preset import Preset


@dataclass(kw_only=True)
class CommandContext:
    chat: ChatView
    engine: PendingEngine
    conversations: ConversationActions
    models: ModelSelection
    views: ChatViews
    panels: ChatPanels
    answers: AnswerActions
    submission: PromptSubmission
    first_steps: FirstSteps
    presets: Sequence[Preset] = ()
    """The presets that were found when they were last read."""

    @property
    def host(self) -> Host:
        """The app around the screen."""
        return self.chat.host
