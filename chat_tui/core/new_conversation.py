"""What a conversation begins with, before its first question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chat_tui.core.conversation import Turn

if TYPE_CHECKING:
    from chat_tui.core.preset import Preset


class NewConversation(msgspec.Struct, frozen=True):
    """Given in place of a conversation's id where a question begins one."""

    system_prompt: str | None = None
    """None: the preset's, then the config's."""
    preset: Preset | None = None
    """What it is for; its settings come before the config's."""
    earlier: tuple[Turn, ...] = ()
    """The turns that it brings along, oldest first."""
