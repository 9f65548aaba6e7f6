"""Counts how often words occur in a turn and in each of its blocks. Runs on a thread, and yields often."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator

from chat_tui.core.conversation import Role, Turn
from chat_tui.core.text.text_match import find, fold_text
from chat_tui.markdown.plain_text import PlainSplitter
from chat_tui.markdown.splitter import BlockSplitter
from chat_tui.tui.transcript.model.parts import has_markdown

_PAUSE_SECONDS = 0.0001
_WORK_SECONDS = 0.001
_YIELD_CHARACTERS = 8_000
_YIELD_BLOCKS = 32
"""Takes about a millisecond to look at or to split."""
_LONG_TEXT = 50_000
"""Characters. Work on a longer text in one go would block the interpreter, and so the screen."""
_MARKUP = re.compile(r"[*_`~]+")
_MARKUP_BYTES = b"*_`~"
_FENCES = re.compile(r"(?:`{3}|~{3})[^\n]*")
_BETWEEN = r"[\s>*_`~]+"
"""Matches what may separate two words in a block's source, including the `>` of quoted code."""


class TurnMatches:
    """Counts matches of some words. Once `stopped` returns True, counting ends early and its result is void."""

    def __init__(self, wanted: str, stopped: Callable[[], bool] = lambda: False) -> None:
        self.wanted, self.stopped = wanted, stopped
        self._resumed = time.monotonic()
        self._words = fold_text(wanted).split()
        self._may_match = re.compile(_BETWEEN.join(map(re.escape, self._words)))

    def pause(self) -> None:
        """Sleep briefly from time to time: a thread that only computes would block the screen for 5 ms at a time."""
        if time.monotonic() - self._resumed >= _WORK_SECONDS:
            time.sleep(_PAUSE_SECONDS)
            self._resumed = time.monotonic()

    def counts(self, turn: Turn) -> Iterator[int]:
        """Yield the number of matches; of a long turn, block by block."""
        if not self._words or not turn.text:
            return
        if len(turn.text) > _LONG_TEXT:
            yield from self.block_counts(turn.role, self.blocks(turn))
            return
        raw, as_read = _fold_turn(turn)
        if not self._may_match.search(as_read) and not self._may_match.search(raw):
            return
        (word, *others) = self._words
        if not others and word.isalnum() and not _stands_in_fence(word, raw):
            # Whatever its blocks are, one word stands in one of them: splitting takes a hundred times longer.
            yield as_read.count(word)
            return
        yield sum(self.block_counts(turn.role, self.blocks(turn)))

    def block_counts(self, role: Role, blocks: Iterable[str]) -> Iterator[int]:
        """Yield the number of matches in each block of a turn."""
        for number, block in enumerate(blocks):
            if number % _YIELD_BLOCKS == 0:
                self.pause()
                if self.stopped():
                    return
            yield self._count_in(block, role)

    def _count_in(self, block: str, role: Role) -> int:
        count = len(find(block, self.wanted))
        if has_markdown(role) and (plain := _MARKUP.sub("", block)) != block:
            # As it is read: `some **bold** words` are found by `bold words`.
            count = max(count, len(find(plain, self.wanted)))
        return count

    def blocks(self, turn: Turn) -> Iterator[str]:
        """The sources of its blocks, while it is split."""
        splitter = BlockSplitter() if has_markdown(turn.role) else PlainSplitter()
        text, given = turn.text, 0
        for at in range(0, len(text), _YIELD_CHARACTERS):
            self.pause()
            if self.stopped():
                return
            splitter.feed(text[at : at + _YIELD_CHARACTERS])
            for block in splitter.closed[given:]:
                yield block.source
            given = len(splitter.closed)
        splitter.finish()
        for block in splitter.closed[given:]:
            yield block.source


def _stands_in_fence(word: str, text: str) -> bool:
    """The line of a fence belongs to no block."""
    fences = _FENCES.findall(text) if "```" in text or "~~~" in text else ()
    return any(word in fence for fence in fences)


def _fold_turn(turn: Turn) -> tuple[str, str]:
    """The text as it is compared, and without its markup where it is Markdown."""
    text = turn.text
    if text.isascii():
        # As below, ten times faster.
        raw = text.lower()
        return raw, raw.encode().translate(None, _MARKUP_BYTES).decode() if has_markdown(turn.role) else raw
    raw = fold_text(text)
    return raw, _MARKUP.sub("", raw) if has_markdown(turn.role) else raw
