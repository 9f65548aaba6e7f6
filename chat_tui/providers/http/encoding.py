"""Encodes a request and its files as a call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from chat_tui.core.errors import Rejected
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.dialects.dialect import Call, Dialect
from chat_tui.providers.dialects.parsing.refused_fields import without_fields

LARGE_BYTES = 100_000
"""The size from which a body is changed in a thread, since it takes milliseconds."""


class EncodedCall(msgspec.Struct, frozen=True):
    """A call, and what was left out of it."""

    call: Call
    left_out: Sequence[str] = ()
    """The quirks that have removed a field."""


async def encode_call(spoken: Dialect, request: Request, model: Model, quirks: frozenset[str]) -> EncodedCall:
    """Return the call, encoded in a thread if it has files, which may have megabytes. Raises `Rejected`."""
    if any(turn.attachments for turn in request.turns):
        asked = next((turn for turn in reversed(request.turns) if turn.role == "user"), None)
        if model.images is False and asked and any(file.is_image for file in asked.attachments):
            raise Rejected(
                f"{model.name} does not accept images.",
                "Choose one that does with Ctrl+O. If it does, set `images = true` under [[models]].",
                provider=model.provider,
                model=model.name,
            )
        return await asyncio.to_thread(lambda: _without(spoken.encode(request, model, quirks), quirks))
    call = spoken.encode(request, model, quirks)
    if len(call.body) > LARGE_BYTES:
        return await asyncio.to_thread(_without, call, quirks)
    return _without(call, quirks)


def _without(call: Call, quirks: frozenset[str]) -> EncodedCall:
    """Return the call without the fields that the server has refused."""
    body, left_out = without_fields(call.body, quirks)
    # A dialect of another package may forget to say what it was told.
    told = call.quirks | quirks
    return EncodedCall(msgspec.structs.replace(call, body=body, quirks=told), left_out)
