r"""Tells mathematics in a text from what only looks like it: prices, shell variables, escaped brackets, patterns."""

from __future__ import annotations

import re

LONGEST_INLINE = 400
"""Characters between two single dollar signs."""

_PRICE = re.compile(r"\d[^\\^_={}]*\s[A-Za-z]{2,}[^\\^_={}]*")
"""Words between two amounts, as in `$5 or 6$`."""
_SIGN = re.compile(r"\\[A-Za-z]|[\^_=+<>≤≥≠≈±×÷∑∫√∞∈]|[\w)\]}]\s*[-/*·]\s*[\w(\[{\\]")
"""What hardly stands in anything but a formula."""
_SHORT = re.compile(r"-?(?:[^\W\d_]['′]*|\d+(?:[.,]\d+)*)(?:\s*[,:;]\s*-?(?:[^\W\d_]|\d+))*")
"""One letter or number, or several with commas: `x`, `-1`, `a, b`."""
_REPEATS = ("+", "*", "?", "{")
"""What repeats a class of characters in a pattern."""
_LOWER_WORD = re.compile(r"[a-z]{3,}")


def formula_end(source: str, start: int, stop: int) -> int:
    r"""The index behind the formula that begins at `start` with `\(`, `\[`, `$$` or `$`; -1 where none does."""
    if source.startswith("$$", start):
        return _display_dollar_end(source, start, stop)
    if source[start] == "$":
        return _dollar_end(source, start, stop)
    if source.startswith("\\(", start):
        return _bracket_end(source, start, stop, "\\)")
    if source.startswith("\\[", start):
        return _bracket_end(source, start, stop, "\\]")
    return -1


def _display_dollar_end(source: str, start: int, stop: int) -> int:
    """`$$…$$`; a shell's process id is followed by words, if by anything."""
    end = source.find("$$", start + 2, stop)
    body = source[start + 2 : end].strip() if end >= 0 else ""
    return end + 2 if body and (_SIGN.search(body) or _SHORT.fullmatch(body)) else -1


def _dollar_end(source: str, start: int, stop: int) -> int:
    """`$…$`: nothing blank inside at its ends; no letter or digit before or behind, as prices and variables have."""
    if source[start + 1 : start + 2] in ("", " ", "\n", "$") or source[start - 1 : start].isalnum():
        return -1
    end = source.find("$", start + 1, min(stop, start + LONGEST_INLINE))
    if end < 0 or source[end - 1] in " \n\\" or source[end + 1 : end + 2].isalnum():
        return -1
    body = source[start + 1 : end]
    if '"' in body or "`" in body or (body[0] in "@#?!(" and not _SIGN.search(body)):
        return -1
    # `${HOME}/${USER}`: the second dollar sign begins another variable.
    if source[end + 1 : end + 2] == "{" or _PRICE.fullmatch(body):
        return -1
    return end + 1


def _bracket_end(source: str, start: int, stop: int, closing: str) -> int:
    r"""`\(…\)` or `\[…\]`. A pattern has alternatives or a word in it, an escaped bracket a number or words."""
    end = source.find(closing, start + 2, stop)
    body = source[start + 2 : end] if end >= 0 else ""
    text = body.strip()
    if not text:
        return -1
    if closing == "\\]" and source[end + 2 : end + 3] in _REPEATS and not body[0].isspace():
        # `\[a-z\]+`: a class of characters, which is repeated.
        return -1
    if _SIGN.search(text):
        return -1 if text.count("\\|") % 2 else end + 2
    if closing == "\\]":
        is_formula = body[0].isspace() and body[-1].isspace() and _SHORT.fullmatch(text) is not None
    else:
        is_formula = text.count("\\|") % 2 == 0 and not _LOWER_WORD.search(text)
    return end + 2 if is_formula else -1
