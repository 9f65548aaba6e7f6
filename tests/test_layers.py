"""The arrows between the rooms: imports go down the ranks, and lazy and typing-only ones count like any other."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "chat_tui"

RANKS = {
    "routing": 1,
    "providers": 1,
    "local": 1,
    "history": 1,
    "insights": 1,
    "engine": 2,
    "answer": 2,
    "answers": 2,
    "memory": 2,
    "saving": 2,
    "stage": 2,
    "preview": 2,
    "analysis": 2,
    "asking": 2,
    "budget": 2,
    "choosing": 2,
    "foreseeing": 2,
    "titling": 2,
    "observing": 2,
    "compare": 2,
    "adaptive": 2,
    "batch": 2,
    "assembly": 3,
    "servers": 3,
    "supply": 3,
    "facts": 3,
    "tui": 4,
    "web": 4,
    "cli": 5,
    "__main__": 5,
}
"""Everything else in the package is a word, of rank 0."""

HOMES = {
    "httpx": ["chat_tui.providers.http.transport"],
    "sqlite3": ["chat_tui.history"],
    "textual": ["chat_tui.tui"],
    "starlette": ["chat_tui.web"],
    "uvicorn": ["chat_tui.web"],
    "websockets": ["chat_tui.web"],
    "prometheus_client": ["chat_tui.web"],
    "xllamacpp": ["chat_tui.local"],
    "genai_prices": ["chat_tui.providers.catalogue.prices_worker"],
    "huggingface_hub": ["chat_tui.local.huggingface"],
    "keyring": ["chat_tui.providers.credentials.keyring_worker"],
    "pypdf": ["chat_tui.core.attachments.pdf_worker"],
    "truststore": ["chat_tui.providers.http.trust"],
    "textblob": ["chat_tui.engine.insights"],
}
"""Who alone may import what."""


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def rank(module: str) -> int:
    return RANKS.get(room(module), 0)


@cache
def modules() -> dict[str, ast.Module]:
    return {name_of(file): ast.parse(file.read_text("utf-8"), str(file)) for file in sorted(PACKAGE.rglob("*.py"))}


def imported(module: str, tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in the tree, in functions and under TYPE_CHECKING too."""
    package = (
        module if (PACKAGE.parent / Path(*module.split(".")) / "__init__.py").exists() else module.rpartition(".")[0]
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if whole in modules() else base
        elif isinstance(node, ast.Call) and dotted(node.func) in {
            "import_module",
            "importlib.import_module",
            "__import__",
        }:
            assert isinstance(node.args[0], ast.Constant), f"{module}: imports what only the run can tell"
            yield str(node.args[0].value)


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def arrows() -> Iterator[tuple[str, str]]:
    for module, tree in modules().items():
        for target in dict.fromkeys(imported(module, tree)):
            if target.split(".")[0] == "chat_tui":
                yield module, target


def test_imports_go_down_the_ranks() -> None:
    wrong = [
        f"{module} (rank {rank(module)}) imports {target} (rank {rank(target)})"
        for module, target in arrows()
        if rank(target) > rank(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_rooms_of_one_rank_are_blind_to_one_another() -> None:
    wrong = [
        f"{module} imports {target}"
        for module, target in arrows()
        if rank(module) == rank(target) and rank(module) in {1, 4} and room(module) != room(target)
    ]
    assert not wrong, "\n".join(wrong)


def test_faces_see_the_engine_and_the_words_only() -> None:
    # `create_app` stands in for the command line where another server runs the app.
    wrong = [
        f"{module} imports {target}"
        for module, target in arrows()
        if rank(module) == 4
        and rank(target) in {1, 3}
        and (module, target) != ("chat_tui.web", "chat_tui.bootstrap.open_engine")
    ]
    assert not wrong, "\n".join(wrong)


def test_there_is_no_knot() -> None:
    graph: dict[str, set[str]] = {module: set() for module in modules()}
    for module, target in arrows():
        if target in graph and target != module:
            graph[module].add(target)
    done: set[str] = set()
    path: list[str] = []

    def walk(module: str) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module in done:
            return
        path.append(module)
        for target in graph[module]:
            walk(target)
        done.add(path.pop())

    for module in graph:
        walk(module)


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_known_to_one_room(library: str) -> None:
    homes = HOMES[library]
    wrong = [
        module
        for module, tree in modules().items()
        for target in imported(module, tree)
        if target.split(".")[0] == library
        and not any(module == home or module.startswith(home + ".") for home in homes)
    ]
    assert not wrong, f"{library} is imported by {', '.join(wrong)}"


def test_no_app_engine_or_config_is_made_at_import() -> None:
    made = {"App", "ChatApp", "Engine", "Config", "Router", "Store", "Transport", "Parts", "open_engine", "load"}
    wrong = [
        f"{module}: {ast.unparse(node)}"
        for module, tree in modules().items()
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.Expr))
        and any(isinstance(call, ast.Call) and dotted(call.func).split(".")[-1] in made for call in ast.walk(node))
    ]
    assert not wrong, "\n".join(wrong)


def loaded_by(module: str, home: Path) -> set[str]:
    """The names of all modules that are there after this import in a fresh process with a fresh home."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CHAT_TUI", "COV"))},
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    script = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert not done.stderr
    return set(done.stdout.split())


def present(loaded: set[str], *names: str) -> set[str]:
    return {name for name in loaded if any(name == wanted or name.startswith(wanted + ".") for wanted in names)}


def test_the_engine_loads_no_screen_and_no_network_client_and_makes_no_file(tmp_path: Path) -> None:
    loaded = loaded_by("chat_tui.engine.engine", tmp_path)
    assert not present(loaded, "textual", "rich", "httpx", "httpcore", "h11", "anyio", "requests", "urllib3")
    assert not list(tmp_path.rglob("*"))


def test_the_screen_starts_without_the_rooms_behind_the_engine(tmp_path: Path) -> None:
    loaded = loaded_by("chat_tui.tui.app", tmp_path)
    behind = ["chat_tui.history", "chat_tui.providers", "chat_tui.local", "chat_tui.bootstrap.open_engine"]
    assert not present(loaded, "httpx", "httpcore", "sqlite3", "_sqlite3", *behind)
    assert not list(tmp_path.rglob("*"))


def test_the_command_line_loads_no_face_before_it_has_chosen_one(tmp_path: Path) -> None:
    loaded = loaded_by("chat_tui.cli.main", tmp_path)
    assert not present(loaded, "textual", "rich", "httpx", "sqlite3", "chat_tui.tui", "chat_tui.bootstrap.open_engine")
    assert not list(tmp_path.rglob("*"))
