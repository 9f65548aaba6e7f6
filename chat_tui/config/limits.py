"""How streams are held, awaited and tried again, what strategies weigh, what the web may ask: the config's tables."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

STRICT_TIMEOUTS = {"connection_seconds": 10.0, "token_seconds": 5.0, "stream_seconds": 30.0}
"""What `profile = "strict"` sets, in seconds."""
_FORMER_PROFILES = {"seed": "strict"}
"""Names that earlier versions used for profiles, and what they are called now."""


class Performance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[performance]`: how answers are streamed."""

    enable_streaming: bool = True
    """False: the whole answer at once."""
    streaming_buffer_size: int = 8192
    """Bytes held for a slow reader before back-pressure."""
    streaming_batch_size: int = 4
    """Tokens shown together; never later than one frame."""
    max_concurrent_streams: int = 3
    """A provider's; more wait in line."""


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[timeouts]`, in seconds; None is no limit."""

    connection_seconds: float | None = 10.0
    """For connecting."""
    first_token_seconds: float | None = 120.0
    """From the question to the first token."""
    working_seconds: float | None = 600.0
    """To the first token while the server shows that it is working (keep-alives, empty chunks), and for a reply that is
    not streamed."""
    token_seconds: float | None = 60.0
    """Silence between tokens; keep-alives do not count as tokens."""
    stream_seconds: float | None = None
    """For the whole answer."""
    profile: Literal["", "strict"] = ""
    """`strict`: limits that are not set here are 10 s to connect, 5 s between tokens and 30 s for the whole answer."""


class ErrorHandling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[error_handling]`: how often a failed request is tried again."""

    retry_attempts: int = 3
    """Tries of one model, the first counted."""
    retry_delay_seconds: float = 1.0
    """Before the second try; a server's own wish goes first."""
    exponential_backoff: bool = True
    """Each wait may be twice the one before."""
    max_tries: int = 8
    """Over all models of one request."""


class StrategyWeights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a strategy weighs; unset is the strategy's own weight."""

    quality: float | None = None
    """How good its answers are."""
    speed: float | None = None
    """How soon and how fast it answers."""
    cost: float | None = None
    """How cheap it is."""
    load: float | None = None
    """Few running streams."""
    fit: float | None = None
    """Good at what the prompt asks for."""
    learned: float | None = None
    """What became of its answers."""


class Strategies(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`[strategies.NAME]`: the weights of each."""

    quality_first: StrategyWeights = StrategyWeights()
    cost_optimized: StrategyWeights = StrategyWeights()
    speed_priority: StrategyWeights = StrategyWeights()
    balanced: StrategyWeights = StrategyWeights()
    least_loaded: StrategyWeights = StrategyWeights()
    capability_match: StrategyWeights = StrategyWeights()
    learned: StrategyWeights = StrategyWeights()


class Adaptive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[adaptive]`: a fast model's short answer at once, and the best model's detailed one in its place."""

    enabled: bool = False
    """True: the screen begins with it; `/adaptive` changes it there."""
    first_strategy: str = "speed-priority"
    """How the fast model is chosen."""
    first_max_tokens: int = 50
    """The most that its answer may have."""
    first_temperature: float = 0.5
    """0 is the most certain."""
    second_strategy: str = "quality-first"
    """How the best model is chosen, where none is named."""
    instruction: str = "Give a detailed and comprehensive answer."
    """What the best model is told behind the question; empty: nothing."""


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[web]`: who may ask over the network, and how much."""

    token: str = ""
    """What every request must carry; unset: a new one at each start. `CHAT_TUI_TOKEN` goes first."""
    hosts: tuple[str, ...] = ()
    """Names by which the server may be called besides loopback, such as a proxy's."""
    origins: tuple[str, ...] = ()
    """Pages of these origins may ask too, such as `https://chat.example.com`."""
    max_streams: int = 1024
    """Answers that run for one client at once."""
    requests_per_minute: int = 6000
    """Of one client; so many may come at once."""
    max_body_bytes: int = 20 * 1024 * 1024
    """The most that a request may bring."""
    access_log: bool = True
    """One line on stderr for each request, without its contents."""
    reader_seconds: float = 600.0
    """Whoever takes nothing of an answer for so long is taken for gone (on Linux)."""
    stop_seconds: float = 10.0
    """So long running answers may go on when the server is stopped."""


def with_profile(table: dict[str, Any]) -> dict[str, Any]:
    """The config's table with the time limits of its `profile` for those that it does not set itself."""
    timeouts = table.get("timeouts")
    if not isinstance(timeouts, dict) or not isinstance(timeouts.get("profile"), str):
        return table
    profile = _FORMER_PROFILES.get(timeouts["profile"], timeouts["profile"])
    if profile != "strict":
        return table
    return {**table, "timeouts": {**STRICT_TIMEOUTS, **timeouts, "profile": profile}}
