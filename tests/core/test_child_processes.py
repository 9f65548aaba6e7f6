"""Children are started in one place, isolated from the working folder and from the keys."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import chat_tui
from chat_tui.core.errors import KeyMissing
from chat_tui.core.models import Provider
from chat_tui.core.processes import child_process, clipboard_programs
from chat_tui.core.processes.child_process import PIPE, find_program, program_command, python_command, run, variables
from chat_tui.local.wheel_download import pip_download
from chat_tui.providers.catalogue.prices import Catalogue
from chat_tui.providers.credentials.keys import KeyLookup, StoredKeyNames, keyring_command
from tests.core.attachments.test_pdf import pdf
from tests.doubles.model_server import ModelServer
from tests.wire.home import Home

PACKAGE = Path(chat_tui.__file__).parent
DOOR = "core/processes/child_process.py"
PLANTED = (
    "msgspec",
    "pypdf",
    "resource",
    "sitecustomize",
    "usercustomize",
    "keyring",
    "xllamacpp",
    "genai_prices",
    "pip",
    "runpy",
    "json",
    "asyncio",
)
SECRET = "sk-0123456789-planted"
KEYS = {"OPENAI_API_KEY": SECRET, "ANTHROPIC_API_KEY": SECRET, "MY_OWN_SECRET": SECRET, "HF_TOKEN": SECRET}
KEYS |= {
    f"{beginning}_API_KEY": SECRET
    for beginning in [
        "OMP",
        "GOMP",
        "KMP",
        "GGML",
        "OPENBLAS",
        "LC",
        "XDG",
        "DBUS",
        "PIP",
        "SSH",
        "TMUX",
        "WSL",
        "GNOME",
        "KDE",
        "GPG",
        "KEYRING",
        "PASSWORD_STORE",
    ]
}
"""Also with names that look like those which a child may see."""

STARTERS = {"create_subprocess_exec", "create_subprocess_shell", "subprocess_exec", "subprocess_shell"}
OS_STARTERS = {"system", "popen", "fork", "forkpty", "startfile", "posix_spawn", "posix_spawnp"}
STARTING_MODULES = {"subprocess", "multiprocessing", "pty", "webbrowser", "pexpect", "antigravity", "idlelib"}


# -- one place ---------------------------------------------------------------------------------------------------------


def starts(tree: ast.AST) -> Iterator[str]:
    """Whatever in a module could start a process."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in STARTING_MODULES)
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if (node.module or "").split(".")[0] in STARTING_MODULES:
                yield str(node.module)
            yield from names & (STARTERS | {"ProcessPoolExecutor"})
            if node.module == "os":
                yield from (name for name in names if is_os_starter(name))
        elif isinstance(node, ast.Attribute):
            if node.attr in STARTERS | {"ProcessPoolExecutor", "open_url"}:
                yield node.attr
            if isinstance(node.value, ast.Name) and node.value.id == "os" and is_os_starter(node.attr):
                yield f"os.{node.attr}"


def is_os_starter(name: str) -> bool:
    return name in OS_STARTERS or name.startswith(("exec", "spawn"))


def test_no_other_module_starts_a_process() -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)} starts a process by {what}: go through {DOOR}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if file.relative_to(PACKAGE).as_posix() != DOOR
        for what in starts(ast.parse(file.read_text("utf-8")))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess",
        "from subprocess import run",
        "import asyncio\nasyncio.create_subprocess_exec('x')",
        "from asyncio import create_subprocess_shell",
        "import os\nos.system('x')",
        "import os\nos.execvp('x', [])",
        "from os import posix_spawn",
        "from multiprocessing import Process",
        "import concurrent.futures\nconcurrent.futures.ProcessPoolExecutor()",
    ],
)
def test_the_walk_sees_every_way_to_start_one(code: str) -> None:
    assert list(starts(ast.parse(code)))


