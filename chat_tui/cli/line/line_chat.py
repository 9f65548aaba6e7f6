"""A conversation in lines: asks the questions, writes the answers, and asks about tool calls."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from chat_tui.cli.line.message_input import MessageInput
from chat_tui.cli.output.answer_stream import cancel_when, report_notice
from chat_tui.cli.output.answer_writer import AnswerWriter
from chat_tui.cli.output.text_output import PlainOutput
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Start
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import ConversationSettings, NewConversation
from chat_tui.core.settings.preset import Preset
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.tool_round import Decision, RefuseCall, RunCall, StopCalls
from chat_tui.engine.conversations.continuation import find_continuation
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.steps import ToolAskChunk, current_of, merged_batches

RunCommand = Callable[[str], Awaitable[None]]
"""Runs a slash command, as it was typed. Raises `ChatTuiError`."""
_ARGUMENTS = 2_000
_CONSENT = "Run it? y: once, a: always in this conversation, n: no, s: stop, or a reason to refuse:"


class LineChat:
    """The conversation in use, and the model or strategy of the next question."""

    def __init__(self, engine: Engine, input: MessageInput, *, model: str | None, strategy: str) -> None:
        self.engine, self._input = engine, input
        self.model, self.strategy = model, strategy
        self.conversation_id: str | None = None
        """None until the first question of a conversation is asked."""
        self.attachments: list[Attachment] = []
        """Files of the next question."""
        self.is_ending = False
        """Whether the program is to end."""
        self.begin()
        self._interrupted = asyncio.Event()

    def begin(self, system_prompt: str | None = None, preset: Preset | None = None) -> None:
        """Begin a new conversation with the next question."""
        self.conversation_id = None
        self.system_prompt, self.preset, self.own_settings = system_prompt, preset, ConversationSettings()

    @property
    def settings(self) -> Request:
        """The model or strategy of the next question."""
        return Request(model=self.model, strategy=self.strategy)

    # -- conversations --------------------------------------------------------------------------------------------

    async def conversation(self) -> Conversation:
        """Return the conversation in use. Raises `CommandError` if nothing was asked yet."""
        if self.conversation_id is None:
            raise CommandError("This conversation is empty.", "Ask something first.")
        return await self.engine.conversations.conversation(self.conversation_id)

    async def open(self, name: str, *, keeps_model: bool = False) -> None:
        """Go on with a saved conversation, with its model or strategy. Raises `HistoryError`."""
        found = await find_continuation(self.engine.conversations, name)
        self.begin()
        self.conversation_id = found.conversation.id
        self.own_settings = found.settings
        model, strategy = found.choice(self.engine.models.strategies())
        if not keeps_model and (model or strategy):
            self.model, self.strategy = model, strategy or self.strategy
        goes_on = "".join(f", {label}" for label in found.labels(own_model=not keeps_model))
        write_error(f"[continues “{shorten(found.conversation.title, 60)}”{goes_on}]\n")
        for turn in found.conversation.path[-2:]:
            _show(turn)

    async def set_own(self, settings: ConversationSettings) -> None:
        """Set the settings of the conversation in use. Raises `HistoryError`."""
        self.own_settings = settings
        if self.conversation_id is not None:
            await self.engine.conversations.set_settings(self.conversation_id, settings)

    # -- answers --------------------------------------------------------------------------------------------------

    async def ask(self, text: str) -> None:
        """Ask a question, and write the answer."""
        files, self.attachments = self.attachments, []
        target = self.conversation_id or NewConversation(self.system_prompt, self.preset, self.own_settings)
        try:
            await self.write(await self.engine.ask(target, text, self.settings, attachments=files))
        except ChatTuiError:
            self.attachments = files
            raise

    async def write(self, answer: Answer) -> None:
        """Write an answer and those after its tool calls as they come; Ctrl-C stops them and keeps what arrived."""
        self.conversation_id = answer.conversation_id
        self._interrupted.clear()
        # Each time: the line editor has its own meanwhile.
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupted.set)
        watch = asyncio.ensure_future(cancel_when(self._interrupted, answer))
        writer = AnswerWriter(as_json=False, output=PlainOutput(), in_lines=True)
        performance = self.engine.config.performance
        batches = merged_batches(
            answer, tokens=performance.streaming_batch_size, hold_bytes=performance.streaming_buffer_size
        )
        try:
            async with aclosing(batches):
                async for chunks in batches:
                    for chunk in chunks:
                        if isinstance(chunk, Start):
                            writer.note(f"[{chunk.model} answers; Ctrl-C stops]\n")
                        writer.take(chunk)
                    await asyncio.to_thread(writer.flush)
                    for chunk in chunks:
                        if isinstance(chunk, ToolAskChunk):
                            await self._decide(answer, chunk)
        finally:
            watch.cancel()
            writer.close()
        report_notice(answer)
        # What is typed next may ask for its route, or change it.
        await current_of(answer).saved.wait()

    async def _decide(self, answer: Answer, call: ToolAskChunk) -> None:
        """Ask about a tool call, and tell its round the decision."""
        arguments = shorten(json.dumps(json.loads(call.arguments), ensure_ascii=False), _ARGUMENTS)
        changed = ", which was changed after you allowed it," if call.changed else ""
        write_error(f"[{call.server} wants to run {call.name}{changed} with {arguments}]\n")
        typed = await self._input.ask(_CONSENT)
        if (asking := current_of(answer).round) is not None:
            asking.decide(call.id, _decision(typed))


def _decision(typed: str | None) -> Decision:
    """Return the decision that was typed; the end of the input stops."""
    word = "s" if typed is None else typed.strip()
    if word.casefold() in ("y", "yes"):
        return RunCall()
    if word.casefold() in ("a", "always"):
        return RunCall(always=True)
    if word.casefold() in ("s", "stop"):
        return StopCalls()
    return RefuseCall("" if word.casefold() in ("", "n", "no") else word)


def _show(turn: Turn) -> None:
    who = "You" if turn.role == "user" else turn.model or turn.role
    write_error(f"{who}: {turn.text}\n")


async def run_chat(chat: LineChat, input: MessageInput, run_command: RunCommand, first: str = "") -> None:
    """Read messages and answer them until the input ends, or `/quit` ends it."""
    typed: str | None = first or await _read(input)
    while typed is not None:
        try:
            await _take(chat, run_command, typed)
        except ChatTuiError as error:
            report_error(error)
        typed = None if chat.is_ending else await _read(input)


async def _take(chat: LineChat, run_command: RunCommand, typed: str) -> None:
    text = typed.strip()
    if text.startswith("/") and not text.startswith("//"):
        await run_command(text)
    elif text:
        await chat.ask(typed.replace("//", "/", 1) if text.startswith("//") else typed)


async def _read(input: MessageInput) -> str | None:
    while True:
        try:
            return await input.read()
        except KeyboardInterrupt:
            write_error("[Ctrl-D or /quit ends]\n")
