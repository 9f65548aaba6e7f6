"""The request to a model: turns and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from chat_tui.core.conversation import Turn
from chat_tui.core.text.memory_text import MemoryText
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.core.tools import HostedTool, OutputFormat, Tool, ToolChoice, ToolUse

Thinking = Literal["off", "low", "medium", "high"]
"""Reasoning effort."""


class Sampling(msgspec.Struct, frozen=True):
    """Settings that only some providers have. Clients of the web API set them; dialects that know them pass them on."""

    frequency_penalty: float | None = None
    """-2 to 2."""
    presence_penalty: float | None = None
    """-2 to 2."""
    logit_bias: Mapping[str, float] = {}
    """From -100 to 100, by the number of the token."""
    logprobs: bool = False
    """Whether the probability of each token is wanted; only models whose servers can tell it are asked."""
    top_logprobs: int | None = None
    """How many of the likeliest tokens are wanted at each position."""
    top_k: int | None = None
    """How many of the likeliest tokens are chosen from."""
    user: str = ""
    """Whose request it is, in the client's own terms."""
    service_tier: str = ""
    """The provider's class of service."""
    verbosity: str = ""
    """`low`, `medium` or `high`."""
    cache_key: str = ""
    """Requests with the same key share a cache at the provider."""


class Request(msgspec.Struct, frozen=True):
    """Turns and settings, ready to be routed. The provider decides what is unset."""

    prompt: str = ""
    """New message of the user, which follows `turns`."""
    turns: tuple[Turn, ...] = ()
    """The conversation so far, oldest first; a system turn comes first."""
    model: str | None = None
    """`provider/model` to use; None lets the strategy choose."""
    strategy: str | None = None
    """None: the router's default."""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    thinking: Thinking | None = None
    """None: the provider's default. It is omitted for models that do not support it."""
    timeout_seconds: float | None = None
    """Time limit for the whole stream; None: no limit."""
    include_metadata: bool = True
    """False omits `Metadata` chunks from the stream."""
    fallback: bool = True
    """False: try only the first choice."""
    max_price: float | None = None
    """Maximum price of the answer in US dollars; None: no limit."""
    part: str = ""
    """The partial answer to continue."""
    stream: bool = True
    """False: the whole answer comes as one token chunk."""
    prompt_cache: bool = True
    """Mark the system prompt and all but the last turns for the cache of providers that need such marks."""
    adaptive: bool = False
    """True: first a quick answer, then a detailed one. Handled by the engine, not by the router."""
    begins_thinking: bool = False
    """Set by the router: the model is known to start with thinking without the opening tag."""
    id: str = ""
    """Assigned by the router if empty."""
    tools: tuple[Tool, ...] = ()
    """Tools that the model may use; only models that can are asked."""
    tool_choice: ToolChoice = ToolChoice()
    tool_use: ToolUse | None = None
    """The tool servers that the engine offers and runs; None: those of the conversation. Nothing for the router."""
    uses_memory: bool = False
    """Whether what the user has asked to remember is part of the system prompt: set where a person asks. Nothing for
    the router."""
    memory: tuple[MemoryText, ...] = ()
    """What of it is in the system turn; set by the engine."""
    web_search: bool | None = None
    """Whether the model may search the web with its provider's own search; only models that can are asked. None: no."""
    hosted_tools: tuple[HostedTool, ...] = ()
    """Tools of the maker of an API. Clients of the web API set them."""
    output: OutputFormat | None = None
    """The format of the answer; None: text."""
    sampling: Sampling = Sampling()
    alternatives: bool = True
    """Whether the route tells what the other strategies would have chosen; False where nobody can look at it."""
    features: PromptFeatures | None = None
    """Features of the prompt, once it was analysed; strategies may read them."""

    def spoken(self) -> tuple[Turn, ...]:
        """Return all turns to send, with the prompt as the last one."""
        if not self.prompt:
            return self.turns
        return (*self.turns, Turn(role="user", text=self.prompt))

    def replace(self, **fields: Any) -> Request:
        """Return a copy with some fields changed; a new prompt or other tools reset the features."""
        if self.features is not None and not fields.keys().isdisjoint(("prompt", "turns", "tools")):
            fields.setdefault("features", None)
        return msgspec.structs.replace(self, **fields)
