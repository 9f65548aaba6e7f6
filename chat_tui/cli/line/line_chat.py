"""A conversation in lines: what is in use, and what a person types, question by question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial

from msgspec.structs import replace

from chat_tui.cli.line.answer_lines import AnswerLines
from chat_tui.cli.line.message_input import MessageInput
from chat_tui.cli.line.named_files import attach_named
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, Turn, summary_title
from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import ConversationSettings, NewConversation, decode_settings
from chat_tui.core.settings.preset import Preset, encode_preset
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.conversations.continuation import find_continuation
from chat_tui.engine.engine import Engine
from chat_tui.tui.chat.conversation.undo import Undo

RunCommand = Callable[[str], Awaitable[None]]
"""Runs a slash command, as it was typed. Raises `ChatTuiError`."""
_RESULT_CHARACTERS = 200


def say(*lines: str) -> None:
    """Write lines that are no part of an answer to standard error."""
    write_error("".join(f"{line}\n" for line in lines))


class LineChat:
    """The conversation in use, and the model or strategy of the next question."""

    def __init__(self, engine: Engine, input: MessageInput, *, model: str | None, strategy: str) -> None:
        self.engine, self.input = engine, input
        self.model, self.strategy = model, strategy
        self.adaptive = engine.config.adaptive.enabled
        """Whether a quick answer precedes the detailed one."""
        self.answers = AnswerLines(engine, input)
        self.undo = Undo()
        self.conversation_id: str | None = None
        """None until the first question of a conversation is asked."""
        self.attachments: list[Attachment] = []
        """Files of the next question."""
        self.compared: tuple[str, ...] = ()
        """Models that all answer the next question; empty: one does."""
        self.is_blind = False
        """Whether the names of these models are not told before one answer is kept."""
        self.titles: list[str] = []
        """Titles of the newest conversations, for completion."""
        self.is_ending = False
        """Whether the program is to end."""
        self.begin()

    def begin(self, system_prompt: str | None = None, preset: Preset | None = None) -> None:
        """Begin a new conversation with the next question."""
        self.conversation_id = None
        self.system_prompt, self.preset, self.own_settings = system_prompt, preset, ConversationSettings()

    @property
    def settings(self) -> Request:
        """The model or strategy of the next question."""
        if self.adaptive:
            second = self.engine.config.adaptive.second_strategy
            return Request(model=self.model, strategy=second, adaptive=True, uses_memory=True)
        return Request(model=self.model, strategy=self.strategy, uses_memory=True)

    # -- conversations --------------------------------------------------------------------------------------------

    async def conversation(self) -> Conversation:
        """Return the conversation in use. Raises `CommandError` if nothing was asked yet."""
        if self.conversation_id is None:
            raise CommandError("This conversation is empty.", "Ask something first.")
        return await self.engine.conversations.conversation(self.conversation_id)

    async def last_answer(self) -> Turn:
        """Return the last answer of the conversation in use. Raises `CommandError` if there is none."""
        path = (await self.conversation()).path
        answer = next((turn for turn in reversed(path) if turn.role == "assistant"), None)
        if answer is None:
            raise CommandError("There is no answer yet.", "Ask something first.")
        return answer

    async def open(self, name: str, *, keeps_model: bool = False) -> None:
        """Go on with a saved conversation, with its model or strategy. Raises `HistoryError`."""
        found = await find_continuation(self.engine.conversations, name)
        self.begin(preset=found.preset)
        self.conversation_id, self.own_settings = found.conversation.id, found.settings
        model, strategy = found.choice(self.engine.models.strategies())
        if not keeps_model and (model or strategy):
            self.model, self.strategy = model, strategy or self.strategy
        goes_on = "".join(f", {label}" for label in found.labels(own_model=not keeps_model))
        say(f"[continues “{shorten(found.conversation.title, 60)}”{goes_on}]")
        path = found.conversation.path
        last = max((place for place, turn in enumerate(path) if turn.role == "user"), default=0)
        say(*turn_lines(path[last:]))

    async def go_back(self, conversation_id: str, leaf: str | None) -> None:
        """End a conversation at this turn, or before the first if None, and go on with it. Raises `HistoryError`."""
        if conversation_id != self.conversation_id:
            await self.open(conversation_id)
        await self.engine.conversations.end_at(conversation_id, leaf)

    async def set_own(self, settings: ConversationSettings) -> None:
        """Set the settings of the conversation in use. Raises `HistoryError`."""
        if self.conversation_id is not None:
            # What was allowed of its tools meanwhile stays.
            stored = decode_settings((await self.conversation()).settings).tools
            if settings.tools is not None and stored is not None:
                settings = replace(settings, tools=replace(settings.tools, consents=stored.consents))
            await self.engine.conversations.set_settings(self.conversation_id, settings)
        self.own_settings = settings

    async def set_preset(self, preset: Preset | None) -> None:
        """Use a preset in the conversation in use; None: no preset. Raises `HistoryError`."""
        if self.conversation_id is not None:
            await self.engine.conversations.set_preset(self.conversation_id, encode_preset(preset))
        self.preset = preset

    # -- questions ------------------------------------------------------------------------------------------------

    async def ask(self, text: str) -> None:
        """Ask a question, and write the answer."""
        if self.input.was_typed:
            self.attachments += await attach_named(text)
        files, self.attachments = self.attachments, []
        target = self.conversation_id or NewConversation(self.system_prompt, self.preset, self.own_settings)
        leaf = await self._leaf()
        try:
            if self.compared:
                await self._compare(target, text, files)
            else:
                await self.write(await self.engine.ask(target, text, self.settings, attachments=files))
        except (ChatTuiError, asyncio.CancelledError):
            if files:
                self.attachments = files
                say("[the files stay attached to the next message]")
            raise
        self.note_step("take back the question", f"[taken back: {shorten(text, 200)}]", leaf)

    async def _leaf(self) -> str | None:
        """Return the id of the last turn of the conversation in use; None if there is none."""
        path = (await self.conversation()).path if self.conversation_id is not None else ()
        return path[-1].id if path else None

    def note_step(self, name: str, told: str, leaf: str | None) -> None:
        """Let `/undo` go back to the end of the conversation in use as it was, the turn `leaf`."""
        assert self.conversation_id is not None
        self.undo.push(name, told, partial(self.go_back, self.conversation_id, leaf))

    async def _compare(self, target: str | NewConversation, text: str, files: list[Attachment]) -> None:
        """Ask several models, and write their answers one after the other."""
        compared = await self.engine.compare(target, text, self.compared, self.settings, attachments=files)
        self.compared, self.conversation_id = (), compared.conversation_id
        await self.answers.write_compared(compared, is_blind=self.is_blind)

    async def write(self, answer: Answer, known: str = "") -> None:
        """Write an answer and those after its tool calls as they come. `known` is the part of its text that was written
        before."""
        self.conversation_id = answer.conversation_id
        await self.answers.write(answer, known)


def speaker_of(turn: Turn) -> str:
    """Return who speaks in a turn."""
    if turn.role == "summary":
        return summary_title(turn)
    return "You" if turn.role == "user" else turn.model or turn.role


def turn_lines(turns: Sequence[Turn]) -> list[str]:
    """Return messages, and in short the results of tool calls between them."""
    lines: list[str] = []
    for turn in turns:
        if turn.result is not None:
            lines.append(f"[{turn.result.name}: {shorten(turn.text, _RESULT_CHARACTERS)}]")
        elif turn.text:
            lines.append(f"{speaker_of(turn)}: {turn.text}")
    return lines


async def run_chat(chat: LineChat, run_command: RunCommand, first: str = "") -> None:
    """Read messages and answer them until the input ends, or `/quit` ends it."""
    typed: str | None = first or await _read(chat)
    while typed is not None:
        try:
            await _run_interruptibly(chat, _take(chat, run_command, typed))
        except ChatTuiError as error:
            report_error(error)
        typed = None if chat.is_ending else await _read(chat)


async def _run_interruptibly(chat: LineChat, work: Coroutine[None, None, None]) -> None:
    """Do the work until its end, or until Ctrl-C; an answer that runs has its own handler. Raises `ChatTuiError`."""
    task, outer = asyncio.ensure_future(work), asyncio.current_task()

    def stop() -> None:
        task.cancel()

    chat.answers.watch_interrupts(stop)
    try:
        await task
    except asyncio.CancelledError:
        if outer is not None and outer.cancelling():
            raise
        say("[stopped]")


async def _take(chat: LineChat, run_command: RunCommand, typed: str) -> None:
    text = typed.strip()
    if text.startswith("/") and not text.startswith("//"):
        await run_command(text)
    elif text:
        await chat.ask(typed.replace("//", "/", 1) if text.startswith("//") else typed)


async def _read(chat: LineChat) -> str | None:
    while True:
        chat.answers.watch_interrupts(chat.input.interrupt)
        chat.titles = [row.title for row in await chat.engine.conversations.summaries()]
        try:
            return await chat.input.read()
        except KeyboardInterrupt:
            say("[nothing was sent; Ctrl-D or /quit ends]")
