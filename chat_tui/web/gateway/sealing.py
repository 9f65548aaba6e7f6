"""Hands clients what must come back unchanged, such as signed thinking, and takes back only what was handed out.

What comes back is passed on to a provider as it is, so it must be what the provider has sent.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from chat_tui.core.conversation import Turn
from chat_tui.web.api.events import encode_event
from chat_tui.web.sign_in.seals import seal_content, unseal_content


class ReturnedParts(msgspec.Struct, frozen=True):
    """What a provider wants returned with an answer."""

    replay: str = ""
    """As in `Turn.replay`."""
    signatures: dict[str, str] = {}
    """Those of the calls, by their ids."""
    model: str = ""


def seal(turn: Turn, token: str) -> str:
    """Return what must come back with an answer as one text; empty if nothing must."""
    signatures = {call.id: call.signature for call in turn.calls if call.signature}
    if not turn.replay and not signatures:
        return ""
    return seal_content(encode_event(ReturnedParts(turn.replay, signatures, turn.model)), token)


def unseal(text: str, turn: Turn, token: str) -> Turn:
    """Return the turn with what a client has returned for it; anything that was not handed out is ignored."""
    content = unseal_content(text, token)
    if content is None:
        return turn
    parts = msgspec.json.decode(content, type=ReturnedParts)
    calls = tuple(replace(call, signature=parts.signatures.get(call.id, call.signature)) for call in turn.calls)
    return replace(turn, replay=parts.replay, calls=calls, model=parts.model)
