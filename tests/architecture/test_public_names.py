"""The import paths that the documentation names go on working."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.architecture.test_layers import modules

DOCS = Path(__file__).parents[2] / "docs"
NAMED = sorted(
    {
        (module, name.strip())
        for page in DOCS.glob("*.md")
        for module, names in re.findall(r"from (chat_tui[\w.]*) import ([\w, ]+)", page.read_text("utf-8"))
        for name in names.split(",")
    }
)


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_what_the_documentation_imports_is_there(module: str, name: str) -> None:
    assert hasattr(import_module(module), name)


def test_a_name_is_imported_from_where_it_lives() -> None:
    """Only documented import paths re-export; mypy refuses an import by way of a module that does not say so."""
    saying = [
        module
        for module, tree in modules().items()
        for node in tree.body
        if (isinstance(node, ast.ImportFrom) and any(alias.asname == alias.name for alias in node.names))
        or (isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets))
    ]
    documented = {"chat_tui.chunks", "chat_tui.errors", "chat_tui.models", "chat_tui.request", "chat_tui.routing"}
    assert set(saying) <= documented


@pytest.mark.parametrize(
    ("module", "name", "home"),
    [
        ("chat_tui.chunks", "Token", "chat_tui.core.chunks"),
        ("chat_tui.errors", "ProviderError", "chat_tui.core.errors"),
        ("chat_tui.models", "Model", "chat_tui.core.models"),
        ("chat_tui.request", "Request", "chat_tui.core.request"),
        ("chat_tui.routing", "Router", "chat_tui.routing.router"),
    ],
)
def test_an_import_path_of_an_earlier_version_gives_the_same_class(module: str, name: str, home: str) -> None:
    assert getattr(import_module(module), name) is getattr(import_module(home), name)


def test_the_web_app_and_the_dialects_are_where_they_were() -> None:
    from chat_tui.providers.dialects.dialect import Dialect
    from chat_tui.web import create_app

    assert callable(create_app)
    assert isinstance(Dialect, type)
