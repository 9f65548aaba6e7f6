"""The models in the order of a strategy; sorted and described only as far as somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from typing import overload

from chat_tui.core.models import Model
from chat_tui.core.route import Candidate
from chat_tui.routing.ranking.estimates import has_price
from chat_tui.routing.ranking.model_table import CandidateTable

DETAILED = 20
"""Candidates that are returned with what is expected of them: a route lists so many."""

FEW = 40
"""So many models are sorted as quickly as the best of them are found."""


class Ranking(Sequence[Candidate]):
    """The candidates, the best first; the excluded ones come last."""

    def __init__(
        self,
        table: CandidateTable,
        success: Sequence[float],
        values: Sequence[float],
        order: Callable[[int], Sequence[int]],
        excluded: Sequence[Candidate] = (),
    ) -> None:
        """`order` returns the indices of so many models of the table, the best first."""
        self._table, self._success, self._values, self._order = table, success, values, order
        self.excluded = excluded

    def models(self, most: int) -> tuple[Model, ...]:
        """Return the best models that are not excluded."""
        return tuple(self._table.models[place] for place in self._order(most))

    @cached_property
    def best(self) -> Sequence[Candidate]:
        """The first ones that are not excluded, with what is expected of them."""
        return [self._detailed(place) for place in self._order(DETAILED)]

    def find(self, names: Collection[str]) -> Sequence[Candidate]:
        """Return the candidates of these names that are neither among the best nor excluded, in no order."""
        left = set(names).difference([candidate.model for candidate in self.best])
        if not left:
            return ()
        return [self._detailed(place) for place, model in enumerate(self._table.models) if model.name in left]

    @property
    def able(self) -> int:
        """The number of candidates that are not excluded."""
        return len(self._table.models)

    @cached_property
    def _all(self) -> Sequence[Candidate]:
        # There may be hundreds; nobody looks at the figures of the hundredth.
        later = self._order(self.able)[len(self.best) :]
        named = [Candidate(self._table.models[place].name, self._values[place]) for place in later]
        return [*self.best, *named, *self.excluded]

    def _detailed(self, place: int) -> Candidate:
        table, model = self._table, self._table.models[place]
        return Candidate(
            model.name,
            round(self._values[place], 4),
            note=table.unavailable.get(model.name, ""),
            success=round(self._success[place], 3),
            price=round(table.dollars[place], 7) if has_price(model) else None,
            seconds=round(table.seconds[place], 2),
        )

    def __len__(self) -> int:
        return self.able + len(self.excluded)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self._all)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Candidate]: ...

    def __getitem__(self, index: int | slice) -> Candidate | Sequence[Candidate]:
        return self._all[index]


def excluded_of(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return the candidates that are excluded."""
    if isinstance(candidates, Ranking):
        return candidates.excluded
    return [candidate for candidate in candidates if candidate.out]


def best_places(places: Sequence[int], columns: Sequence[Sequence[float]], most: int) -> Sequence[int]:
    """Return those of the places with the greatest numbers, the greatest first.

    A column decides where the ones before it are equal, and then the order of the places.
    """
    first = columns[0]
    if most == 1 and len(columns) == 1 and places:
        numbers = _numbers_at(places, first)
        return [places[numbers.index(max(numbers))]]
    kept = _narrow(places, columns, most) if len(places) > max(most, FEW) else places
    if len(columns) == 1:
        return sorted(kept, key=first.__getitem__, reverse=True)[:most]
    return sorted(kept, key=lambda place: [column[place] for column in columns], reverse=True)[:most]


def _narrow(places: Sequence[int], columns: Sequence[Sequence[float]], most: int) -> Sequence[int]:
    """Return the best places in the order in which they came: numbers are sorted far faster than keys."""
    numbers = _numbers_at(places, columns[0])
    least = max(numbers) if most == 1 else sorted(numbers)[-most]
    kept = [place for place, number in zip(places, numbers, strict=True) if number >= least]
    if len(kept) <= most:
        return kept
    first = columns[0]
    above = [place for place in kept if first[place] > least]
    tied = [place for place in kept if first[place] == least]
    room = most - len(above)
    return sorted([*above, *(_narrow(tied, columns[1:], room) if len(columns) > 1 else tied[:room])])


def _numbers_at(places: Sequence[int], column: Sequence[float]) -> Sequence[float]:
    return column if len(places) == len(column) else [column[place] for place in places]
