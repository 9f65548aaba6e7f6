"""An answer's code blocks in the order of their numbers: those that stand alone, those in lists and in quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from chat_tui.markdown.block import Block
from chat_tui.markdown.inline.data_images import describe_image

_BEFORE = re.compile(r"^(?:[ >]|[-*+] |\d{1,9}[.)] )*")
_OPENING = re.compile(r"(`{3,}|~{3,})\s*([^\s`{]*)[^`]*$")


class CodeBlock(NamedTuple):
    """One code block."""

    language: str
    """As the source names it; may be empty."""
    text: str

    @property
    def first_line(self) -> str:
        """The first line that says something."""
        return next((line.strip() for line in self.text.split("\n") if line.strip()), "")


_QUOTES = re.compile(r'"""|\'\'\'')
_COMMENTS = re.compile(r"/\*")
_LONG_MARKS = {
    **dict.fromkeys(("python", "py", "python3", "toml"), _QUOTES),
    **dict.fromkeys(("java", "kotlin", "scala", "swift", "groovy", "dart"), re.compile(r'"""|/\*')),
    **dict.fromkeys(("javascript", "js", "jsx", "typescript", "ts", "tsx", "go", "golang"), re.compile(r"`|/\*")),
    **dict.fromkeys(("c", "cpp", "c++", "csharp", "c#", "cs", "rust", "rs", "css", "scss", "php", "sql"), _COMMENTS),
}
"""What begins a string or comment of several lines, by language."""


def open_mark(code: str, language: str, within: str = "") -> str:
    """The mark of the long string or comment in which code ends; empty where it ends in none, or its language is not
    known. `within`: the mark of what it begins in."""
    marks = _LONG_MARKS.get(language.lower())
    at = 0
    while marks is not None:
        if within:
            end = "*/" if within == "/*" else within
            at = code.find(end, at) + len(end)
            if at < len(end):
                return within
        found = marks.search(code, at)
        if found is None:
            break
        within, at = found[0], found.end()
    return ""


def find_fenced(source: str) -> list[CodeBlock]:
    """The fenced code inside a list or a quote."""
    if "```" not in source and "~~~" not in source:
        return []
    found: list[CodeBlock] = []
    lines: list[str] = []
    fence = language = ""
    column = 0
    for line in source.split("\n"):
        if fence:
            inner = _without(line, column)
            mark = inner.strip()
            if mark.startswith(fence) and not mark.strip(mark[0]):
                found.append(CodeBlock(language, "\n".join(lines)))
                fence, lines = "", []
            else:
                lines.append(inner)
            continue
        before = _BEFORE.match(line)
        column = before.end() if before else 0
        opening = _OPENING.match(line, column)
        if opening:
            fence, language = opening[1], opening[2]
    return [*found, CodeBlock(language, "\n".join(lines))] if fence else found


def _without(line: str, column: int) -> str:
    """The line without the blanks and quote marks before this column."""
    head = line[:column]
    return line[len(head) - len(head.lstrip(" >")) :]


def codes(blocks: Iterable[Block]) -> list[CodeBlock]:
    """The code blocks by their numbers, their pieces joined again."""
    found: list[CodeBlock] = []
    for block in blocks:
        for place, code in enumerate(codes_of(block)):
            if found and not place and (block.in_code or (block.kind == "code" and not block.first)):
                joint = "\n" if block.in_code else block.joint
                found[-1] = CodeBlock(found[-1].language, found[-1].text + joint + code.text)
            else:
                found.append(code)
    return found


def codes_of(block: Block) -> list[CodeBlock]:
    """The code blocks and images that begin in a block, or go on in it."""
    if block.kind == "code":
        return [CodeBlock(block.language, block.source)]
    if block.kind == "image":
        image = describe_image(block.source)
        return [CodeBlock(image.suffix if image else "", block.source)]
    return find_fenced(block.source) if block.kind == "markdown" else []
