"""The commands of line mode on answers and their versions."""

from __future__ import annotations

import asyncio

from chat_tui.cli.line.command_registry import line_command
from chat_tui.cli.line.commands.model_commands import complete_model, known_model
from chat_tui.cli.line.line_chat import LineChat, say, turn_lines
from chat_tui.cli.output.answer_writer import format_insights
from chat_tui.cli.output.route_table import route_lines
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import CommandError
from chat_tui.core.processes.console import report_error
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.insights.observer import InsightsObserver
from chat_tui.tui.dialogs.word_diff import differences

_MARKS = {"": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}


@line_command("retry", complete_model)
async def _retry(chat: LineChat, name: str) -> None:
    conversation = await chat.conversation()
    settings = chat.settings.replace(model=known_model(chat, name)) if name else chat.settings
    if not conversation.path:
        raise CommandError("There is no question to ask again.", "Ask something first.")
    last = next((turn for turn in reversed(conversation.path) if turn.role != "summary"), conversation.path[-1])
    if last.role == "assistant":
        answer = await chat.engine.regenerate(conversation.id, last.id, settings)
    else:
        answer = await chat.engine.go_on(conversation.id, settings)
    await chat.write(answer)
    chat.note_step("go back to the previous answer", "[back to the previous answer]", last.id)


@line_command("continue")
async def _continue(chat: LineChat, _: str) -> None:
    conversation = await chat.conversation()
    answer = await chat.engine.go_on(conversation.id, chat.settings)
    last = conversation.path[-1]
    await chat.write(answer, last.text if last.role == "assistant" else "")
    chat.note_step("go back to the previous answer", "[back to the previous answer]", last.id)


@line_command("edit")
async def _edit(chat: LineChat, _: str) -> None:
    conversation = await chat.conversation()
    question = _last_question(conversation)
    typed = await chat.input.edit(question.text)
    if typed is None:
        say("[the question was left as it is]")
        return
    files, chat.attachments = chat.attachments, []
    await chat.write(await chat.engine.edit(conversation.id, question.id, typed, chat.settings, files))
    last = conversation.path[-1].id
    chat.note_step("go back to the previous question", "[back to the previous question]", last)


def _last_question(conversation: Conversation) -> Turn:
    question = next((turn for turn in reversed(conversation.path) if turn.role == "user"), None)
    if question is None:
        raise CommandError("There is no question.", "Ask something first.")
    return question


@line_command("version")
async def _version(chat: LineChat, number: str) -> None:
    if number and not number.isdecimal():
        raise CommandError(f"{shorten(number, 40)} is not a version number.", "For example: /version 2.")
    conversation = await chat.conversation()
    turn_id, ids = _versions(conversation)
    place = int(number[:9]) - 1 if number else ids.index(turn_id) - 1
    if not 0 <= place < len(ids):
        there = f"There are {len(ids)}; this is version {ids.index(turn_id) + 1}."
        raise CommandError(f"There is no version {place + 1}.", there)
    leaf = conversation.path[-1].id
    shown = (await chat.engine.conversations.select(conversation.id, ids[place])).path
    chat.note_step("go back to the previous version", "[back to the previous version]", leaf)
    say(f"[version {place + 1} of {len(ids)}]")
    begin = next((at for at, turn in enumerate(shown) if turn.id == ids[place]), 0)
    say(*turn_lines(shown[begin:]))


@line_command("diff")
async def _diff(chat: LineChat, _: str) -> None:
    conversation = await chat.conversation()
    turn_id, ids = _versions(conversation)
    versions = await chat.engine.conversations.siblings(conversation.id, turn_id)
    shown = ids.index(turn_id)
    other = shown - 1 if shown else 1
    parts = await asyncio.to_thread(differences, versions[other].text, versions[shown].text)
    if not any(part.change for part in parts):
        say(f"[versions {other + 1} and {shown + 1} are identical]")
        return
    say(f"[from version {other + 1} to {shown + 1}: [-removed-], {{+added+}}]")
    say("".join(f"{_MARKS[part.change][0]}{part.text}{_MARKS[part.change][1]}" for part in parts))


def _versions(conversation: Conversation) -> tuple[str, tuple[str, ...]]:
    """Return the last turn that has several versions, and the ids of all. Raises `CommandError`."""
    turn_id = next((turn.id for turn in reversed(conversation.path) if turn.id in conversation.forks), "")
    if not turn_id:
        raise CommandError("Every message has only one version.", "/edit makes one of a question, /retry of an answer.")
    return turn_id, conversation.forks[turn_id]


@line_command("undo")
async def _undo(chat: LineChat, _: str) -> None:
    if told := await chat.undo.take():
        say(told)
        return
    conversation = await chat.conversation()
    question = _last_question(conversation)
    await chat.engine.conversations.end_at(conversation.id, question.parent)
    say(f"[taken back: {shorten(question.text, 200)}]")


@line_command("why")
async def _why(chat: LineChat, _: str) -> None:
    last = await chat.last_answer()
    route = await chat.engine.conversations.route(last.id)
    if route is None:
        raise CommandError("There is no route to show.", "An answer has a route once it has ended.")
    say(*route_lines(last.model, route))


@line_command("info")
async def _info(chat: LineChat, _: str) -> None:
    chat.answers.has_figures = not chat.answers.has_figures
    say("[tokens, speed and cost follow each answer]" if chat.answers.has_figures else "[no figures after answers]")


@line_command("good")
async def _good(chat: LineChat, _: str) -> None:
    await _judge(chat, good=True)


@line_command("bad")
async def _bad(chat: LineChat, _: str) -> None:
    await _judge(chat, good=False)


async def _judge(chat: LineChat, *, good: bool) -> None:
    """Rate the last answer."""
    answer = await chat.last_answer()
    chat.engine.judge(answer, good)

    async def take_back() -> None:
        chat.engine.judge(answer, answer.verdict)

    chat.undo.push("take the rating back", "[the rating is taken back]", take_back)
    say(f"[rated as {'good' if good else 'bad'}: {answer.model}]")


@line_command("insights")
async def _insights(chat: LineChat, _: str) -> None:
    chat.answers.has_insights = not chat.answers.has_insights
    if not chat.answers.has_insights:
        say("[no insights after answers]")
        return
    say("[insights follow each answer]")
    if chat.conversation_id is not None:
        found = await InsightsObserver(report_error).look((await chat.last_answer()).text)
        say(*format_insights(found).strip().splitlines())
