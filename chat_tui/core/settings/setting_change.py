"""`/set NAME VALUE`: what a person changes of a conversation's own settings."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from chat_tui.core.errors import CommandError
from chat_tui.core.settings.conversation_settings import DEFAULT, NAMES, ConversationSettings, parse_setting
from chat_tui.core.text.excerpts import shorten

_SHORT_NAMES = {
    "temp": "temperature",
    "max": "max_tokens",
    "tokens": "max_tokens",
    "reasoning": "thinking",
    "web": "web_search",
    "search": "web_search",
}


class SettingChange(NamedTuple):
    """A change as it was typed."""

    name: str
    """The setting; empty: all of them."""
    value: str
    """Empty: the settings are to be shown. `default`: back to what the preset or the config says."""

    @property
    def is_reset(self) -> bool:
        """Whether the setting, or all of them, go back to what the preset or the config says."""
        return self.value.casefold() == DEFAULT

    def apply(self, own: ConversationSettings) -> ConversationSettings:
        """Return the settings with the change. Raises `CommandError` for a value that is not allowed."""
        if not self.name:
            return ConversationSettings(tools=own.tools)
        value = getattr(ConversationSettings(), self.name) if self.is_reset else parse_setting(self.name, self.value)
        return msgspec.structs.replace(own, **{self.name: value})


def parse_change(typed: str) -> SettingChange:
    """Parse `NAME VALUE`, `NAME=VALUE`, `NAME`, `default` or nothing. Raises `CommandError` for an unknown name."""
    words = typed.replace("=", " ", 1).split(maxsplit=1)
    name = words[0].casefold().replace("-", "_") if words else ""
    name = _SHORT_NAMES.get(name, name)
    if name == DEFAULT:
        return SettingChange("", DEFAULT)
    if name and name not in NAMES:
        known = ", ".join(NAMES)
        raise CommandError(f"{shorten(name, 40)} cannot be set for a conversation.", f"These can: {known}.")
    return SettingChange(name, words[1].strip() if len(words) > 1 else "")
