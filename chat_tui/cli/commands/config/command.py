"""`chat-tui config`: where the config file is, what is set, and whether it can be used."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from pathlib import Path

from chat_tui.config import load, paths
from chat_tui.config.setting_list import DEFAULT, Setting, read_settings
from chat_tui.core.errors import ConfigError
from chat_tui.core.files.writing import write
from chat_tui.core.processes import console
from chat_tui.core.processes.console import write_error
from chat_tui.core.processes.editor import editor_of, run_editor
from chat_tui.core.text.control_characters import escaped_json

_FIRST_LINES = """\
# The settings of chat-tui. Every setting has a default; `chat-tui settings` lists them all.
"""


def run(options: argparse.Namespace) -> int:
    """Run the action; returns the exit code."""
    return _ACTIONS[options.action](options)


def _path(_: argparse.Namespace) -> int:
    console.write_output(f"{paths.config_file()}\n")
    return 0


def _show(options: argparse.Namespace) -> int:
    """Write the settings that have another value than the default, or all of them. Raises `ConfigError`."""
    settings = [each for each in read_settings(paths.config_file()) if options.all or each.source != DEFAULT]
    if options.json:
        rows = [
            {"setting": each.key, "value": each.to_text(), "from": each.source, "line": each.line} for each in settings
        ]
        console.write_data(escaped_json(json.dumps(rows, ensure_ascii=False)) + "\n")
        return 0
    width = max((len(each.key) for each in settings), default=0)
    console.write_output("".join(_line(each, width) for each in settings) or "Every setting has its default.\n")
    return 0


def _line(setting: Setting, width: int) -> str:
    where = f"{setting.source}, line {setting.line}" if setting.line else setting.source
    return f"{setting.key:{width}}  {setting.to_text() or 'none'}  ({where})\n"


def _edit(_: argparse.Namespace) -> int:
    """Open the file in the user's editor, and check it afterwards. Raises `CommandError`, `ConfigError`."""
    file = paths.config_file()
    editor = editor_of(os.environ)
    if not file.exists():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write(file, _FIRST_LINES)
        except OSError as error:
            raise ConfigError(f"{file} cannot be created: {error.strerror}.", "Nothing was changed.") from error
    if code := asyncio.run(run_editor([*editor, str(file)])):
        write_error(f"chat-tui: the editor ended with code {code}.\n")
        return 1
    return _report(file)


def _check(_: argparse.Namespace) -> int:
    return _report(paths.config_file())


def _report(file: Path) -> int:
    """Say whether the file can be used. Raises `ConfigError` if it cannot."""
    load.load(file)
    there = "has no errors" if file.exists() else "does not exist: every setting has its default"
    console.write_output(f"{file} {there}.\n")
    return 0


_ACTIONS = {"path": _path, "show": _show, "edit": _edit, "check": _check}
