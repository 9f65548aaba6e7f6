"""How to speak: one module a dialect, loaded when it is first needed."""

from __future__ import annotations

from chat_tui.errors import ConfigError
from chat_tui.providers.dialects.dialect import Dialect

NAMES = ("openai",)


def dialect(name: str) -> Dialect:
    """The dialect of this name. Raises `ConfigError`."""
    if name == "openai":
        from chat_tui.providers.dialects import openai_chat

        return openai_chat.dialect()
    raise ConfigError(f"There is no dialect `{name}`.", f"Known: {', '.join(NAMES)}.", key="dialect")
