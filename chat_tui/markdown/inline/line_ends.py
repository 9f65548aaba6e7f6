"""Tells line ends that a writer meant from those of text that was wrapped at a column.

CommonMark draws both as a space, which runs verses, addresses and trees together.
"""

from __future__ import annotations

import re
from itertools import pairwise

SHORT = 45
"""Characters: a paragraph whose longest line is shorter was not wrapped."""
_NEARLY = 0.85
"""Models wrap by eye: a line that is this full counts as full."""
_MOST = 2 / 3
"""The share of full lines from which on a paragraph counts as wrapped."""
_DRAWN = re.compile(r"[\u2500-\u257f]")
"""Box-drawing characters, of trees and frames."""


def kept_line_ends(text: str) -> list[bool]:
    """For each line but the last: whether the text goes on in a new line, since the next word had room in this one."""
    lines = [line.strip() for line in text.split("\n")]
    longest = max(map(len, lines))
    if longest < SHORT or _DRAWN.search(text):
        return [True] * (len(lines) - 1)
    kept = [len(line) + 1 + len(after.split(" ", 1)[0]) <= longest * _NEARLY for line, after in pairwise(lines)]
    return kept if kept.count(False) >= _MOST * len(kept) else [True] * len(kept)
