"""What was learned of each model from its answers: latency, speed, failures, rest period."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from chat_tui.chunks import Timings
from chat_tui.errors import ProviderError, RateLimited, Rejected

WEIGHT = 0.3
"""Of the newest answer in the moving means."""
REST_AFTER_FAILURES = 3
"""Failures in a row before a model rests."""
REST_SECONDS = 30.0
REST_LIMIT_SECONDS = 600.0


class Vitals(msgspec.Struct, frozen=True):
    """One model's measured health; None where nothing was measured yet."""

    ttft_seconds: float | None = None
    tokens_per_second: float | None = None
    answers: int = 0
    failures_in_a_row: int = 0
    resting_until: float = 0.0
    """On the clock of `Health`."""
    running: int = 0
    """Streams that run now."""


_UNKNOWN = Vitals()


class Health:
    """Vitals by model name; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._vitals: dict[str, Vitals] = {}

    def vitals(self, model: str) -> Vitals:
        """What is known of a model."""
        return self._vitals.get(model, _UNKNOWN)

    def resting_seconds(self, model: str) -> float:
        """How long the model still rests, 0 when it does not."""
        until = self.vitals(model).resting_until
        return max(0.0, until - self._clock()) if until else 0.0

    def _change(self, model: str, **fields: object) -> None:
        self._vitals[model] = msgspec.structs.replace(self.vitals(model), **fields)

    def began(self, model: str) -> None:
        """A stream of this model runs."""
        self._change(model, running=self.vitals(model).running + 1)

    def ended(self, model: str) -> None:
        """A stream of this model runs no more, whatever its ending."""
        self._change(model, running=max(0, self.vitals(model).running - 1))

    def answered(self, model: str, timings: Timings) -> None:
        """An answer came to its end."""
        known = self.vitals(model)
        self._change(
            model,
            ttft_seconds=_moved(known.ttft_seconds, timings.ttft_seconds),
            tokens_per_second=_moved(known.tokens_per_second, timings.tokens_per_second),
            answers=known.answers + 1,
            failures_in_a_row=0,
            resting_until=0.0,
        )

    def failed(self, model: str, error: ProviderError) -> None:
        """A try failed: a rate limit rests the model at once, other failures when they repeat.

        That a request was not well formed or too long is not the model's fault.
        """
        if isinstance(error, Rejected):
            return
        failures = self.vitals(model).failures_in_a_row + 1
        rest = 0.0
        if isinstance(error, RateLimited):
            rest = error.retry_after if error.retry_after is not None else REST_SECONDS
        elif failures >= REST_AFTER_FAILURES and error.retryable:
            rest = REST_SECONDS * 2 ** min(failures - REST_AFTER_FAILURES, 8)
        until = self._clock() + min(rest, REST_LIMIT_SECONDS) if rest else self.vitals(model).resting_until
        self._change(model, failures_in_a_row=failures, resting_until=until)


def _moved(known: float | None, new: float | None) -> float | None:
    if new is None:
        return known
    return new if known is None else known + WEIGHT * (new - known)
