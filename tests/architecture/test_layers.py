"""Which package may import which. Imports inside functions and under `TYPE_CHECKING` count like any other.

`docs/architecture.md` explains the layers.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "chat_tui"

RANKS = {
    "core": 0,
    "markdown": 1,
    "config": 1,
    "routing": 2,
    "providers": 2,
    "local": 2,
    "history": 2,
    "tools": 2,
    "engine": 3,
    "bootstrap": 4,
    "tui": 5,
    "web": 5,
    "cli": 6,
    "__main__": 6,
}
"""Imports go from a higher rank to a lower one."""
WITHOUT_NEIGHBOURS = {1, 2, 5}
"""Ranks whose packages do not import each other."""
LIMITED: dict[str, tuple[set[str], str]] = {
    "markdown": ({"core"}, "its HTML is cleaned as everything from outside is; the parser is usable alone"),
    "history": ({"core", "markdown"}, "it knows no config: settings are arguments"),
    "engine": (
        {"core", "config", "routing", "history"},
        "providers and local models come to it through `engine.protocols`, so that tests need neither",
    ),
    "tui": ({"core", "markdown", "config", "engine"}, "a face sees the engine and nothing behind it"),
    "web": (
        {"core", "markdown", "config", "engine", "bootstrap"},
        "a face sees the engine and nothing behind it; `create_app` opens one where another server runs the app",
    ),
}
"""What else a package may import, and why no more."""
PUBLIC = {"chunks", "errors", "models", "request"}
"""Documented import paths of earlier versions; nothing of ours imports them."""

HOMES = {
    "httpx": ["chat_tui.providers.http", "chat_tui.local.hub.hub_client"],
    "sqlite3": ["chat_tui.history"],
    "textual": ["chat_tui.tui"],
    "starlette": ["chat_tui.web"],
    "uvicorn": ["chat_tui.web"],
    "websockets": ["chat_tui.web"],
    "prometheus_client": ["chat_tui.web"],
    "xllamacpp": ["chat_tui.local"],
    "genai_prices": ["chat_tui.providers.catalogue.prices_worker"],
    "jsonschema": ["chat_tui.core.answers.schemas"],
    "prompt_toolkit": ["chat_tui.cli.line"],
    "keyring": ["chat_tui.providers.credentials.keyring_worker"],
    "pathspec": ["chat_tui.core.files.project_list_worker"],
    "pypdf": ["chat_tui.core.attachments.pdf_worker"],
    "truststore": ["chat_tui.core.files.system_trust"],
    "tomlkit": ["chat_tui.config.edit"],
    "mcp": ["chat_tui.tools.worker"],
    "mcp_types": ["chat_tui.tools.worker"],
    "httpx2": ["chat_tui.tools.worker"],
}
"""The only packages that import a library: a new version of it is one folder's matter."""


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@cache
def modules() -> dict[str, ast.Module]:
    return {name_of(file): ast.parse(file.read_text("utf-8"), str(file)) for file in sorted(PACKAGE.rglob("*.py"))}


@cache
def imports() -> dict[str, tuple[str, ...]]:
    """What each module imports, each once."""
    return {module: tuple(dict.fromkeys(imported(module, tree))) for module, tree in modules().items()}


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
            yield from named_modules(module, node.args[0], tree)


