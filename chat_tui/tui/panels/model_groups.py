"""The order of the list of models: favourites, recently chosen ones, then each provider's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from chat_tui.core.models import ModelStatus
from chat_tui.core.settings.preferred_models import PreferredModels

FAVOURITES, RECENT = "Favourites", "Recent"
_FEW = 8
"""So few models are found without headings."""


class GroupedModel(NamedTuple):
    """A model in the list: its group, and its place among the statuses."""

    group: str
    place: int


def grouped_models(standings: Sequence[ModelStatus], preferred: PreferredModels) -> list[GroupedModel]:
    """Every model once, in the order in which the list shows them: within a provider as they came."""
    places = {standing.model.name: place for place, standing in enumerate(standings)}
    first: dict[int, str] = {}
    for title, names in ((FAVOURITES, preferred.favourites), (RECENT, preferred.recent)):
        for name in names:
            if (place := places.get(name)) is not None:
                first.setdefault(place, title)
    groups: dict[str, list[int]] = {}
    for place, standing in enumerate(standings):
        if place not in first:
            groups.setdefault(standing.model.provider, []).append(place)
    rest = [GroupedModel(name, place) for name, group in groups.items() for place in group]
    return [*(GroupedModel(title, place) for place, title in first.items()), *rest]


def group_headings(models: Sequence[GroupedModel], total: int) -> Iterator[tuple[int, str]]:
    """(row, words) of the headings above these rows; `total`: the number of models when nothing is filtered."""
    row = 0
    if total > _FEW:
        for title, group in groupby(models, lambda model: model.group):
            count = sum(1 for _ in group)
            yield row, f"{title} · {count}"
            row += count
