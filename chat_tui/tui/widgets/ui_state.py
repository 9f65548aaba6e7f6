"""The state of the screen that is kept between starts, in a small file that is read before the first paint."""

from __future__ import annotations

from pathlib import Path

import msgspec

from chat_tui.core.files.state_files import StateFile, Tell, ignore

_LIMIT_BYTES = 64_000


class UiState(msgspec.Struct, frozen=True):
    """How the user left the screen."""

    theme: str = ""
    """The theme that was chosen last; empty: none ever was, and the config's counts."""
    panels: dict[str, bool] = {}
    """Whether a panel is open, by its name and the room that there is, such as `stats.wide`."""
    welcomed: bool = False
    """A first question was asked."""
    titles_offered: bool = False
    """The setting for titles by a model was named."""
    used: dict[str, int] = {}
    """How often each action was used by its name, in the palette or as a slash command; the last one at the end."""


def read(file: Path, tell: Tell = ignore) -> UiState:
    """Return the stored state; the default if the file is missing or unusable, and `tell` is called with the reason."""
    lost = "Theme and panels were reset to their defaults."
    return StateFile(file, UiState, _LIMIT_BYTES, lost, tell).read() or UiState()


def with_use(kept: UiState, id: str) -> UiState:
    """The state after an action was used once more."""
    used = {**kept.used, id: kept.used.get(id, 0) + 1}
    used[id] = used.pop(id)
    return msgspec.structs.replace(kept, used=used)


def write(file: Path, kept: UiState) -> None:
    """Replace the file as a whole. Raises `OSError`."""
    from chat_tui.core.files import writing

    writing.write_state(file, msgspec.json.encode(kept))
