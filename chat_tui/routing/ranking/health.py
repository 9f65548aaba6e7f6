"""What was learned of each model from its answers: latency, speed, failures, rest period, how well they were liked.

It can be written down and read again; what is old counts less, and is forgotten in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from chat_tui.core.chunks import Timings, TokenKind
from chat_tui.core.errors import ProviderError, RateLimited, Rejected
from chat_tui.core.models import Model

WEIGHT = 0.3
"""Of the newest answer in the moving means."""
REST_AFTER_FAILURES = 3
"""Failures in a row before a model rests."""
REST_SECONDS = 30.0
REST_LIMIT_SECONDS = 600.0
DISCOUNT = 0.97
"""What an older outcome of the same kind counts beside the next newer one."""
HALF_LIFE_SECONDS = 3 * 86_400.0
"""What was learned counts half after so long without the program."""
FORGOTTEN = 0.1
"""Of an answer: what has faded to less is forgotten."""


Outcomes: TypeAlias = dict[str, tuple[float, float]]
"""By kind of task: how many were good, how many bad."""


class ModelStats(msgspec.Struct, frozen=True):
    """One model's measured health; None where nothing was measured yet."""

    ttft_seconds: float | None = None
    tokens_per_second: float | None = None
    answers: int = 0
    failures_in_a_row: int = 0
    resting_until: float = 0.0
    """On the clock of `Health`."""
    running: int = 0
    """Streams that run now."""
    asked: int = 0
    """When it was last asked, counted over all models; 0: never."""
    outcomes: Outcomes = {}
    """By kind of task: the good and the bad outcomes, verdicts included, older ones discounted."""
    verdicts: Outcomes = {}
    """By kind of task: people's verdicts alone, good and bad."""
    begins_thinking: bool = False
    """Its answers begin in thinking, without the mark that opens it."""


class SavedStats(msgspec.Struct, frozen=True):
    """What is written down."""

    at: float
    """Seconds since 1970."""
    vitals: dict[str, ModelStats]


_UNKNOWN = ModelStats()


