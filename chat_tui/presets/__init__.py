"""Presets: a system prompt with the settings that go with it, as a TOML file.

Those that come along lie beside this file; the user's own, in `presets/` of the config folder, go first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from chat_tui import paths
from chat_tui.config import line_of
from chat_tui.core.input_files import TooLargeError, read_regular
from chat_tui.core.sanitizer import sanitized
from chat_tui.errors import CommandError, ConfigError
from chat_tui.request import Request, Thinking
from chat_tui.text_safety import clean, clean_line

_LIMIT_BYTES = 100_000
_VALUE_CHARACTERS = 2_000
_NAME = re.compile(r"[\w-]{1,40}")
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]{0,39})\}")
_SENDS_NOTHING = frozenset(
    ("name", "title", "description", "system_prompt", "prompt", "temperature", "top_p", "stop", "variables", "values")
)
"""Fields that decide neither when something is sent, nor to whom, nor what it may cost."""
_LIMITS = {"temperature": 10.0, "top_p": 1.0, "max_tokens": 1e9, "as_you_type_seconds": 60.0}
"""The most that a number may be; the least is 0."""
_SET = re.compile(r"(?:^|\s)([a-z_][a-z0-9_]{0,39})=")


class Variable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that the user may choose in a preset."""

    default: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()
    """Suggested values; others may be taken as well."""


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a preset says; what it leaves unset comes from the config."""

    name: str = ""
    """Its file's, without the ending."""
    title: str = ""
    description: str = ""
    """One line for the list."""
    system_prompt: str | None = None
    prompt: str = ""
    """Stands round the user's words, where they go in for `{text}`; empty: they are sent as they are."""
    model: str | None = None
    """`provider/model`."""
    strategy: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    thinking: Thinking | None = None
    variables: dict[str, Variable | str] = {}
    """By the name that stands in braces in the two prompts; a text is its default."""
    values: dict[str, str] = {}
    """Chosen for the variables."""
    as_you_type_seconds: float | None = None
    """A pause of the hand so long asks for a preview; None: only Enter asks."""
    document: bool = False
    """It works through a document, in parts where that does not fit the window."""

    def variable(self, name: str) -> Variable:
        """The variable of this name, which there must be."""
        known = self.variables[name]
        return Variable(known) if isinstance(known, str) else known

    def value(self, name: str) -> str:
        """What stands for this variable."""
        return self.values.get(name) or self.variable(name).default

    def words(self) -> str:
        """The preset in a few words: `Translate · French`."""
        values = (self.value(name) for name in self.variables)
        return clean_line(" · ".join(filter(None, [self.title or self.name, *values])), 80)

    def system(self) -> str | None:
        """The system prompt with its variables filled in."""
        return None if self.system_prompt is None else self._filled(self.system_prompt)

    def spoken(self, text: str) -> str:
        """The user's words as they are sent."""
        return self._filled(self.prompt, text) if self.prompt else text

    def settings(self, request: Request) -> Request:
        """The request's settings, and this preset's for those that it leaves unset."""
        fields = ("temperature", "top_p", "max_tokens", "thinking")
        unset = {name: getattr(self, name) for name in fields if getattr(request, name) is None}
        if request.model is None and request.strategy is None:
            unset |= {"model": self.model, "strategy": self.strategy}
        return request.changed(stop=request.stop or self.stop, **unset)

    def _filled(self, template: str, text: str = "") -> str:
        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if name == "text" and text:
                return text
            return self.value(name) if name in self.variables else match.group(0)

        return _PLACEHOLDER.sub(value, template)


def with_values(preset: Preset, values: Mapping[str, str]) -> Preset:
    """The preset with values for its variables. Raises `CommandError` for a name that it does not have."""
    for name in values:
        if name not in preset.variables:
            known = ", ".join(preset.variables)
            hint = f"It has: {known}." if known else "It has none."
            raise CommandError(f"The preset {preset.name} has no variable `{clean_line(name, 40)}`.", hint)
    chosen = {name: clean(value).strip()[:_VALUE_CHARACTERS] for name, value in values.items()}
    return msgspec.structs.replace(preset, values={**preset.values, **chosen})


def values_in(preset: Preset, typed: str) -> dict[str, str]:
    """Values as they are typed: `name=value name=value`; words before the first name are for the first variable.

    Raises `CommandError` where there are words and no variable.
    """
    first, *rest = _SET.split(typed)
    values = dict(zip(rest[::2], rest[1::2], strict=True))
    if first.strip():
        if not preset.variables:
            raise CommandError(f"The preset {preset.name} has no variables.", f"Write /preset {preset.name} only.")
        values.setdefault(next(iter(preset.variables)), first)
    return values


def question_about(preset: Preset, names: Sequence[str]) -> str:
    """What is asked where somebody gives files of these names and no words."""
    return f"{preset.title or preset.name}: {', '.join(names)}"


