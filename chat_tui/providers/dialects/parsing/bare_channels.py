"""Tells thinking from answer after a server has removed the special tokens of OpenAI's harmony format.

What is left of `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…` are the bare
names: `analysisWe need to greet.assistantfinalHello!`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from chat_tui.core.chunks import Metadata, Token
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.providers.dialects.parsing.thinking_marks import CodeMarks
from chat_tui.providers.dialects.parsing.thinking_tags import ThinkingTags

_OPENING, _CLOSING = "analysis", "assistantfinal"
_OPENED = lazy_pattern(rf"\s{{0,20}}{_OPENING}(?=[^\W_a-z]|[\"'“‘(\[*<])")
"""A word goes on in lower case, or has a blank or a sign behind it."""
_CLOSED = lazy_pattern(_CLOSING)
_QUOTES = "`\"'“”‘’«»*_"
"""Between two of these the name is talked about."""


def may_write_bare_channels(model_id: str) -> bool:
    """Return whether the model is trained on the harmony format."""
    return "gpt-oss" in model_id.lower().replace("_", "-")


class BareChannels:
    """Reads one answer of such a model: its thinking up to `assistantfinal`. Every other answer is left to `tags`.

    Only the very beginning can open the thinking. If it is never closed and the model has ended by itself, it was the
    answer after all.
    """

    def __init__(self, tags: ThinkingTags) -> None:
        self._tags = tags
        self._at: Literal["beginning", "thinking", "answer"] = "beginning"
        self._held = self._opening = ""
        self._closed = self._strips = False
        """The thinking was closed; newlines right behind that belong to it."""
        self._count = 0
        """Characters of thinking that were given out."""
        self._code = CodeMarks()
        self._ticks = ""
        """Backticks at the end of the thinking, of which there may come more."""
        self._last = ""
        """The last character of the thinking."""

    def feed(self, piece: str) -> Sequence[Token | Metadata]:
        """Return the tokens that are decided now."""
        if self._at == "answer" and not self._held:
            return self._answer(piece)
        text, self._held = self._held + piece, ""
        if self._at == "beginning":
            if _may_open(text):
                self._held = text
                return ()
            opened = _OPENED.match(text)
            if opened is None:
                self._at = "answer"
            else:
                self._at, self._opening, text = "thinking", opened.group(), text[opened.end() :]
        return self._tags.feed(text) if self._at == "answer" else [*self._think(text, last=False)]

    def expect_calls(self, tools: Collection[str]) -> None:
        """Tell which tools the model may call in its text, as for `ThinkingTags`."""
        self._tags.expect_calls(tools)

    def come_apart(self) -> None:
        """Note that the server sends thinking in a separate field, so that all text is the answer."""
        if self._at == "beginning":
            self._at = "answer"
        self._tags.come_apart()

    def rest(self, *, natural: bool = False) -> Sequence[Token | Metadata]:
        """Return the held text as tokens, at the end. `natural`: the model has ended it, so it was not cut."""
        held, self._held = self._held, ""
        if self._at != "thinking":
            return [*(self._tags.feed(held) if held else ()), *self._tags.rest(natural=natural)]
        chunks: list[Token | Metadata] = [*self._think(held, last=True)]
        if self._closed:
            return [*chunks, *self._tags.rest(natural=natural)]
        if natural:
            chunks.append(Token(self._opening))
            chunks.append(Metadata("reclassified", kind="text", characters=self._count))
        return chunks

    def _think(self, text: str, *, last: bool) -> Iterator[Token | Metadata]:
        start = 0
        for closed in _CLOSED.finditer(text):
            if closed.end() == len(text) and not last:
                # What follows tells whether it is talked about.
                yield from self._thinking_tokens(text[start : closed.start()])
                self._held = text[closed.start() :]
                return
            yield from self._thinking_tokens(text[start : closed.start()])
            start = closed.start()
            if self._counts(text[closed.end() : closed.end() + 1]):
                self._at, self._closed, self._tags = "answer", True, ThinkingTags()
                self._strips = True
                yield from self._answer(text[closed.end() :])
                return
        stop = len(text) if last else len(text) - _unfinished_length(text[start:])
        yield from self._thinking_tokens(text[start:stop])
        self._held = text[stop:]

    def _answer(self, text: str) -> Sequence[Token | Metadata]:
        if self._strips:
            text = text.lstrip("\n")
            self._strips = not text
        return self._tags.feed(text) if text else ()

    def _counts(self, following: str) -> bool:
        """Return whether the name at this position ends the thinking, and is neither in code nor mentioned."""
        if following and self._last:
            is_word = self._last.isspace() and following in " ,.;:?!)"
            is_quoted = self._last in _QUOTES and following in _QUOTES
            if is_word or is_quoted:
                return False
        return not self._code.inside

    def _thinking_tokens(self, text: str) -> Iterator[Token]:
        if not text:
            return
        self._count += len(text)
        self._last = text[-1]
        whole = (self._ticks + text).rstrip("`")
        self._code.feed(whole)
        self._ticks = (self._ticks + text)[len(whole) :]
        yield Token(text, "thinking")


def _may_open(text: str) -> bool:
    """Whether what has come may become the opening name, or is it and the next character is not there yet."""
    bare = text.lstrip()
    return len(text) - len(bare) <= 20 and len(bare) <= len(_OPENING) and _OPENING.startswith(bare)


def _unfinished_length(text: str) -> int:
    """Return how many characters at the end may be the beginning of the closing name."""
    sizes = range(min(len(text), len(_CLOSING) - 1), 0, -1)
    return next((size for size in sizes if text.endswith(_CLOSING[:size])), 0)
