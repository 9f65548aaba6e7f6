"""The settings of a conversation for the page: shown, changed, and chosen for a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from chat_tui.config import presets
from chat_tui.config.schema import Config
from chat_tui.core.conversation import Conversation
from chat_tui.core.errors import CommandError
from chat_tui.core.request import Thinking
from chat_tui.core.settings.conversation_settings import (
    ConversationSettings,
    NewConversation,
    decode_settings,
    encode_settings,
    with_tools_of,
)
from chat_tui.core.settings.preset import Preset, decode_preset, encode_preset, with_values
from chat_tui.core.text.control_characters import clean
from chat_tui.engine.cleaning import clean_in_pieces
from chat_tui.engine.engine import Engine
from chat_tui.web.api.schemas import PromptBody
from chat_tui.web.errors import ApiError

_OWN = ("temperature", "top_p", "max_tokens", "stop", "seed", "thinking", "memory")
"""The fields of `SettingChanges` that are settings of the conversation's own."""
StopWords = Annotated[str, Meta(min_length=1, max_length=200)]


class PresetChoice(msgspec.Struct, frozen=True):
    """A preset, and what is set for its variables."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    values: Annotated[dict[str, Annotated[str, Meta(max_length=2000)]], Meta(max_length=40)] = {}


class SettingChanges(msgspec.Struct, frozen=True, rename="camel"):
    """Settings of a conversation. What is not set stays as it is; null goes back to the preset's or the config's."""

    preset: PresetChoice | UnsetType | None = UNSET
    system: Annotated[str, Meta(max_length=1000000)] | UnsetType | None = UNSET
    """System prompt; an empty one sends none."""
    temperature: Annotated[float, Meta(ge=0, le=2)] | UnsetType | None = UNSET
    """0 = deterministic; higher = more varied."""
    top_p: Annotated[float, Meta(ge=0, le=1)] | UnsetType | None = UNSET
    """Nucleus sampling, 0 to 1."""
    max_tokens: Annotated[int, Meta(ge=1, le=1000000000)] | UnsetType | None = UNSET
    """Maximum length of an answer in tokens."""
    stop: Annotated[list[StopWords], Meta(max_length=16)] | UnsetType | None = UNSET
    """Texts at which an answer stops."""
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | UnsetType | None = UNSET
    """Sampling seed, for repeatable answers where supported."""
    thinking: Thinking | UnsetType | None = UNSET
    """Thinking effort."""
    memory: bool | UnsetType | None = UNSET
    """Whether what the user has asked to remember is sent."""


class PageQuestion(PromptBody, frozen=True, kw_only=True, rename="camel"):
    """A question of the page, for `/api/ask`."""

    settings: SettingChanges | None = None
    """Settings of a new conversation."""
    private: bool = False
    """Begin a conversation that is never saved, and is lost when no page follows it any more."""


class ShownVariable(msgspec.Struct, frozen=True):
    """A variable of a preset."""

    name: str
    help: str
    value: str
    """What is set, or the default."""
    choices: tuple[str, ...]
    """Suggested values; others are allowed."""


class ShownPreset(msgspec.Struct, frozen=True, rename="camel"):
    """A preset. What is null in it comes from the config."""

    name: str
    title: str
    description: str
    system: str | None
    """Its system prompt, with the values of its variables."""
    model: str | None
    strategy: str | None
    """The model or strategy that it is made for."""
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    thinking: Thinking | None
    tools: tuple[str, ...]
    """Tool servers that it switches on."""
    variables: tuple[ShownVariable, ...]


class ShownSettings(msgspec.Struct, frozen=True, rename="camel"):
    """The settings of a conversation. What is null, or empty, comes from the preset, then from the config."""

    preset: ShownPreset | None = None
    system: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    thinking: Thinking | None = None
    memory: bool | None = None


class UsualSettings(msgspec.Struct, frozen=True, rename="camel"):
    """What counts where neither a conversation nor its preset says anything; null: the model decides."""

    system: str
    temperature: float | None
    max_tokens: int | None
    thinking: Thinking | None
    memory: bool
    adaptive: bool
    """Whether answers are adaptive: first a quick one, then a detailed one."""


class SettingChoices(msgspec.Struct, frozen=True, rename="camel"):
    """What can be set, and what is usual."""

    presets: tuple[ShownPreset, ...]
    problems: tuple[str, ...]
    """What is wrong with presets that cannot be used."""
    usual: UsualSettings
    can_be_private: bool
    """Whether private conversations are possible: this server has no other workers."""


async def setting_choices(config: Config, *, can_be_private: bool) -> SettingChoices:
    """Read the presets, and return what can be set."""
    found, wrong = await asyncio.to_thread(presets.read_all, presets.folders())
    request = config.request
    usual = UsualSettings(
        config.system_prompt,
        request.temperature,
        request.max_tokens,
        request.thinking,
        config.memory.enabled,
        config.adaptive.enabled,
    )
    problems = tuple(f"{error.title} {error.hint}".strip() for error in wrong)
    return SettingChoices(tuple(map(_shown_preset, found)), problems, usual, can_be_private)


def shown_settings(conversation: Conversation) -> ShownSettings:
    """Return the settings that a conversation has of its own, and its preset."""
    preset, own = decode_preset(conversation.preset), decode_settings(conversation.settings)
    values: Mapping[str, Any] = {name: getattr(own, name) for name in _OWN}
    return ShownSettings(None if preset is None else _shown_preset(preset), system=conversation.system_prompt, **values)


def _shown_preset(preset: Preset) -> ShownPreset:
    variables = [(name, preset.variable(name)) for name in preset.variables]
    return ShownPreset(
        preset.name,
        preset.title or preset.name,
        preset.description,
        preset.system(),
        preset.model,
        preset.strategy,
        preset.temperature,
        preset.top_p,
        preset.max_tokens,
        preset.thinking,
        preset.tools,
        tuple(ShownVariable(name, each.help, preset.value(name), each.choices) for name, each in variables),
    )


async def change_settings(engine: Engine, conversation: Conversation, asked: SettingChanges) -> None:
    """Change the settings of a conversation. Raises `ApiError`, `CommandError`, `ConfigError`, `HistoryError`."""
    preset = await _read_preset(asked)
    own = _changed(decode_settings(conversation.settings), asked)
    if preset is not UNSET:
        own = own if preset is None else with_tools_of(preset, own)
        await engine.conversations.set_preset(conversation.id, encode_preset(preset))
    if asked.system is not UNSET:
        await engine.conversations.set_system_prompt(conversation.id, await _cleaned(asked.system))
    if encode_settings(own) != conversation.settings:
        await engine.conversations.set_settings(conversation.id, own)


async def beginning_with(
    asked: SettingChanges | None, own: ConversationSettings, system: str | None, *, names_tools: bool = False
) -> NewConversation:
    """Return a new conversation with these settings. `names_tools`: a person has chosen the tools in `own`, and may
    have switched off those of the preset. Raises `ApiError`, `CommandError`, `ConfigError`."""
    if asked is None:
        return NewConversation(system, settings=own)
    preset, prompt = await _read_preset(asked), system if asked.system is UNSET else await _cleaned(asked.system)
    own = _changed(own, asked)
    if not isinstance(preset, Preset):
        return NewConversation(prompt, settings=own)
    return NewConversation(prompt, preset, own if names_tools else with_tools_of(preset, own))


def check_unset(asked: PromptBody) -> None:
    """Raise `ApiError` if a question would change the settings of its conversation."""
    if isinstance(asked, PageQuestion) and (asked.settings is not None or asked.private):
        name = "private" if asked.private else "settings"
        words = f"`{name}` can only be set for a new conversation."
        raise ApiError(400, f"{words} PATCH /api/conversations/ID/settings changes settings.", param=name)


async def _read_preset(asked: SettingChanges) -> Preset | UnsetType | None:
    if asked.preset is UNSET or asked.preset is None:
        return asked.preset
    try:
        preset = await asyncio.to_thread(presets.find, asked.preset.name, presets.folders())
        return with_values(preset, asked.preset.values)
    except CommandError as error:
        raise ApiError(400, f"{error.title} {error.hint}".strip(), param="preset") from error


def _changed(own: ConversationSettings, asked: SettingChanges) -> ConversationSettings:
    given = {name: getattr(asked, name) for name in _OWN if getattr(asked, name) is not UNSET}
    if "stop" in given:
        given["stop"] = tuple(filter(None, [clean(each) for each in given["stop"] or ()]))
    return replace(own, **given)


async def _cleaned(text: str | None) -> str | None:
    return None if text is None else await clean_in_pieces(text)
