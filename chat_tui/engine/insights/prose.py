"""Splits a growing Markdown text into sentences, without code blocks."""

from __future__ import annotations

import re

LONGEST = 1000
"""The most characters of an incomplete sentence; a longer one is split at a space."""

_FENCE = re.compile(r"[ \t>]{0,40}(?:[-*+] |\d{1,9}[.)] )?[ \t]{0,40}(`{3,}(?=[^`]*\Z)|~{3,})")
_MAY_BE_FENCE = re.compile(r"[ \t>]{0,40}(?:[-*+] ?|\d{1,9}(?:[.)] ?)?)?[ \t]{0,40}(?:`{1,2}|~{1,2})?\Z")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[ \t]+|(?<=[。！？])")


class SentenceSplitter:
    """Returns each sentence once, when it ends. The time for adding text does not grow with the whole text."""

    def __init__(self) -> None:
        self._held = ""
        self._fence = ""
        """The fence of the open code block; empty outside of one."""
        self._begun = False
        """Whether the beginning of the open line was returned, so that it cannot be a fence."""

    def feed(self, piece: str) -> list[str]:
        """Add text; returns the sentences that end in it."""
        ended: list[str] = []
        *lines, last = (self._held + piece).split("\n")
        for line in lines:
            self._end_line(line, ended)
        self._held = self._keep(last, ended)
        return ended

    @property
    def open(self) -> str:
        """The incomplete sentence; empty in a code block."""
        return "" if self._is_code(self._held) else self._held

    def _is_code(self, line: str) -> bool:
        return bool(self._fence) or (not self._begun and _FENCE.match(line) is not None)

    def _end_line(self, line: str, ended: list[str]) -> None:
        mark = None if self._begun else _FENCE.match(line)
        self._begun = False
        if self._fence:
            if mark is not None and mark[1].startswith(self._fence) and line.strip(" \t>") == mark[1]:
                self._fence = ""
        elif mark is not None:
            self._fence = mark[1]
        else:
            ended += filter(None, _SENTENCE_END.split(line))

    def _keep(self, line: str, ended: list[str]) -> str:
        """The part of the open line that is incomplete; adds complete sentences to `ended`."""
        if self._is_code(line):
            return line[:LONGEST]
        if not self._begun and _MAY_BE_FENCE.match(line):
            return line
        *whole, rest = _SENTENCE_END.split(line)
        if len(rest) > LONGEST:
            head, space, tail = rest.rpartition(" ")
            whole, rest = ([*whole, head], tail) if space and len(tail) <= LONGEST else ([*whole, rest], "")
        self._begun = self._begun or bool(whole)
        ended += filter(None, whole)
        return rest
