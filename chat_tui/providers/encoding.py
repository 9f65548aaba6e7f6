"""A request becomes a call, with the files that go along."""

from __future__ import annotations

import asyncio

from chat_tui.errors import Rejected
from chat_tui.models import Model
from chat_tui.providers.dialects.dialect import Call, Dialect
from chat_tui.request import Request
from chat_tui.text_safety import clean_line


async def encoded(spoken: Dialect, request: Request, model: Model, quirks: frozenset[str]) -> Call:
    """The call; in a thread where files go along, which may have megabytes. Raises `Rejected`."""
    if any(turn.attachments for turn in request.turns):
        asked = next((turn for turn in reversed(request.turns) if turn.role == "user"), None)
        if model.images is False and asked and any(file.is_image for file in asked.attachments):
            raise Rejected(
                f"{clean_line(model.name, 100)} takes no images.",
                "Choose one that does with Ctrl+O. If it does, say `images = true` under [[models]].",
                provider=model.provider,
                model=model.name,
            )
        return await asyncio.to_thread(spoken.encode, request, model, quirks)
    return spoken.encode(request, model, quirks)
