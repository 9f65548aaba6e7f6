"""`--preset` and `--set`, for every command that takes them."""

from __future__ import annotations

import argparse

from chat_tui.config import presets
from chat_tui.core.errors import CommandError
from chat_tui.core.preset import Preset, with_values
from chat_tui.core.text.control_characters import clean_line


def preset_of(options: argparse.Namespace) -> Preset | None:
    """The preset that is asked for, with its variables set; blocking. Raises `CommandError`, `ConfigError`."""
    pairs = [text.partition("=") for text in options.set or ()]
    for name, sign, _ in pairs:
        if not sign:
            raise CommandError(f"--set {clean_line(name, 40)} has no value.", "Write --set name=value.")
    if options.preset is None:
        if pairs:
            raise CommandError("--set needs --preset.", "For example: --preset translate --set language=French.")
        return None
    preset = presets.named(options.preset, presets.folders())
    return with_values(preset, {name.strip(): value for name, _, value in pairs})
