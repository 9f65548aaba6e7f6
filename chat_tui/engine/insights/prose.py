"""A text that comes in pieces, cut into sentences; what stands in code fences is left out."""

from __future__ import annotations

import re

LONGEST = 1000
"""Characters of a sentence that is looked at again; a longer one is cut at a space."""

_FENCE = re.compile(r"[ \t>]{0,40}(?:[-*+] |\d{1,9}[.)] )?[ \t]{0,40}(`{3,}(?=[^`]*\Z)|~{3,})")
_MAY_BE_FENCE = re.compile(r"[ \t>]{0,40}(?:[-*+] ?|\d{1,9}(?:[.)] ?)?)?[ \t]{0,40}(?:`{1,2}|~{1,2})?\Z")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[ \t]+|(?<=[。！？])")


class SentenceSplitter:
    """Gives each sentence once, when it has ended; feeding costs what the piece and the open sentence are long."""

    def __init__(self) -> None:
        self._held = ""
        self._fence = ""
        """The marks that opened the code block in which the text stands; empty outside."""
        self._begun = False
        """The open line's beginning was given away: it is no fence."""

    def feed(self, piece: str) -> list[str]:
        """The sentences that have ended with this piece."""
        ended: list[str] = []
        *lines, last = (self._held + piece).split("\n")
        for line in lines:
            self._end_line(line, ended)
        self._held = self._keep(last, ended)
        return ended

    @property
    def open(self) -> str:
        """The sentence that has not ended."""
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
        """What of the open line is to be looked at again."""
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
