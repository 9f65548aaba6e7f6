"""All settings of the config file with their values, defaults and meanings, as the screen and the docs list them."""

from __future__ import annotations

import ast
import inspect
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from chat_tui.config import load
from chat_tui.config.diagnostics import kind_of, line_of
from chat_tui.config.environment import HIDDEN, set_variables
from chat_tui.config.schema import Config, ModelRow, ProviderRow, StrategySettings, ToolRow
from chat_tui.core.text.addresses import host_of
from chat_tui.core.text.excerpts import shorten

_SHOWN_CHARACTERS = 200
_IN_FILE = "changed in the file"
_LISTED_IN_ROWS = frozenset(("keys", "providers", "models", "tools"))


DEFAULT, FILE, ENVIRONMENT = "default", "config file", "environment"
"""Sources of values."""
_SECRETS = frozenset(("web.token",))
_TOKEN_VARIABLE = "CHAT_TUI_TOKEN"
_HIDDEN_FIELDS = frozenset(("api_key", "api_key_cmd", "headers", "args", "env"))
"""Fields of providers and tool servers that may hold a key."""
_ADDRESS_FIELDS = frozenset(("base_url", "proxy", "url"))
"""Fields of providers and tool servers that may hold a password."""


class Override(NamedTuple):
    """A value that takes precedence over the config's."""

    value: Any
    source: str
    """Where it comes from, such as `this conversation`."""
    reset: str = ""
    """How to go back to the config's."""
    only_if_other: bool = False
    """Whether it does not count as one if it equals the config's."""


class Setting(msgspec.Struct, frozen=True):
    """One setting as it is now."""

    key: str
    """As it is written in the file, such as `display.links`; a variable begins with `$`."""
    kind: str
    """What a value must be, in words."""
    meaning: str
    default: Any
    saved: Any
    """The config's value."""
    value: Any
    """The value that counts."""
    form: Literal["switch", "choice", "number", "text", "secret", "words", "table", "variable"]
    """How it is changed; a table, a text of several lines, and words with commas are changed in the file, a variable
    in the shell."""
    source: str
    """Where the value comes from."""
    line: int | None = None
    """Its line in the file, if it is set there."""
    choices: tuple[str, ...] = ()
    reset: str = ""
    """How to go back to the config's value, if another takes precedence."""

    def parse(self, text: str) -> Any:
        """Return the value that a text means; the text itself where it is none, which the config refuses."""
        if self.form == "words":
            return tuple(filter(None, map(str.strip, text.split(","))))
        if self.form != "number":
            return text
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
        return text

    def line_text(self) -> str:
        """Return the config's value as it is edited in one line."""
        if self.form == "words":
            return ", ".join(self.saved)
        return shown_value(self.saved) if self.form == "number" else self.saved or ""

    def to_text(self) -> str:
        """Return the value that counts for the screen; empty if it is not set. A secret is not shown."""
        if self.form == "secret" and self.value:
            return HIDDEN
        if self.form in ("table", "variable") and isinstance(self.value, str):
            return shorten(self.value, _SHOWN_CHARACTERS)
        return shown_value(self.value)


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
            yield "[strategies.NAME]", StrategySettings
        elif isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield f"[[{field.name}]]" if inner is not field.type else f"[{field.name}]", inner


def read_settings(
    file: Path, *, environ: Mapping[str, str] = os.environ, overrides: Mapping[str, Override] | None = None
) -> list[Setting]:
    """Return all settings with the values of this file, which may not exist, and the variables that are set; blocks.

    `overrides` are values that take precedence, by key. Raises `ConfigError`.
    """
    raw = (load.read_bytes(file) if file.exists() else None) or b""
    config, text = load.parse(raw, str(file)), raw.decode("utf-8-sig")
    before = dict(overrides or {})
    if environ.get(_TOKEN_VARIABLE, "").strip():
        before["web.token"] = Override(HIDDEN, f"${_TOKEN_VARIABLE}")
    reader = _SettingReader(config, text, before)
    return [*reader.settings(), *reader.rows(), *_variables(config, environ)]


