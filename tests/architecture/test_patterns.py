"""Every regular expression of the package takes time linear in the text, whatever the text holds."""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from chat_tui.core.text.lazy_pattern import LazyPattern

PACKAGE = Path(__file__).parents[2] / "chat_tui"
SAMPLE, CHARACTERS = 400, 4_000
"""Every pattern is tried over a sample; over the full length only where that took suspiciously long."""
SUSPICIOUS_SECONDS = 0.00015
"""Of the processor, for a sample: a linear pattern takes a fifth of it, a quadratic one several times as long."""
GROWTH = 9.0
"""How much longer a text of four times the length may take: linear is 4, quadratic 16."""
COMPILING = {"re.compile", "lazy_pattern"}
CALLS = {"search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split"}

FILLS = [
    *("_", "a", "A", "1", " ", "\n", "é", "漢", "😀", "\u200d", "\x1b", "\ue200"),
    *("(", "[", "{", "<", "|", "`", "*", "~", "$", "\\", "#", "=", "-", ".", "/", "@", '"', "'"),
    *("1 + ", "1 ", "a ", "a.", "a-", "a(", "- ", "> ", "[a](", "http://a", "| ", "-|", '"a" ', '\\"', "\r\n", "1;"),
    *("\u0301", "\ufe0f", "[a]: b\n", "[^a]", "<details>", "</summary>", "![](data:image/"),
]
STARTS = [
    "",
    "x",
    "-",
    "1",
    "$1",
    '"',
    "`",
    "[",
    "<a ",
    "http://",
    "@",
    "\x1b[",
    "- ",
    "| - |",
    "# ",
    "max_tokens: ",
    "num_ctx ",
    "[a]: ",
    "[^a]:",
    "<details",
    "![a](data:image/png;base64,",
    "> [!",
]
ENDS = ["", "!"]


def package_modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(("chat_tui", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        yield name, ast.parse(file.read_text("utf-8"))


def held(value: object) -> Iterator[re.Pattern[str]]:
    """The patterns in a module's constant, in tuples, mappings and records too."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, LazyPattern):
        yield re.compile(value.pattern, value.flags)
    elif isinstance(value, dict):
        for part in value.values():
            yield from held(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from held(part)


def of_functions(module: object, tree: ast.Module) -> Iterator[re.Pattern[str]]:
    """What functions without parameters compile when first asked."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.args.args:
            calls = (call for call in ast.walk(node) if isinstance(call, ast.Call))
            if any(ast.unparse(call.func) in COMPILING for call in calls):
                yield from held(getattr(module, node.name)())


def written_inline(tree: ast.Module) -> Iterator[tuple[re.Pattern[str], set[str]]]:
    """`re.sub("…", …)` and its like with a literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "re":
            literal = node.args[0] if node.args else None
            if node.func.attr in CALLS and isinstance(literal, ast.Constant) and isinstance(literal.value, str):
                yield re.compile(literal.value), {node.func.attr}


@cache
def patterns() -> dict[str, tuple[re.Pattern[str], frozenset[str]]]:
    """Every pattern by module and text, with the calls that are made of it there; none known counts as `finditer`."""
    found: dict[str, tuple[re.Pattern[str], frozenset[str]]] = {}
    for name, tree in package_modules():
        imported = (
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        )
        if not {"re", "lazy_pattern"}.intersection(imported):
            continue
        module = importlib.import_module(name)
        for constant, value in vars(module).items():
            for pattern in held(value):
                called = {
                    node.attr
                    for node in ast.walk(tree)
                    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == constant and node.attr in CALLS
                }
                found[f"{name}: {pattern.pattern!r}"] = pattern, frozenset(called)
        for pattern in of_functions(module, tree):
            found[f"{name}: {pattern.pattern!r}"] = pattern, frozenset()
        for pattern, called in written_inline(tree):
            found[f"{name}: {pattern.pattern!r}"] = pattern, frozenset(called)
    return found


def runs_of(pattern: re.Pattern[Any], called: frozenset[str]) -> list[Callable[[Any], object]]:
    """What takes a text as the package's calls of the pattern do."""
    return [
        getattr(pattern, name) if name in {"match", "fullmatch"} else lambda whole: deque(pattern.finditer(whole), 0)
        for name in called or {"finditer"}
    ]


def seconds(runs: Sequence[Callable[[Any], object]], text: str | bytes) -> float:
    """Time of the processor."""
    begun = time.thread_time()
    for run in runs:
        run(text)
    return time.thread_time() - begun


def test_the_patterns_are_found() -> None:
    assert len(patterns()) > 100


def text_of(start: str, fill: str, end: str, characters: int) -> str:
    return start + (fill * characters)[:characters] + end


def is_slow(
    runs: Sequence[Callable[[Any], object]], as_read: Callable[[str], Any], start: str, fill: str, end: str
) -> bool:
    """Whether the time grows faster than the text."""

    def least(characters: int) -> float:
        text = as_read(text_of(start, fill, end, characters))
        return min(seconds(runs, text) for _ in range(3))

    return least(SAMPLE) >= SUSPICIOUS_SECONDS and least(CHARACTERS) > GROWTH * least(CHARACTERS // 4)


def as_text(text: str) -> str:
    return text


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("fill", FILLS)
def test_no_pattern_takes_longer_than_linear_time(fill: str) -> None:
    places = [(start, end) for start in STARTS for end in ENDS]
    texts = [text_of(start, fill, end, SAMPLE) for start, end in places]
    samples: dict[Callable[[str], Any], list[Any]] = {each: [*map(each, texts)] for each in (as_text, as_bytes)}
    # Never less has passed than the processor has taken; its own clock takes as long to read as many a pattern runs.
    clock, slow = time.perf_counter, []
    for name, (pattern, called) in patterns().items():
        runs = runs_of(pattern, called)
        as_read: Callable[[str], Any] = as_text if isinstance(pattern.pattern, str) else as_bytes
        for (start, end), text in zip(places, samples[as_read], strict=True):
            begun = clock()
            for run in runs:
                run(text)
            if clock() - begun >= SUSPICIOUS_SECONDS and is_slow(runs, as_read, start, fill, end):
                slow.append(f"{name} over {start!r} and many {fill!r}, at the end {end!r}")
    assert not slow, "\n".join(slow)
