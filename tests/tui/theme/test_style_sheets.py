"""Style sheets name widgets by their class: a rule for a class that is not there is silently without effect."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from textual.widget import Widget

ROOT = Path(__file__).parents[3]
SCREEN = ROOT / "chat_tui" / "tui"
SELECTORS = re.compile(r"([^{};]+)\{")
TYPE = re.compile(r"(?<![\w.#-])([A-Z]\w*)")


def style_sheets() -> Iterator[tuple[str, str]]:
    """(where it is, its text) of every style sheet, in files and in classes."""
    for file in SCREEN.rglob("*.tcss"):
        yield str(file.relative_to(ROOT)), file.read_text("utf-8")
    for file in SCREEN.rglob("*.py"):
        importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["DEFAULT_CSS"]:
                yield f"{file.relative_to(ROOT)}:{node.lineno}", ast.literal_eval(node.value)


def widgets(base: type[Widget]) -> Iterator[str]:
    # Widgets of other tests in this process are none of the screen's.
    if base.__module__.startswith(("chat_tui.", "textual.")):
        yield base.__name__
    for each in base.__subclasses__():
        yield from widgets(each)


def test_style_sheets_name_classes_that_are_there() -> None:
    sheets = list(style_sheets())
    known = set(widgets(Widget))
    named = [
        (place, name)
        for place, text in sheets
        for selectors in SELECTORS.findall(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
        for name in TYPE.findall(selectors)
    ]
    wrong = [f"{place}: {name}" for place, name in named if name not in known]
    assert len(sheets) > 20
    assert len(named) > 20
    assert not wrong, "\n".join(wrong)