class _SettingReader:
    """Makes rows of a config and of the text that it was read from."""

    def __init__(self, config: Config, text: str, overrides: Mapping[str, Override]) -> None:
        self._config, self._text, self._overrides = config, text, overrides
        self._written = tomllib.loads(text)

    def settings(self) -> Iterator[Setting]:
        """Yield each setting that has a value of its own; the weights of strategies come last."""
        weights: list[Setting] = []
        for heading, owner in tables():
            name, texts = heading.strip("[]"), field_texts(owner)
            if heading.startswith("[["):
                continue
            if name == "strategies.NAME":
                for each in msgspec.structs.fields(type(self._config.strategies)):
                    weights += self._of(f"strategies.{each.encode_name}", owner, texts, self._config.strategies)
                continue
            yield from self._of(name, owner, texts, self._config)
        yield from weights

    def _of(
        self, name: str, owner: type[msgspec.Struct], texts: Mapping[str, str], inside: msgspec.Struct
    ) -> Iterator[Setting]:
        """Yield the settings of one table of the config."""
        record = getattr(inside, name.rpartition(".")[2].replace("-", "_")) if name else inside
        for field in msgspec.structs.fields(owner):
            # Tables of the user's own names have no text of their own.
            if (text := texts.get(field.name)) and field.name not in _LISTED_IN_ROWS:
                key = f"{name}.{field.encode_name}" if name else field.encode_name
                default = getattr(owner(), field.name)
                yield self._setting(key, field.type, text, default, getattr(record, field.name))

    def _setting(self, key: str, kind: Any, text: str, default: Any, saved: Any) -> Setting:
        form, told, choices = _form(key, kind, saved)
        is_written = _is_written(self._written, key)
        source = FILE if is_written or saved != default else DEFAULT
        value, reset = saved, ""
        override = self._overrides.get(key)
        if override is not None and not (override.only_if_other and override.value == saved):
            value, source, reset = override.value, override.source, override.reset
        return Setting(
            key,
            told,
            text.replace("`", ""),
            default,
            saved,
            value,
            form,
            source,
            line_of(self._text, key) if is_written else None,
            choices,
            reset,
        )

    def rows(self) -> Iterator[Setting]:
        """Yield a row for each key, provider, model and tool server of the config."""
        keys = [(name, shown, f"keys.{name}") for name, shown in self._config.keys.items()]
        yield from self._table("keys", keys, field_texts(Config)["keys"])
        for name, owner in (("providers", ProviderRow), ("models", ModelRow), ("tools", ToolRow)):
            records = enumerate(getattr(self._config, name))
            about = (inspect.getdoc(owner) or "").partition(": ")[2]
            rows = [(record.name, _summary(record), f"{name}[{index}]") for index, record in records]
            yield from self._table(name, rows, about[:1].upper() + about[1:])

    def _table(self, table: str, rows: Sequence[tuple[str, str, str]], meaning: str) -> Iterator[Setting]:
        """Yield a setting for each (name, summary, key in the file), or one that says that there is none."""
        words = " ".join(meaning.replace("`", "").split())
        if not rows:
            yield Setting(table, _IN_FILE, words, (), (), (), "table", DEFAULT)
        for name, shown, key in rows:
            yield Setting(
                f"{table}.{name}", _IN_FILE, words, None, shown, shown, "table", FILE, line_of(self._text, key)
            )


def _is_written(table: Any, key: str) -> bool:
    for name in key.split("."):
        if not isinstance(table, Mapping) or name not in table:
            return False
        table = table[name]
    return True


def _form(key: str, kind: Any, value: Any) -> tuple[Any, str, tuple[str, ...]]:
    """Return how a setting is changed, what its value must be, and its choices."""
    kinds = [each for each in get_args(kind) if each is not NoneType] if NoneType in get_args(kind) else [kind]
    one = kinds[0]
    if one is bool:
        return "switch", "true or false", ("true", "false")
    if get_origin(one) is Literal:
        return "choice", kind_of(kind), get_args(one)
    if one in (int, float):
        return "number", kind_of(kind), ()
    if get_origin(one) is tuple and all(_is_plain_word(word) for word in value):
        return "words", "words, separated by commas", ()
    if one is str and "\n" not in (value or ""):
        return "secret" if key in _SECRETS else "text", "a text", ()
    return "table", _IN_FILE, ()


def _is_plain_word(word: str) -> bool:
    """Whether a word can be typed in a list of words with commas between them."""
    return "," not in word and word.isprintable() and word == shorten(word.strip())


def _summary(record: msgspec.Struct) -> str:
    """Return what a provider, model or tool server sets, in one line, without keys and passwords."""
    parts = []
    for field in msgspec.structs.fields(type(record)):
        value = getattr(record, field.name)
        if field.name == "name" or value in (field.default, (), {}):
            continue
        if field.name in _HIDDEN_FIELDS:
            told = HIDDEN
        elif field.name in _ADDRESS_FIELDS:
            told = host_of(value) or HIDDEN
        elif isinstance(value, tuple) and value and isinstance(value[0], str):
            told = ", ".join(map(host_of, value) if field.name == "base_urls" else value)
        else:
            told = shown_value(value)
        parts.append(f"{field.encode_name} {told}")
    return " · ".join(parts) or "known by its name"


def _variables(config: Config, environ: Mapping[str, str]) -> Iterator[Setting]:
    for name, shown, meaning in set_variables(environ, config.providers):
        yield Setting(f"${name}", "set in the shell", meaning, None, shown, shown, "variable", ENVIRONMENT)


def shown_value(value: Any) -> str:
    """Return a value as it would be written in the file, in one line; empty if it is not set."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple) and value and all(isinstance(word, str) for word in value):
        value = ", ".join(f'"{word}"' if "," in word else word for word in value)
    if isinstance(value, tuple | dict):
        return f"{len(value)} entries" if value else "none"
    return shorten(f"{value:g}" if isinstance(value, float) else str(value), _SHOWN_CHARACTERS)
