"""Every type that a rule of CSS names is a widget: a rule for a class that was renamed would apply to nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import textual.widgets

PACKAGE = Path(__file__).parents[2] / "chat_tui"
TEXTUAL = {
    *vars(textual.widgets)["__all__"],
    "CommandPalette",
    "Toast",
    "ToastRack",
    "Vertical",
    "VerticalScroll",
    "Screen",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted((PACKAGE / "tui").rglob("*.py")):
        yield file.name, ast.parse(file.read_text("utf-8"))


def rules() -> Iterator[tuple[str, str]]:
    yield "styles.tcss", (PACKAGE / "tui" / "theme" / "styles.tcss").read_text("utf-8")
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DEFAULT_CSS":
                yield name, "".join(str(part.value) for part in ast.walk(node.value) if isinstance(part, ast.Constant))


def test_every_rule_names_a_widget_that_exists() -> None:
    known = TEXTUAL | {node.name for _, tree in modules() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    found = [
        (file, name)
        for file, css in rules()
        for selectors in re.findall(r"([^{}]*)\{", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL))
        for name in re.findall(r"(?<![\w.#-])[A-Z]\w*", selectors)
    ]
    assert len(found) > 20
    assert not [(file, name) for file, name in found if name not in known]
