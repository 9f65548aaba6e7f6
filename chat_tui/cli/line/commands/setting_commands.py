"""The commands of line mode on what goes with a question: preset, system prompt, settings, tools."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from chat_tui.cli.line.command_registry import line_command
from chat_tui.cli.line.line_chat import LineChat, say
from chat_tui.cli.line.word_completion import WordCompletion, complete_argument, complete_setting
from chat_tui.config import presets
from chat_tui.core.errors import CommandError
from chat_tui.core.settings.conversation_settings import (
    DEFAULT,
    LEVELS,
    NAMES,
    SWITCH,
    ConversationSettings,
    with_tools_of,
)
from chat_tui.core.settings.preset import parse_values, with_values
from chat_tui.core.settings.setting_change import parse_change
from chat_tui.core.text.control_characters import clean
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ToolServerStatus, ToolUse

NO_PRESET = "none"
"""The argument that ends the use of a preset."""
_VALUES = {"thinking": (*LEVELS, DEFAULT), "web_search": (*SWITCH, DEFAULT), "memory": (*SWITCH, DEFAULT)}


def _complete_preset(_: LineChat, typed: str) -> Sequence[WordCompletion]:
    return complete_argument(typed, [*presets.names(presets.folders()), NO_PRESET])


def _complete_set(_: LineChat, typed: str) -> Sequence[WordCompletion]:
    return complete_setting(typed, (*NAMES, DEFAULT), _VALUES)


def _complete_level(_: LineChat, typed: str) -> Sequence[WordCompletion]:
    return complete_argument(typed, _VALUES["thinking"])


def _complete_server(chat: LineChat, typed: str) -> Sequence[WordCompletion]:
    return complete_argument(typed, [status.name for status in chat.engine.tools.backend.statuses()])


@line_command("preset", _complete_preset)
async def _preset(chat: LineChat, typed: str) -> None:
    if not typed:
        found, wrong = await asyncio.to_thread(presets.read_all, presets.folders())
        say(*[f"{each.name}: {each.description}" for each in found], *[error.title for error in wrong])
        say(f"[preset {chat.preset.words()}]" if chat.preset is not None else "[no preset is in use]")
    elif typed.casefold() == NO_PRESET:
        await chat.set_preset(None)
        say("[no preset is in use]")
    else:
        await use_preset(chat, typed)


async def use_preset(chat: LineChat, typed: str) -> None:
    """Use a preset, with the values and the message that follow its name. Raises `ChatTuiError`."""
    name, _, values = typed.partition(" ")
    preset = await asyncio.to_thread(presets.find, name, presets.folders())
    given, message = parse_values(preset, values)
    preset = with_values(preset, given)
    await chat.set_preset(preset)
    if preset.tools:
        await chat.set_own(with_tools_of(preset, chat.own_settings))
    if preset.model or preset.strategy:
        chat.model, chat.strategy = preset.model, preset.strategy or chat.strategy
    say(f"[preset {preset.words()}: {shorten(preset.description, 200)}]")
    if message:
        await chat.ask(message)


@line_command("system")
async def _system(chat: LineChat, text: str) -> None:
    if text:
        prompt = None if text.casefold() == DEFAULT else clean(text)
        if chat.conversation_id is not None:
            await chat.engine.conversations.set_system_prompt(chat.conversation_id, prompt)
        chat.system_prompt = prompt
    own = (await chat.conversation()).system_prompt if chat.conversation_id is not None else chat.system_prompt
    if own is not None:
        say("[system prompt of this conversation]", own)
        return
    of_preset = chat.preset.system() if chat.preset is not None else None
    say("[system prompt of the preset]" if of_preset is not None else "[system prompt of the config]")
    say((of_preset if of_preset is not None else chat.engine.config.system_prompt) or "none")


@line_command("set", _complete_set)
async def _set(chat: LineChat, typed: str) -> None:
    change = parse_change(typed)
    if change.value:
        await chat.set_own(change.apply(chat.own_settings))
    for name in (change.name,) if change.name else NAMES:
        say(f"{name}: {_describe(chat, name)}")


def _describe(chat: LineChat, name: str) -> str:
    """Return the value of a setting, and where it comes from."""
    own, preset = chat.own_settings, chat.preset
    if own.value(name):
        return f"{own.value(name)}, of this conversation"
    for source, where in ((preset, "of the preset"), (chat.engine.config.request, "of the config")):
        value = getattr(source, name, None)
        if value is not None and value != ():
            return f"{ConversationSettings(**{name: value}).value(name)}, {where}"
    if name == "memory":
        return f"{'on' if chat.engine.config.memory.enabled else 'off'} (config)"
    return "off" if name == "web_search" else "the model's default"


@line_command("temperature")
async def _temperature(chat: LineChat, number: str) -> None:
    await _set(chat, f"temperature {number}")


@line_command("max-tokens")
async def _max_tokens(chat: LineChat, number: str) -> None:
    await _set(chat, f"max_tokens {number}")


@line_command("thinking", _complete_level)
async def _thinking(chat: LineChat, level: str) -> None:
    await _set(chat, f"thinking {level}")


@line_command("tools", _complete_server)
async def _tools(chat: LineChat, name: str) -> None:
    known = chat.engine.tools.backend.statuses()
    if name and name not in [status.name for status in known]:
        there = ", ".join(status.name for status in known)
        raise CommandError(
            f"There is no tool server {shorten(name, 40)}.",
            f"There are: {there}." if there else "Add one with `chat-tui tools add NAME -- COMMAND`.",
        )
    use = chat.own_settings.tools or ToolUse()
    if name:
        use = use.switch(name)
        await chat.set_own(replace(chat.own_settings, tools=use))
    say(*[_server(status, use) for status in known if not name or status.name == name] or ["[no tool servers]"])
    if known and not name:
        say("[/tools NAME switches one on or off in this conversation]")


def _server(status: ToolServerStatus, use: ToolUse) -> str:
    tools = f", tools: {', '.join(each.tool.name for each in status.tools)}" if status.tools else ""
    problem = f", {status.problem}" if status.problem else ""
    return f"{status.name}: {'on' if status.name in use.servers else 'off'}{tools}{problem}"
