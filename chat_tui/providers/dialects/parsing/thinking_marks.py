"""Finds the marks around thinking in a model's text, and tells them from marks that are only mentioned.

Sources: the chat templates of DeepSeek, Qwen, Mistral (`[THINK]`), Kimi (`◁think▷`), Seed (`<seed:think>`), Gemini and
Gemma (`<thought>`, `<|channel>thought`), Cohere (`<|START_THINKING|>`), OpenThinker (`<|begin_of_thought|>`), and
OpenAI's harmony format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from chat_tui.core.text.lazy_pattern import lazy_pattern

_NAMES = "thinking", "think", "thoughts", "thought", "reasoning"
_NAME = rf"(?:[a-z]{{1,12}}:)?(?:{'|'.join(_NAMES)})"
_ROLE = r"[\w .=\-]{0,90}"
_TAG = lazy_pattern(
    rf"<\s?(?P<slash>/)?\s?(?P<name>(?i:{_NAME}))(?:\s[^<>/]{{0,200}})?>"
    r"|\[(?P<bracket_slash>/)?THINK(?:ING)?\]"
    r"|◁(?P<triangle_slash>/)?think(?:ing)?▷"
    r"|<\|(?:(?P<begin>begin_of_thought|START_THINKING)|(?P<end>end_of_thought|END_THINKING))\|>"
    r"|(?P<gemma_begin><\|channel>thought\n)|(?P<gemma_end><channel\|>)"
    rf"|(?P<frame><\s?(?i:{_NAME})\s?/>|<\|(?:(?:begin|end)_of_solution|(?:START|END)_RESPONSE)\|>)"
    rf"|(?:<\|(?:end|return|call)\|>\s?)?(?:<\|start\|>{_ROLE}(?:<\|channel\|>(?P<channel>{_ROLE}))?|<\|channel\|>(?P<first>{_ROLE}))"
    r"(?:<\|constrain\|>[\w .\-]{0,20})?<\|message\|>"
)
_UNFINISHED = lazy_pattern(
    rf"(?:<\s?/?\s?[a-z:]{{0,26}}|<\s?/?\s?{_NAME}(?:\s?/|\s[^<>/]{{0,200}})|<channel\|?|<\|channel>[a-z]{{0,8}}|\[/?[THINKG]{{0,8}}|◁/?[think]{{0,8}}"
    rf"|(?:<\|(?:end|return|call)\|>\s?)?(?:<\|start\|>{_ROLE})?(?:<\|channel\|>{_ROLE})?"
    r"(?:<\|constrain\|>[\w .\-]{0,20})?(?:<(?:\|[a-z_]{0,20}\|?)?)?)\Z",
    re.IGNORECASE,
)
_HARMONY_END = lazy_pattern(r"(?:<\|(?:end|return|call)\|>\s*)+\Z")
_BEGINNINGS = lazy_pattern(r"[<\[◁]")
_HARMONY_TOOL = lazy_pattern(r"to=functions\.([\w.\-]+)")
HARMONY_CALL = "<|channel|>commentary to=functions."
"""How a mark before a tool call begins in the text that is given on; the tool's name and `<|message|>` follow."""
LONGEST_MARK = 300
"""The longest mark, in characters."""
_SENTENCE_ENDS = ".!?…。！？"
_QUOTES = "\"'“‘«‹„(`"
_BEHIND_MENTION = ".,;:!?)\"'”’»›`"
_FENCE = lazy_pattern(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})(.*)")
_TICKS = lazy_pattern(r"`+")
_SCANNED_AT_ONCE = 100_000
_LINE_BEGINNING = 300

MarkKind = Literal["open", "close", "thinking channel", "text channel", "frame"]
"""A thinking channel with a `tool` holds the arguments of a call."""


class Mark(msgspec.Struct, frozen=True, gc=False):
    """One mark in a text."""

    kind: MarkKind
    family: str
    """The same for an opening mark and its closing one."""
    start: int
    stop: int
    """The index after its last character."""
    tool: str = ""
    """Name of the tool that a channel calls; empty otherwise."""


def may_begin_mark(text: str) -> bool:
    """Whether the text contains a character that can begin a mark."""
    return "<" in text or "[" in text or "◁" in text


def next_mark(text: str, start: int) -> Mark | None:
    """The first complete mark at or after `start`; None if there is none."""
    if not may_begin_mark(text) or not _may_hold_mark(text):
        return None
    found = _TAG.search(text, start)
    if found is None:
        return None
    kind, family = _meaning_of(found)
    called = _HARMONY_TOOL.search(found.group()) if family == "harmony" else None
    return Mark(kind, family, found.start(), found.end(), called[1] if called else "")


def _may_hold_mark(text: str) -> bool:
    """Whether the text contains a word or sign that each complete mark has.

    Looking for it takes a fiftieth of the time of looking for the marks, which counts for megabytes of HTML.
    """
    folded = text.casefold()
    return "|>" in text or "think" in folded or "thought" in folded or "reasoning" in folded


