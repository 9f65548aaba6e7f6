"""Writes answers in lines, and asks about their tool calls."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import aclosing, contextmanager

from msgspec.structs import replace

from chat_tui.cli.line.message_input import MessageInput
from chat_tui.cli.line.tool_consent import ask_consent
from chat_tui.cli.output.answer_stream import cancel_when, report_notice
from chat_tui.cli.output.answer_writer import AnswerWriter
from chat_tui.cli.output.text_output import PlainOutput
from chat_tui.core.chunks import Chunk, Start, Token
from chat_tui.core.processes.console import report_error, write_error, write_output
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.comparison import Comparison
from chat_tui.engine.engine import Engine
from chat_tui.engine.insights.observer import InsightsObserver
from chat_tui.engine.tools.steps import StepChunk, ToolAskChunk, ToolResultChunk, current_of, last_of, merged_batches

_NEXT = {
    "cancelled": "/continue goes on with it, /retry asks again",
    "broken": "/continue goes on with it, /retry asks again",
    "length": "/continue goes on with it",
    "failed": "the question is kept; /retry asks again, /model chooses another model",
    "empty": "the question is kept; /retry asks again, /model chooses another model",
}
"""What can be done after an answer with this state."""
_UNNAMED = {
    "cancelled": "cancelled; what arrived is kept",
    "broken": "connection lost; what arrived is kept",
    "length": "the token limit was reached",
}
"""How an answer ended whose model is not told yet."""


class KnownText:
    """The beginning of an answer's text that is not written again."""

    def __init__(self, text: str) -> None:
        self._rest = text

    def cut(self, chunk: StepChunk) -> StepChunk:
        """Return the chunk without what is known of its text."""
        if not self._rest or not isinstance(chunk, Token) or chunk.kind != "text":
            return chunk
        text, rest = chunk.token, self._rest
        if rest.startswith(text):
            self._rest = rest[len(text) :]
            return replace(chunk, token="")
        self._rest = ""
        return replace(chunk, token=text.removeprefix(rest))


class AnswerLines:
    """Follows answers. Ctrl-C stops them and keeps what arrived."""

    def __init__(self, engine: Engine, input: MessageInput) -> None:
        self._engine, self._input = engine, input
        self._interrupted = asyncio.Event()
        self.has_figures = True
        """Whether tokens, speed and cost follow each answer."""
        self.has_insights = engine.config.display.insights
        """Whether sentiment, keywords and reading time follow each answer."""

    def watch_interrupts(self, handle: Callable[[], None]) -> None:
        """Let Ctrl-C call `handle` from now on. To be called each time: the line editor has a handler of its own."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, handle)

    @contextmanager
    def interruptible(self) -> Generator[asyncio.Event]:
        """Give an event that Ctrl-C sets; a question that waits for its answer ends, too."""
        self._interrupted.clear()
        self.watch_interrupts(self._interrupt)
        yield self._interrupted

    def _interrupt(self) -> None:
        self._interrupted.set()
        self._input.interrupt()

    async def write(self, answer: Answer, known: str = "") -> None:
        """Write an answer and those after its tool calls as they come. `known` is the part of its text that was written
        before."""
        with self.interruptible() as interrupted:
            watch = asyncio.ensure_future(cancel_when(interrupted, answer))
            try:
                await self._write_chunks(answer, KnownText(known))
            finally:
                watch.cancel()
        report_notice(answer, "/max-tokens")
        last = await last_of(answer)
        # What is typed next may ask for its route, or change it.
        await last.saved.wait()
        if next_step := _NEXT.get(last.turn.state):
            write_error(f"[{next_step}]\n")

    async def _write_chunks(self, answer: Answer, known: KnownText, *, announces: bool = True) -> None:
        """Write the chunks as they come. `announces`: also who answers."""
        writer = AnswerWriter(as_json=False, output=PlainOutput() if self.has_figures else None, in_lines=True)
        performance = self._engine.config.performance
        batches = merged_batches(
            answer, tokens=performance.streaming_batch_size, hold_bytes=performance.streaming_buffer_size
        )
        observer = InsightsObserver(report_error) if self.has_insights else None
        async with aclosing(batches):
            async for chunks in batches:
                for chunk in chunks:
                    if isinstance(chunk, Start) and announces:
                        writer.note(f"[{chunk.model} answers; Ctrl-C stops]\n")
                    for observed in await _observe(observer, chunk):
                        writer.take(known.cut(observed))
                await asyncio.to_thread(writer.flush)
                for chunk in chunks:
                    if isinstance(chunk, ToolAskChunk):
                        await self._decide(answer, chunk)

    async def _decide(self, answer: Answer, call: ToolAskChunk) -> None:
        """Ask about a tool call, and tell its round the decision."""
        decision = await ask_consent(call, self._input)
        if (asking := current_of(answer).round) is not None:
            asking.decide(call.id, decision)

    async def write_compared(self, comparison: Comparison, *, is_blind: bool) -> None:
        """Write the answers of a comparison one after the other, and let one be kept. Raises `ChatTuiError`."""
        count = len(comparison.answers)
        with self.interruptible() as interrupted:
            watch = asyncio.ensure_future(_cancel_all(interrupted, comparison))
            try:
                for number, answer in enumerate(comparison.answers, 1):
                    name = "" if is_blind else f", {comparison.models[number - 1]}"
                    write_error(f"[answer {number} of {count}{name}; Ctrl-C stops all]\n")
                    if is_blind:
                        await _write_unnamed(answer)
                    else:
                        await self._write_chunks(answer, KnownText(""), announces=False)
                    await answer.saved.wait()
            finally:
                watch.cancel()
        if not any(answer.turn.text for answer in comparison.answers):
            write_error(f"[no answer came; {_NEXT['failed']}]\n")
            return
        chosen = await self._choose(count)
        others = [f"answer {number} was {model}" for number, model in enumerate(comparison.models, 1)]
        told = f"; {', '.join(others)}" if is_blind else ""
        if chosen:
            await comparison.keep(chosen)
        kept = f"kept: answer {chosen}" if chosen else "the first whole answer stays"
        write_error(f"[{kept}{told}; /version shows the others]\n")

    async def _choose(self, count: int) -> int:
        """Return the number of the answer that a person keeps; 0 for none."""
        while True:
            typed = (await self._input.ask(f"Which answer is kept? 1 to {count}, or nothing:") or "").strip()
            if not typed:
                return 0
            if typed.isdecimal() and 1 <= int(typed[:3]) <= count:
                return int(typed)
            write_error(f"[there is no answer {typed[:20]}]\n")


async def _observe(observer: InsightsObserver | None, chunk: StepChunk) -> Sequence[StepChunk]:
    if observer is None or isinstance(chunk, (ToolAskChunk, ToolResultChunk)):
        return [chunk]
    observed: list[Chunk] = await observer.take([chunk])
    return observed


async def _write_unnamed(answer: Answer) -> None:
    """Write an answer once it has ended, and nothing that tells its model."""
    await answer.saved.wait()
    if text := answer.turn.text.rstrip("\n"):
        await asyncio.to_thread(write_output, f"{text}\n")
    if answer.turn.state != "complete":
        write_error(f"[{_UNNAMED.get(answer.turn.state, 'the model gave no answer')}]\n")


async def _cancel_all(interrupted: asyncio.Event, comparison: Comparison) -> None:
    await interrupted.wait()
    await comparison.cancel_all()
