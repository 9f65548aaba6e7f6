"""The favourite and the recently chosen models, kept in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat_tui.tui.panels.model_groups import PreferredModels

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

_FAVOURITES, _RECENT = "favourite models", "recent models"
"""Where they are kept, one a line."""
_RECENT_LIMIT = 5
_FAVOURITES_LIMIT = 100


class ModelPreferences:
    """What people have marked and chosen; `models` is empty until `restore`."""

    def __init__(self) -> None:
        self.models = PreferredModels()

    async def restore(self, engine: Engine) -> None:
        """Read them from the store."""
        favourites, recent = await engine.places.get(_FAVOURITES), await engine.places.get(_RECENT)
        self.models = PreferredModels(tuple(favourites.splitlines()), tuple(recent.splitlines()))

    async def note_chosen(self, engine: Engine, model: str) -> None:
        """Put a model first among the recent ones."""
        others = [name for name in self.models.recent if name != model]
        self.models = self.models._replace(recent=(model, *others)[:_RECENT_LIMIT])
        await engine.places.set(_RECENT, "\n".join(self.models.recent))

    async def toggle_favourite(self, engine: Engine, model: str) -> None:
        """Make a model a favourite, or no longer."""
        others = tuple(name for name in self.models.favourites if name != model)
        added = () if model in self.models.favourites else (model,)
        self.models = self.models._replace(favourites=(*others, *added)[-_FAVOURITES_LIMIT:])
        await engine.places.set(_FAVOURITES, "\n".join(self.models.favourites))