def encoded(preset: Preset | None) -> str:
    """As JSON, for a conversation to keep; empty for none."""
    return "" if preset is None else msgspec.json.encode(preset).decode()


def decoded(text: str) -> Preset | None:
    """The preset that a conversation has kept; None where there is none, or none that can be read any more."""
    try:
        preset = sanitized(msgspec.json.decode(text, type=Preset)) if text else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if preset is None:
        return None
    beyond = [name for name in _LIMITS if _is_beyond(name, getattr(preset, name))]
    return msgspec.structs.replace(preset, **dict.fromkeys(beyond))


def without_switches(text: str) -> str:
    """What an import may bring of a preset, as JSON for a conversation to keep; empty where it cannot be used.

    Whoever wrote the file decides neither when words are sent (as one types, a document in parts), nor to which model,
    nor what an answer may cost.
    """
    if not text or len(text) > _LIMIT_BYTES:
        return ""
    try:
        fields = msgspec.json.decode(text, type=dict[str, Any])
        kept = {name: value for name, value in fields.items() if name in _SENDS_NOTHING and not _is_beyond(name, value)}
        return encoded(sanitized(msgspec.convert(kept, Preset)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""


def _is_beyond(name: str, value: Any) -> bool:
    return name in _LIMITS and isinstance(value, (int, float)) and not 0 <= value <= _LIMITS[name]


def folders() -> tuple[Path, ...]:
    """Where presets are looked for; the first folder that has a name wins."""
    return paths.config_folder() / "presets", Path(__file__).parent


def named(name: str, among: Sequence[Path]) -> Preset:
    """The preset of this name, from these folders; blocking. Raises `ConfigError`, `CommandError`."""
    if _NAME.fullmatch(name):
        for folder in among:
            file = folder / f"{name}.toml"
            if os.path.isfile(file):
                return read(file)
    known = ", ".join(sorted({file.stem for file in _files(among)}))
    raise CommandError(f"There is no preset {clean_line(name, 40)}.", f"There are: {known}.")


def every(among: Sequence[Path]) -> tuple[list[Preset], list[ConfigError]]:
    """All presets in these folders by name, and what is wrong with the others; blocking."""
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
    """The preset in a file; blocking. Raises `ConfigError`."""
    try:
        raw = read_regular(file, _LIMIT_BYTES)
    except TooLargeError:
        raise ConfigError(f"{file} is larger than 100 KB.", "Is it the right file?", file=str(file)) from None
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}.", "Check its permissions.", file=str(file)
        ) from error
    return parse(raw, str(file), file.stem)


def parse(raw: bytes, file: str, name: str) -> Preset:
    """A preset from the bytes of a TOML file; `file` is for the errors. Raises `ConfigError`."""
    import tomllib

    try:
        text = raw.decode("utf-8-sig")
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{file} is not valid TOML: {clean_line(str(error), 200)}.", "Mend it; it is left out.", file=file
        ) from error
    try:
        preset = msgspec.convert({**table, "name": name, "values": {}}, Preset)
    except msgspec.ValidationError as error:
        raise _explained(str(error), text, file, _wrong_variable(table)) from error
    for field, most in _LIMITS.items():
        if _is_beyond(field, getattr(preset, field)):
            raise _wrong(text, file, field, f"must be from 0 to {most:g}", "Mend it; the preset is left out.")
    if preset.model is not None and not all(preset.model.partition("/")[::2]):
        raise _wrong(text, file, "model", "must be written as provider/model", "Mend it; the preset is left out.")
    return sanitized(preset)


def _wrong_variable(table: Mapping[str, object]) -> str:
    """The name of the first variable that is wrong; empty when none is."""
    variables = table.get("variables")
    for name, value in variables.items() if isinstance(variables, dict) else ():
        try:
            msgspec.convert(value, Variable | str)
        except msgspec.ValidationError:
            return str(name)
    return ""


def _explained(message: str, text: str, file: str, variable: str) -> ConfigError:
    from difflib import get_close_matches

    what, _, where = message.partition(" - at `$")
    key = where.rstrip("`").lstrip(".").replace("[...]", f".{variable}")
    if unknown := re.search(r"unknown field `([^`]+)`", what):
        name = unknown.group(1)
        known = (Variable if key else Preset).__struct_fields__
        near = get_close_matches(name, known, n=2) or sorted(set(known) - {"name", "values"})
        hint = f"Did you mean {' or '.join(f'`{word}`' for word in near)}?"
        return _wrong(text, file, f"{key}.{name}" if key else name, "there is no such setting", hint)
    return _wrong(text, file, key, what[:1].lower() + what[1:], "Mend it; the preset is left out.")


def _wrong(text: str, file: str, key: str, what: str, hint: str) -> ConfigError:
    line = line_of(text, key)
    place = f"{file}, line {line}" if line else file
    return ConfigError(f"{place}: `{clean_line(key, 80)}`: {what}.", hint, file=file, key=key)
