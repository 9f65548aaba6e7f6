"""Files of at most 500 lines, functions of at most 60: the long tail is where the trouble lives."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [file for folder in ("chat_tui", "tests") for file in sorted((ROOT / folder).rglob("*.py"))]
FILE_LINES = 500
FUNCTION_LINES = 60


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
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.append(f"{file.relative_to(ROOT)}:{node.lineno} {node.name}: {lines}")
    assert not long, "\n".join(long)
