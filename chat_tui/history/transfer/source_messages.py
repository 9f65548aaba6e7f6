"""Messages of another program, as its converter has read them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from chat_tui.core.chunks import State, Usage


class SourceMessage(msgspec.Struct, frozen=True):
    """One message of the source."""

    kind: Literal["user", "assistant", "aside", "hidden"] = "hidden"
    parent: str | None = None
    text: str = ""
    aside: str = ""
    """What the assistant did or thought, as text for the user."""
    files: tuple[str, ...] = ()
    created: datetime | None = None
    model: str = ""
    state: State = "complete"
    usage: Usage | None = None
