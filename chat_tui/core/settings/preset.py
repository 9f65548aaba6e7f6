"""Presets: a system prompt with the settings that go with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chat_tui.core.errors import CommandError
from chat_tui.core.request import Request, Thinking
from chat_tui.core.text.control_characters import clean
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.text.sanitizer import sanitize

LIMIT_BYTES = 100_000
"""Maximum size of a preset in bytes, as a file and as stored."""
_VALUE_CHARACTERS = 2_000
_PLACEHOLDER = lazy_pattern(r"\{([a-z_][a-z0-9_]{0,39})\}")
_SET = lazy_pattern(r"(?:^|\s)([a-z_][a-z0-9_]{0,39})=")
_WORD = lazy_pattern(r"""\"[^\"]*\"|'[^']*'|\S+""")
_SENDS_NOTHING = frozenset(
    ("name", "title", "description", "system_prompt", "prompt", "temperature", "top_p", "stop", "variables", "values")
)
"""Fields that decide neither when nor where something is sent, nor what it may cost."""
LIMITS = {"temperature": 10.0, "top_p": 1.0, "max_tokens": 1e9, "as_you_type_seconds": 60.0}
"""Maximum of each number; the minimum is 0."""


class Variable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A variable of a preset, which the user can set."""

    default: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()
    """Suggested values; others are allowed."""
    aliases: tuple[str, ...] = ()
    """Short names for it. The value of a short name is one word, or in quotes, so that a message can follow."""


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A preset; what it leaves unset comes from the config."""

    name: str = ""
    """Name of its file without the extension."""
    title: str = ""
    description: str = ""
    """One line for the list."""
    system_prompt: str | None = None
    prompt: str = ""
    """Template for the user's message, which replaces `{text}`; empty: the message is sent as it is."""
    model: str | None = None
    """`provider/model`."""
    strategy: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    thinking: Thinking | None = None
    web_search: bool | None = None
    """Whether the model may search the web with its provider's own search; None: no."""
    variables: dict[str, Variable | str] = {}
    """Variables by their name, which is in braces in both prompts; a string is a default."""
    values: dict[str, str] = {}
    """Chosen values of the variables."""
    as_you_type_seconds: float | None = None
    """Seconds without typing after which a preview is requested; None: never."""
    tools: tuple[str, ...] = ()
    """Tool servers that are switched on in a conversation on the screen; calls are asked about as always."""
    document: bool = False
    """Whether it analyses a document, in parts if that exceeds the context window."""

    def variable(self, name: str) -> Variable:
        """Return an existing variable by its name."""
        known = self.variables[name]
        return Variable(known) if isinstance(known, str) else known

    def aliases(self) -> dict[str, str]:
        """Return the variable of each short name that is not the name of a variable itself."""
        found = ((alias, name) for name in self.variables for alias in self.variable(name).aliases)
        return {alias: name for alias, name in found if alias not in self.variables}

    def variable_name(self, name: str) -> str | None:
        """Return the name of the variable that a name or a short name means; None if there is none."""
        return name if name in self.variables else self.aliases().get(name)

    def value(self, name: str) -> str:
        """Return the value of a variable."""
        return self.values.get(name) or self.variable(name).default

    def words(self) -> str:
        """Return a short description, such as `Translate · French`."""
        values = (self.value(name) for name in self.variables)
        return shorten(" · ".join(filter(None, [self.title or self.name, *values])), 80)

    def system(self) -> str | None:
        """Return the system prompt with the values of its variables."""
        return None if self.system_prompt is None else self._fill(self.system_prompt)

    def fill_prompt(self, text: str) -> str:
        """Return the user's message as it is sent."""
        return self._fill(self.prompt, text) if self.prompt else text

    def settings(self, request: Request) -> Request:
        """Return the request with this preset's settings for those that it leaves unset."""
        fields = ("temperature", "top_p", "max_tokens", "thinking", "web_search")
        unset = {name: getattr(self, name) for name in fields if getattr(request, name) is None}
        if request.model is None and request.strategy is None:
            unset |= {"model": self.model, "strategy": self.strategy}
        return request.replace(stop=request.stop or self.stop, **unset)

    def _fill(self, template: str, text: str = "") -> str:
        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if name == "text" and text:
                return text
            return self.value(name) if name in self.variables else match.group(0)

        return _PLACEHOLDER.sub(value, template)


