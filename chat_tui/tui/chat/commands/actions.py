"""What each slash command does on the screen; `commands` has their names and words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from chat_tui.core.errors import CommandError
from chat_tui.core.text.control_characters import clean_line
from chat_tui.tui.actions import slash_commands
from chat_tui.tui.chat.commands.target import CommandTarget

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

_Call: TypeAlias = Callable[[CommandTarget, "Engine", str], Awaitable[None]]


async def carry_out(call: slash_commands.CommandCall, screen: CommandTarget) -> None:
    """Do what was typed, as soon as the engine is open. Raises `ChatTuiError`."""
    if call.name == "exit":
        await screen.action_quit()
    else:
        await _CALLS[call.name](screen, await screen.opened(), call.argument)


async def _adaptive(screen: CommandTarget, _engine: Engine, typed: str) -> None:
    wanted = typed.casefold()
    if wanted not in {"", "on", "off"}:
        raise CommandError(f"{clean_line(typed, 40)} is neither on nor off.", "Such as /adaptive on.")
    if not wanted or (wanted == "on") != screen.adaptive:
        screen.action_toggle_adaptive()


async def _analyse(screen: CommandTarget, engine: Engine, typed: str) -> None:
    from chat_tui.tui.chat.commands import preset_actions

    await preset_actions.analyse(screen, engine, typed)


async def _attach(screen: CommandTarget, _engine: Engine, path: str) -> None:
    from chat_tui.tui.prompt.mentions import dropped

    if not path:
        raise CommandError("There is no file.", "Write /attach FILE, or @ and a few letters of its name.")
    await screen.chat.files.attach((dropped(path) or [path.strip("'\"")])[0])


async def _bad(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    screen.chat.action_judge(0)


async def _branch(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.chat.branch()


async def _clear(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.action_new_conversation()


async def _compare(screen: CommandTarget, _engine: Engine, typed: str) -> None:
    await (await screen.comparing()).command(typed)


async def _context(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.show_context()


async def _continue(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    screen.action_go_on()


async def _copy(screen: CommandTarget, _engine: Engine, what: str) -> None:
    screen.chat.copy(what)


async def _detach(screen: CommandTarget, _engine: Engine, name: str) -> None:
    if screen.chat.files.detach(name) is None:
        raise CommandError("There is no such file." if name else "No file goes along.", "They stand above the prompt.")


async def _diff(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.chat.compare()


async def _edit(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    screen.chat.action_edit()


async def _delete(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    screen.action_act("delete")


async def _export(screen: CommandTarget, _engine: Engine, argument: str) -> None:
    if screen.chat.conversation_id is None:
        raise CommandError("Nothing was asked yet.", "Open a conversation first: Ctrl+R lists them.")
    await screen.upkeep.export(screen.chat.conversation_id, argument)


async def _fetch(screen: CommandTarget, engine: Engine, _argument: str) -> None:
    if engine.weights.ready:
        screen.host.say("The built-in model is there already")
    screen.fetch()


async def _find(screen: CommandTarget, _engine: Engine, words: str) -> None:
    screen.chat.find(words)


async def _forget(screen: CommandTarget, engine: Engine, name: str) -> None:
    chosen = await engine.chosen()
    if not name:
        screen.host.say("Found models that you chose", ", ".join(chosen) or "none", long=True)
        return
    forgotten = await engine.forget(name)
    if not forgotten:
        told = f"There are: {', '.join(chosen)}." if chosen else "No found model is in use."
        raise CommandError(f"{clean_line(name, 80)} is not in use because you chose it.", told)
    if screen.model in forgotten:
        screen.choose(None, screen.strategy)
    screen.host.say("Not used any more", ", ".join(forgotten))


async def _good(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    screen.chat.action_judge(1)


async def _help(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    screen.action_help()


async def _history(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.open_history()


async def _import(screen: CommandTarget, engine: Engine, file: str) -> None:
    if not file:
        raise CommandError("No file is named.", "Such as /import ~/Downloads/chatgpt-export.zip")
    await screen.upkeep.take_in(file)


async def _insights(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.toggle_insights()


async def _info(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    screen.chat.action_figures()


async def _model(screen: CommandTarget, engine: Engine, name: str) -> None:
    if name:
        screen.choose(_named(engine, name), screen.strategy)
    else:
        screen.action_open_models()


def _named(engine: Engine, name: str) -> str:
    return slash_commands.chosen_model(name, [standing.model.name for standing in engine.models()])


async def _retry(screen: CommandTarget, engine: Engine, name: str) -> None:
    screen.regenerate(_named(engine, name) if name else screen.model)


async def _open(screen: CommandTarget, engine: Engine, title: str) -> None:
    if not title:
        await screen.open_history()
        return
    wanted = title.casefold()
    listed = [(clean_line(one.title, 200).casefold(), one.id) for one in await engine.memory.conversations(1000)]
    for fits in (wanted.__eq__, lambda known: known.startswith(wanted), lambda known: wanted in known):
        if found := next((id for known, id in listed if fits(known)), None):
            await screen.upkeep.open(found)
            return
    raise CommandError(f"No conversation is called {clean_line(title, 60)}.", "Ctrl+R searches in all of them.")


async def _pause(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.action_pause_or_resume()


async def _pin(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    screen.action_act("pin")


async def _preset(screen: CommandTarget, engine: Engine, typed: str) -> None:
    from chat_tui.tui.chat.commands import preset_actions

    await preset_actions.take(screen, engine, typed)


async def _private(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.begin_private()


async def _rename(screen: CommandTarget, _engine: Engine, title: str) -> None:
    if title and screen.chat.conversation_id:
        await screen.upkeep.rename(screen.chat.conversation_id, title)
    else:
        screen.action_act("rename")


async def _save(screen: CommandTarget, _engine: Engine, argument: str) -> None:
    await screen.chat.save(argument)


async def _search(screen: CommandTarget, _engine: Engine, words: str) -> None:
    await screen.open_history(words)


async def _stats(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.show_statistics()


async def _strategy(screen: CommandTarget, engine: Engine, name: str) -> None:
    if name:
        strategy = slash_commands.chosen_strategy(name, engine.strategies())
        screen.set_adaptive(False)
        screen.choose(None, strategy)
    else:
        screen.action_next_strategy()


async def _system(screen: CommandTarget, _engine: Engine, text: str) -> None:
    chat, say = screen.chat, screen.host.say
    if not text:
        said = await chat.system_prompt()
        say("System prompt", said or "none", long=True)
        return
    await chat.set_system_prompt(None if text.casefold() == "default" else text)
    whose = "this conversation" if chat.conversation_id else "the next conversation"
    say(f"The system prompt of {whose} is set", await chat.system_prompt() or "none")


async def _theme(screen: CommandTarget, _engine: Engine, name: str) -> None:
    if name:
        screen.host.use_theme(name)
    else:
        screen.host.choose_theme()


async def _undo(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.chat.action_undo()


async def _version(screen: CommandTarget, _engine: Engine, number: str) -> None:
    if number and not number.isdecimal():
        raise CommandError(f"{clean_line(number, 40)} is not a version's number.", "Such as /version 2.")
    await screen.chat.show_version(-1, number=int(number or 0))


async def _why(screen: CommandTarget, _engine: Engine, _argument: str) -> None:
    await screen.show_route()


_CALLS: dict[str, _Call] = {
    "adaptive": _adaptive,
    "analyse": _analyse,
    "attach": _attach,
    "bad": _bad,
    "branch": _branch,
    "clear": _clear,
    "compare": _compare,
    "context": _context,
    "continue": _continue,
    "copy": _copy,
    "delete": _delete,
    "detach": _detach,
    "diff": _diff,
    "edit": _edit,
    "export": _export,
    "fetch": _fetch,
    "find": _find,
    "forget": _forget,
    "good": _good,
    "help": _help,
    "history": _history,
    "import": _import,
    "insights": _insights,
    "info": _info,
    "model": _model,
    "open": _open,
    "pause": _pause,
    "pin": _pin,
    "preset": _preset,
    "private": _private,
    "rename": _rename,
    "retry": _retry,
    "save": _save,
    "search": _search,
    "stats": _stats,
    "strategy": _strategy,
    "system": _system,
    "theme": _theme,
    "undo": _undo,
    "version": _version,
    "why": _why,
}
