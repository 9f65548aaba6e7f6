"""`chat-tui settings`: prints where the config file is, what is set in it and in the environment, and
`docs/settings.md`, which is generated from the config's records."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from chat_tui.config.diagnostics import kind_of
from chat_tui.config.environment import all_variables
from chat_tui.config.paths import config_file
from chat_tui.config.setting_list import DEFAULT, Setting, field_texts, read_settings, tables
from chat_tui.core.errors import ConfigError
from chat_tui.core.processes import console

_HEADER = "| setting | value | default | meaning |\n|---|---|---|---|\n"
_LONGEST = 40
_INTRO = """# Settings

These are all settings of `config.toml`. Each has a default, except where the table says "must be set". `docs/config.md`
has examples. `chat-tui settings` prints what is set, and this page, which is generated from the code. `/settings` lists
them on the screen, each with its value and where that comes from, and changes them.

Environment variables are at the end.
"""

_VARIABLES = """
## Environment variables

`docs/models.md` says which of several API keys and addresses is used, `docs/report-a-bug.md` what is in the debug log.
Names of proxies can also be written in lower case.

| variable | meaning |
|---|---|
"""


def run(_: argparse.Namespace) -> int:
    """Write the path of the config file, what is set, and the page to stdout; returns the exit code."""
    file = config_file()
    missing = "" if file.exists() else " (it does not exist yet)"
    try:
        here = set_here(read_settings(file))
    except ConfigError as error:
        # The page helps to fix it.
        here = f"It cannot be used: {error}\n\n"
    console.write_output(f"The config file is {file}{missing}.\n\n{here}{markdown()}")
    return 0


def set_here(settings: Sequence[Setting]) -> str:
    """Return the settings that have another value than the default, with where it comes from, as Markdown."""
    rows = [setting for setting in settings if setting.source != DEFAULT]
    if not rows:
        return "Nothing is set: every setting has its default.\n\n"
    lines = [
        f"| `{setting.key}` | {_cell(setting.to_text()) or 'none'} | {setting.source}"
        f"{f', line {setting.line}' if setting.line else ''} |\n"
        for setting in rows
    ]
    return "".join(["# Set here\n\n| setting | value | from |\n|---|---|---|\n", *lines, "\n"])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def markdown() -> str:
    """Return the page as Markdown."""
    inner = {heading.strip("[]").partition(".")[0] for heading, _ in tables()}
    parts = [_INTRO]
    for heading, owner in tables():
        words = field_texts(owner)
        rows = [
            f"| `{field.encode_name}` | {kind_of(field.type)} | {_default(field)} | {words[field.name]} |\n"
            for field in msgspec.structs.fields(owner)
            if heading or field.name not in inner
        ]
        about = re.sub(r"^`\[.*?\]`[:,] ", "", inspect.getdoc(owner) or "")
        about = about[:1].upper() + about[1:]
        title = f"\n## `{heading}`\n\n{about}\n\n" if heading else "\n"
        parts.append(title + _HEADER + "".join(rows))
    parts += [_VARIABLES, *(f"| `{name}` | {meaning} |\n" for name, meaning in all_variables().items())]
    return "".join(parts)


def _default(field: Any) -> str:
    value = field.default
    if value is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
        return "must be set"
    if value is None or value is msgspec.NODEFAULT or value in ("", ()):
        return ""
    text = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
    shown = f'"{text}"' if isinstance(value, str) else f"{text}"
    return f"`{shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + '…'}`"