def with_values(preset: Preset, values: Mapping[str, str]) -> Preset:
    """Return the preset with values for its variables, also by their short names. Raises `CommandError` for an unknown
    name."""
    aliases = preset.aliases()
    for name in values:
        if preset.variable_name(name) is None:
            known = ", ".join(preset.variables)
            hint = f"It has: {known}." if known else "It has none."
            short = ", ".join(f"{alias} for {name}" for alias, name in aliases.items())
            raise CommandError(
                f"The preset {preset.name} has no variable `{shorten(name, 40)}`.",
                f"{hint} Short names: {short}." if short else hint,
            )
    chosen = {aliases.get(name, name): clean(value).strip()[:_VALUE_CHARACTERS] for name, value in values.items()}
    return msgspec.structs.replace(preset, values={**preset.values, **chosen})


def values_in(preset: Preset, typed: str) -> dict[str, str]:
    """Parse values as `parse_values` does, without the message."""
    return parse_values(preset, typed)[0]


def parse_values(preset: Preset, typed: str, assignment: re.Pattern[str] = _SET) -> tuple[dict[str, str], str]:
    """Parse values as typed, `name=value name=value`; returns them and the message that follows a short name's value.

    Words before the first name are for the first variable. `assignment` finds a name, its first group, with the sign
    behind it. Raises `CommandError` if there are words but no variable.
    """
    values: dict[str, str] = {}
    aliases, begin = preset.aliases(), assignment.search(typed)
    first, rest = (typed[: begin.start()], typed[begin.start() :]) if begin else (typed, "")
    if first.strip():
        if not preset.variables:
            raise CommandError(f"The preset {preset.name} has no variables.", f"Use just /preset {preset.name}.")
        values[next(iter(preset.variables))] = first
    can_be_message = False
    while rest and (match := assignment.match(rest)):
        name = match.group(1)
        if can_be_message and preset.variable_name(name) is None:
            break
        if name in aliases and (word := _WORD.match(rest, match.end())):
            values[aliases[name]] = word.group().strip("\"'")
            rest, can_be_message = rest[word.end() :], True
            continue
        after = assignment.search(rest, match.end())
        values[name] = rest[match.end() : after.start() if after else len(rest)]
        rest = rest[after.start() :] if after else ""
    return values, rest.strip()


def question_about(preset: Preset, names: Sequence[str]) -> str:
    """Return the question for files of these names without a message."""
    return f"{preset.title or preset.name}: {', '.join(names)}"


def encode_preset(preset: Preset | None) -> str:
    """Encode a preset as JSON to be stored with a conversation; empty for None."""
    return "" if preset is None else msgspec.json.encode(preset).decode()


def decode_preset(text: str) -> Preset | None:
    """Decode a stored preset; None if there is none or it cannot be read."""
    try:
        preset = sanitize(msgspec.json.decode(text, type=Preset)) if text else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if preset is None:
        return None
    beyond = [name for name in LIMITS if is_beyond(name, getattr(preset, name))]
    return msgspec.structs.replace(preset, **dict.fromkeys(beyond))


def without_switches(text: str) -> str:
    """Return the parts of a preset that may be imported, as JSON to be stored; empty if it cannot be used.

    The author of a file must not decide when messages are sent (while typing, or a document in parts), to which model,
    or what an answer may cost.
    """
    if not text or len(text) > LIMIT_BYTES:
        return ""
    try:
        fields = msgspec.json.decode(text, type=dict[str, Any])
        kept = {name: value for name, value in fields.items() if name in _SENDS_NOTHING and not is_beyond(name, value)}
        return encode_preset(sanitize(msgspec.convert(kept, Preset)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""


def is_beyond(name: str, value: Any) -> bool:
    """Return whether the number is out of bounds."""
    return name in LIMITS and isinstance(value, (int, float)) and not 0 <= value <= LIMITS[name]
