"""The user's own models: GGUF files that were added or pulled, and those named in the config. All calls block."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from chat_tui.config.schema import ModelRow
from chat_tui.core.errors import LocalModelError
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.files.state_files import StateFile, Tell, ignore
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.core.text.excerpts import shorten
from chat_tui.local.gguf import GgufHeader, head_of

_LIST_BYTES = 1_000_000
USUAL_WINDOW = 4096
"""The largest default window, in tokens: its memory is allocated when the model is loaded."""


class OwnModel(msgspec.Struct, frozen=True):
    """One of the user's own models."""

    name: str
    """`local/NAME`."""
    path: str
    pulled: bool = False
    """The file was downloaded: removing the model deletes it."""
    source: str = ""
    """The repository and file that it was pulled from."""

    def head(self) -> GgufHeader:
        """The metadata of its file. Raises `LocalModelError`."""
        return head_of(Path(self.path))


class OwnFile:
    """A model's file, checked before it is loaded."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def path(self) -> Path:
        """The checked file. Raises `LocalModelError`."""
        await asyncio.to_thread(head_of, self._file)
        return self._file


class Library:
    """The list of added and pulled models, kept in one file."""

    def __init__(self, file: Path, tell: Tell = ignore) -> None:
        self._list = StateFile(
            file, list[OwnModel], _LIST_BYTES, "Models that you added or pulled are missing from the list.", tell
        )

    def models(self, rows: Iterable[ModelRow] = ()) -> list[OwnModel]:
        """All models, those of the config first."""
        named = [OwnModel(row.name, str(expand_home(row.path))) for row in rows if row.path]
        taken = {model.name for model in named}
        return [*named, *(model for model in self._read_list() if model.name not in taken)]

    def add(self, file: Path, name: str = "", *, pulled: bool = False, source: str = "") -> OwnModel:
        """Add a file, named after itself if `name` is empty. Raises `LocalModelError`, `OSError`."""
        file = expand_home(file).resolve()
        head_of(file)
        model = OwnModel(f"local/{_name(name or file.stem)}", str(file), pulled, source)
        if model.name == LOCAL_MODEL:
            raise LocalModelError(f"{LOCAL_MODEL} is the built-in model.", "Give it another name with --name.")
        self._list.write([*(kept for kept in self._read_list() if kept.name != model.name), model])
        return model

    def remove(self, name: str) -> OwnModel:
        """Remove a model, and delete its file if it was pulled. Raises `LocalModelError`, `OSError`."""
        name = name if name.startswith("local/") else f"local/{name}"
        kept = self._read_list()
        found = next((model for model in kept if model.name == name), None)
        if found is None:
            known = ", ".join(model.name for model in kept) or "none"
            raise LocalModelError(f"No model of yours is named {shorten(name, 80)}.", f"Your models: {known}.")
        self._list.write([model for model in kept if model is not found])
        if found.pulled and not any(model.path == found.path for model in self._read_list()):
            Path(found.path).unlink(missing_ok=True)
        return found

    def _read_list(self) -> list[OwnModel]:
        return self._list.read() or []


def window_of(head: GgufHeader, wanted: int | None) -> int:
    """The window to load a model with, in tokens."""
    if wanted:
        return wanted
    return min(head.context_window or USUAL_WINDOW, USUAL_WINDOW)


def _name(text: str) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.")[:80]
    if not name:
        raise LocalModelError("The model needs a name.", "Set one with --name.")
    return name
