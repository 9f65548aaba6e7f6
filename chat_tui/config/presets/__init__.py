"""Reads presets from TOML files.

The included ones are next to this file; the user's own are in `presets/` of the config folder and take precedence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from chat_tui.config import paths
from chat_tui.config.diagnostics import line_of
from chat_tui.core.errors import CommandError, ConfigError
from chat_tui.core.files.reading import TooLargeError, read_regular
from chat_tui.core.settings.preset import LIMIT_BYTES, LIMITS, Preset, Variable, is_beyond
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.sanitizer import sanitize

_NAME = re.compile(r"[\w-]{1,40}")


def folders() -> tuple[Path, ...]:
    """Return the folders of presets; the first that has a name wins."""
    return paths.config_folder() / "presets", Path(__file__).parent


def names(among: Sequence[Path]) -> list[str]:
    """Return the names of all presets in these folders. Blocks."""
    return sorted({file.stem for file in _files(among)})


def find(name: str, among: Sequence[Path]) -> Preset:
    """Read the preset of this name from these folders. Blocks. Raises `ConfigError`, `CommandError`."""
    if _NAME.fullmatch(name):
        for folder in among:
            file = folder / f"{name}.toml"
            if os.path.isfile(file):
                return read(file)
    known = ", ".join(names(among))
    raise CommandError(f"Unknown preset: {shorten(name, 40)}.", f"There are: {known}.")


def read_all(among: Sequence[Path]) -> tuple[list[Preset], list[ConfigError]]:
    """Read all presets in these folders; returns them by name, and the errors of the others. Blocks."""
    good: dict[str, Preset] = {}
    wrong: list[ConfigError] = []
    for file in _files(among):
        try:
            good.setdefault(file.stem, read(file))
        except ConfigError as error:
            wrong.append(error)
    return sorted(good.values(), key=lambda preset: preset.name), wrong


def _files(among: Sequence[Path]) -> Iterator[Path]:
    for folder in among:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            if name.endswith(".toml") and _NAME.fullmatch(name.removesuffix(".toml")):
                yield folder / name


def read(file: Path) -> Preset:
    """Read a preset from a file. Blocks. Raises `ConfigError`."""
    try:
        raw = read_regular(file, LIMIT_BYTES)
    except TooLargeError:
        raise ConfigError(f"{file} is larger than 100 KB.", "Is it the right file?", file=str(file)) from None
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}.", "Check its permissions.", file=str(file)
        ) from error
    return parse(raw, str(file), file.stem)


def parse(raw: bytes, file: str, name: str) -> Preset:
    """Convert the bytes of a TOML file to a preset; `file` is named in errors. Raises `ConfigError`."""
    import tomllib

    try:
        text = raw.decode("utf-8-sig")
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{file} is not valid TOML: {shorten(str(error), 200)}.",
            "Fix it; until then the preset is skipped.",
            file=file,
        ) from error
    try:
        preset = msgspec.convert({**table, "name": name, "values": {}}, Preset)
    except msgspec.ValidationError as error:
        raise _explain(str(error), text, file, _wrong_variable(table)) from error
    for field, most in LIMITS.items():
        if is_beyond(field, getattr(preset, field)):
            raise _wrong(text, file, field, f"must be from 0 to {most:g}", "Fix it; until then the preset is skipped.")
    if preset.model is not None and not all(preset.model.partition("/")[::2]):
        raise _wrong(
            text, file, "model", "must be written as provider/model", "Fix it; until then the preset is skipped."
        )
    return sanitize(preset)


def _wrong_variable(table: Mapping[str, object]) -> str:
    """Return the name of the first invalid variable; empty if all are valid."""
    variables = table.get("variables")
    for name, value in variables.items() if isinstance(variables, dict) else ():
        try:
            msgspec.convert(value, Variable | str)
        except msgspec.ValidationError:
            return str(name)
    return ""


def _explain(message: str, text: str, file: str, variable: str) -> ConfigError:
    from difflib import get_close_matches

    what, _, where = message.partition(" - at `$")
    key = where.rstrip("`").lstrip(".").replace("[...]", f".{variable}")
    if unknown := re.search(r"unknown field `([^`]+)`", what):
        name = unknown.group(1)
        known = (Variable if key else Preset).__struct_fields__
        near = get_close_matches(name, known, n=2) or sorted(set(known) - {"name", "values"})
        hint = f"Did you mean {' or '.join(f'`{word}`' for word in near)}?"
        return _wrong(text, file, f"{key}.{name}" if key else name, "unknown setting", hint)
    return _wrong(text, file, key, what[:1].lower() + what[1:], "Fix it; until then the preset is skipped.")


def _wrong(text: str, file: str, key: str, what: str, hint: str) -> ConfigError:
    line = line_of(text, key)
    place = f"{file}, line {line}" if line else file
    return ConfigError(f"{place}: `{shorten(key, 80)}`: {what}.", hint, file=file, key=key)
