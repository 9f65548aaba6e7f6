"""How large files, functions, classes and folders may be, so that none of them is split in name only.

The size of a class includes its bases of this package: cutting one class over several files by inheritance makes each
file short and the class no smaller.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "chat_tui"
FILES = [file for folder in ("chat_tui", "tests") for file in sorted((ROOT / folder).rglob("*.py"))]
FILE_LINES = 500
FUNCTION_LINES = 60
CLASS_LINES = 400
PUBLIC_METHODS = 25
FOLDER_ENTRIES = 15
NOT_COUNTED = {"__init__.py", "__main__.py", "py.typed"}

LARGE_CLASSES: dict[str, str] = {}
"""Classes that are too large for now, and why. There are none; a class that grows is divided by composition."""

SINGLE_SUBCLASSES = {
    "DraftArea": "keys and editing of any text area of ours; `Prompt` adds what a chat's prompt does",
    "RowList": "the list behind every picker; a letter on the rows of the history begins to filter",
    "Transcript": "the conversation by itself; the columns of a comparison have other keys and are painted apart",
}
"""Bases with one subclass, and why. Errors need no entry: their classes are told apart where they are handled."""

PARTICIPLES = {
    *("begun", "built", "chosen", "done", "drawn", "forgotten", "given", "held", "hidden", "kept", "known", "lost"),
    *("made", "met", "said", "seen", "sent", "shown", "shut", "spent", "spoken", "taken", "told", "understood"),
    *("withdrawn", "won", "written"),
}
"""Those that do not end in -ed, except what can also be a verb (`cut`, `run`) or a noun."""
NO_PARTICIPLES = {"embed", "exceed", "feed", "need", "proceed", "seed", "speed"}
DOCUMENTED_NAMES = {"held", "parsed", "spoken"}
"""What dialects of other packages use (`docs/dialects.md`)."""


class Class(NamedTuple):
    name: str
    place: str
    """The file and line."""
    bases: tuple[str, ...]
    """Full names as far as they are classes of this package."""
    methods: frozenset[str]
    lines: int
    top_level: bool


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


@pytest.mark.parametrize("folder", ["chat_tui", "tests"])
def test_files_are_short(folder: str) -> None:
    lengths = {file: len(file.read_text("utf-8").splitlines()) for file in FILES if file.is_relative_to(ROOT / folder)}
    long = [f"{file.relative_to(ROOT)}: {lines}" for file, lines in lengths.items() if lines > FILE_LINES]
    assert lengths
    assert not long, "\n".join(long)


@pytest.mark.parametrize("folder", ["chat_tui", "tests"])
def test_functions_are_short(folder: str) -> None:
    long = []
    for file in FILES:
        if not file.is_relative_to(ROOT / folder):
            continue
        for node in ast.walk(tree_of(file)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.append(f"{file.relative_to(ROOT)}:{node.lineno} {node.name}: {lines}")
    assert not long, "\n".join(long)


@cache
def classes() -> dict[str, Class]:
    """Every class of the package by its full name."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = tree_of(file)
        names = dict(imported_names(tree))
        top = {node for node in tree.body if isinstance(node, ast.ClassDef)}
        names |= {node.name: f"{module}.{node.name}" for node in top}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                full = f"{module}.{node.name}" if node in top else f"{module}.{node.name}:{node.lineno}"
                place = f"{file.relative_to(ROOT)}:{node.lineno}"
                found[full] = described(node, place, names, top_level=node in top)
    return found


def imported_names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)


