"""Writes an answer to stdout as text or chunks, and notices about it to stderr."""

from __future__ import annotations

from itertools import groupby
from typing import Literal

import msgspec

from chat_tui.cli.output.progress import DownloadMeter, ProgressLine
from chat_tui.cli.output.text_output import PlainOutput, TextOutput
from chat_tui.cli.output.two_phases import PhaseOrder
from chat_tui.core.answers.finish_reasons import is_known
from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.answers.served_models import is_snapshot
from chat_tui.core.chunks import End, Error, Insights, Metadata, Token, ToolCallDelta, encode
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes import console
from chat_tui.core.processes.console import format_error
from chat_tui.core.text.control_characters import escaped_json
from chat_tui.core.text.counts import count_of
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.tools.steps import StepChunk, ToolAskChunk, ToolResultChunk

_WEIGHTS_BYTES = 98_362_432
_ARGUMENTS = 200
"""Characters of a call's arguments, and of its result, that are told."""
_ENDINGS = {
    "cancelled": "cancelled; what arrived is kept",
    "broken": "connection lost; what arrived is kept",
    "length": "the token limit was reached",
    "refused": "the model refused",
}


class AnswerWriter:
    """Converts chunks to output; `flush` writes it in order."""

    def __init__(
        self, *, as_json: bool, quiet: bool = False, output: TextOutput | None = None, in_lines: bool = False
    ) -> None:
        """`quiet`: notes are left out; errors, and why an answer is incomplete, are not. `output` takes the text; None:
        it is written as it is. `in_lines`: each state is a line of its own, and none is drawn over."""
        self.as_json = self._json = as_json
        self._quiet, self._in_lines = quiet, in_lines
        self._output = output or PlainOutput(raw=as_json)
        self._has_figures = output is not None and not quiet
        self._terminal = console.error_is_terminal()
        self._waiting: list[tuple[Literal["output", "finish", "error", "progress", "status", "clear"], str]] = []
        """Target and text; `finish` ends the text or a part of it. A status is shown on a terminal at once, progress
        only now and then."""
        self._progress = ProgressLine(at_once=True)
        self._download = DownloadMeter("Downloading the built-in model")
        self._said = ""
        self._two = PhaseOrder()
        self._spoke: set[object] = set()
        """Phases that have produced text."""
        self._texts: dict[object, dict[str, list[str]]] = {}
        """Text and thinking so far, by phase and kind."""
        self._confessed = False
        self._has_told_download = False
        self._has_status = False
        """Whether the status line is shown, or will be."""

    @property
    def is_watched(self) -> bool:
        """Whether text is written to a terminal."""
        return not self._json and console.output_is_terminal()

    @property
    def waits(self) -> bool:
        """Whether there is something to write."""
        return bool(self._waiting)

    def take(self, chunk: StepChunk) -> None:
        """Add the next chunk."""
        if isinstance(chunk, ToolAskChunk):
            # The command line asks nobody: it refuses what was not allowed.
            return
        if isinstance(chunk, ToolResultChunk):
            self._take_result(chunk)
            return
        if isinstance(chunk, (Token, Error)):
            self._clear()
        if isinstance(chunk, Token):
            texts = self._texts.get(chunk.phase)
            if texts is None:
                texts = self._texts[chunk.phase] = {"text": [], "thinking": []}
            if self._in_lines and chunk.kind == "thinking" and not texts["thinking"]:
                self._line("thinking")
            texts[chunk.kind].append(chunk.token)
            if chunk.kind == "text":
                self._spoke.add(chunk.phase)
        if self._json:
            self._waiting.append(("output", json_line(encode(chunk))))
        elif isinstance(chunk, Token) and chunk.kind == "text":
            self._say(self._two.take(chunk))
        if isinstance(chunk, Metadata) and chunk.event == "reclassified":
            self._reclassify(chunk)
        elif isinstance(chunk, Metadata):
            self._note(chunk)
        elif isinstance(chunk, ToolCallDelta):
            self._note_call(chunk)
        elif isinstance(chunk, Error):
            if not self._json:
                # On a terminal both outputs share a line.
                self._end_line()
            self._waiting.append(("error", format_error(ChatTuiError(chunk.error.title, chunk.error.hint))))
        elif isinstance(chunk, End) and not self._json:
            self._say(self._two.rest())
            self._end(chunk)

    def _note_call(self, chunk: ToolCallDelta) -> None:
        if not self._json and chunk.stage == "end":
            self._end_line()
            self._line(f"calls {chunk.name} {shorten(chunk.arguments, _ARGUMENTS)}")

    def _take_result(self, result: ToolResultChunk) -> None:
        if self._json:
            self._waiting.append(("output", json_line(msgspec.json.encode(result))))
            return
        about = "" if result.state == "complete" else f" {result.state}:"
        self._line(f"{result.name}:{about} {shorten(result.text, _ARGUMENTS)}")

    def _end_line(self) -> None:
        """End the line of text, so that a notice stands on one of its own."""
        if self._said and not self._said.endswith("\n"):
            self._say("\n")
        self._waiting.append(("finish", ""))

    def _reclassify(self, told: Metadata) -> None:
        """Say once that written text was thinking, as it cannot be taken back; write what was held as thinking."""
        texts = self._texts.setdefault(told.phase, {"text": [], "thinking": []})
        text, thinking = "".join(texts["text"]), "".join(texts["thinking"])
        after = reclassify(text, thinking, told)
        texts["text"], texts["thinking"] = [after[0]], [after[1]]
        if self._json:
            return
        if told.kind == "text":
            self._spoke.add(told.phase)
            self._say(self._two.take(Token(after[0][len(text) :], phase=told.phase)))
        elif not self._confessed:
            self._confessed = True
            self._end_line()
            self._line("The text above was the model's thinking: it omitted the opening tag.")

    def _say(self, text: str) -> None:
        if text:
            self._waiting.append(("output", text))
            self._said = text

    def put(self, text: str) -> None:
        """Add a text for stdout."""
        self._clear()
        self._waiting.append(("output", text))

    def note(self, text: str) -> None:
        """Add a text for stderr."""
        self._clear()
        self._waiting.append(("error", text))

    def flush(self) -> None:
        """Write everything. Raises `BrokenPipeError` if nobody reads."""
        waiting, self._waiting = self._waiting, []
        for target, group in groupby(waiting, key=lambda entry: entry[0]):
            texts = [text for _, text in group]
            if target == "output":
                self._output.write("".join(texts))
                continue
            if target == "finish":
                self._output.finish()
                continue
            if self._terminal:
                self._output.make_room()
            if target == "error":
                console.write_error("".join(texts))
            elif target == "progress":
                self._progress.show(texts[-1])
            elif target == "status":
                self._progress.show_now(texts[-1])
            else:
                self._progress.clear()

    def abandon(self) -> None:
        """Write nothing more, because nobody reads stdout; prevents an error when the interpreter exits."""
        console.discard_output()

    def close(self) -> None:
        """Remove the status line, however the answer has ended."""
        self._progress.clear()

    def _end(self, chunk: End) -> None:
        self._clear()
        self._end_line()
        if chunk.served_model and not is_snapshot(chunk.model, chunk.served_model):
            self._line(f"answered by {chunk.served_model}, according to the server of {chunk.model}")
        if chunk.state in _ENDINGS:
            self._waiting.append(("error", f"[{_ENDINGS[chunk.state]}]\n"))
        elif chunk.state == "complete" and not is_known(chunk.finish_reason):
            self._line(f"the server ended the answer with `{chunk.finish_reason}`")
        # In lines, figures that are only a name say nothing after the error.
        if self._has_figures and not (self._in_lines and chunk.state == "failed"):
            self._line(format_figures(chunk))
        if chunk.insights is not None:
            self._waiting.append(("error", format_insights(chunk.insights)))

    def _note(self, chunk: Metadata) -> None:
        if chunk.event == "fetching":
            self._fetching(chunk)
        elif chunk.event == "retry":
            self._line(f"{chunk.reason} Retrying {chunk.attempt}/{chunk.of} in {chunk.delay_seconds or 0:.1f} s.")
        elif chunk.event == "failover":
            price = f", which costs about ${chunk.price:.4g}" if chunk.price else ""
            self._line(f"{chunk.reason} Trying {chunk.model}{price}.")
        elif chunk.event == "seam":
            # A line of its own between the part that was cut off and the text that follows.
            self._line(f"{chunk.reason} {chunk.model} continues the answer.".strip())
        elif chunk.event == "part":
            self._line("summing up" if chunk.attempt == chunk.of else f"part {chunk.attempt} of {chunk.of - 1}")
        elif chunk.event == "phase":
            self._over(chunk)
        elif chunk.event == "budget" or (chunk.event == "note" and chunk.attempt):
            self._line(chunk.reason)
        elif chunk.event == "trimmed":
            self._line(chunk.reason or f"{chunk.left_out} earlier exchanges do not fit and were not sent.")
        elif chunk.event in {"loading", "queued"} and self._terminal:
            self._status({"loading": "Loading the model …", "queued": "Waiting for a free stream …"}[chunk.event])

    def _over(self, chunk: Metadata) -> None:
        """Report that one of two answers has ended."""
        if chunk.reason and chunk.phase not in self._spoke:
            self._line(f"{chunk.reason} The {chunk.phase} answer is left out.")
        elif chunk.reason and chunk.phase == "quick":
            # The `End` chunk itself reports the end of the detailed answer.
            self._line(f"{chunk.reason} The quick answer is incomplete.")
        elif chunk.phase == "quick" and self._two.quick:
            self._line(f"quick answer by {chunk.model}; the detailed one follows")
        if chunk.phase == "quick" and not self._json:
            self._say(self._two.rest())
            self._waiting.append(("finish", ""))

    def _fetching(self, chunk: Metadata) -> None:
        if self._quiet:
            return
        if self._in_lines:
            self._tell_fetching()
            return
        text = self._download.text(chunk.received_bytes, chunk.total_bytes or _WEIGHTS_BYTES)
        self._has_status = True
        self._waiting.append(("progress", text))

    def _tell_fetching(self) -> None:
        if not self._has_told_download:
            self._has_told_download = True
            self._line("Downloading the built-in model")

    def _status(self, text: str) -> None:
        if self._in_lines:
            self._line(text)
        if self._quiet or self._in_lines:
            return
        self._has_status = True
        self._waiting.append(("status", text))

    def _line(self, text: str) -> None:
        if self._quiet:
            return
        self._clear()
        if self._in_lines and self._terminal and console.output_is_terminal():
            # Both outputs share the line that the text has begun.
            self._end_line()
        self._waiting.append(("error", f"[{text}]\n"))

    def _clear(self) -> None:
        if self._has_status:
            self._has_status = False
            self._waiting.append(("clear", ""))


