"""The models that a request may be sent to, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.routing.policy import FIXED, Plan
from chat_tui.routing.ranking.health import Health

NextRung: TypeAlias = Callable[[Request, str, Collection[str]], Sequence[Model]]
"""The models that a strategy ranks when the models of these names have failed."""


class RankedModel(NamedTuple):
    """A model to be asked."""

    model: Model
    rung: str
    """The strategy of the ladder that has chosen it; empty for the request's own."""


class CandidateQueue:
    """The models of a plan and then those of its ladder, each once.

    A model whose cooldown has begun meanwhile, or that is being retried after it, comes when no other is left.
    """

    def __init__(self, request: Request, plan: Plan, health: Health, next_rung: NextRung) -> None:
        self._request, self._plan, self._health, self._next_rung = request, plan, health, next_rung
        self._models = self._rank()
        self._waiting: RankedModel | None = None
        """The next model, if it was looked at already: the ranking is read once."""

    def take(self) -> RankedModel | None:
        """Return the next model; None when none is left."""
        taken = self._waiting or next(self._models, None)
        self._waiting = None
        return taken

    def has_more(self) -> bool:
        """Return whether another model is left."""
        self._waiting = self._waiting or next(self._models, None)
        return self._waiting is not None

    def _rank(self) -> Iterator[RankedModel]:
        plan = self._plan
        taken: list[str] = []
        postponed: dict[str, RankedModel] = {}
        for rung in ("", *plan.rungs):
            for model in self._next_rung(self._request, rung, taken) if rung else plan.models:
                is_chosen_by_name = plan.strategy == FIXED and model is plan.models[0]
                if self._health.unavailable_reason(model.name) and not is_chosen_by_name:
                    postponed.setdefault(model.name, RankedModel(model, rung))
                elif model.name not in taken:
                    taken.append(model.name)
                    yield RankedModel(model, rung)
        yield from (each for name, each in postponed.items() if name not in taken)
