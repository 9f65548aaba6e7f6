"""Reads the token limit of a reply from the errors of servers that refuse a request for exceeding it.

Sources: Anthropic, OpenAI, Gemini, Groq, DeepSeek, DashScope, OpenRouter, vLLM, SGLang, TGI.
"""

from __future__ import annotations

import re

import msgspec

from chat_tui.core.text.lazy_pattern import lazy_pattern

LEAST_ROOM = 256
"""Tokens; if the window leaves less for the reply, the prompt itself does not fit."""
_LONGEST = 4000
"""The characters of an error that are searched."""

_THOUSANDS = lazy_pattern(r"(?<=\d),(?=\d{3}\b)")
_FIELD = lazy_pattern(
    r"max\w{0,12}[ _]?tokens|maximum (?:output |completion |new )?tokens|num_predict"
    r"|(?:output|completion|new)[ -]tokens?",
    re.IGNORECASE,
)
_TOO_LARGE = lazy_pattern(
    r"too (?:large|high|big|many|long)|exceed|at most|up to|less than|no more|cannot be (?:more|greater|larger)|maximum"
    r"|limit|range|between|must be in|<=|≤|\d >",
    re.IGNORECASE,
)
_KILO = lazy_pattern(r"(?<![\w.])(\d{1,4}) ?[kK]\b")
_NUMBER = lazy_pattern(r"(?<![\w.-])(\d{2,9})(?![\w-]|\.\d)")
_WHOLE = tuple(
    lazy_pattern(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"(?P<prompt>\d{1,9}) \+ (?P<reply>\d{1,9}) > (?P<window>\d{1,9})",
        r"\((?P<reply>\d{1,9}) > (?P<window>\d{1,9}) - (?P<prompt>\d{1,9})\)",
        r"maximum context length is (?P<window>\d{1,9}) tokens and your request has (?P<prompt>\d{1,9}) input tokens",
        r"context length is (?P<window>\d{1,9}).{0,120}?requested (?:about )?(?P<total>\d{1,9}) tokens"
        r" \(.{0,160}?(?P<reply>\d{1,9}) (?:tokens )?(?:in|for|of) the (?:completion|output)",
        r"context length of (?P<window>\d{1,9}).{0,80}?total of (?P<total>\d{1,9}) tokens.{0,80}?and"
        r" (?P<reply>\d{1,9}) tokens",
        r"must be <= (?P<window>\d{1,9})\. Given: (?P<prompt>\d{1,9}) .{0,30}?and (?P<reply>\d{1,9}) ",
        r"(?P<prompt>\d{1,9}) input tokens and requested (?P<reply>\d{1,9}) output tokens.{0,120}?"
        r"context length is (?:only )?(?P<window>\d{1,9})",
    )
)
"""Errors that the prompt and the reply together exceed the window."""
_OF_REPLY = tuple(
    lazy_pattern(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"\d > (?P<most>\d{1,9})",
        r"support\w{0,3} at most (?P<most>\d{1,9})",
        r"\[ ?\d{1,9} ?, ?(?P<most>\d{1,9}) ?\]",
        r"to (?P<above>\d{1,9}) \(exclusive\)",
        r"to (?P<most>\d{1,9}) \(inclusive\)",
        r"between \d{1,9} and (?P<most>\d{1,9})",
        r"\bup to[ `'\"]{1,3}(?P<most>\d{1,9})",
        r"(?:less than or equal to|at most|<=|≤|(?:no|not) (?:be )?(?:more|greater|larger) than|(?:not|n't) exceed)"
        r"[ `'\"]{1,3}(?P<most>\d{1,9})",
        r"(?:less|lower|smaller) than[ `'\"]{1,3}(?P<above>\d{1,9})",
        r"(?:maximum|limit)\b[^.\d]{0,60}?\b(?:is|of|to|:|=)[ `'\"]{1,3}(?P<most>\d{1,9})",
    )
)
"""Errors that the reply alone exceeds the model's limit."""


class OutputLimit(msgspec.Struct, frozen=True):
    """The largest reply, in tokens."""

    tokens: int
    of_model: bool = True
    """False if it is what this prompt leaves of the window; a shorter prompt leaves more."""


def output_limit(text: str, sent: int | None = None) -> OutputLimit | None:
    """The limit that an error names; None if it names none, or the prompt alone is too long.

    `sent` is the requested limit, None if there was none.
    """
    text = _KILO.sub(r"\g<1>000", _THOUSANDS.sub("", text[:_LONGEST]))
    sizes = window_sizes(text)
    if sizes is not None:
        prompt, window = sizes
        left = window - prompt
        if "about" in text:
            # This is an estimate by the server; its exact count may be higher.
            left -= prompt // 20
        return OutputLimit(left, of_model=False) if left >= LEAST_ROOM and (sent is None or left < sent) else None
    if not _FIELD.search(text) or not _TOO_LARGE.search(text):
        return None
    for pattern in _OF_REPLY:
        for found in pattern.finditer(text):
            numbers = found.groupdict()
            most = int(numbers["most"]) if numbers.get("most") else int(numbers["above"]) - 1
            if 0 < most < (sent or 1_000_000_000):
                return OutputLimit(most)
    named = {int(number) for number in _NUMBER.findall(text)}
    below = {number for number in named if number < sent} if sent else set()
    return OutputLimit(below.pop()) if len(below) == 1 else None


def window_sizes(text: str) -> tuple[int, int] | None:
    """The tokens of the prompt and the window, if an error says that prompt and reply do not fit; otherwise None."""
    text = _THOUSANDS.sub("", text[:_LONGEST])
    for pattern in _WHOLE:
        if found := pattern.search(text):
            numbers = {name: int(number) for name, number in found.groupdict().items() if number}
            prompt = numbers["prompt"] if "prompt" in numbers else numbers["total"] - numbers["reply"]
            return max(0, prompt), numbers["window"]
    return None
