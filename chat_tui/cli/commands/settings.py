"""`chat-tui settings`: the page of all settings, made from the config's records and the words under their fields.

`docs/settings.md` is the same page.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, get_args, get_origin

import msgspec

from chat_tui.config.diagnostics import kind_of
from chat_tui.config.limits import StrategyWeights
from chat_tui.config.load import Config
from chat_tui.core.processes import console

_HEADER = "| setting | value | default | |\n|---|---|---|---|\n"
_LONGEST = 40
_INTRO = """# Settings

All settings of `config.toml`; every one may be left out. `chat-tui settings` shows this page; the code is its source.
The README has an example of each table.

Variables of the environment: `CHAT_TUI_CONFIG` names another config file, and `CHAT_TUI_LOG` the file to which a debug
log is written (see "Report a bug" in the README).
"""


def run(_: argparse.Namespace) -> int:
    """Write the page to stdout; gives the exit code."""
    console.write_output(markdown())
    return 0


def words_of(owner: type[msgspec.Struct]) -> dict[str, str]:
    """The text under each field, by the field's name."""
    tree = ast.parse(inspect.getsource(sys.modules[owner.__module__]))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner.__name__)
    told = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            words = text.value.value if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) else ""
            told[field.target.id] = " ".join(str(words).split())
    return told


def tables() -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Each table of the config with its heading, that without one first."""
    yield "", Config
    for field in msgspec.structs.fields(Config):
        inner = get_args(field.type)[0] if get_origin(field.type) is tuple else field.type
        if field.name == "strategies":
            yield "[strategies.NAME]", StrategyWeights
        elif isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield f"[[{field.name}]]" if inner is not field.type else f"[{field.name}]", inner


def markdown() -> str:
    """The whole page."""
    inner = {heading.strip("[]").partition(".")[0] for heading, _ in tables()}
    parts = [_INTRO]
    for heading, owner in tables():
        words = words_of(owner)
        rows = [
            f"| `{field.encode_name}` | {kind_of(field.type)} | {_default(field)} | {words[field.name]} |\n"
            for field in msgspec.structs.fields(owner)
            if heading or field.name not in inner
        ]
        about = re.sub(r"^`\[.*?\]`[:,] ", "", inspect.getdoc(owner) or "")
        about = about[:1].upper() + about[1:]
        title = f"\n## `{heading}`\n\n{about}\n\n" if heading else "\n"
        parts.append(title + _HEADER + "".join(rows))
    return re.sub(r"\bNone(?=:| is)", "unset", "".join(parts))


def _default(field: Any) -> str:
    value = field.default
    if value is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
        return "must be set"
    if value is None or value is msgspec.NODEFAULT or value in ("", ()):
        return ""
    text = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
    told = f'"{text}"' if isinstance(value, str) else f"{text}"
    return f"`{told if len(told) <= _LONGEST else told[: _LONGEST - 1] + '…'}`"
