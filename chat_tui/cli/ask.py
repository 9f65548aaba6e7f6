"""`chat-tui ask`: one question, answered in a pipe. Tokens go to stdout as they come, notes to stderr."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time

from chat_tui import config, paths
from chat_tui.answer import Answer
from chat_tui.assembly import open_engine
from chat_tui.chunks import Chunk, End, Error, Metadata, Token, encode
from chat_tui.cli import told
from chat_tui.engine import Engine
from chat_tui.errors import ChatTuiError
from chat_tui.request import Request
from chat_tui.routing.strategies import names
from chat_tui.text_safety import clean

STDIN_LIMIT = 16 * 1024 * 1024
"""Bytes read from standard input."""
NOTE_SECONDS = 2.0
"""Between two notes about a fetch, where stderr is no terminal."""

_EXIT = {"complete": 0, "length": 0, "refused": 0, "cancelled": 130}


def run(options: argparse.Namespace) -> int:
    """Answer, and give the exit code."""
    question = question_of(options.question)
    if not question.strip():
        sys.stderr.write("usage: chat-tui ask QUESTION\nchat-tui: there is no question, nor anything on stdin.\n")
        return 2
    if options.strategy is not None and options.strategy not in names():
        sys.stderr.write(f"chat-tui: there is no strategy {clean(options.strategy)!r}. Known: {', '.join(names())}.\n")
        return 2
    if options.model is not None and "/" not in options.model:
        sys.stderr.write("chat-tui: a model is written as provider/model, such as local/smollm2-135m.\n")
        return 2
    settings = config.load(paths.config_file())
    return asyncio.run(_ask(settings, question, options))


def question_of(words: list[str]) -> str:
    """The question on the command line, with standard input behind it."""
    question = " ".join(words)
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return clean(question)
    piped = sys.stdin.buffer.read(STDIN_LIMIT + 1)
    if len(piped) > STDIN_LIMIT:
        sys.stderr.write("chat-tui: only the first 16 MB of standard input are read.\n")
    text = piped[:STDIN_LIMIT].decode("utf-8", "replace").strip("\n")
    return clean(f"{question}\n\n{text}" if question and text else question or text)


async def _ask(settings: config.Config, question: str, options: argparse.Namespace) -> int:
    engine = await open_engine(settings, save=not options.no_save, tell=_tell)
    request = Request(
        model=options.model,
        strategy=options.strategy,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        top_p=options.top_p,
        stop=tuple(options.stop),
        seed=options.seed,
        timeout_seconds=options.timeout,
        stream=not options.no_stream,
        fallback=not options.no_fallback,
    )
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupted.set)
    try:
        return await _answered(engine, question, request, interrupted, Paper(as_json=options.json))
    finally:
        await engine.close()


async def _answered(engine: Engine, question: str, request: Request, interrupted: asyncio.Event, paper: Paper) -> int:
    if request.model is None and (request.strategy is not None or engine.config.model is None):
        discovery = asyncio.ensure_future(engine.discover())
        stop = asyncio.ensure_future(interrupted.wait())
        await asyncio.wait([discovery, stop], return_when=asyncio.FIRST_COMPLETED)
        discovery.cancel()
        stop.cancel()
    answer = await engine.ask(None, question, request)
    watch = asyncio.ensure_future(_cancel_when(interrupted, engine, answer))
    try:
        await _written(answer, paper)
    except (BrokenPipeError, ConnectionResetError):
        # Whoever read us has gone: the same way as a cancel.
        await engine.cancel(answer)
        paper.gone()
        return 1
    finally:
        watch.cancel()
    return _EXIT.get(answer.turn.state, 1)


async def _cancel_when(interrupted: asyncio.Event, engine: Engine, answer: Answer) -> None:
    await interrupted.wait()
    await engine.cancel(answer)


async def _written(answer: Answer, paper: Paper) -> None:
    position = 0
    async for chunk in answer.follow():
        position += 1
        paper.take(chunk)
        # What has come together is written together; a slow reader does not hold the loop.
        if position >= len(answer) and paper.waits:
            await asyncio.to_thread(paper.flush)
    await asyncio.to_thread(paper.flush)


class Paper:
    """Turns chunks into what stands on stdout and stderr."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._terminal = sys.stderr.isatty()
        self._out: list[str] = []
        self._said = ""
        self._noted = 0.0
        self._begun = time.monotonic()
        self._shown = False

    @property
    def waits(self) -> bool:
        """There is something to be written."""
        return bool(self._out)

    def take(self, chunk: Chunk) -> None:
        """Take the next chunk."""
        if self._json:
            self._out.append(encode(chunk).decode("utf-8") + "\n")
        elif isinstance(chunk, Token) and chunk.kind == "text":
            self._out.append(chunk.token)
            self._said = chunk.token
        if isinstance(chunk, Token):
            self._clear()
        elif isinstance(chunk, Metadata):
            self._note(chunk)
        elif isinstance(chunk, Error):
            self._clear()
            told(ChatTuiError(chunk.error.title, chunk.error.hint))
        elif isinstance(chunk, End) and not self._json:
            self._end(chunk)

    def flush(self) -> None:
        """Write what waits. Raises `BrokenPipeError` where nobody reads."""
        out, self._out = "".join(self._out), []
        if out:
            sys.stdout.buffer.write(out.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()

    def gone(self) -> None:
        """Nobody reads stdout any more: keep the interpreter from complaining at its exit."""
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _end(self, chunk: End) -> None:
        if self._said and not self._said.endswith("\n"):
            self._out.append("\n")
        if chunk.state in {"cancelled", "broken", "length", "refused"}:
            sys.stderr.write(f"[{_ENDINGS[chunk.state]}]\n")

    def _note(self, chunk: Metadata) -> None:
        if chunk.event == "fetching":
            self._fetching(chunk)
        elif chunk.event == "retry":
            self._line(f"{chunk.reason} Retrying {chunk.attempt}/{chunk.of} in {chunk.delay_seconds or 0:.1f} s.")
        elif chunk.event == "failover":
            self._line(f"{chunk.reason} Going on with {chunk.model}.")
        elif chunk.event == "trimmed":
            self._line(f"{chunk.left_out} earlier exchanges do not fit and are not sent.")
        elif chunk.event in {"loading", "queued"} and self._terminal:
            self._status({"loading": "Loading the model …", "queued": "Waiting for a free stream …"}[chunk.event])

    def _fetching(self, chunk: Metadata) -> None:
        now = time.monotonic()
        if not self._terminal and now - self._noted < NOTE_SECONDS and chunk.received_bytes:
            return
        self._noted = now
        received, total = chunk.received_bytes / 1e6, (chunk.total_bytes or 98_362_432) / 1e6
        text = f"Fetching the built-in model: {received:.1f} of {total:.1f} MB"
        speed = received / max(0.001, now - self._begun)
        if speed > 0.01:
            text += f", {speed:.1f} MB/s, {max(0.0, total - received) / speed:.0f} s left"
        if self._terminal:
            self._status(text)
        else:
            sys.stderr.write(text + "\n")

    def _status(self, text: str) -> None:
        self._shown = True
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def _line(self, text: str) -> None:
        self._clear()
        sys.stderr.write(f"[{text}]\n")

    def _clear(self) -> None:
        if self._shown:
            self._shown = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


_ENDINGS = {
    "cancelled": "cancelled; the part is kept",
    "broken": "the line was cut; the part is kept",
    "length": "the limit of tokens was reached",
    "refused": "the model refused",
}


def _tell(error: ChatTuiError) -> None:
    told(error)
