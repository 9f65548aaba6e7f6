"""What is known about each model from its answers: latency, speed, failures, cooldown, verdicts.

It is stored between runs; older observations count less and are dropped in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import repeat
from typing import TypeAlias

import msgspec

from chat_tui.core.chunks import Timings, TokenKind
from chat_tui.core.errors import ProviderError, RateLimited, Rejected, ToolsRefused

WEIGHT = 0.3
"""The weight of the newest answer in the moving means."""
REST_AFTER_FAILURES = 3
"""Failures in a row before a cooldown."""
REST_SECONDS = 30.0
REST_LIMIT_SECONDS = 600.0
DISCOUNT = 0.97
"""The weight of an outcome relative to the next newer one of the same kind."""
HALF_LIFE_SECONDS = 3 * 86_400.0
"""Stored observations count half after this time."""
FORGOTTEN = 0.1
"""Observations that have faded to less than this share of an answer are dropped."""


Outcomes: TypeAlias = dict[str, tuple[float, float]]
"""By kind of task: the number of good and of bad outcomes."""


class ModelStats(msgspec.Struct, frozen=True):
    """One model's measured health; None where nothing has been measured."""

    ttft_seconds: float | None = None
    tokens_per_second: float | None = None
    answers: int = 0
    failures_in_a_row: int = 0
    resting_until: float = 0.0
    """On the clock of `Health`."""
    running: int = 0
    """The number of its streams that run now."""
    asked: int = 0
    """The number of its last request, counted over all models; 0: never."""
    outcomes: Outcomes = {}
    """Outcomes, verdicts included, with older ones discounted."""
    verdicts: Outcomes = {}
    """People's verdicts alone."""
    begins_thinking: bool = False
    """Whether its answers begin with thinking, without the mark that opens it."""
    thinking_seconds: float | None = None
    """How long it thinks after its first token, which is then one of its thinking; 0 if its thinking is not shown."""

    refuses_tools: bool = False
    """Whether it has refused a request because of its tools. Not stored: a server may learn to use them."""


class SavedStats(msgspec.Struct, frozen=True):
    """What is stored."""

    at: float
    """Seconds since 1970."""
    vitals: dict[str, ModelStats]


_UNKNOWN = ModelStats()


