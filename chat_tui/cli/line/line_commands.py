"""The slash commands of line mode."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec.structs import replace

from chat_tui.cli.attached_files import read_attachments
from chat_tui.cli.line.line_chat import LineChat
from chat_tui.cli.output.route_table import route_lines
from chat_tui.config import presets
from chat_tui.config.commands.command_table import COMMANDS
from chat_tui.config.commands.slash_command import SlashCommand
from chat_tui.config.commands.unknown_command import unknown_command
from chat_tui.core.errors import CommandError
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.files.writing import write
from chat_tui.core.processes.console import write_error
from chat_tui.core.settings.conversation_settings import DEFAULT, NAMES, parse_setting
from chat_tui.core.settings.preset import parse_values, with_values
from chat_tui.core.text.control_characters import clean
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ToolUse

_LISTED = 20
_EXPORT_FORMS: Mapping[str, Literal["markdown", "html", "json"]] = {".html": "html", ".htm": "html", ".json": "json"}
Handler = Callable[[LineChat, str], Awaitable[None]]


class LineCommand(NamedTuple):
    """A slash command with what carries it out."""

    row: SlashCommand
    run: Handler


_COMMANDS: dict[str, LineCommand] = {}


def line_command(name: str) -> Callable[[Handler], Handler]:
    """Register the function below for the command with this name of the table that all faces share."""

    def register(handler: Handler) -> Handler:
        _COMMANDS[name] = LineCommand(COMMANDS[name], handler)
        return handler

    return register


def _find(name: str) -> LineCommand | None:
    """Return the command with this name or alias."""
    return next((each for each in _COMMANDS.values() if name in each.row.names), None)


class LineCommands:
    """Runs and completes the commands of a chat."""

    def __init__(self, chat: LineChat) -> None:
        self._chat = chat

    async def run(self, text: str) -> None:
        """Run a command, as it was typed. Raises `ChatTuiError`."""
        name, _, argument = text[1:].partition(" ")
        command = _find(name.casefold())
        if command is None:
            raise unknown_command(name.casefold(), [known for each in _COMMANDS.values() for known in each.row.names])
        await command.run(self._chat, argument.strip())

    def complete(self, text: str) -> Iterable[str]:
        """Return the completions of the last word of a command."""
        if not text.startswith("/"):
            return ()
        name, space, argument = text[1:].partition(" ")
        if not space:
            return [f"/{known}" for known in _COMMANDS if known.startswith(name)]
        command = _find(name.casefold())
        values = self._values().get(command.row.name) if command is not None else None
        return [value for value in (values() if values else ()) if value.startswith(argument)]

    def _values(self) -> Mapping[str, Callable[[], Sequence[str]]]:
        engine = self._chat.engine
        return {
            "model": lambda: ["auto", *[status.model.name for status in engine.models.status()]],
            "strategy": lambda: [*engine.models.strategies()],
            "preset": lambda: presets.names(presets.folders()),
            "set": lambda: NAMES,
            "tools": lambda: [status.name for status in engine.tools.backend.statuses()],
        }


def _say(*lines: str) -> None:
    write_error("".join(f"{line}\n" for line in lines))


@line_command("help")
async def _help(_: LineChat, __: str) -> None:
    rows = [(each.row.usage, each.row.help) for each in _COMMANDS.values()]
    width = max(len(name) for name, _ in rows)
    _say(*[f"{name:{width}}  {help}" for name, help in rows])
    _say("A line that ends with \\ goes on with the next one. // begins a message with a slash.")


@line_command("clear")
async def _new(chat: LineChat, _: str) -> None:
    chat.begin()
    _say("[new conversation]")


@line_command("open")
async def _open(chat: LineChat, name: str) -> None:
    await chat.open(name or "last")


@line_command("history")
async def _history(chat: LineChat, words: str) -> None:
    if words:
        hits = await chat.engine.conversations.search(words, _LISTED)
        rows = [
            f"{hit.conversation}  {shorten(hit.conversation_title, 60)}: {shorten(hit.snippet, 200)}" for hit in hits
        ]
    else:
        found = await chat.engine.conversations.summaries(_LISTED)
        rows = [f"{row.id}  {shorten(row.title, 100)}" for row in found]
    _say(*(rows or ["[nothing found]" if words else "[no conversations yet]"]))


@line_command("model")
async def _model(chat: LineChat, name: str) -> None:
    if not name:
        await chat.engine.models.discover()
        _say(*[f"{each.model.name}  {each.state}".rstrip() for each in chat.engine.models.status()])
        _say(f"[model {chat.model or f'chosen by {chat.strategy}'}]")
        return
    if name == "auto":
        await _auto(chat, "")
        return
    known = [status.model.name for status in chat.engine.models.status()]
    if name not in known:
        close = [each for each in known if name in each]
        hint = f"Do you mean {' or '.join(close[:5])}?" if close else "/model lists them."
        raise CommandError(f"There is no model {shorten(name, 80)}.", hint)
    chat.model = name
    _say(f"[model {name}]")


@line_command("auto")
async def _auto(chat: LineChat, _: str) -> None:
    chat.model = None
    _say(f"[the strategy {chat.strategy} chooses the model]")


@line_command("strategy")
async def _strategy(chat: LineChat, name: str) -> None:
    known = chat.engine.models.strategies()
    if name and name not in known:
        raise CommandError(f"There is no strategy {shorten(name, 40)}.", f"There are: {', '.join(known)}.")
    if name:
        chat.model, chat.strategy = None, name
    _say(f"[strategy {chat.strategy}]")


@line_command("system")
async def _system(chat: LineChat, text: str) -> None:
    prompt = None if text == DEFAULT else clean(text)
    if chat.conversation_id is None:
        chat.system_prompt = prompt
    else:
        await chat.engine.conversations.set_system_prompt(chat.conversation_id, prompt)
    _say("[system prompt set]" if prompt else "[system prompt of the preset or the config]")


@line_command("preset")
async def _preset(chat: LineChat, typed: str) -> None:
    name, _, values = typed.partition(" ")
    found = await asyncio.to_thread(presets.find, name, presets.folders())
    given, text = parse_values(found, values)
    chat.begin(preset=with_values(found, given))
    chat.model, chat.strategy = found.model or chat.model, found.strategy or chat.strategy
    _say(f"[new conversation with the preset {name}]")
    if text:
        await chat.ask(text)


@line_command("set")
async def _set(chat: LineChat, typed: str) -> None:
    name, _, value = typed.partition(" ")
    if name and name not in NAMES:
        raise CommandError(f"There is no setting {shorten(name, 40)}.", f"There are: {', '.join(NAMES)}.")
    if value:
        unset = () if name == "stop" else None
        new = unset if value.strip() == DEFAULT else parse_setting(name, value.strip())
        await chat.set_own(replace(chat.own_settings, **{name: new}))
    _say(f"[{', '.join(chat.own_settings.labels()) or 'no settings of its own'}]")


@line_command("tools")
async def _tools(chat: LineChat, name: str) -> None:
    use = chat.own_settings.tools or ToolUse()
    known = [status.name for status in chat.engine.tools.backend.statuses()]
    if name and name not in known:
        raise CommandError(
            f"There is no tool server {shorten(name, 40)}.", "Add it with `chat-tui tools add NAME -- COMMAND`."
        )
    if name:
        on = tuple(each for each in use.servers if each != name) if name in use.servers else (*use.servers, name)
        use = replace(use, servers=on)
        await chat.set_own(replace(chat.own_settings, tools=use))
    _say(*[f"{each}  {'on' if each in use.servers else 'off'}" for each in known] or ["[no tool servers]"])


@line_command("attach")
async def _attach(chat: LineChat, name: str) -> None:
    chat.attachments += await asyncio.to_thread(read_attachments, [name])
    _say(f"[attached: {', '.join(file.name for file in chat.attachments)}]")


@line_command("retry")
async def _retry(chat: LineChat, _: str) -> None:
    conversation = await chat.conversation()
    last = conversation.path[-1]
    if last.role == "user":
        await chat.write(await chat.engine.go_on(conversation.id, chat.settings))
    else:
        await chat.write(await chat.engine.regenerate(conversation.id, last.id, chat.settings))


@line_command("continue")
async def _continue(chat: LineChat, _: str) -> None:
    await chat.write(await chat.engine.go_on((await chat.conversation()).id, chat.settings))


@line_command("undo")
async def _undo(chat: LineChat, _: str) -> None:
    conversation = await chat.conversation()
    question = next((turn for turn in reversed(conversation.path) if turn.role == "user"), None)
    if question is None:
        raise CommandError("There is no question to take back.")
    await chat.engine.conversations.end_at(conversation.id, question.parent)
    _say(f"[taken back: {shorten(question.text, 200)}]")


@line_command("why")
async def _why(chat: LineChat, _: str) -> None:
    last = (await chat.conversation()).path[-1]
    route = await chat.engine.conversations.route(last.id)
    if route is None:
        raise CommandError("There is no route to show.", "An answer has a route once it has ended.")
    _say(*route_lines(last.model, route))


@line_command("rename")
async def _title(chat: LineChat, text: str) -> None:
    title = await chat.engine.conversations.rename((await chat.conversation()).id, text, whole=True)
    _say(f"[title: {title}]")


@line_command("export")
async def _export(chat: LineChat, name: str) -> None:
    if not name:
        raise CommandError("/export needs the name of a file.", "For example: /export chat.md")
    form = _EXPORT_FORMS.get(Path(name).suffix.casefold(), "markdown")
    text = await chat.engine.conversations.export((await chat.conversation()).id, form)
    try:
        await asyncio.to_thread(_write_file, name, text)
    except OSError as error:
        reason = f"{shorten(name, 200)} cannot be written: {error.strerror}."
        raise CommandError(reason, "Nothing was written.") from error
    _say(f"[written to {name}]")


def _write_file(name: str, text: str) -> None:
    write(expand_home(name), text)


@line_command("exit")
async def _quit(chat: LineChat, _: str) -> None:
    chat.is_ending = True
