"""All settings of the config file with their values, defaults and meanings, as the screen and the docs list them."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import msgspec

from chat_tui.config import load
from chat_tui.config.diagnostics import kind_of
from chat_tui.config.schema import Config, StrategyWeights
from chat_tui.core.text.control_characters import clean_line

_SHOWN_CHARACTERS = 200


class Setting(msgspec.Struct, frozen=True):
    """One setting as it is now."""

    key: str
    """As it is written in the file, such as `display.links`."""
    kind: str
    """What a value must be, in words."""
    meaning: str
    default: Any
    value: Any
    form: Literal["switch", "choice", "number", "text", "table"]
    """How it is changed; a table, a list, and a text of several lines are changed in the file."""
    choices: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Where the value comes from."""
        return "default" if self.value == self.default else "config file"

    def typed(self, text: str) -> Any:
        """Return the value that a text means; the text itself where it is none, which the config refuses."""
        if self.form != "number":
            return text
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
        return text


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


def read_settings(file: Path) -> list[Setting]:
    """Return all settings with the values of this file, which may not exist; blocks. Raises `ConfigError`."""
    config = load.load(file) if file.exists() else Config()
    found: list[Setting] = []
    for heading, owner in tables():
        if heading.startswith("[[") or "NAME" in heading:
            continue
        name, texts = heading.strip("[]"), field_texts(owner)
        record, usual = (getattr(config, name), getattr(Config(), name)) if name else (config, Config())
        for field in msgspec.structs.fields(owner):
            # Tables of the user's own names have no text of their own.
            if text := texts.get(field.name):
                key = f"{name}.{field.encode_name}" if name else field.encode_name
                value = getattr(record, field.name)
                found.append(_setting(key, field.type, text, getattr(usual, field.name), value))
    return found


def _setting(key: str, kind: Any, text: str, default: Any, value: Any) -> Setting:
    kinds = [each for each in get_args(kind) if each is not NoneType] if NoneType in get_args(kind) else [kind]
    one = kinds[0]
    meaning = text.replace("`", "")
    if one is bool:
        return Setting(key, "true or false", meaning, default, value, "switch", ("true", "false"))
    if get_origin(one) is Literal:
        return Setting(key, kind_of(kind), meaning, default, value, "choice", get_args(one))
    if one in (int, float):
        return Setting(key, kind_of(kind), meaning, default, value, "number")
    if one is str and "\n" not in (value or ""):
        return Setting(key, "a text", meaning, default, value, "text")
    return Setting(key, "changed in the file", meaning, default, value, "table")


def shown_value(value: Any) -> str:
    """Return a value as it would be written in the file, in one line; empty if it is not set."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | dict):
        return f"{len(value)} entries" if value else "none"
    return clean_line(f"{value:g}" if isinstance(value, float) else str(value), _SHOWN_CHARACTERS)
