"""Dialects: the wire formats of servers, one module each, loaded when first needed. Packages may add more."""

from __future__ import annotations

from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.providers.catalogue.capabilities import has_responses
from chat_tui.providers.dialects.dialect import Dialect

_RESPONSES_ONLY = lazy_pattern(r"-pro(?:-\d[\d-]{0,20})?$|codex")


def dialect_for(provider: Provider, model: Model, request: Request) -> Dialect:
    """Return the dialect in which a request is sent: the provider's own, but OpenAI's Responses at OpenAI itself, for
    models that are there only, and where thinking, a web search or another tool of OpenAI is wanted.

    Raises `ConfigError`."""
    if provider.dialect == "openai" and has_responses(provider):
        thinks = request.thinking not in (None, "off") and model.thinking is not False
        hosted = request.web_search or any(tool.api == "openai" for tool in request.hosted_tools)
        if thinks or hosted or _RESPONSES_ONLY.search(model.id.lower()):
            return dialect("openai-responses")
    return dialect(provider.dialect)


def dialect(name: str) -> Dialect:
    """Return the dialect of this name. Raises `ConfigError`."""
    match name:
        case "openai":
            from chat_tui.providers.dialects import openai_chat

            return openai_chat.dialect()
        case "openai-responses":
            from chat_tui.providers.dialects import openai_responses

            return openai_responses.dialect()
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