class Health:
    """The health of all models, by name; `clock` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._vitals: dict[str, ModelStats] = {}
        self._resting: set[str] = set()
        """Models with a cooldown, that may have ended: of hundreds, few have one."""
        self._outcomes: dict[str, float] = {}
        """The number of each model's outcomes."""
        self._asked = 0

    def snapshot(self) -> Health:
        """Return a copy whose clock stands still."""
        now = self._clock()
        copy = Health(lambda: now)
        copy._vitals, copy._asked = dict(self._vitals), self._asked
        copy._resting, copy._outcomes = set(self._resting), dict(self._outcomes)
        return copy

    def vitals(self, model: str) -> ModelStats:
        """Return what is known about a model."""
        return self._vitals.get(model, _UNKNOWN)

    def resting_seconds(self, model: str) -> float:
        """Return the rest of the model's cooldown in seconds, 0 if there is none."""
        until = self.vitals(model).resting_until
        return max(0.0, until - self._clock()) if until else 0.0

    def unavailable_reason(self, model: str) -> str:
        """Return why other models are preferred now (a cooldown, or a stream that tests the model after it), or empty.

        If no other model is left, this one is asked all the same.
        """
        vitals = self._vitals.get(model)
        if vitals is None or not vitals.resting_until:
            return ""
        rest = vitals.resting_until - self._clock()
        if rest > 0:
            return f"is in cooldown for {rest:.0f} s after failures"
        return "is being retried after its cooldown" if vitals.running else ""

    def all_of(self, names: Sequence[str]) -> Sequence[ModelStats]:
        """Return the health of each model; there may be hundreds."""
        return list(map(self._vitals.get, names, repeat(_UNKNOWN)))

    def outcomes_known(self) -> float:
        """Return the number of outcomes of all models, whether they can be chosen now or not."""
        return sum(self._outcomes.values())

    def refusing_tools(self) -> Collection[str]:
        """Return the names of the models that have refused tools."""
        return [name for name, vitals in self._vitals.items() if vitals.refuses_tools]

    def unavailable(self) -> Mapping[str, str]:
        """Return the reason for each model that a strategy does not choose now, by name."""
        return {name: why for name in sorted(self._resting) if (why := self.unavailable_reason(name))}

    def _change(self, model: str, **fields: object) -> None:
        self._keep(model, msgspec.structs.replace(self.vitals(model), **fields))

    def _keep(self, model: str, stats: ModelStats) -> None:
        before, self._vitals[model] = self.vitals(model), stats
        (self._resting.add if stats.resting_until else self._resting.discard)(model)
        if stats.outcomes is not before.outcomes:
            self._outcomes[model] = sum([won + lost for won, lost in stats.outcomes.values()])

    def note_start(self, model: str) -> None:
        """Note that a stream of this model begins."""
        self._asked += 1
        self._change(model, running=self.vitals(model).running + 1, asked=self._asked)

    def note_end(self, model: str) -> None:
        """Note that a stream of this model has ended, in whatever way."""
        self._change(model, running=max(0, self.vitals(model).running - 1))

    def note_answer(self, model: str, timings: Timings, kind: str = "") -> None:
        """Note a complete answer; `kind` is the kind of task."""
        known = self.vitals(model)
        # The fewer answers there are, the more the newest counts.
        weight = max(WEIGHT, 1 / (known.answers + 2))
        self._change(
            model,
            ttft_seconds=_moving_mean(known.ttft_seconds, timings.ttft_seconds, weight),
            tokens_per_second=_moving_mean(known.tokens_per_second, timings.tokens_per_second, weight),
            thinking_seconds=_moving_mean(known.thinking_seconds, timings.thinking_seconds or 0.0, weight),
            answers=known.answers + 1,
            failures_in_a_row=0,
            resting_until=0.0,
        )
        # An answer counts half as much as a verdict.
        self._change(model, outcomes=_add_outcome(self.vitals(model).outcomes, kind, 0.5, 0.0))

    def note_reclassified(self, model: str, kind: TokenKind) -> None:
        """Note that an answer turned out to begin with this kind: the model's next one may, too."""
        self._change(model, begins_thinking=kind == "thinking")

    def note_verdict(self, model: str, good: float, kind: str = "") -> None:
        """Note a person's verdict on an answer: 1 good, 0 bad; `kind` is the kind of task."""
        known, pair = self.vitals(model), (good, 1.0 - good)
        self._change(
            model,
            outcomes=_add_outcome(known.outcomes, kind, *pair),
            verdicts=_add_outcome(known.verdicts, kind, *pair),
        )

    def withdraw_verdict(self, model: str, good: float, kind: str = "") -> None:
        """Remove an earlier verdict."""
        known, pair = self.vitals(model), (-good, good - 1.0)
        self._change(
            model,
            outcomes=_add_outcome(known.outcomes, kind, *pair, older=1.0),
            verdicts=_add_outcome(known.verdicts, kind, *pair, older=1.0),
        )

    def note_failure(self, model: str, error: ProviderError, kind: str = "") -> None:
        """Note a failed attempt: a rate limit begins a cooldown at once, other failures when they repeat.

        A request that was malformed or too long is not the model's fault; that it cannot use tools is remembered.
        """
        if isinstance(error, ToolsRefused):
            self._change(model, refuses_tools=True)
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
        self._change(model, outcomes=_add_outcome(self.vitals(model).outcomes, kind, 0.0, 1.0))

    # -- across restarts ------------------------------------------------------------------------------------------

    def to_json(self, at: float) -> str:
        """Return all observations as JSON; `at` is the time in seconds since 1970."""
        now = self._clock()
        vitals = {
            name: msgspec.structs.replace(
                known,
                running=0,
                asked=0,
                refuses_tools=False,
                resting_until=max(0.0, known.resting_until - now) if known.resting_until else 0.0,
            )
            for name, known in self._vitals.items()
            if known.answers or known.failures_in_a_row or known.outcomes
        }
        return msgspec.json.encode(SavedStats(at, vitals)).decode()

    def load_json(self, text: str, at: float) -> None:
        """Add stored observations, faded by the time since then; a text that cannot be read is ignored."""
        try:
            kept = msgspec.json.decode(text, type=SavedStats)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return
        age = max(0.0, at - kept.at)
        share = 0.5 ** (age / HALF_LIFE_SECONDS)
        for name, old in kept.vitals.items():
            if name not in self._vitals and old.answers >= 0:
                self._keep(name, _fade(old, share, age, self._clock()))


def _fade(old: ModelStats, share: float, age: float, now: float) -> ModelStats:
    rest = old.resting_until - age
    answers = int(old.answers * share + FORGOTTEN)
    return ModelStats(
        ttft_seconds=old.ttft_seconds if answers else None,
        tokens_per_second=old.tokens_per_second if answers else None,
        thinking_seconds=old.thinking_seconds if answers else None,
        answers=answers,
        failures_in_a_row=old.failures_in_a_row if rest > 0 else int(old.failures_in_a_row * share),
        resting_until=now + min(rest, REST_LIMIT_SECONDS) if rest > 0 else 0.0,
        outcomes=_fade_outcomes(old.outcomes, share),
        verdicts=_fade_outcomes(old.verdicts, share),
        begins_thinking=old.begins_thinking,
    )


def _fade_outcomes(old: Outcomes, share: float) -> Outcomes:
    faded = {kind: (round(good * share, 3), round(bad * share, 3)) for kind, (good, bad) in old.items()}
    return {kind: pair for kind, pair in faded.items() if sum(pair) >= FORGOTTEN}


def _add_outcome(known: Outcomes, kind: str, good: float, bad: float, older: float = DISCOUNT) -> Outcomes:
    """Return the outcomes with one more of this kind; earlier ones count a little less."""
    won, lost = known.get(kind, (0.0, 0.0))
    return {**known, kind: (max(0.0, round(won * older + good, 3)), max(0.0, round(lost * older + bad, 3)))}


def _moving_mean(known: float | None, new: float | None, weight: float) -> float | None:
    if new is None:
        return known
    return new if known is None else known + weight * (new - known)
