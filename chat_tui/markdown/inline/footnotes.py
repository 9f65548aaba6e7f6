"""Footnotes: `[^1]` in the text, and the paragraph `[^1]: …` that says what it means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.rules_inline import StateInline

_MARK = re.compile(r"\[\^([^\[\]\s]{1,100})\](:?)")


def footnote(state: StateInline, silent: bool) -> bool:
    """A rule for the parser: takes `[^label]` where `env["footnotes"]` has the label, and `[^label]:` at the beginning
    of a line. The token `footnote` has the label."""
    source, start = state.src, state.pos
    if source[start] != "[" or not (found := _MARK.match(source, start, state.posMax)):
        return False
    defines = bool(found[2]) and not source[source.rfind("\n", 0, start) + 1 : start].strip()
    if not defines and found[1].casefold() not in state.env.get("footnotes", ()):
        return False
    if not silent:
        state.push("footnote", "sup", 0).content = found[1]
    state.pos = found.end() if defines else found.end(1) + 1
    return True
