"""The user's favourite and recently chosen models, kept in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

_FAVOURITES, _RECENT = "favourite models", "recent models"
"""Places in the store, with one model in each line."""
_RECENT_LIMIT = 5
_FAVOURITES_LIMIT = 100


class PreferredModels(NamedTuple):
    """The models that come first, by their ids."""

    favourites: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()
    """Those chosen last, the latest first."""


class ModelPreferences:
    """The user's favourites and last choices; `models` is empty until `restore`."""

    def __init__(self) -> None:
        self.models = PreferredModels()

    async def restore(self, engine: Engine) -> None:
        """Read the models from the store."""
        favourites, recent = await engine.places.get(_FAVOURITES), await engine.places.get(_RECENT)
        self.models = PreferredModels(tuple(favourites.splitlines()), tuple(recent.splitlines()))

    async def note_chosen(self, engine: Engine, model: str) -> None:
        """Record a chosen model as the most recent one."""
        others = [name for name in self.models.recent if name != model]
        self.models = self.models._replace(recent=(model, *others)[:_RECENT_LIMIT])
        await engine.places.set(_RECENT, "\n".join(self.models.recent))

    async def toggle_favourite(self, engine: Engine, model: str) -> None:
        """Add a model to the favourites, or remove it."""
        others = tuple(name for name in self.models.favourites if name != model)
        added = () if model in self.models.favourites else (model,)
        self.models = self.models._replace(favourites=(*others, *added)[-_FAVOURITES_LIMIT:])
        await engine.places.set(_FAVOURITES, "\n".join(self.models.favourites))