def json_line(encoded: bytes, model: str = "") -> str:
    """Return an encoded record as one line, with a `model` field if one is given."""
    line = encoded.decode("utf-8")
    if model:
        line = f'{line[:-1]},"model":{msgspec.json.encode(model).decode()}}}'
    return escaped_json(line) + "\n"


def format_figures(end: End) -> str:
    """Format who answered, how fast, and what it cost; `≈` marks estimates."""
    timings, usage = end.timings, end.usage
    about, rate_about = "≈" if usage is not None and usage.estimated else "", "≈" if timings.estimated else ""
    tokens = usage.completion_tokens if usage is not None else None
    said = [
        shorten(end.model, 60),
        f"{timings.ttft_seconds:.2f} s to the first token" if timings.ttft_seconds is not None else "",
        f"{about}{count_of(tokens, 'token')}" if tokens is not None else "",
        f"{rate_about}{timings.tokens_per_second:.0f} tokens/s" if timings.tokens_per_second is not None else "",
        f"{about}${end.cost:.4g}" if end.cost else "",
    ]
    return " · ".join(filter(None, said))


def format_insights(insights: Insights) -> str:
    """Format insights as lines: length, reading time, sentiment, keywords, and what plug-ins say."""
    lines = [
        f"Length: {insights.characters:,} characters, {insights.words:,} words",
        f"Reading time: about {insights.reading_seconds:,.0f} seconds",
    ]
    if (sentiment := insights.sentiment) is None:
        lines.append("Sentiment: unknown (English only)")
    else:
        counts = f"positive {sentiment.positive}, negative {sentiment.negative}, neutral {sentiment.neutral}"
        lines.append(f"Sentiment: {counts} (polarity {sentiment.polarity:+.2f})")
    if insights.keywords:
        lines.append("Top keywords: " + ", ".join(f"{word} ({count})" for word, count in insights.keywords))
    for name, figures in insights.extras.items():
        lines.append(f"{name}: " + ", ".join(f"{label} {value}" for label, value in figures.items()))
    return "\n" + "\n".join(lines) + "\n"