def named_modules(module: str, argument: ast.expr, tree: ast.AST) -> Iterator[str]:
    """The modules that the argument of an import can be: a string, a constant, or any value of a table."""
    assigned = {
        target.id: node.value
        for node in getattr(tree, "body", ())
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    name = argument.value if isinstance(argument, ast.Subscript) else argument
    value = assigned.get(name.id) if isinstance(name, ast.Name) else name
    for each in value.values if isinstance(value, ast.Dict) else [value]:
        assert isinstance(each, ast.Constant), f"{module}: imports what only the run can tell"
        yield str(each.value)


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def arrows() -> Iterator[tuple[str, str]]:
    for module, targets in imports().items():
        for target in targets:
            if target.split(".")[0] == "chat_tui":
                yield module, target


def between_packages() -> Iterator[tuple[str, str, str]]:
    for module, target in arrows():
        ours, theirs = package_of(module), package_of(target)
        if theirs and ours != theirs and ours not in PUBLIC:
            yield f"{module} imports {target}", ours, theirs


def test_every_package_has_a_rank() -> None:
    assert {package_of(module) for module in modules()} - {""} == {*RANKS, *PUBLIC}


def test_imports_go_down_the_ranks() -> None:
    wrong = [arrow for arrow, ours, theirs in between_packages() if RANKS[theirs] > RANKS[ours]]
    assert not wrong, "\n".join(wrong)


def test_packages_of_one_rank_do_not_import_each_other() -> None:
    wrong = [
        arrow
        for arrow, ours, theirs in between_packages()
        if RANKS[ours] == RANKS[theirs] and RANKS[ours] in WITHOUT_NEIGHBOURS
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", LIMITED)
def test_a_package_imports_no_more_than_it_may(package: str) -> None:
    allowed, reason = LIMITED[package]
    wrong = [arrow for arrow, ours, theirs in between_packages() if ours == package and theirs not in allowed]
    assert not wrong, f"{package}: {reason}\n" + "\n".join(wrong)


def test_the_parser_of_markdown_is_usable_alone() -> None:
    wrong = [
        arrow
        for arrow, ours, _ in between_packages()
        if ours == "markdown" and not arrow.startswith("chat_tui.markdown.html.")
    ]
    assert not wrong, "\n".join(wrong)


def test_no_folders_import_each_other_in_a_circle() -> None:
    # A folder is read from below to above; in a circle there is no below. This holds at every depth of the tree.
    edges: dict[str, dict[str, dict[str, str]]] = {}
    for module, target in arrows():
        ours, theirs = module.split("."), target.split(".")
        depth = next((n for n, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), 0)
        if depth:
            folder = edges.setdefault(".".join(ours[:depth]), {})
            folder.setdefault(ours[depth], {}).setdefault(theirs[depth], f"{module} imports {target}")
    for graph in edges.values():
        assert not (circle := circle_in(graph)), "\n".join(circle)


def circle_in(graph: dict[str, dict[str, str]]) -> list[str]:
    """The arrows of a circle in a graph of named arrows; empty where there is none."""
    done: set[str] = set()
    path: list[str] = []

    def walk(node: str) -> list[str]:
        if node in path:
            ring = [*path[path.index(node) :], node]
            return [graph[one][other] for one, other in pairwise(ring)]
        if node in done:
            return []
        path.append(node)
        for target in graph.get(node, ()):
            if found := walk(target):
                return found
        done.add(path.pop())
        return []

    return next((found for node in graph if (found := walk(node))), [])


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_by_one_package(library: str) -> None:
    homes = HOMES[library]
    wrong = [
        module
        for module, targets in imports().items()
        for target in targets
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
    return loaded_in(f"import sys, {module}; print(*sys.modules, sep='\\n')", home)


FIRST_PAINT = """
import asyncio, sys
from chat_tui.config.schema import Config
from chat_tui.tui.app import ChatApp

loaded = []

async def open_engine(_):
    # The app opens the engine once the first paint is out.
    loaded.extend(sys.modules)
    app.exit(0)
    await asyncio.Event().wait()

app = ChatApp(Config(), open_engine, open_seconds=0.001)
app.run(headless=True)
print(*loaded, sep="\\n")
"""


def loaded_in(script: str, home: Path) -> set[str]:
    """The words that a script prints in a fresh process with a fresh home."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CHAT_TUI", "COV"))},
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
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
    assert not present(
        loaded, "textual", "rich", "httpx", "httpcore", "h11", "anyio", "requests", "urllib3", "statistics"
    )
    assert not list(tmp_path.rglob("*"))


def test_the_screen_starts_without_the_rooms_behind_the_engine(tmp_path: Path) -> None:
    loaded = loaded_by("chat_tui.tui.app", tmp_path)
    behind = ["chat_tui.history", "chat_tui.providers", "chat_tui.local", "chat_tui.bootstrap.open_engine"]
    assert not present(loaded, "httpx", "httpcore", "sqlite3", "_sqlite3", *behind)
    assert not list(tmp_path.rglob("*"))


def test_opening_an_engine_loads_nothing_that_few_questions_need(tmp_path: Path) -> None:
    loaded = loaded_by("chat_tui.bootstrap.open_engine", tmp_path)
    assert not present(loaded, "chat_tui.tools", "chat_tui.engine.streams.adaptive", "chat_tui.engine.streams.document")
    assert not list(tmp_path.rglob("*"))


HEAVY = ["textual", "rich", "httpx", "anyio", "msgspec", "sqlite3", "starlette"]


def test_the_first_paint_loads_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    loaded = loaded_in(FIRST_PAINT, tmp_path)
    assert present(loaded, "chat_tui.tui.prompt.prompt", "chat_tui.tui.transcript.transcript")
    later = [
        *("chat_tui.engine", "chat_tui.markdown", "chat_tui.core.answers", "chat_tui.core.text.text_match"),
        "chat_tui.core.usage.stream_meter",
        *("chat_tui.config.diagnostics", "chat_tui.core.files.writing", "secrets", "shlex"),
        *("chat_tui.tui.actions.slash_commands", "chat_tui.tui.actions.rebinding", "chat_tui.tui.compare"),
        *("chat_tui.tui.chat.commands", "chat_tui.tui.chat.controllers.external_drafts", "chat_tui.tui.dialogs"),
        *("chat_tui.tui.chat.screen.command_palette", "chat_tui.tui.chat.screen.window_title"),
        *("chat_tui.tui.history.groups", "chat_tui.tui.history.screen", "chat_tui.tui.panels.insights"),
        *("chat_tui.tui.prompt.argument_completion", "chat_tui.tui.prompt.external_editor"),
        "chat_tui.core.attachments.mentions",
        *("chat_tui.tui.transcript.find_scan", "chat_tui.tui.transcript.model.turn_view"),
        *("chat_tui.tui.transcript.render.blocks", "chat_tui.tui.terminal.early_typing"),
    ]
    assert not present(loaded, *later)
    assert not list(tmp_path.rglob("*"))


PARSER_LOADED = """
import asyncio, sys
from chat_tui.tui.transcript.transcript import Transcript

async def load():
    transcript = Transcript()
    transcript.loader.load_parser()
    while transcript.loader.is_loading:
        await asyncio.sleep(0.01)
    assert transcript.renderer.ready

asyncio.run(load())
print(*sys.modules)
"""


def test_what_shows_the_first_turn_is_loaded_with_the_parser(tmp_path: Path) -> None:
    loaded = loaded_in(PARSER_LOADED, tmp_path)
    shown = {"chat_tui.tui.transcript.model.turn_view", "chat_tui.tui.transcript.render.blocks", "markdown_it"}
    assert shown <= loaded


def test_the_transport_loads_no_command_line_of_a_library(tmp_path: Path) -> None:
    loaded = loaded_in(
        "import sys; from chat_tui.providers.client import load_transport; load_transport(); print(*sys.modules)",
        tmp_path,
    )
    assert present(loaded, "httpx", "chat_tui.providers.http.transport")
    assert not present(loaded, "click", "rich", "pygments", "httpx._main")


def test_the_command_line_loads_no_face_before_it_has_chosen_one(tmp_path: Path) -> None:
    loaded = loaded_by("chat_tui.cli.main", tmp_path)
    behind = {f"chat_tui.{name}" for name in RANKS} - {"chat_tui.cli", "chat_tui.core"}
    assert not present(loaded, *HEAVY, *behind, "chat_tui.cli.commands")
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "line", ["--version", "--help", "ask --help", "history list --help", "histroy list", "ask --modle x"]
)
def test_reading_the_command_line_loads_no_command(line: str, tmp_path: Path) -> None:
    ended = f"try: cli.main({line.split()})\nexcept SystemExit: pass\n"
    script = f"import sys\nfrom chat_tui.cli import main as cli\n{ended}print('\\n', *sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    loaded = set(done.stderr.split())
    assert "chat_tui.cli.main" in loaded
    assert not present(loaded, *HEAVY, "chat_tui.engine", "chat_tui.config", "chat_tui.tui", "chat_tui.cli.commands")


def test_the_command_of_the_screen_loads_the_screen_only_when_there_is_a_terminal(tmp_path: Path) -> None:
    loaded = loaded_by("chat_tui.cli.commands.tui", tmp_path)
    behind = ["chat_tui.engine", "chat_tui.tui", "chat_tui.web", "chat_tui.bootstrap"]
    assert not present(loaded, "textual", "rich", "httpx", "sqlite3", "starlette", *behind)
    assert not list(tmp_path.rglob("*"))