def described(node: ast.ClassDef, place: str, names: dict[str, str], *, top_level: bool) -> Class:
    bases = []
    for base in node.bases:
        first, _, rest = ast.unparse(base).partition("[")[0].partition(".")
        bases.append(".".join(filter(None, [names.get(first, first), rest])))
    functions = [each for each in node.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    return Class(node.name, place, tuple(bases), frozenset(each.name for each in functions), lines, top_level)


def line_of(full: str) -> list[str]:
    """A class and its bases of this package, nearest first, each once."""
    found: list[str] = []
    waiting = [full]
    while waiting:
        name = waiting.pop(0)
        if name in classes() and name not in found:
            found.append(name)
            waiting += classes()[name].bases
    return found


def is_error(full: str) -> bool:
    """Whether a class is an exception."""
    bases = {base for name in line_of(full) for base in classes()[name].bases}
    return any(base.endswith(("Error", "Exception")) and base not in classes() for base in bases)


def test_classes_are_small_with_their_bases() -> None:
    large = {}
    for full, each in classes().items():
        line = [classes()[name] for name in line_of(full)]
        lines = sum(one.lines for one in line)
        public = {method for one in line for method in one.methods if not method.startswith("_")}
        if lines > CLASS_LINES or len(public) > PUBLIC_METHODS:
            large[each.name] = f"{each.place} {each.name}: {lines} lines, {len(public)} public methods"
    wrong = [place for name, place in large.items() if name not in LARGE_CLASSES]
    assert not wrong, "\n".join(wrong)
    assert not (done := LARGE_CLASSES.keys() - large.keys()), f"no exceptions any more: {sorted(done)}"


def test_no_class_is_cut_by_inheritance() -> None:
    """A base with exactly one subclass is half a class: what it does belongs to an object that the other half has."""
    subclasses = defaultdict(list)
    for each in classes().values():
        for base in each.bases:
            if base in classes() and not is_error(base):
                subclasses[classes()[base].name].append(each)
    single = {base: found[0] for base, found in subclasses.items() if len(found) == 1}
    wrong = [
        f"{each.place} {each.name} is the only subclass of {base}"
        for base, each in single.items()
        if base not in SINGLE_SUBCLASSES
    ]
    assert not wrong, "\n".join(wrong)
    assert not (done := SINGLE_SUBCLASSES.keys() - single.keys()), f"no exceptions any more: {sorted(done)}"


def test_a_public_class_name_means_one_thing() -> None:
    places = defaultdict(list)
    for each in classes().values():
        if each.top_level and not each.name.startswith("_"):
            places[each.name].append(each.place)
    twice = [f"{name}: {', '.join(found)}" for name, found in places.items() if len(found) > 1]
    assert not twice, "\n".join(twice)


def test_folders_are_small() -> None:
    large = []
    for folder in [PACKAGE, *(found for found in sorted(PACKAGE.rglob("*/")) if found.name != "__pycache__")]:
        entries = [entry for entry in folder.iterdir() if is_counted(entry)]
        if len(entries) > FOLDER_ENTRIES:
            large.append(f"{folder.relative_to(ROOT)}: {len(entries)}")
    assert not large, "\n".join(large)


def is_counted(entry: Path) -> bool:
    if entry.is_dir():
        return entry.name != "__pycache__" and any(file.suffix != ".pyc" for file in entry.rglob("*.*"))
    return entry.name not in NOT_COUNTED and not only_re_exports(entry)


def only_re_exports(file: Path) -> bool:
    """A documented import path of an earlier version: a docstring and imports."""
    if file.suffix != ".py":
        return False
    docstring, *body = tree_of(file).body
    return bool(body) and isinstance(docstring, ast.Expr) and all(isinstance(node, ast.ImportFrom) for node in body)


def is_participle(name: str) -> bool:
    return (name.endswith("ed") and "_" not in name and name not in NO_PARTICIPLES) or name in PARTICIPLES


def named_by_participles(file: Path) -> Iterator[str]:
    """A module, and its public functions and methods; properties may be adjectives."""
    if is_participle(file.stem):
        yield str(file.relative_to(ROOT))
    tree = tree_of(file)
    for node in [*tree.body, *(each for top in tree.body if isinstance(top, ast.ClassDef) for each in top.body)]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_participle(node.name):
            is_property = any(ast.unparse(each).endswith(("property", ".setter")) for each in node.decorator_list)
            if not is_property and node.name not in DOCUMENTED_NAMES:
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"


def test_no_function_or_module_is_named_by_a_participle() -> None:
    """A function is a verb and a module a noun: `folded` says what a text is, `fold_text` what a call does."""
    wrong = [name for file in sorted(PACKAGE.rglob("*.py")) for name in named_by_participles(file)]
    assert not wrong, "\n".join(wrong)
