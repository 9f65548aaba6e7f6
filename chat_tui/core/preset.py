"""Presets: a system prompt with the settings that go with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chat_tui.core.errors import CommandError
from chat_tui.core.request import Request, Thinking
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.core.text.sanitizer import sanitized

LIMIT_BYTES = 100_000
"""Of a preset as it is stored, or as a file."""
_VALUE_CHARACTERS = 2_000
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]{0,39})\}")
_SET = re.compile(r"(?:^|\s)([a-z_][a-z0-9_]{0,39})=")
_SENDS_NOTHING = frozenset(
    ("name", "title", "description", "system_prompt", "prompt", "temperature", "top_p", "stop", "variables", "values")
)
"""Fields that decide neither when something is sent, nor to whom, nor what it may cost."""
LIMITS = {"temperature": 10.0, "top_p": 1.0, "max_tokens": 1e9, "as_you_type_seconds": 60.0}
"""The most that a number may be; the least is 0."""


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
            raise CommandError(f"The preset {preset.name} has no variables.", f"Use just /preset {preset.name}.")
        values.setdefault(next(iter(preset.variables)), first)
    return values


def question_about(preset: Preset, names: Sequence[str]) -> str:
    """What is asked where somebody gives files of these names and no words."""
    return f"{preset.title or preset.name}: {', '.join(names)}"


def encode_preset(preset: Preset | None) -> str:
    """As JSON, for a conversation to keep; empty for none."""
    return "" if preset is None else msgspec.json.encode(preset).decode()


def decode_preset(text: str) -> Preset | None:
    """The preset that a conversation has kept; None where there is none, or none that can be read any more."""
    try:
        preset = sanitized(msgspec.json.decode(text, type=Preset)) if text else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if preset is None:
        return None
    beyond = [name for name in LIMITS if is_beyond(name, getattr(preset, name))]
    return msgspec.structs.replace(preset, **dict.fromkeys(beyond))


def without_switches(text: str) -> str:
    """What an import may bring of a preset, as JSON for a conversation to keep; empty where it cannot be used.

    Whoever wrote the file decides neither when words are sent (as one types, a document in parts), nor to which model,
    nor what an answer may cost.
    """
    if not text or len(text) > LIMIT_BYTES:
        return ""
    try:
        fields = msgspec.json.decode(text, type=dict[str, Any])
        kept = {name: value for name, value in fields.items() if name in _SENDS_NOTHING and not is_beyond(name, value)}
        return encode_preset(sanitized(msgspec.convert(kept, Preset)))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""


def is_beyond(name: str, value: Any) -> bool:
    """Whether a field's number is outside of its bounds."""
    return name in LIMITS and isinstance(value, (int, float)) and not 0 <= value <= LIMITS[name]
