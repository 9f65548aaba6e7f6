"""The settings of the router, and what a strategy has decided for one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from chat_tui.config.schema import Config, ErrorHandling, ProviderRow, Strategies, Timeouts
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import Model
from chat_tui.core.route import Candidate
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.ranking.model_table import CandidateTable

FIXED = "fixed"
"""The strategy's name if a model was chosen by name."""


class ProviderLimits(msgspec.Struct, frozen=True):
    """The limits of one provider; None: those of all."""

    timeouts: Timeouts | None = None
    error_handling: ErrorHandling | None = None


class RoutingPolicy(msgspec.Struct, frozen=True):
    """How the router waits, retries, falls back and trims."""

    timeouts: Timeouts = Timeouts()
    error_handling: ErrorHandling = ErrorHandling()
    exchanges: int | None = None
    """The most earlier exchanges that are sent; None: as many as fit."""
    streams: dict[str, int] = {}
    """Concurrent streams by provider; others have `streams_default`."""
    streams_default: int = 3
    streaming: bool = True
    """False: the whole reply comes as one token chunk."""
    on_break: Literal["keep", "continue"] = "keep"
    """What happens to an answer whose connection was lost."""
    by_provider: dict[str, ProviderLimits] = {}
    """Limits by the provider's name."""
    fallbacks_of: dict[str, tuple[str, ...]] = {}
    """The fallbacks of a model, by its name, in place of the router's `fallbacks`."""
    strategies: Strategies = Strategies()

    def timeouts_of(self, model: Model) -> Timeouts:
        """Return the time limits for a model, which may be those of its provider."""
        return self._of(model).timeouts or self.timeouts

    def handling_of(self, model: Model) -> ErrorHandling:
        """Return how often a model is asked again, which may be up to its provider."""
        return self._of(model).error_handling or self.error_handling

    def _of(self, model: Model) -> ProviderLimits:
        return self.by_provider.get(model.provider) or ProviderLimits()


_TIMEOUTS = ("first_token_seconds", "working_seconds", "token_seconds", "stream_seconds")
_HANDLING = ("retry_attempts", "retry_delay_seconds", "exponential_backoff")


def policy_of(config: Config, *, local_streams: int) -> RoutingPolicy:
    """Return the config's settings; `local_streams` is how many replies this machine generates at once."""
    performance = config.performance
    own = {row.name: row.max_concurrent_streams for row in config.providers}
    return RoutingPolicy(
        timeouts=config.timeouts,
        error_handling=config.error_handling,
        exchanges=config.memory.exchanges,
        streams={"local": local_streams, **{name: most for name, most in own.items() if most is not None}},
        streams_default=performance.max_concurrent_streams,
        streaming=performance.enable_streaming,
        on_break=config.on_break,
        fallbacks_of={row.name: row.fallbacks for row in config.models if row.fallbacks},
        strategies=config.strategies,
        by_provider={row.name: _limits(config, row) for row in config.providers},
    )


def _limits(config: Config, row: ProviderRow) -> ProviderLimits:
    """Return the config's limits with those of a provider's row."""

    def overrides(names: tuple[str, ...]) -> dict[str, Any]:
        return {name: value for name in names if (value := getattr(row, name)) is not None}

    return ProviderLimits(
        msgspec.structs.replace(config.timeouts, **overrides(_TIMEOUTS)),
        msgspec.structs.replace(config.error_handling, **overrides(_HANDLING)),
    )


class Plan(msgspec.Struct, frozen=True):
    """What the strategy has decided."""

    strategy: str
    models: tuple[Model, ...]
    """In the order in which they are tried."""
    candidates: Sequence[Candidate] = ()
    error: ChatTuiError | None = None
    """Why there is nothing to try."""
    rungs: tuple[str, ...] = ()
    """The strategies that choose further models when all of these have failed."""
    needs: str = ""
    """What the prompt asks for, in words."""
    kind: str = ""
    """The kind of task."""
    difficulty: float | None = None
    """The prompt's difficulty in logits."""
    health: Health | None = None
    """The models' health at that time."""
    table: CandidateTable | None = None
    """The estimates that the strategy looked at; None if it makes its own, or a model was chosen by name."""
