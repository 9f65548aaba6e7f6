"""The settings of a new conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chat_tui.core.conversation import Turn

if TYPE_CHECKING:
    from chat_tui.core.preset import Preset


class NewConversation(msgspec.Struct, frozen=True):
    """Passed instead of the id of a conversation if a question starts one."""

    system_prompt: str | None = None
    """None: the system prompt of the preset, or else of the config."""
    preset: Preset | None = None
    """The preset, whose settings take precedence over the config."""
    earlier: tuple[Turn, ...] = ()
    """Turns before the first question, oldest first."""