class Health:
    """Vitals by model name; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._vitals: dict[str, ModelStats] = {}
        self._asked = 0

    def frozen(self) -> Health:
        """As it is now, for who looks at it later."""
        now = self._clock()
        copy = Health(lambda: now)
        copy._vitals, copy._asked = dict(self._vitals), self._asked
        return copy

    def vitals(self, model: str) -> ModelStats:
        """What is known of a model."""
        return self._vitals.get(model, _UNKNOWN)

    def resting_seconds(self, model: str) -> float:
        """How long the model still rests, 0 when it does not."""
        until = self.vitals(model).resting_until
        return max(0.0, until - self._clock()) if until else 0.0

    def why_not(self, model: str) -> str:
        """Why the model gives way to others now: it rests, or after its rest one stream tries whether it answers again.
        Empty where it need not. Where no other is left it is asked all the same, and its server decides."""
        vitals = self._vitals.get(model)
        if vitals is None or not vitals.resting_until:
            return ""
        rest = vitals.resting_until - self._clock()
        if rest > 0:
            return f"is in cooldown for {rest:.0f} s after failures"
        return "is being retried after its cooldown" if vitals.running else ""

    def all_of(self, models: Sequence[Model]) -> Sequence[ModelStats]:
        """The vitals of each; there may be hundreds."""
        known = self._vitals
        return [known.get(model.name, _UNKNOWN) for model in models]

    def waiting(self) -> Mapping[str, str]:
        """Why a strategy does not choose them now, of the models that rest or are tried again."""
        reasons = {name: self.why_not(name) for name, vitals in self._vitals.items() if vitals.resting_until}
        return {name: why for name, why in reasons.items() if why}

    def _change(self, model: str, **fields: object) -> None:
        self._vitals[model] = msgspec.structs.replace(self.vitals(model), **fields)

    def began(self, model: str) -> None:
        """A stream of this model runs."""
        self._asked += 1
        self._change(model, running=self.vitals(model).running + 1, asked=self._asked)

    def ended(self, model: str) -> None:
        """A stream of this model runs no more, whatever its ending."""
        self._change(model, running=max(0, self.vitals(model).running - 1))

    def answered(self, model: str, timings: Timings, kind: str = "") -> None:
        """An answer came to its end; `kind` is what was asked for."""
        known = self.vitals(model)
        # The fewer answers a mean stands on, the more the newest counts.
        weight = max(WEIGHT, 1 / (known.answers + 2))
        self._change(
            model,
            ttft_seconds=_moved(known.ttft_seconds, timings.ttft_seconds, weight),
            tokens_per_second=_moved(known.tokens_per_second, timings.tokens_per_second, weight),
            answers=known.answers + 1,
            failures_in_a_row=0,
            resting_until=0.0,
        )
        # That it answered at all counts half of a verdict.
        self._change(model, outcomes=_counted(self.vitals(model).outcomes, kind, 0.5, 0.0))

    def reclassified(self, model: str, kind: TokenKind) -> None:
        """A part of an answer turned out to be of this kind: what an answer of this model begins with is known now."""
        self._change(model, begins_thinking=kind == "thinking")

    def judged(self, model: str, good: float, kind: str = "") -> None:
        """A person's verdict on an answer: 1 good, 0 bad; `kind` is what was asked for."""
        known, pair = self.vitals(model), (good, 1.0 - good)
        self._change(
            model, outcomes=_counted(known.outcomes, kind, *pair), verdicts=_counted(known.verdicts, kind, *pair)
        )

    def taken_back(self, model: str, good: float, kind: str = "") -> None:
        """The person thinks otherwise: what an earlier verdict has counted counts no more."""
        known, pair = self.vitals(model), (-good, good - 1.0)
        self._change(
            model,
            outcomes=_counted(known.outcomes, kind, *pair, older=1.0),
            verdicts=_counted(known.verdicts, kind, *pair, older=1.0),
        )

    def failed(self, model: str, error: ProviderError, kind: str = "") -> None:
        """A try failed: a rate limit rests the model at once, other failures when they repeat.

        That a request was not well formed or too long is not the model's fault.
        """
        if isinstance(error, Rejected):
            return
        failures = self.vitals(model).failures_in_a_row + 1
        rest = 0.0
        if isinstance(error, RateLimited):
            wish = error.retry_after
            rest = wish if wish is not None and wish >= 0 else REST_SECONDS
        elif failures >= REST_AFTER_FAILURES and error.retryable:
            rest = REST_SECONDS * 2 ** min(failures - REST_AFTER_FAILURES, 8)
        until = self._clock() + min(rest, REST_LIMIT_SECONDS) if rest else self.vitals(model).resting_until
        self._change(model, failures_in_a_row=failures, resting_until=until)
        self._change(model, outcomes=_counted(self.vitals(model).outcomes, kind, 0.0, 1.0))

    # -- across restarts ------------------------------------------------------------------------------------------

    def written(self, at: float) -> str:
        """What was learned, as a short text; `at` is the time in seconds since 1970."""
        now = self._clock()
        vitals = {
            name: msgspec.structs.replace(
                known,
                running=0,
                asked=0,
                resting_until=max(0.0, known.resting_until - now) if known.resting_until else 0.0,
            )
            for name, known in self._vitals.items()
            if known.answers or known.failures_in_a_row or known.outcomes
        }
        return msgspec.json.encode(SavedStats(at, vitals)).decode()

    def read(self, text: str, at: float) -> None:
        """Take up what was written down, faded by the time since; a text that cannot be read is nothing learned."""
        try:
            kept = msgspec.json.decode(text, type=SavedStats)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return
        age = max(0.0, at - kept.at)
        share = 0.5 ** (age / HALF_LIFE_SECONDS)
        for name, old in kept.vitals.items():
            if name not in self._vitals and old.answers >= 0:
                self._vitals[name] = _faded(old, share, age, self._clock())


def _faded(old: ModelStats, share: float, age: float, now: float) -> ModelStats:
    rest = old.resting_until - age
    answers = int(old.answers * share + FORGOTTEN)
    return ModelStats(
        ttft_seconds=old.ttft_seconds if answers else None,
        tokens_per_second=old.tokens_per_second if answers else None,
        answers=answers,
        failures_in_a_row=old.failures_in_a_row if rest > 0 else int(old.failures_in_a_row * share),
        resting_until=now + min(rest, REST_LIMIT_SECONDS) if rest > 0 else 0.0,
        outcomes=_faded_outcomes(old.outcomes, share),
        verdicts=_faded_outcomes(old.verdicts, share),
        begins_thinking=old.begins_thinking,
    )


def _faded_outcomes(old: Outcomes, share: float) -> Outcomes:
    faded = {kind: (round(good * share, 3), round(bad * share, 3)) for kind, (good, bad) in old.items()}
    return {kind: pair for kind, pair in faded.items() if sum(pair) >= FORGOTTEN}


def _counted(known: Outcomes, kind: str, good: float, bad: float, older: float = DISCOUNT) -> Outcomes:
    """One more outcome of this kind; the earlier ones count a little less."""
    won, lost = known.get(kind, (0.0, 0.0))
    return {**known, kind: (max(0.0, round(won * older + good, 3)), max(0.0, round(lost * older + bad, 3)))}


def _moved(known: float | None, new: float | None, weight: float) -> float | None:
    if new is None:
        return known
    return new if known is None else known + weight * (new - known)
