"""Dialects: the wire formats of servers, one module each, loaded when first needed. Packages may add more."""

from __future__ import annotations

from chat_tui.providers.dialects.dialect import Dialect


def dialect(name: str) -> Dialect:
    """Return the dialect of this name. Raises `ConfigError`."""
    match name:
        case "openai":
            from chat_tui.providers.dialects import openai_chat

            return openai_chat.dialect()
        case "anthropic":
            from chat_tui.providers.dialects import anthropic

            return anthropic.dialect()
        case "gemini":
            from chat_tui.providers.dialects import gemini

            return gemini.dialect()
        case "ollama":
            from chat_tui.providers.dialects import ollama

            return ollama.dialect()
    from chat_tui.providers.dialects.plugins import plug_in

    return plug_in(name)
