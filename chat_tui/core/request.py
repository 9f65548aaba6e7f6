"""What is asked of a model: turns and settings."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from chat_tui.core.conversation import Turn
from chat_tui.core.text.prompt_features import PromptFeatures

Thinking = Literal["off", "low", "medium", "high"]
"""How much a model is to think before it answers."""


class Request(msgspec.Struct, frozen=True):
    """Turns and settings, ready to be routed. What is unset is left to the provider's own default."""

    prompt: str = ""
    """New words of the user; they follow `turns`."""
    turns: tuple[Turn, ...] = ()
    """The conversation so far, oldest first; a system turn stands first."""
    model: str | None = None
    """`provider/model` fixes the model; None lets the strategy choose."""
    strategy: str | None = None
    """None: the router's own default."""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    thinking: Thinking | None = None
    """None: the provider's own default; what a model does not take is left out."""
    timeout_seconds: float | None = None
    """Limit for the whole stream; None: none."""
    include_metadata: bool = True
    """False leaves `Metadata` chunks out of the stream."""
    fallback: bool = True
    """False: only the first choice is tried."""
    max_price: float | None = None
    """US dollars that the answer may cost; None: no limit."""
    part: str = ""
    """The beginning of the answer, where one that was cut goes on."""
    stream: bool = True
    """False: the whole reply comes as one token chunk."""
    prompt_cache: bool = True
    """Ask a provider that caches only what it is told to for the system prompt and the turns before the last ones."""
    adaptive: bool = False
    """True: a short answer at once, and the detailed one in its place; the engine sees to it, not the router."""
    begins_thinking: bool = False
    """Set by the router: the model is known to begin in thinking, without the mark that opens it."""
    id: str = ""
    """Given by the router when empty."""
    features: PromptFeatures | None = None
    """What the prompt asks for, once it was looked at; a strategy finds it here, and may read it."""

    def spoken(self) -> tuple[Turn, ...]:
        """All turns to be sent, the prompt as the last one."""
        if not self.prompt:
            return self.turns
        return (*self.turns, Turn(role="user", text=self.prompt))

    def changed(self, **fields: Any) -> Request:
        """A copy with some fields changed; of another prompt the features are not known."""
        if self.features is not None and not fields.keys().isdisjoint(("prompt", "turns")):
            fields.setdefault("features", None)
        return msgspec.structs.replace(self, **fields)
