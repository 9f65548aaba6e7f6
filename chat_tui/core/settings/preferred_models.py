"""The user's favourite and recently chosen models, kept in the store."""

from __future__ import annotations

from typing import NamedTuple, Protocol

_FAVOURITES, _RECENT = "favourite models", "recent models"
"""Places in the store, with one model in each line."""
_RECENT_LIMIT = 5
_FAVOURITES_LIMIT = 100


class StoredTexts(Protocol):
    """Short texts by key, such as the engine's `places`."""

    async def get(self, key: str) -> str:
        """The text with this key; empty if there is none."""

    async def set(self, key: str, value: str) -> None:
        """Store a text."""


class PreferredModels(NamedTuple):
    """The models that come first, by their ids."""

    favourites: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    """Those chosen last, the latest first."""


class ModelPreferences:
    """The user's favourites and last choices; `models` is empty until `restore`.

    Other processes change them in the store, too, so each change begins with what the store holds.
    """

    def __init__(self) -> None:
        self.models = PreferredModels()

    async def restore(self, places: StoredTexts) -> None:
        """Read the models from the store."""
        favourites, recent = await places.get(_FAVOURITES), await places.get(_RECENT)
        self.models = PreferredModels(tuple(favourites.splitlines()), tuple(recent.splitlines()))

    async def note_chosen(self, places: StoredTexts, model: str) -> None:
        """Record a chosen model as the most recent one."""
        await self.restore(places)
        others = [name for name in self.models.recent if name != model]
        self.models = self.models._replace(recent=(model, *others)[:_RECENT_LIMIT])
        await places.set(_RECENT, "\n".join(self.models.recent))

    async def set_favourite(self, places: StoredTexts, model: str, *, favourite: bool) -> None:
        """Add a model to the favourites, or remove it; one that is there already keeps its place."""
        await self.restore(places)
        if favourite == (model in self.models.favourites):
            return
        others = tuple(name for name in self.models.favourites if name != model)
        added = (model,) if favourite else ()
        self.models = self.models._replace(favourites=(*others, *added)[-_FAVOURITES_LIMIT:])
        await places.set(_FAVOURITES, "\n".join(self.models.favourites))
