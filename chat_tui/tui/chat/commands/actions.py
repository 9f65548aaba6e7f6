"""What each slash command does on the context, below its name, help and completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat_tui.core.errors import CommandError
from chat_tui.core.text.control_characters import clean_line
from chat_tui.tui.actions import slash_commands
from chat_tui.tui.actions.slash_commands import command
from chat_tui.tui.chat.commands.context import CommandContext
from chat_tui.tui.prompt import argument_completion

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine


async def carry_out(call: slash_commands.CommandCall, context: CommandContext) -> None:
    """Do what was typed, as soon as the engine is open where the command needs it. Raises `ChatTuiError`."""
    called = slash_commands.find(call.name)
    assert called is not None
    if called.needs_engine:
        await context.engine.opened()
    await called.handler(context, call.argument)


@command(
    "adaptive",
    "let a fast model answer at once and the best one in detail, or no longer",
    argument="[on|off]",
    complete=argument_completion.on_off,
    needs_engine=False,
)
async def _adaptive(context: CommandContext, typed: str) -> None:
    wanted = typed.casefold()
    if wanted not in {"", "on", "off"}:
        raise CommandError(f"{clean_line(typed, 40)} is neither on nor off.", "Such as /adaptive on.")
    if not wanted or (wanted == "on") != context.models.adaptive:
        context.models.toggle_adaptive()


@command(
    "analyse",
    "work through a text file, part by part where it is long",
    argument="FILE [question]",
    takes_path=True,
    palette="write",
)
async def _analyse(context: CommandContext, typed: str) -> None:
    engine = await context.engine.opened()
    from chat_tui.tui.chat.commands import preset_actions

    await preset_actions.analyse(context, engine, typed)


@command(
    "attach",
    "let a file go along with the next question; so does @path in its text",
    argument="FILE",
    takes_path=True,
    palette="write",
)
async def _attach(context: CommandContext, path: str) -> None:
    from chat_tui.tui.prompt.mentions import pasted_paths

    if not path:
        raise CommandError("There is no file.", "Write /attach FILE, or @ and a few letters of its name.")
    await context.chat.files.attach((pasted_paths(path) or [path.strip("'\"")])[0])


@command("bad", "note that the answer was bad")
async def _bad(context: CommandContext, _argument: str) -> None:
    context.chat.action_judge(0)


@command("branch", "end the conversation at the chosen turn: what is asked next branches off")
async def _branch(context: CommandContext, _argument: str) -> None:
    await context.chat.branch()


@command("clear", "begin a fresh conversation; this one stays in the history, and /undo leads back", needs_engine=False)
async def _clear(context: CommandContext, _argument: str) -> None:
    await context.conversations.clear()


@command(
    "compare",
    "ask 2 to 4 models at once, side by side; without names, choose them",
    argument="[models] [--blind]",
    complete=argument_completion.several_models,
)
async def _compare(context: CommandContext, typed: str) -> None:
    await (await context.views.comparing()).command(typed)


@command("context", "show what of this conversation is sent, and keep exchanges in or out")
async def _context(context: CommandContext, _argument: str) -> None:
    await context.views.show_context()


@command("continue", "let the last answer go on that was cut, or ask anew where nothing had come", needs_engine=False)
async def _continue(context: CommandContext, _argument: str) -> None:
    context.answers.resume()


@command("copy", "copy the answer, one of its code blocks, or the whole conversation", argument="[number|all]")
async def _copy(context: CommandContext, what: str) -> None:
    context.chat.copies.copy(what)


@command("delete", "delete this conversation; /undo brings it back for 10 seconds")
async def _delete(context: CommandContext, _argument: str) -> None:
    context.conversations.act_on_chosen("delete")


@command("detach", "take a file off that would go along, by default the last", argument="[name]", palette="run")
async def _detach(context: CommandContext, name: str) -> None:
    if context.chat.files.detach(name) is None:
        raise CommandError("There is no such file." if name else "No file goes along.", "They stand above the prompt.")


@command("diff", "show word by word how the versions of a turn differ")
async def _diff(context: CommandContext, _argument: str) -> None:
    await context.chat.compare()


@command("edit", "edit the chosen question, else the last, and send it as another version")
async def _edit(context: CommandContext, _argument: str) -> None:
    context.chat.action_edit()


@command("exit", "quit", aliases=("quit",), needs_engine=False)
async def _exit(context: CommandContext, _argument: str) -> None:
    await context.host.action_quit()


@command("export", "write this conversation into a new file", argument="[markdown|json] [file]")
async def _export(context: CommandContext, argument: str) -> None:
    if context.chat.conversation_id is None:
        raise CommandError("Nothing was asked yet.", "Open a conversation first: Ctrl+R lists them.")
    await context.conversations.export(context.chat.conversation_id, argument)


@command("fetch", "fetch the built-in model (about 130 MB)", palette="run")
async def _fetch(context: CommandContext, _argument: str) -> None:
    engine = await context.engine.opened()
    if engine.weights.ready:
        context.host.say("The built-in model is there already")
    context.models.fetch()


@command("find", "find words in this conversation", argument="[words]", needs_engine=False)
async def _find(context: CommandContext, words: str) -> None:
    context.chat.find(words)


@command(
    "forget",
    "use a found model, or all of a provider, no longer; without a name, show them",
    argument="[model]",
    palette="run",
)
async def _forget(context: CommandContext, name: str) -> None:
    engine = await context.engine.opened()
    chosen = await engine.models.chosen()
    if not name:
        context.host.say("Found models that you chose", ", ".join(chosen) or "none", long=True)
        return
    forgotten = await engine.models.forget(name)
    if not forgotten:
        told = f"There are: {', '.join(chosen)}." if chosen else "No found model is in use."
        raise CommandError(f"{clean_line(name, 80)} is not in use because you chose it.", told)
    if context.models.model in forgotten:
        context.models.choose(None, context.models.strategy)
    context.host.say("Not used any more", ", ".join(forgotten))


@command("good", "note that the answer was good: the strategies note it")
async def _good(context: CommandContext, _argument: str) -> None:
    context.chat.action_judge(1)


@command("help", "show keys and commands", needs_engine=False)
async def _help(context: CommandContext, _argument: str) -> None:
    context.views.open_help()


@command("history", "show this conversation in short, and all saved ones")
async def _history(context: CommandContext, _argument: str) -> None:
    await context.views.open_history()


@command(
    "import",
    "bring in the conversations of ChatGPT's export, llm, elia or our own JSON",
    argument="FILE",
    takes_path=True,
)
async def _import(context: CommandContext, file: str) -> None:
    if not file:
        raise CommandError("No file is named.", "Such as /import ~/Downloads/chatgpt-export.zip")
    await context.conversations.take_in(file)


@command("insights", "show or hide what can be said of the answer: sentiment, keywords, reading time")
async def _insights(context: CommandContext, _argument: str) -> None:
    await context.panels.toggle_insights(await context.engine.opened())


@command("info", "show under each answer its tokens, speed and cost, or hide them")
async def _info(context: CommandContext, _argument: str) -> None:
    context.chat.action_figures()


@command(
    "model",
    "choose a model; without a name, open the list",
    argument="[provider/model]",
    complete=argument_completion.models,
    needs_engine=False,
)
async def _model(context: CommandContext, name: str) -> None:
    if name:
        engine = await context.engine.opened()
        context.models.choose(_named(engine, name), context.models.strategy)
    else:
        context.models.open_models()


def _named(engine: Engine, name: str) -> str:
    return slash_commands.chosen_model(name, [standing.model.name for standing in engine.models.status()])


@command(
    "open",
    "open a saved conversation by its title; without one, show the history",
    argument="[title]",
    complete=argument_completion.titles,
)
async def _open(context: CommandContext, title: str) -> None:
    engine = await context.engine.opened()
    if not title:
        await context.views.open_history()
        return
    wanted = title.casefold()
    listed = [(clean_line(one.title, 200).casefold(), one.id) for one in await engine.conversations.conversations(1000)]
    for fits in (wanted.__eq__, lambda known: known.startswith(wanted), lambda known: wanted in known):
        if found := next((id for known, id in listed if fits(known)), None):
            await context.conversations.open(found)
            return
    raise CommandError(f"No conversation is called {clean_line(title, 60)}.", "Ctrl+R searches in all of them.")


@command("pause", "pause the answer, or let it go on", needs_engine=False)
async def _pause(context: CommandContext, _argument: str) -> None:
    context.answers.pause_or_resume()


@command("pin", "let this conversation stand before the others, or no longer")
async def _pin(context: CommandContext, _argument: str) -> None:
    context.conversations.act_on_chosen("pin")


@command(
    "preset",
    "use a preset; without a name, open the list; `none` ends it",
    argument="[name] [values]",
    complete=argument_completion.presets,
)
async def _preset(context: CommandContext, typed: str) -> None:
    engine = await context.engine.opened()
    from chat_tui.tui.chat.commands import preset_actions

    await preset_actions.take(context, engine, typed)


@command("private", "begin a private conversation, which is never saved")
async def _private(context: CommandContext, _argument: str) -> None:
    await context.conversations.begin_private()


@command("rename", "give this conversation another title", argument="[title]")
async def _rename(context: CommandContext, title: str) -> None:
    if title and context.chat.conversation_id:
        await context.conversations.rename(context.chat.conversation_id, title)
    else:
        context.conversations.act_on_chosen("rename")


@command(
    "retry",
    "ask for another version of the answer, by this model or as it is chosen now",
    argument="[provider/model]",
    complete=argument_completion.models,
    needs_engine=False,
)
async def _retry(context: CommandContext, name: str) -> None:
    model = _named(await context.engine.opened(), name) if name else context.models.model
    context.answers.regenerate(model)


@command("save", "write a code block of the answer into a new file", argument="[number] [file]")
async def _save(context: CommandContext, argument: str) -> None:
    await context.chat.copies.save(argument)


@command("search", "search all turns; without words, show the history", argument="[words]")
async def _search(context: CommandContext, words: str) -> None:
    await context.views.open_history(words)


@command("stats", "show what answers took in the last 30 days: by day, model and strategy", palette="run")
async def _stats(context: CommandContext, _argument: str) -> None:
    await context.views.show_statistics()


@command(
    "strategy",
    "choose a strategy; without a name, go to the next",
    argument="[name]",
    complete=argument_completion.strategies,
    needs_engine=False,
)
async def _strategy(context: CommandContext, name: str) -> None:
    if name:
        engine = await context.engine.opened()
        strategy = slash_commands.chosen_strategy(name, engine.models.strategies())
        context.models.set_adaptive(False)
        context.models.choose(None, strategy)
    else:
        context.models.next_strategy()


@command(
    "system",
    "set this conversation's system prompt; without text, show it; `default` resets it",
    argument="[text]",
    palette="write",
)
async def _system(context: CommandContext, text: str) -> None:
    chat, say = context.chat, context.host.say
    if not text:
        said = await chat.system_prompt()
        say("System prompt", said or "none", long=True)
        return
    await chat.set_system_prompt(None if text.casefold() == "default" else text)
    whose = "this conversation" if chat.conversation_id else "the next conversation"
    say(f"The system prompt of {whose} is set", await chat.system_prompt() or "none")


@command(
    "theme",
    "choose a theme; without a name, open the list",
    argument="[name]",
    complete=argument_completion.themes,
    palette="run",
)
async def _theme(context: CommandContext, name: str) -> None:
    if name:
        context.host.use_theme(name)
    else:
        context.host.choose_theme()


@command("undo", "undo what was done last to a conversation")
async def _undo(context: CommandContext, _argument: str) -> None:
    await context.chat.action_undo()


@command("version", "show another version of a turn: of this number, or the one before", argument="[number]")
async def _version(context: CommandContext, number: str) -> None:
    if number and not number.isdecimal():
        raise CommandError(f"{clean_line(number, 40)} is not a version's number.", "Such as /version 2.")
    await context.chat.show_version(-1, number=int(number or 0))


@command("why", "show how the answer was routed: candidates, scores, tries, and what other strategies would do")
async def _why(context: CommandContext, _argument: str) -> None:
    await context.views.show_route()
