"""Tells thinking from answer in a text with marks around the thinking, which may be cut anywhere.

The templates of some models omit the opening mark: then the closing one shows that the text before it was thinking.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy
from itertools import groupby
from typing import Literal

from chat_tui.core.chunks import Metadata, Token, TokenKind
from chat_tui.providers.dialects.parsing.thinking_marks import (
    HARMONY_CALL,
    LONGEST_MARK,
    CodeMarks,
    Mark,
    has_open_mark,
    is_mention_of_opening,
    may_be_mention,
    may_begin_mark,
    may_end,
    next_mark,
    unfinished_from,
    without_last_mark,
)

BLANKS_LIMIT = 64
"""Blank characters before a mark; after more of them it is no beginning."""
MENTIONS_LIMIT = 1000
"""Marks of one answer that are part of what it says; after so many it is about them, and none counts any more."""
_LINE = 400
"""Characters of a line that are looked at before a mark."""
_KEPT = 3 * _LINE
"""Characters of a line that are kept, at most, before it is cut to those."""

_Block = Literal["", "opened", "inner", "assumed"]
"""What the text is in: the answer; thinking whose opening mark came first, or behind other text; or what may be the
answer, but is taken for thinking until its end is known."""


class ThinkingTags:
    """Reads one answer. With `begins_thinking`, its model is known to omit the opening mark: the beginning counts as
    thinking, unless no closing mark comes."""

    def __init__(self, *, begins_thinking: bool = False) -> None:
        self._held = ""
        self._block: _Block = "assumed" if begins_thinking else ""
        self._family = ""
        self._depth = 0
        self._count = 0
        """Characters that were given out since the last block ended or began."""
        self._fresh = True
        """Only blanks have come since the beginning or since the last block."""
        self._strips = False
        """Newlines right behind a mark belong to it."""
        self._harmony = self._had_block = False
        self._mentions = 0
        self._behind_other_end: int | None = None
        """Characters behind the first closing mark of another name in a block that was opened; None before one."""
        self._tools: Collection[str] = ()
        self._begin_segment()

    def _begin_segment(self) -> None:
        self._code = CodeMarks()
        self._unscanned: list[str] = []
        self._line = ""
        self._count, self._fresh, self._strips = 0, True, True

    def feed(self, piece: str) -> Sequence[Token | Metadata]:
        """Return the tokens that are decided now."""
        if piece and not (self._held or self._fresh or self._harmony or may_begin_mark(piece)):
            # Nearly every token: nothing in it can be a mark.
            return (self._token(piece),)
        chunks = [*self._read(self._held + piece, last=False)]
        # What may turn out to be the answer must not be one token with what is none.
        return _together(chunks) if self._behind_other_end is None else chunks

    def expect_calls(self, tools: Collection[str]) -> None:
        """Give calls of these tools on as text, each behind `HARMONY_CALL`: what follows this reads them."""
        self._tools = tools

    def come_apart(self) -> None:
        """Note that the server sends thinking in a separate field, so that all text is the answer."""
        if self._block == "assumed" and self._fresh:
            self._block = ""

    def rest(self, *, natural: bool = False) -> Sequence[Token | Metadata]:
        """Return the held text as tokens, at the end. `natural`: the model has ended it, so it was not cut."""
        text = without_last_mark(self._held) if self._harmony else self._held
        chunks = [*self._read(text, last=True)]
        if natural and self._block in ("inner", "assumed") and self._count:
            # What would have ended the thinking never came: it was the answer.
            chunks.append(Metadata("reclassified", kind="text", characters=self._count))
            self._count = 0
        elif natural and self._block == "opened" and self._behind_other_end and not self._had_block:
            # The model has closed its thinking by another name.
            chunks.append(Metadata("reclassified", kind="text", characters=self._behind_other_end))
        return _together(chunks)

    def _read(self, text: str, *, last: bool) -> Iterator[Token | Metadata]:
        self._held = ""
        start = 0
        while (mark := self._next_mark(text, start)) is not None:
            before, after = text[start : mark.start], text[mark.stop : mark.stop + LONGEST_MARK]
            if self._thinks:
                counts = self._counts_in_thinking(mark, before, after)
            else:
                counts = self._counts_in_answer(mark, before, after)
            if counts is None and not last and len(after) < LONGEST_MARK:
                yield from self._text_tokens(before)
                self._held = text[mark.start :]
                return
            if counts is False:
                line = self._line_before(before)
                yield from self._text_tokens(text[start : mark.stop])
                self._mentions += not self._thinks
                if self._thinks and mark.kind == "close" and may_end(line):
                    self._behind_other_end = self._behind_other_end or 0
            else:
                if not self._fresh or before.strip():
                    yield from self._text_tokens(before)
                yield from self._pass_mark(mark)
            start = mark.stop
        cut = len(text) if last else unfinished_from(text, start)
        if not last and self._harmony:
            cut = min(cut, start + len(without_last_mark(text[start:])))
        if self._fresh and not last and cut - start <= BLANKS_LIMIT and not text[start:cut].strip():
            cut = start
        yield from self._text_tokens(text[start:cut])
        self._held = text[cut:]

    @property
    def _thinks(self) -> bool:
        """Return whether the text is in an opened block."""
        return self._block in ("opened", "inner")

    def _next_mark(self, text: str, start: int) -> Mark | None:
        return next_mark(text, start) if self._thinks or self._mentions < MENTIONS_LIMIT else None

    # -- what a mark means -----------------------------------------------------------------------------------------

    def _counts_in_thinking(self, mark: Mark, before: str, after: str) -> bool | None:
        """Return whether a mark ends the block of thinking, or opens one in it; None if more text is needed."""
        if mark.kind in ("thinking channel", "text channel"):
            return self._family == "harmony"
        if mark.family != self._family:
            return False
        line = self._line_before(before)
        if line.endswith("`") and after[:1] in ("", "`"):
            return False if after else None
        if mark.kind == "open":
            mention = may_be_mention(line, after)
            return None if mention is None else not mention
        return mark.kind == "close"

    def _counts_in_answer(self, mark: Mark, before: str, after: str) -> bool | None:
        """Return whether a mark in the answer is meant as one and not only mentioned; None if more text is needed."""
        if self._fresh and not before.strip():
            return len(before) <= BLANKS_LIMIT or mark.kind != "open"
        line = self._line_before(before)
        if self._is_code_behind(before):
            return False
        if mark.kind == "open":
            mention = is_mention_of_opening(line, after, had_block=self._had_block)
        elif mark.kind == "close":
            mention = True if has_open_mark(line) else may_be_mention(line, after)
        else:
            return True
        return None if mention is None else not mention

    def _line_before(self, text: str) -> str:
        return (self._line + text).rpartition("\n")[2][-_LINE:]

    def _is_code_behind(self, text: str) -> bool:
        """Return whether the position after this text is in code."""
        said = "".join(self._unscanned)
        whole = said.rstrip("`")
        self._code.feed(whole)
        # More backticks may follow.
        ticks = said[len(whole) :]
        self._unscanned = [ticks]
        there = copy(self._code)
        there.feed(ticks + text)
        return there.inside

    def _pass_mark(self, mark: Mark) -> Iterator[Token | Metadata]:
        """Continue after a mark."""
        if mark.kind == "frame":
            return
        if mark.family == "harmony":
            yield from self._passed_channel(mark)
        elif self._thinks:
            self._pass_mark_in_thinking(mark)
        elif mark.kind == "close":
            if self._block == "" and self._count:
                yield Metadata("reclassified", kind="thinking", characters=self._count)
            self._end_block()
        else:
            if self._block == "assumed" and self._count:
                # It does open its blocks: what came before was the answer.
                yield Metadata("reclassified", kind="text", characters=self._count)
            self._open(mark.family, "opened" if self._fresh else "inner")

    def _pass_mark_in_thinking(self, mark: Mark) -> None:
        self._depth += 1 if mark.kind == "open" else -1
        if mark.kind == "open":
            return
        nested = self._depth > 0
        self._end_block()
        if nested:
            # The end of a block within a block may be talk about one: the next mark decides.
            self._block = "assumed"

    def _passed_channel(self, mark: Mark) -> Iterator[Token | Metadata]:
        first, self._harmony = not self._harmony, True
        if mark.tool and mark.tool in self._tools:
            self._end_block()
            yield self._token(f"{HARMONY_CALL}{mark.tool}<|message|>")
            return
        if mark.kind == "thinking channel":
            self._open("harmony", "opened")
            return
        if first and self._block == "" and self._count:
            yield Metadata("reclassified", kind="thinking", characters=self._count)
        self._end_block()

    def _open(self, family: str, block: _Block) -> None:
        self._begin_segment()
        self._behind_other_end = None
        self._block, self._family, self._depth = block, family, 1

    def _end_block(self) -> None:
        self._begin_segment()
        self._block, self._family, self._depth, self._had_block = "", "", 0, True

    # -- what is given out -----------------------------------------------------------------------------------------

    def _text_tokens(self, text: str) -> Iterator[Token]:
        if self._strips and (self._had_block or self._block):
            text = text.lstrip("\n")
        if text:
            yield self._token(text)

    def _token(self, text: str) -> Token:
        self._strips = self._fresh = False
        if self._block in ("", "assumed"):
            self._unscanned.append(text)
        # Nearly every token is a piece of a line, which is cut where it is looked at.
        in_line = "\n" not in text and len(self._line) < _KEPT
        self._line = self._line + text if in_line else self._line_before(text)
        self._count += len(text)
        if self._behind_other_end is not None:
            self._behind_other_end += len(text)
        kind: TokenKind = "thinking" if self._block else "text"
        return Token(text, kind)


def _together(chunks: Iterable[Token | Metadata]) -> list[Token | Metadata]:
    """Merge consecutive tokens of one kind."""
    joined: list[Token | Metadata] = []
    for kind, group in groupby(chunks, lambda chunk: chunk.kind if isinstance(chunk, Token) else None):
        if kind is None:
            joined += group
        else:
            joined.append(Token("".join(chunk.token for chunk in group if isinstance(chunk, Token)), kind))
    return joined
