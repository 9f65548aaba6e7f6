"""The commands of line mode on what the user has asked to remember."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.cli.line.command_registry import line_command
from chat_tui.cli.line.commands.model_commands import stop_using
from chat_tui.cli.line.line_chat import LineChat, say
from chat_tui.cli.line.word_completion import WordCompletion, complete_argument
from chat_tui.config.memory.user_memory import MemoryLine
from chat_tui.core.errors import CommandError
from chat_tui.core.text.counts import count_of
from chat_tui.core.text.excerpts import shorten

_WORDS = 200
"""Characters of a line that are shown."""


def _complete_folder(_: LineChat, typed: str) -> Sequence[WordCompletion]:
    return complete_argument(typed, ("folder on", "folder off"))


@line_command("remember")
async def _remember(chat: LineChat, words: str) -> None:
    if not words:
        raise CommandError("There is nothing to remember.", "For example: /remember I use metric units")
    words, memory = " ".join(words.split()), chat.engine.memory
    if not await memory.remember(words):
        say("[this is remembered already]")
        return

    async def undo() -> None:
        await memory.forget([line for line in await memory.find(words) if line.words == words][-1:])

    chat.undo.push(f"forget “{shorten(words, 80)}”", "[it is no longer remembered]", undo)
    say(f"[remembered: {shorten(words, _WORDS)}]")


@line_command("forget")
async def _forget(chat: LineChat, words: str) -> None:
    chosen, memory = await chat.engine.models.chosen_models(), chat.engine.memory
    if not words:
        say(f"[found models that you chose: {', '.join(chosen) or 'none'}]")
        return
    lines = await memory.find(words) if memory.file is not None else []
    is_model = any(words in (model, model.partition("/")[0]) for model in chosen)
    if not (lines or is_model):
        title = f"{shorten(words, 80)} is in no remembered line, and is not a found model that you chose."
        raise CommandError(title, f"There are: {', '.join(chosen)}." if chosen else "/memory shows what is remembered.")
    if len(lines) + is_model > 1:
        lines, is_model = await _choose(chat, lines, words if is_model else "")
    if is_model:
        await stop_using(chat, words)
    removed = await memory.forget(lines) if lines else []
    if removed:
        told = count_of(len(removed), "line")
        chat.undo.push(f"remember {told} again", f"[remembered again: {told}]", lambda: memory.restore(removed))
    elif not is_model:
        say("[nothing was forgotten]")
    say(*[f"[forgotten: {shorten(line.words, _WORDS)}; /undo brings it back]" for line in removed])


async def _choose(chat: LineChat, lines: Sequence[MemoryLine], model: str) -> tuple[Sequence[MemoryLine], bool]:
    """Ask which of these lines are to be forgotten, or whether the found model is."""
    rows = [shorten(line.words, _WORDS) for line in lines] + ([f"the found model {model}"] if model else [])
    say(*[f"{number}: {row}" for number, row in enumerate(rows, 1)])
    typed = ((await chat.input.ask("Forget which? Its number, a: all of them, n: none:")) or "n").strip().casefold()
    numbers = range(1, len(rows) + 1) if typed in ("a", "all") else [int(typed)] if typed.isdecimal() else []
    return [line for number, line in enumerate(lines, 1) if number in numbers], bool(model) and len(rows) in numbers


@line_command("memory", _complete_folder)
async def _memory(chat: LineChat, typed: str) -> None:
    words = typed.casefold().split()
    if words in (["folder", "on"], ["folder", "off"]):
        offer = await chat.engine.memory.use_folder(words[1] == "on")
        name = offer.file.name if offer.file is not None else ""
        say(f"[{name} of this folder is {'sent with your questions' if offer.use == 'on' else 'not sent'}]")
        return
    if words:
        hint = "/memory shows what is remembered; /memory folder on sends the notes of this folder."
        raise CommandError(f"/memory does not know “{shorten(typed, 40)}”.", hint)
    view = await chat.engine.memory.view()
    place = view.file or "nothing is remembered in a private session"
    say(f"[{place}, ≈{view.tokens:,} tokens]", view.text or "nothing yet")
    if (folder := view.folder).file is not None:
        is_sent = "sent with your questions" if folder.use == "on" else "not sent; /memory folder on sends it"
        say(f"[{folder.file}, ≈{folder.tokens:,} tokens, {is_sent}]", folder.text)
