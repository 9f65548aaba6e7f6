"""The README and the pages of docs/, taken apart: their blocks of code, commands, headings and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (README, *sorted(DOCS.glob("*.md")))}
"""The text of each page, by its path from the root of the repository."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELL = {"", "sh"}
_ENDS = {"|", "||", "&", "&&", ";", ">", ">>", "<"}


class Command(NamedTuple):
    """One call of `chat-tui` in a line of a shell."""

    line: str
    arguments: list[str]
    is_interactive: bool
    """Neither its input nor its output is redirected."""


def blocks(text: str, *languages: str) -> list[str]:
    """Return the contents of the code blocks in these languages."""
    return [block[2] for block in _BLOCK.finditer(text) if block[1] in languages]


def prose(text: str) -> str:
    """Return a page without its code blocks."""
    return _BLOCK.sub("", text)


def code_spans(text: str) -> list[str]:
    """Return what is in backticks outside of code blocks."""
    return [span.replace("\\|", "|") for span in re.findall(r"`([^`\n]+)`", prose(text))]


def shell_lines(text: str) -> list[str]:
    """Return the lines of the blocks with commands, without comments."""
    joined = "".join(blocks(text, *_SHELL)).replace("\\\n", " ")
    return [line for raw in joined.splitlines() if (line := re.sub(r"(?:^|\s+)# .*", "", raw).strip())]


def commands(text: str) -> list[Command]:
    """Return all calls of `chat-tui` in the code blocks of a page."""
    return [command for line in shell_lines(text) for command in _commands_of(line)]


def _commands_of(line: str) -> Iterator[Command]:
    if not re.search(r"(?:^|\s)chat-tui(?:\s|$)", line):
        return
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split, lexer.commenters = True, ""
    words = [*lexer]
    while "chat-tui" in words:
        at = words.index("chat-tui")
        end = next((end for end in range(at, len(words)) if words[end] in _ENDS), len(words))
        is_piped = "|" in words[:at] or (end < len(words) and words[end] in {"|", ">", ">>", "<"})
        # Before a command, only variables may be set.
        if at == 0 or words[at - 1] in _ENDS or re.match(r"[A-Z_]+=", words[at - 1]):
            yield Command(line, words[at + 1 : end], not is_piped)
        words = words[end:]


def links(text: str) -> list[str]:
    """Return the targets of the links and pictures of a page."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(text)))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
