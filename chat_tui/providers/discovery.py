"""What is there: the models that a server names."""

from __future__ import annotations

import msgspec

from chat_tui.models import Model, Provider
from chat_tui.providers.dialects import dialect
from chat_tui.providers.dialects.dialect import Json
from chat_tui.text_safety import clean_line

MODELS_LIMIT = 5000
"""Of one server's list; more is not read."""


def models_of(provider: Provider, listing: Json) -> tuple[Model, ...]:
    """The models in a server's list, with the window where it tells one."""
    spoken = dialect(provider.dialect).model_list
    rows = listing.get(spoken.key) if isinstance(listing, dict) else listing
    if not isinstance(rows, list):
        return ()
    models = []
    for row in rows[:MODELS_LIMIT]:
        listed = spoken.read(row) if isinstance(row, dict) else None
        if listed is not None:
            name = f"{provider.name}/{clean_line(listed.id, 200)}"
            # What leaves this machine by way of a server on it is taken only by name.
            here = provider.local and not listed.passed_on
            selectable = here or not provider.local
            model = Model(name, listed.context_window, local=here, selectable=selectable)
            models.append(msgspec.structs.replace(model, images=listed.images, server=listed.server))
    return tuple(models)
