"""Estimates the tokens of a question."""

from __future__ import annotations

from chat_tui.core.usage.token_estimate import attachment_tokens, estimate, tool_tokens
from chat_tui.web.gateway.question import GatewayQuestion

_TURN_TOKENS = 5
"""Tokens that a turn costs besides its text."""


def estimate_tokens(asked: GatewayQuestion) -> int:
    """Return about how many tokens the messages, the system prompt and the tools are."""
    total = estimate(asked.system_prompt) + tool_tokens(asked.settings.tools) + estimate(asked.settings.part)
    for turn in asked.turns:
        total += _TURN_TOKENS + estimate(turn.text) + sum(map(attachment_tokens, turn.attachments))
        total += sum(estimate(call.name) + estimate(call.arguments) for call in turn.calls)
    return total