def _meaning_of(found: re.Match[str]) -> tuple[MarkKind, str]:
    groups = found.groupdict()
    if name := groups["name"]:
        return ("close" if groups["slash"] else "open"), name.lower()
    if groups["frame"]:
        return "frame", ""
    if groups["gemma_begin"] or groups["gemma_end"]:
        return ("open" if groups["gemma_begin"] else "close"), "channel"
    if groups["begin"] or groups["end"]:
        return ("open" if groups["begin"] else "close"), "begin_of_thought"
    if found.group().endswith("<|message|>"):
        channel = (groups["channel"] or groups["first"] or "final").strip()
        return ("text channel" if channel.startswith("final") else "thinking channel"), "harmony"
    sign = found.group()[0]
    return ("close" if groups["bracket_slash"] or groups["triangle_slash"] else "open"), sign


def unfinished_from(text: str, start: int) -> int:
    """The index of a possible incomplete mark at the end of the text; the text's length if there is none."""
    for beginning in _BEGINNINGS.finditer(text, max(start, len(text) - LONGEST_MARK)):
        if _UNFINISHED.match(text, beginning.start()):
            return beginning.start()
    return len(text)


def has_open_mark(line: str) -> bool:
    """Whether a mark is opened on the line and not closed."""
    depth = place = 0
    while (mark := next_mark(line, place)) is not None:
        depth, place = max(0, depth + {"open": 1, "close": -1}.get(mark.kind, 0)), mark.stop
    return depth > 0


def is_mention_of_opening(before: str, after: str, *, had_block: bool) -> bool | None:
    """Whether an opening mark after other text is only mentioned; None if more text is needed."""
    if not after.strip(" \t"):
        return None
    mention = may_be_mention(before, after)
    if mention is False and before.strip() and before[-1].isspace() and not had_block:
        return before.rstrip()[-1] not in _SENTENCE_ENDS
    if mention is False and not before.strip() and not had_block:
        # A line that begins with the mark and continues as a sentence only mentions it.
        return _continues_in_lower_case(after)
    return mention


def without_last_mark(text: str) -> str:
    """The text without the mark that ends an answer in the harmony format."""
    return _HARMONY_END.sub("", text)


def may_be_mention(before: str, after: str) -> bool | None:
    """Whether a mark is mentioned in a sentence and does not begin or end a block; None if more text is needed.

    `before` is the text before it on its line, `after` the text that follows it.
    """
    if not before.strip():
        return False
    previous = before[-1]
    if not after:
        return None
    if previous in _QUOTES and after[0] in _BEHIND_MENTION:
        return True
    if not previous.isspace() or before.rstrip()[-1] in _SENTENCE_ENDS + "\"'”)":
        return _continues_in_lower_case(after) if previous.isspace() else False
    bare = after.lstrip(" \t")
    if not bare:
        return None
    return bare[0] in _BEHIND_MENTION or bool(_continues_in_lower_case(after))


def may_end(before: str) -> bool:
    """Whether a closing mark after `before` on its line may end a block, judged without the text that follows."""
    bare = before.rstrip()
    return not bare or (before[-1] not in _QUOTES and (bare == before or bare[-1] in _SENTENCE_ENDS))


def _continues_in_lower_case(after: str) -> bool | None:
    bare = after.lstrip(" \t")
    if not bare:
        return None
    return after[0] in " \t" and bare[0].islower()


class CodeMarks:
    """Tracks whether the end of a Markdown text is inside code. Pieces must not end within a run of backticks."""

    def __init__(self) -> None:
        self._fence = ""
        self._ticks = 0
        """The number of backticks that opened the current code span; 0 outside of one."""
        self._line = ""
        """The beginning of the current line."""

    def feed(self, text: str) -> None:
        """Process the next piece."""
        # Only the end of a very long piece is scanned, so that the event loop is not blocked.
        first, *others = text[-_SCANNED_AT_ONCE:].split("\n")
        self._continue_line(first)
        for line in others:
            self._end_line()
            self._continue_line(line)

    def _continue_line(self, text: str) -> None:
        self._line = (self._line + text[:_LINE_BEGINNING])[:_LINE_BEGINNING]
        if not self._fence:
            self._ticks = _open_ticks(text, self._ticks)

    def _end_line(self) -> None:
        line, self._line = self._line, ""
        fence = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if self._fence:
            if fence and fence[1].startswith(self._fence) and not fence[2].strip():
                self._fence = ""
        elif fence and not (fence[1][0] == "`" and "`" in fence[2]):
            self._fence, self._ticks = fence[1], 0
        elif not line.strip():
            self._ticks = 0

    @property
    def inside(self) -> bool:
        """Whether the end is inside a fence, a code span or an indented line."""
        if self._fence or self._line.startswith(("    ", "\t")):
            return True
        # A code span rarely continues on the next line: a mark at the beginning of a line is not in one.
        return bool(self._line.strip()) and self._ticks > 0


def _open_ticks(line: str, ticks: int) -> int:
    """The number of backticks of the code span that is open at the end of the line; 0 if none is."""
    for length in _lengths(line):
        ticks = length if not ticks else 0 if length == ticks else ticks
    return ticks


def _lengths(line: str) -> Iterator[int]:
    return (len(run.group()) for run in _TICKS.finditer(line))
