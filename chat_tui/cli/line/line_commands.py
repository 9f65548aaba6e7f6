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
    """A slash command."""

    name: str
    argument: str
    """What follows the name, for the help; empty: nothing."""
    help: str
    run: Handler


_COMMANDS: dict[str, LineCommand] = {}
_ALIASES: dict[str, str] = {}


def _command(name: str, argument: str, help: str, *aliases: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        _COMMANDS[name] = LineCommand(name, argument, help, handler)
        _ALIASES.update(dict.fromkeys(aliases, name))
        return handler

    return register


class LineCommands:
    """Runs and completes the commands of a chat."""

    def __init__(self, chat: LineChat) -> None:
        self._chat = chat

    async def run(self, text: str) -> None:
        """Run a command, as it was typed. Raises `ChatTuiError`."""
        name, _, argument = text[1:].partition(" ")
        command = _COMMANDS.get(_ALIASES.get(name, name))
        if command is None:
            raise CommandError(f"There is no command /{shorten(name, 40)}.", "/help lists the commands.")
        await command.run(self._chat, argument.strip())

    def complete(self, text: str) -> Iterable[str]:
        """Return the completions of the last word of a command."""
        if not text.startswith("/"):
            return ()
        name, space, argument = text[1:].partition(" ")
        if not space:
            return [f"/{known}" for known in _COMMANDS if known.startswith(name)]
        values = self._values().get(_ALIASES.get(name, name))
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


@_command("help", "", "list the commands", "?")
async def _help(_: LineChat, __: str) -> None:
    rows = [(f"/{each.name} {each.argument}".rstrip(), each.help) for each in _COMMANDS.values()]
    width = max(len(name) for name, _ in rows)
    _say(*[f"{name:{width}}  {help}" for name, help in rows])
    _say("A line that ends with \\ goes on with the next one. // begins a message with a slash.")


@_command("new", "", "begin a new conversation", "clear")
async def _new(chat: LineChat, _: str) -> None:
    chat.begin()
    _say("[new conversation]")


@_command("open", "ID|TITLE", "go on with a saved conversation, or `last`")
async def _open(chat: LineChat, name: str) -> None:
    await chat.open(name or "last")


@_command("history", "[WORDS]", "list the last conversations, or search all messages")
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


@_command("model", "NAME|auto", "choose the model, or let the strategy choose", "m")
async def _model(chat: LineChat, name: str) -> None:
    if not name:
        _say(f"[model {chat.model or f'chosen by {chat.strategy}'}]")
        return
    if name == "auto":
        chat.model = None
        _say(f"[the strategy {chat.strategy} chooses the model]")
        return
    known = [status.model.name for status in chat.engine.models.status()]
    if name not in known:
        close = [each for each in known if name in each]
        hint = f"Do you mean {' or '.join(close[:5])}?" if close else "/models lists them."
        raise CommandError(f"There is no model {shorten(name, 80)}.", hint)
    chat.model = name
    _say(f"[model {name}]")


@_command("models", "", "list the models")
async def _models(chat: LineChat, _: str) -> None:
    await chat.engine.models.discover()
    _say(*[f"{each.model.name}  {each.state}".rstrip() for each in chat.engine.models.status()])


@_command("strategy", "NAME", "choose how models are chosen", "t")
async def _strategy(chat: LineChat, name: str) -> None:
    known = chat.engine.models.strategies()
    if name and name not in known:
        raise CommandError(f"There is no strategy {shorten(name, 40)}.", f"There are: {', '.join(known)}.")
    if name:
        chat.model, chat.strategy = None, name
    _say(f"[strategy {chat.strategy}]")


@_command("system", "TEXT|default", "set the system prompt of this conversation")
async def _system(chat: LineChat, text: str) -> None:
    prompt = None if text == DEFAULT else clean(text)
    if chat.conversation_id is None:
        chat.system_prompt = prompt
    else:
        await chat.engine.conversations.set_system_prompt(chat.conversation_id, prompt)
    _say("[system prompt set]" if prompt else "[system prompt of the preset or the config]")


@_command("preset", "NAME [NAME=VALUE …]", "begin a new conversation with a preset")
async def _preset(chat: LineChat, typed: str) -> None:
    name, _, values = typed.partition(" ")
    found = await asyncio.to_thread(presets.find, name, presets.folders())
    given, text = parse_values(found, values)
    chat.begin(preset=with_values(found, given))
    chat.model, chat.strategy = found.model or chat.model, found.strategy or chat.strategy
    _say(f"[new conversation with the preset {name}]")
    if text:
        await chat.ask(text)


@_command("set", "NAME VALUE", "set temperature, max_tokens, … for this conversation; alone, show them")
async def _set(chat: LineChat, typed: str) -> None:
    name, _, value = typed.partition(" ")
    if name and name not in NAMES:
        raise CommandError(f"There is no setting {shorten(name, 40)}.", f"There are: {', '.join(NAMES)}.")
    if value:
        unset = () if name == "stop" else None
        new = unset if value.strip() == DEFAULT else parse_setting(name, value.strip())
        await chat.set_own(replace(chat.own_settings, **{name: new}))
    _say(f"[{', '.join(chat.own_settings.labels()) or 'no settings of its own'}]")


@_command("tools", "[SERVER]", "list the tool servers, or switch one on or off in this conversation")
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


@_command("attach", "FILE|URL", "attach a file, folder or web page to the next message", "file")
async def _attach(chat: LineChat, name: str) -> None:
    chat.attachments += await asyncio.to_thread(read_attachments, [name])
    _say(f"[attached: {', '.join(file.name for file in chat.attachments)}]")


@_command("retry", "", "ask for the last answer again", "regenerate", "regen")
async def _retry(chat: LineChat, _: str) -> None:
    conversation = await chat.conversation()
    last = conversation.path[-1]
    if last.role == "user":
        await chat.write(await chat.engine.go_on(conversation.id, chat.settings))
    else:
        await chat.write(await chat.engine.regenerate(conversation.id, last.id, chat.settings))


@_command("continue", "", "let an incomplete answer go on")
async def _continue(chat: LineChat, _: str) -> None:
    await chat.write(await chat.engine.go_on((await chat.conversation()).id, chat.settings))


@_command("undo", "", "take back the last question with its answer")
async def _undo(chat: LineChat, _: str) -> None:
    conversation = await chat.conversation()
    question = next((turn for turn in reversed(conversation.path) if turn.role == "user"), None)
    if question is None:
        raise CommandError("There is no question to take back.")
    await chat.engine.conversations.end_at(conversation.id, question.parent)
    _say(f"[taken back: {shorten(question.text, 200)}]")


@_command("why", "", "tell why this model answered")
async def _why(chat: LineChat, _: str) -> None:
    last = (await chat.conversation()).path[-1]
    route = await chat.engine.conversations.route(last.id)
    if route is None:
        raise CommandError("There is no route to show.", "An answer has a route once it has ended.")
    _say(*route_lines(last.model, route))


@_command("title", "TEXT", "name this conversation", "rename")
async def _title(chat: LineChat, text: str) -> None:
    title = await chat.engine.conversations.rename((await chat.conversation()).id, text, whole=True)
    _say(f"[title: {title}]")


@_command("export", "FILE", "write this conversation to a file: Markdown, or HTML or JSON for *.html and *.json")
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


@_command("quit", "", "end", "exit", "q")
async def _quit(chat: LineChat, _: str) -> None:
    chat.is_ending = True
