"""The handlers of the slash commands. Their names and help are in the table of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat_tui.core.errors import CommandError
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.actions import slash_commands
from chat_tui.tui.actions.slash_commands import command
from chat_tui.tui.chat.commands.context import CommandContext
from chat_tui.tui.prompt import argument_completion
from chat_tui.tui.widgets.host import report_errors

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine


async def carry_out(call: slash_commands.CommandCall, context: CommandContext) -> None:
    """Run a command, once the engine is open if the command needs it. Raises `ChatTuiError`."""
    called = slash_commands.find(call.name)
    assert called is not None
    if called.needs_engine:
        await context.engine.wait()
    await called.handler(context, call.argument)


@command("adaptive", complete=argument_completion.on_off, needs_engine=False)
async def _adaptive(context: CommandContext, typed: str) -> None:
    wanted = typed.casefold()
    if wanted not in {"", "on", "off"}:
        raise CommandError(f"{shorten(typed, 40)} is neither on nor off.", "For example: /adaptive on.")
    if not wanted or (wanted == "on") != context.models.adaptive:
        context.models.toggle_adaptive()


@command("allow", complete=argument_completion.consents)
async def _allow(context: CommandContext, how: str) -> None:
    context.chat.consent.allow(how.casefold())


@command("analyse", takes_path=True)
async def _analyse(context: CommandContext, typed: str) -> None:
    engine = await context.engine.wait()
    from chat_tui.tui.chat.commands import preset_actions

    await preset_actions.analyse(context, engine, typed)


@command("attach", takes_path=True)
async def _attach(context: CommandContext, path: str) -> None:
    from chat_tui.core.attachments.mentions import pasted_paths

    if not path:
        raise CommandError("No file was named.", "Type /attach FILE, or @ and a few letters of its name.")
    await context.chat.files.attach((pasted_paths(path) or [path.strip("'\"")])[0])


@command("auto", needs_engine=False)
async def _auto(context: CommandContext, _argument: str) -> None:
    context.models.choose(None, context.models.strategy)
    context.host.say("Auto", f"The strategy {context.models.strategy} chooses the model.")


@command("bad")
async def _bad(context: CommandContext, _argument: str) -> None:
    context.chat.action_judge(0)


@command("branch")
async def _branch(context: CommandContext, _argument: str) -> None:
    await context.chat.versions.branch()


@command("clear", needs_engine=False)
async def _clear(context: CommandContext, _argument: str) -> None:
    await context.conversations.clear()


@command("compact")
async def _compact(context: CommandContext, typed: str) -> None:
    engine = await context.engine.wait()
    from chat_tui.tui.chat.commands import summary_actions

    await summary_actions.compact(context, engine, typed)


@command("compare", complete=argument_completion.several_models)
async def _compare(context: CommandContext, typed: str) -> None:
    await (await context.views.comparing()).command(typed)


@command("context")
async def _context(context: CommandContext, typed: str) -> None:
    if not typed:
        await context.views.show_context()
        return
    from chat_tui.tui.chat.commands import setting_actions

    await setting_actions.choose_exchange(context, typed)


@command("continue", needs_engine=False)
async def _continue(context: CommandContext, _argument: str) -> None:
    context.answers.resume()


@command("copy")
async def _copy(context: CommandContext, what: str) -> None:
    context.chat.copies.copy(what)


@command("delete")
async def _delete(context: CommandContext, _argument: str) -> None:
    context.conversations.act_on_chosen("delete")


@command("deleted")
async def _open_deleted(context: CommandContext, _argument: str) -> None:
    await context.views.open_deleted()


@command("detach")
async def _detach(context: CommandContext, name: str) -> None:
    if context.chat.files.detach(name) is None:
        raise CommandError(
            "No such attachment." if name else "No file is attached.", "Attached files are listed above the prompt."
        )


@command("diff")
async def _diff(context: CommandContext, _argument: str) -> None:
    await context.chat.versions.compare()


@command("edit")
async def _edit(context: CommandContext, _argument: str) -> None:
    context.chat.action_edit()


@command("exit", needs_engine=False)
async def _exit(context: CommandContext, _argument: str) -> None:
    await context.host.action_quit()


@command("export")
async def _export(context: CommandContext, argument: str) -> None:
    if context.chat.session.conversation_id is None:
        raise CommandError("This conversation is empty.", "Open a conversation first: Ctrl+R lists them.")
    await context.conversations.export(context.chat.session.conversation_id, argument)


@command("fetch")
async def _fetch(context: CommandContext, _argument: str) -> None:
    engine = await context.engine.wait()
    if engine.weights.ready:
        context.host.say("The built-in model is already downloaded")
    context.models.fetch()


@command("find", needs_engine=False)
async def _find(context: CommandContext, words: str) -> None:
    context.chat.find(words)


@command("forget")
async def _forget(context: CommandContext, words: str) -> None:
    engine = await context.engine.wait()
    from chat_tui.tui.chat.commands import memory_actions

    await memory_actions.forget(context, engine, words)


@command("good")
async def _good(context: CommandContext, _argument: str) -> None:
    context.chat.action_judge(1)


@command("help", needs_engine=False)
async def _help(context: CommandContext, _argument: str) -> None:
    context.views.open_help()


@command("history")
async def _history(context: CommandContext, _argument: str) -> None:
    await context.views.open_history()


@command("import", takes_path=True)
async def _import(context: CommandContext, file: str) -> None:
    if not file:
        raise CommandError("No file was named.", "For example: /import ~/Downloads/chatgpt-export.zip")
    await context.conversations.take_in(file)


@command("insights")
async def _insights(context: CommandContext, _argument: str) -> None:
    await context.panels.toggle_insights(await context.engine.wait())


@command("info")
async def _info(context: CommandContext, _argument: str) -> None:
    context.chat.action_figures()


@command("memory", complete=argument_completion.memory)
async def _memory(context: CommandContext, typed: str) -> None:
    engine = await context.engine.wait()
    from chat_tui.tui.chat.commands import memory_actions

    await memory_actions.show(context, engine, typed)


@command("temperature", complete=argument_completion.temperatures)
async def _temperature(context: CommandContext, number: str) -> None:
    from chat_tui.tui.chat.commands import setting_actions

    await setting_actions.set_typed(context, f"temperature {number}")


@command("max-tokens", complete=argument_completion.token_limits)
async def _max_tokens(context: CommandContext, number: str) -> None:
    from chat_tui.tui.chat.commands import setting_actions

    await setting_actions.set_typed(context, f"max_tokens {number}")


@command("model", complete=argument_completion.models, needs_engine=False)
async def _model(context: CommandContext, name: str) -> None:
    if name:
        engine = await context.engine.wait()
        context.models.fix(_chosen_model(engine, name))
    else:
        context.models.open_models()


def _chosen_model(engine: Engine, name: str) -> str:
    return slash_commands.chosen_model(name, [standing.model.name for standing in engine.models.status()])


@command("open", complete=argument_completion.titles)
async def _open(context: CommandContext, title: str) -> None:
    engine = await context.engine.wait()
    if not title:
        await context.views.open_history()
        return
    wanted = title.casefold()
    listed = [(one.title.casefold(), one.id) for one in await engine.conversations.summaries(1000)]
    for fits in (wanted.__eq__, lambda known: known.startswith(wanted), lambda known: wanted in known):
        if found := next((id for known, id in listed if fits(known)), None):
            await context.conversations.open(found)
            return
    raise CommandError(f"No conversation is titled {shorten(title, 60)}.", "Ctrl+R searches all conversations.")


@command("paste", needs_engine=False)
async def _paste(context: CommandContext, _argument: str) -> None:
    await context.submission.clipboard_paste.paste()


@command("pause", needs_engine=False)
async def _pause(context: CommandContext, _argument: str) -> None:
    context.answers.pause_or_resume()


@command("pin")
async def _pin(context: CommandContext, _argument: str) -> None:
    context.conversations.act_on_chosen("pin")


@command("preset", complete=argument_completion.presets)
async def _preset(context: CommandContext, typed: str) -> None:
    engine = await context.engine.wait()
    from chat_tui.tui.chat.commands import preset_actions

    await preset_actions.take(context, engine, typed)


@command("private")
async def _private(context: CommandContext, _argument: str) -> None:
    await context.conversations.begin_private()


@command("provider", complete=argument_completion.providers)
async def _provider(context: CommandContext, typed: str) -> None:
    engine = await context.engine.wait()
    from chat_tui.tui.chat.commands.provider_actions import ProviderActions

    # In a worker, since it waits for dialogs. The typed text is not put back into the prompt: it may hold a key.
    steps = ProviderActions(context, engine).carry_out(typed)
    context.chat.run_worker(report_errors(context.host, steps), group="sources", exclusive=True)


@command("refuse")
async def _refuse(context: CommandContext, reason: str) -> None:
    context.chat.consent.refuse(reason)


@command("remember")
async def _remember(context: CommandContext, words: str) -> None:
    engine = await context.engine.wait()
    from chat_tui.tui.chat.commands import memory_actions

    await memory_actions.remember(context, engine, words)


@command("rename")
async def _rename(context: CommandContext, title: str) -> None:
    if title and context.chat.session.conversation_id:
        await context.conversations.rename(context.chat.session.conversation_id, title)
    else:
        context.conversations.act_on_chosen("rename")


@command("retry", complete=argument_completion.models, needs_engine=False)
async def _retry(context: CommandContext, name: str) -> None:
    model = _chosen_model(await context.engine.wait(), name) if name else context.models.model
    context.answers.regenerate(model)


@command("save")
async def _save(context: CommandContext, argument: str) -> None:
    await context.chat.copies.save(argument)


@command("search")
async def _search(context: CommandContext, words: str) -> None:
    await context.views.open_history(words)


@command("set", complete=argument_completion.conversation_settings)
async def _set(context: CommandContext, typed: str) -> None:
    from chat_tui.tui.chat.commands import setting_actions

    await setting_actions.set_typed(context, typed)


@command("stats")
async def _stats(context: CommandContext, _argument: str) -> None:
    await context.views.show_statistics()


@command("strategy", complete=argument_completion.strategies, needs_engine=False)
async def _strategy(context: CommandContext, name: str) -> None:
    if name:
        engine = await context.engine.wait()
        strategy = slash_commands.chosen_strategy(name, engine.models.strategies())
        context.models.set_adaptive(False)
        context.models.choose(None, strategy)
    else:
        context.models.next_strategy()


@command("system")
async def _system(context: CommandContext, text: str) -> None:
    chat, say = context.chat, context.host.say
    if not text:
        said = await chat.session.system_prompt()
        say("System prompt", said or "none", long=True)
        return
    await chat.session.set_system_prompt(None if text.casefold() == "default" else text)
    whose = "this conversation" if chat.session.conversation_id else "the next conversation"
    say(f"The system prompt of {whose} was set", await chat.session.system_prompt() or "none")


@command("theme", complete=argument_completion.themes)
async def _theme(context: CommandContext, name: str) -> None:
    if name:
        context.host.use_theme(name)
    else:
        context.host.choose_theme()


@command("settings")
async def _settings(context: CommandContext, _argument: str) -> None:
    from chat_tui.tui.chat.commands import setting_actions

    await setting_actions.open_settings(context)


@command("thinking", complete=argument_completion.thinking_levels)
async def _thinking(context: CommandContext, level: str) -> None:
    from chat_tui.tui.chat.commands import setting_actions

    await setting_actions.set_typed(context, f"thinking {level}")


@command("tools")
async def _tools(context: CommandContext, name: str) -> None:
    engine = await context.engine.wait()
    from chat_tui.tui.chat.commands import tool_actions

    if name:
        await tool_actions.switch_server(context, engine, name)
    else:
        await tool_actions.open_tools(context, engine)


@command("undo")
async def _undo(context: CommandContext, _argument: str) -> None:
    await context.chat.action_undo()


@command("version")
async def _version(context: CommandContext, number: str) -> None:
    if number and not number.isdecimal():
        raise CommandError(f"{shorten(number, 40)} is not a version number.", "For example: /version 2.")
    await context.chat.versions.show_version(-1, number=int(number or 0))


@command("why")
async def _why(context: CommandContext, _argument: str) -> None:
    await context.views.show_route()
