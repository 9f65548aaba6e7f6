"""The settings that a conversation has of its own: they come before its preset's and the config's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import msgspec

from chat_tui.core.conversation import Turn
from chat_tui.core.errors import CommandError
from chat_tui.core.request import Request, Thinking
from chat_tui.core.text.control_characters import clean
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ToolUse

if TYPE_CHECKING:
    from chat_tui.core.settings.preset import Preset

RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "max_tokens": (1, 1_000_000_000),
    "seed": (-(2**63), 2**63 - 1),
}
"""The minimum and maximum of each number."""
DEFAULT = "default"
"""The value that removes a setting."""
LEVELS: tuple[str, ...] = get_args(Thinking)
_STOPS, _STOP_CHARACTERS = 16, 200
_STORED_CHARACTERS = 200_000
"""Room for hundreds of tools that are switched off one by one, and for all consents."""
SWITCH: tuple[str, ...] = ("on", "off")
_SHORT = {
    "temperature": "temp",
    "top_p": "top_p",
    "max_tokens": "max",
    "seed": "seed",
    "thinking": "thinking",
    "web_search": "web search",
    "memory": "memory",
}
_STOP_LABEL_CHARACTERS = 12


class ConversationSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is None, or empty, comes from the preset, then from the config."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    thinking: Thinking | None = None
    web_search: bool | None = None
    """Whether the model may search the web with its provider's own search."""
    memory: bool | None = None
    """Whether what the user has asked to remember is sent."""
    tools: ToolUse | None = None
    """The tools that are on, and what was allowed."""

    def apply(self, request: Request) -> Request:
        """Return the request with these settings for those that it leaves unset."""
        names = ("temperature", "top_p", "max_tokens", "seed", "thinking", "web_search")
        unset = {name: getattr(self, name) for name in names if getattr(request, name) is None}
        return request.replace(stop=request.stop or self.stop, **unset)

    def labels(self) -> list[str]:
        """Return each setting in short, such as `temp 0.2`."""
        told = [f"{short} {_format(getattr(self, name))}" for name, short in _SHORT.items() if self.value(name)]
        if self.stop:
            more = f" +{len(self.stop) - 1}" if len(self.stop) > 1 else ""
            told.append(f"stop {shorten(self.stop[0], _STOP_LABEL_CHARACTERS)}{more}")
        return told

    def value(self, name: str) -> str:
        """Return a setting as it would be typed; empty if it is not set."""
        value = getattr(self, name)
        if name == "stop":
            return " ".join(f'"{shorten(word, 40)}"' for word in value)
        return "" if value is None else _format(value)


NAMES: tuple[str, ...] = tuple(name for name in ConversationSettings.__struct_fields__ if name != "tools")
"""The settings that a person sets by name and value."""


class NewConversation(msgspec.Struct, frozen=True):
    """Passed instead of the id of a conversation if a question starts one."""

    system_prompt: str | None = None
    """None: the system prompt of the preset, or else of the config."""
    preset: Preset | None = None
    """The preset, whose settings take precedence over the config."""
    settings: ConversationSettings = ConversationSettings()
    """Settings of its own, which take precedence over the preset's."""
    earlier: tuple[Turn, ...] = ()
    """Turns before the first question, oldest first."""


def with_tools_of(preset: Preset, own: ConversationSettings) -> ConversationSettings:
    """Return the settings with the tool servers on that a preset names."""
    if not preset.tools:
        return own
    return msgspec.structs.replace(own, tools=msgspec.structs.replace(own.tools or ToolUse(), servers=preset.tools))


def parse_setting(name: str, typed: str) -> Any:
    """Return a setting's value from what was typed. Raises `CommandError`, which names the allowed range."""
    if name == "stop":
        return _stops(typed)
    if name == "thinking":
        if (level := typed.casefold()) not in LEVELS:
            raise _refusal(name, typed, f"one of {', '.join(LEVELS)}")
        return level
    if name in ("web_search", "memory"):
        if typed.casefold() not in SWITCH:
            raise _refusal(name, typed, "on or off")
        return typed.casefold() == "on"
    low, high = RANGES[name]
    whole = name in ("max_tokens", "seed")
    try:
        value = int(typed.replace("_", "")) if whole else float(typed)
    except ValueError:
        value = None
    # NaN is in no range.
    if value is None or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise _refusal(name, typed, kind if name == "seed" else f"{kind} from {low:g} to {high:,}")
    return value


def _stops(typed: str) -> tuple[str, ...]:
    """The texts, each a word or in quotes; `\\n` and `\\t` mean a line end and a tab."""
    import shlex

    lexer = shlex.shlex(typed, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        words = list(lexer)
    except ValueError:
        raise CommandError("A quotation mark in stop is not closed.", 'For example: /set stop END "The end".') from None
    stops = tuple(clean(word.replace("\\n", "\n").replace("\\t", "\t"))[:_STOP_CHARACTERS] for word in words)
    if not any(stops) or len(stops) > _STOPS:
        raise CommandError(f"stop must be 1 to {_STOPS} texts.", 'For example: /set stop END "The end".')
    return tuple(filter(None, stops))


def _refusal(name: str, typed: str, allowed: str) -> CommandError:
    return CommandError(
        f"{name} must be {allowed}, not {shorten(typed, 40)}.",
        f"Nothing was changed. `{DEFAULT}` as the value goes back to the preset's or the config's.",
    )


def encode_settings(settings: ConversationSettings) -> str:
    """Encode the settings as JSON to be stored with a conversation; empty if none is set."""
    return "" if settings == ConversationSettings() else msgspec.json.encode(settings).decode()


def decode_settings(stored: str) -> ConversationSettings:
    """Decode stored settings, without those that are out of range; none if they cannot be read."""
    if not stored or len(stored) > _STORED_CHARACTERS:
        return ConversationSettings()
    try:
        settings = msgspec.json.decode(stored, type=ConversationSettings)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ConversationSettings()
    beyond = [name for name in RANGES if not _fits(name, getattr(settings, name))]
    stops = tuple(clean(word)[:_STOP_CHARACTERS] for word in settings.stop[:_STOPS])
    return msgspec.structs.replace(settings, stop=tuple(filter(None, stops)), **dict.fromkeys(beyond))


def without_costs(stored: str) -> str:
    """Return stored settings without those that decide what an answer may cost, whether the web is searched, whether
    the memory is sent, and which tools run: another person may have made the file that they come from."""
    settings = decode_settings(stored)
    return encode_settings(
        msgspec.structs.replace(settings, max_tokens=None, thinking=None, web_search=None, memory=None, tools=None)
    )


def _fits(name: str, value: float | None) -> bool:
    low, high = RANGES[name]
    return value is None or low <= value <= high


def _format(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else f"{value:g}"
