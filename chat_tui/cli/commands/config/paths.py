"""`chat-tui paths`: where everything is that chat-tui keeps."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

from chat_tui.config import paths
from chat_tui.core.processes import console
from chat_tui.core.text.control_characters import escaped_json


class _Place(NamedTuple):
    name: str
    path: Path
    meaning: str


def run(options: argparse.Namespace) -> int:
    """Write the paths; returns the exit code."""
    places = _places()
    if options.json:
        rows = {each.name: {"path": str(each.path), "exists": each.path.exists()} for each in places}
        console.write_data(escaped_json(json.dumps(rows, ensure_ascii=False)) + "\n")
        return 0
    names, widest = max(len(each.name) for each in places), max(len(str(each.path)) for each in places)
    for each in places:
        missing = "" if each.path.exists() else " (not there yet)"
        console.write_output(f"{each.name:{names}}  {each.path!s:{widest}}  {each.meaning}{missing}\n")
    return 0


def _places() -> list[_Place]:
    config = paths.config_folder()
    return [
        _Place("config", paths.config_file(), "settings"),
        _Place("presets", config / "presets", "your own presets"),
        _Place("themes", config / "themes", "your own themes"),
        _Place("memory", paths.memory_file(), "what you have asked to remember"),
        _Place("history", paths.store_file(), "conversations"),
        _Place("keys", paths.key_file(), "API keys that are not in the system's keyring"),
        _Place("models", paths.pulled_folder(), "downloaded models"),
        _Place("cache", paths.cache_folder(), "the built-in model and prices; can be deleted"),
        _Place("state", paths.state_folder(), "crash reports, the debug log and the state of the screen"),
    ]