# -- isolated ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder: it holds modules and programs under the names of those that are used, and all keys are set.

    Afterwards: none of them has run.
    """
    folder, ran = tmp_path / "hostile", tmp_path / "ran"
    (folder / "chat_tui" / "core").mkdir(parents=True)
    code = f"open({str(ran)!r}, 'a').write(__file__ + '\\n')\n"
    for name in PLANTED:
        (folder / f"{name}.py").write_text(code)
    for name in ("__init__", "pdf_child", "core/__init__"):
        (folder / "chat_tui" / f"{name}.py").write_text(code)
    for name in ("xclip", "xsel", "my-key", "nano", "vi"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho $0 >> {ran}\necho {SECRET}\n")
        program.chmod(0o755)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    yield folder
    assert not ran.exists(), ran.read_text()


SPY = "import json, os, sys; print(json.dumps([dict(os.environ), sys.path, sys.flags.isolated]))"


def seen_by(command: child_process.ChildCommand) -> tuple[dict[str, str], list[str]]:
    """The environment and the import path of a Python child that is started like this one."""
    at = command.arguments.index("-I")
    alike = (*command.arguments[: at + 1], "-c", SPY)
    done = run(child_process.ChildCommand(alike, command.environment, command.folder), seconds=30)
    environment, path, isolated = json.loads(done.output)
    assert isolated
    return environment, path


@pytest.mark.parametrize(
    "allowed",
    [
        (),
        child_process.KEYRING,
        child_process.DOWNLOADING,
        child_process.COMPUTING,
        child_process.CLIPBOARD,
    ],
)
def test_a_python_child_sees_no_key_and_no_working_folder(hostile: Path, allowed: tuple[str, ...]) -> None:
    environment, path = seen_by(python_command("chat_tui.core.attachments.pdf_worker", allowed=allowed))
    assert SECRET not in json.dumps(environment)
    assert not {"", ".", str(hostile)} & set(path)
    assert environment["PATH"]


def test_a_python_child_is_given_what_it_needs() -> None:
    told = {"LC_ALL": "C.UTF-8", "PIP_INDEX_URL": "http://i", "https_proxy": "http://p", "DISPLAY": ":1", "X_KEY": "k"}
    assert set(variables(told, *child_process.ESSENTIAL)) == {"LC_ALL"}
    assert set(variables(told, *child_process.DOWNLOADING)) == {"PIP_INDEX_URL", "https_proxy", "DISPLAY"}


def test_search_paths_lose_what_depends_on_the_working_folder() -> None:
    told = {"PATH": f":.:/usr/bin:bin:{os.sep}bin", "LD_LIBRARY_PATH": ":lib"}
    assert variables(told, *told) == {"PATH": "/usr/bin:/bin"}


async def test_a_pdf_is_read_by_our_own_code_without_a_key(hostile: Path, tmp_path: Path) -> None:
    from chat_tui.core.attachments import pdf as pdf_text

    assert "On rivers" in pdf_text.text_of("a.pdf", pdf("On rivers"), 1000)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="environments of processes are not to be seen here")
async def test_the_process_of_a_real_child_holds_no_key(hostile: Path) -> None:
    child = await child_process.start(
        python_command("chat_tui.core.attachments.pdf_worker", "1", "100"), stdin=PIPE, stdout=PIPE
    )
    try:
        seen = b""
        async with asyncio.timeout(60):
            # Empty while the process begins.
            while not seen:
                seen = await asyncio.to_thread(Path(f"/proc/{child.pid}/environ").read_bytes)
        assert SECRET.encode() not in seen
        assert b"PATH=" in seen
    finally:
        out, _ = await child.communicate(pdf("words"))
    assert b"words" in out


async def test_prices_are_computed_by_the_installed_library(hostile: Path, tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue.json")
    assert await catalogue.refresh()
    assert catalogue.chat_models("openai")


def test_the_keyring_is_the_installed_one(hostile: Path) -> None:
    done = run(keyring_command("get", "nobody"), seconds=60)
    assert b"Traceback" not in done.errors


async def test_pip_is_the_installed_one(hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chat_tui.core.errors import LocalModelError

    monkeypatch.setenv("PIP_NO_INDEX", "1")
    target = tmp_path / "wheels"
    target.mkdir()
    with pytest.raises(LocalModelError, match="does not have it"):
        await pip_download("no-such-thing==1", target, lambda received, total: None)


@pytest.mark.parametrize("copied", [False, True])
def test_children_import_the_package_that_started_them(hostile: Path, tmp_path: Path, copied: bool) -> None:
    """Wherever it lies: here in a folder that `PYTHONPATH` names, while the working folder is searched too."""
    root = PACKAGE.parent
    if copied:
        root = tmp_path / "elsewhere"
        shutil.copytree(PACKAGE, root / "chat_tui", ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        f"import os, sys; os.chdir({str(hostile)!r}); sys.path += ['', '.', os.getcwd()]\n"
        "import chat_tui; from chat_tui.core.processes.child_process import python_command, run\n"
        "command = python_command('chat_tui.core.attachments.pdf_worker', '1', '100')\n"
        "print(run(command, b'%PDF-', seconds=30), chat_tui.__file__)"
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "damaged" in done.stdout, done.stdout + done.stderr
    assert str(root / "chat_tui") in done.stdout


# -- programs of the user ----------------------------------------------------------------------------------------------


def test_a_program_is_not_found_in_the_working_folder(hostile: Path) -> None:
    for path in ("", ".", f":{os.defpath}", f".:{os.defpath}"):
        assert find_program("my-key", {"PATH": path}) is None
    assert find_program("./my-key", {"PATH": os.defpath}) is None
    assert find_program("../hostile/my-key", {"PATH": os.defpath}) is None
    assert find_program(str(hostile / "my-key"), {"PATH": ""}) == str(hostile / "my-key")
    assert find_program("sh", {"PATH": f".:{os.defpath}"}) in {"/bin/sh", "/usr/bin/sh"}


@pytest.mark.parametrize("name", ["my-key", "./my-key"])
async def test_the_command_for_a_key_is_not_taken_from_the_working_folder(
    hostile: Path, tmp_path: Path, name: str
) -> None:
    keys = KeyLookup(StoredKeyNames(tmp_path / "keys.json"), environ={"PATH": f".:{os.environ['PATH']}"})
    with pytest.raises(KeyMissing, match="at that path"):
        await keys.of(Provider("x", api_key_cmd=(name,)))


async def test_the_command_for_a_key_has_the_users_environment_and_starts_at_home(
    hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    environment = {**os.environ, "PASSWORD_STORE_DIR": "/store"}
    keys = KeyLookup(StoredKeyNames(tmp_path / "keys.json"), environ=environment)
    # `python -c` looks for modules where it is started.
    code = "import msgspec, os; print(os.environ['PASSWORD_STORE_DIR'] + os.getcwd())"
    key = await keys.of(Provider("x", api_key_cmd=(sys.executable, "-c", code)))
    assert key == f"/store{tmp_path}"


def test_programs_of_the_clipboard_get_no_key_and_are_not_taken_from_the_working_folder(hostile: Path) -> None:
    environment: Mapping[str, str] = {"PATH": f".:{os.environ['PATH']}", "DISPLAY": ":9", "TMUX": "/tmp/x,1,0"}
    assert not {"./xclip", str(hostile / "xclip")} & {
        p.command[0] for p in clipboard_programs.copy_programs(environment)
    }
    found = find_program("xclip", environment)
    assert found is None or not found.startswith(str(hostile))
    command = program_command(("env",), {**environment, **KEYS}, allowed=child_process.CLIPBOARD)
    seen = run(command, seconds=10).output.decode()
    assert SECRET not in seen
    assert "DISPLAY=:9" in seen
    assert "TMUX=/tmp/x,1,0" in seen


# -- the whole program -------------------------------------------------------------------------------------------------


async def test_ask_in_a_hostile_folder_reads_a_pdf_and_runs_nothing_there(
    hostile: Path, home: Home, server: ModelServer
) -> None:
    (hostile / "a.pdf").write_bytes(pdf("On rivers"))
    home.serve(server.base_url, "m")
    home.environment |= {**KEYS, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(PACKAGE.parent)}
    done = await home.run("ask", "--attach", "a.pdf", "x")
    assert done.code == 0, done.told()
    assert "On rivers" in json.dumps(server.exchanges[0].body)
