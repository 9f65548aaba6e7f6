"""What the screen remembers from one start to the next, in one small file: it is read before the first paint."""

from __future__ import annotations

from pathlib import Path

import msgspec

from chat_tui.core import files

_LIMIT_BYTES = 64_000


class KeptScreen(msgspec.Struct, frozen=True):
    """How the user left the screen."""

    theme: str = ""
    """The theme that was chosen last; empty: none ever was, and the config's counts."""
    panels: dict[str, bool] = {}
    """Whether a panel is open, by its name and the room that there is, such as `stats.wide`."""
    welcomed: bool = False
    """A first question was asked."""


def read(file: Path | None) -> KeptScreen:
    """What the file says; a file that is not there or cannot be used says nothing."""
    if file is None:
        return KeptScreen()
    try:
        with file.open("rb") as opened:
            return msgspec.json.decode(opened.read(_LIMIT_BYTES), type=KeptScreen)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return KeptScreen()


def write(file: Path, kept: KeptScreen) -> None:
    """Replace the file as a whole. Raises `OSError`."""
    files.write_state(file, msgspec.json.encode(kept))
