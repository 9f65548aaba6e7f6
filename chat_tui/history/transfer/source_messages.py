"""Messages of another program, as its converter has read them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from chat_tui.core.chunks import State, Usage


class SourceCall(msgspec.Struct, frozen=True):
    """A tool call."""

    id: str
    """The source's id; empty if it has none."""
    name: str
    arguments: str
    """JSON, or any other text."""
    aside: str = ""
    """The call as text for the user, if its result is not found."""


class SourceResult(msgspec.Struct, frozen=True):
    """The result of a tool call."""

    call: str
    """The source's id of the call; empty if it has none."""
    name: str
    text: str
    state: State = "complete"
    aside: str = ""
    """The result as text for the user, if its call is not found."""


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
    calls: tuple[SourceCall, ...] = ()
    """Tool calls, made after the text."""
    results: tuple[SourceResult, ...] = ()
    """Results of tool calls; the files belong to the last one."""
