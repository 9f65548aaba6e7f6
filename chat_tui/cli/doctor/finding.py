"""What a check has found."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

State: TypeAlias = Literal["ok", "note", "problem"]
"""`note`: works, but not as well as it could, or is worth knowing."""


class Finding(msgspec.Struct, frozen=True):
    """One line of the report; its fields are those of `chat-tui doctor --json`."""

    section: str
    name: str
    state: State
    text: str
    """A short sentence, or a value."""
    hint: str = ""
    """What to do next; a problem has one."""
