"""`chat-tui settings`: prints `docs/settings.md`, which is generated from the records of the config."""

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
from chat_tui.config.load import Config
from chat_tui.config.schema import StrategyWeights
from chat_tui.core.processes import console

_HEADER = "| setting | value | default | meaning |\n|---|---|---|---|\n"
_LONGEST = 40
_INTRO = """# Settings

These are all settings of `config.toml`. Each has a default, except where the table says "must be set". The README has
examples. `chat-tui settings` prints this page, which is generated from the code.

Two environment variables: `CHAT_TUI_CONFIG` names another config file, and `CHAT_TUI_LOG` names a file for a debug log
(see "Report a bug" in the README).
"""


def run(_: argparse.Namespace) -> int:
    """Write the page to stdout; returns the exit code."""
    console.write_output(markdown())
    return 0


def field_texts(owner: type[msgspec.Struct]) -> dict[str, str]:
    """Return the text under each field of a record, by the field's name; empty if there is none."""
    tree = ast.parse(inspect.getsource(sys.modules[owner.__module__]))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner.__name__)
    texts = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            words = text.value.value if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) else ""
            texts[field.target.id] = " ".join(str(words).split())
    return texts


def tables() -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Yield each table of the config with its heading; the top level comes first and has none."""
    yield "", Config
    for field in msgspec.structs.fields(Config):
        inner = get_args(field.type)[0] if get_origin(field.type) is tuple else field.type
        if field.name == "strategies":
            yield "[strategies.NAME]", StrategyWeights
        elif isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield f"[[{field.name}]]" if inner is not field.type else f"[{field.name}]", inner


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
