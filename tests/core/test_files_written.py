"""Files are written in one place: under a name of nobody else's, private, in their place only when they are whole."""

from __future__ import annotations

import ast
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import chat_tui
from chat_tui.core.errors import CommandError
from chat_tui.core.files import writing
from chat_tui.core.files.private_files import open_private
from chat_tui.engine.batch.ordered_output import OrderedOutput
from chat_tui.tui.actions import export_file
from chat_tui.tui.widgets import ui_state

PACKAGE = Path(chat_tui.__file__).parent
DOOR = "core/files/writing.py"
ELSEWHERE = {
    "history/displacement.py": "SQLite's logs keep their names while a displaced store closes; nothing is written",
    "history/opening.py": "SQLite writes the store, and beside it the recovered one",
    "history/recovery/kept_files.py": "a damaged store is kept under another name, with SQLite's logs",
}
"""Modules that write otherwise, and why."""
OF_PATHS = {"write_text", "write_bytes", "touch", "hardlink_to", "symlink_to"}
OF_OS = {"replace", "rename", "renames", "link", "symlink", "mkfifo", "mknod", "truncate", "O_CREAT", "O_TRUNC"}
OF_SHUTIL = {"copy", "copy2", "copyfile", "copyfileobj", "copytree", "move", "make_archive"}
OF_TEMPFILE = {"mkstemp", "mktemp", "NamedTemporaryFile", "SpooledTemporaryFile"}
FILE_MODE = re.compile(r"[rwxabt+]{1,4}")


def writers(tree: ast.AST) -> Iterator[str]:
    """Whatever in a module could write a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner, name = node.value.id, node.attr
            # Flags of a file that stays open are handed to the one place.
            by_os = owner == "os" and name in OF_OS - {"O_CREAT", "O_TRUNC"}
            if by_os or (owner == "shutil" and name in OF_SHUTIL) or (owner == "tempfile" and name in OF_TEMPFILE):
                yield f"{owner}.{name}"
        if isinstance(node, ast.ImportFrom) and node.module in {"os", "shutil", "tempfile"}:
            known = OF_OS | OF_SHUTIL | OF_TEMPFILE
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name in known)
        if isinstance(node, ast.Call):
            yield from called(node)


def called(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in OF_PATHS:
        yield name
    if name == "open":
        if any(isinstance(flags, ast.Attribute) and flags.attr in {"O_CREAT", "O_TRUNC"} for flags in ast.walk(node)):
            yield "os.open"
        for value in [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]:
            mode = value.value if isinstance(value, ast.Constant) else None
            if isinstance(mode, str) and FILE_MODE.fullmatch(mode) and set(mode) & set("wxa+"):
                yield f"open in mode {mode}"


def test_no_other_module_writes_a_file() -> None:
    wrong = [
        f"{place} writes a file by {what}: go through {DOOR}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if (place := file.relative_to(PACKAGE).as_posix()) not in {DOOR, *ELSEWHERE}
        for what in writers(ast.parse(file.read_text("utf-8")))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "code",
    [
        "open(name, 'w')",
        "open(name, mode='ab')",
        "file.open('r+')",
        "file.write_text('x')",
        "import os\nos.replace(a, b)",
        "from shutil import copy2",
        "import os\nos.open(a, os.O_WRONLY | os.O_CREAT)",
        "import tempfile\ntempfile.mkstemp()",
    ],
)
def test_the_walk_sees_every_way_to_write_one(code: str) -> None:
    assert list(writers(ast.parse(code)))


# -- what is written ---------------------------------------------------------------------------------------------------


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_new_file_is_private_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        writing.write(tmp_path / "a", "ä\ud800")
        writing.write(tmp_path / "b", b"old")
        writing.write(tmp_path / "b", b"new", replace=True)
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_text("utf-8") == "ä?"
    assert (tmp_path / "b").read_bytes() == b"new"
    assert {mode_of(tmp_path / name) for name in "ab"} == {0o600}
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_it_is_in_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    with writing.new_file(tmp_path / "a") as opened:
        opened.write(b"half")
        opened.flush()
        assert not (tmp_path / "a").exists()
        (part,) = tmp_path.iterdir()
        assert mode_of(part) == 0o600
    assert (tmp_path / "a").read_bytes() == b"half"


@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("replace", [False, True])
def test_nothing_is_left_where_writing_fails(tmp_path: Path, kind: type[BaseException], replace: bool) -> None:
    if replace:
        (tmp_path / "a").write_bytes(b"old")

    def fail() -> None:
        with writing.new_file(tmp_path / "a", replace=replace) as opened:
            opened.write(b"half")
            raise kind

    with pytest.raises(kind):
        fail()
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([b"old"] if replace else [])


def test_what_a_killed_process_left_half_written_is_removed_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal; from chat_tui.core.files import writing as files\n"
        f"with files.new_file(pathlib.Path({str(tmp_path / 'killed')!r})) as opened:\n"
        "    opened.write(b'half'); opened.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    theirs = tmp_path / ".chat-tui-theirs.part"
    theirs.write_bytes(b"of the user")
    with writing.new_file(tmp_path / "a") as opened:
        opened.write(b"whole")
        assert not left.exists()
        writing.write(tmp_path / "b", b"another meanwhile")
    assert sorted(os.listdir(tmp_path)) == [theirs.name, "a", "b"]
    assert (tmp_path / "a").read_bytes() == b"whole"


@pytest.mark.parametrize("there", ["a file", "a link", "a link to nothing", "a folder", "a pipe"])
def test_what_is_there_is_not_replaced_unless_asked(tmp_path: Path, there: str) -> None:
    target, other = tmp_path / "a", tmp_path / "other"
    other.write_bytes(b"theirs")
    if there == "a file":
        target.write_bytes(b"theirs")
    elif there == "a folder":
        target.mkdir()
    elif there == "a pipe":
        os.mkfifo(target)
    else:
        target.symlink_to(other if there == "a link" else tmp_path / "nothing")
    before = target.lstat()
    with pytest.raises(FileExistsError):
        writing.write(target, b"ours")
    assert target.lstat().st_ino == before.st_ino
    assert other.read_bytes() == b"theirs"
    assert sorted(os.listdir(tmp_path)) == ["a", "other"]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    def write() -> None:
        with writing.new_file(tmp_path / "a") as opened:
            opened.write(b"ours")
            (tmp_path / "a").write_bytes(b"theirs")

    with pytest.raises(FileExistsError):
        write()
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"theirs"]


def test_a_link_is_replaced_and_never_written_through(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"theirs")
    (tmp_path / "a").symlink_to(other)
    writing.write(tmp_path / "a", b"ours", replace=True)
    assert not (tmp_path / "a").is_symlink()
    assert other.read_bytes() == b"theirs"
    (tmp_path / "journal").symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        open_private(tmp_path / "journal", os.O_RDWR | os.O_CREAT | os.O_APPEND)


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path: Path) -> None:
    writing.write(tmp_path / ("a" * 255), b"x")
    assert [len(name) for name in os.listdir(tmp_path)] == [255]


# -- those who write ---------------------------------------------------------------------------------------------------


def test_an_export_of_the_screen_leaves_other_files_alone(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to(tmp_path / "nothing")
    written = export_file.write("words", tmp_path / "a.md")
    assert written.name == "a-2.md"
    assert mode_of(written) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["a-2.md", "a.md"]


def test_how_the_screen_was_left_is_private(tmp_path: Path) -> None:
    ui_state.write(tmp_path / "state" / "screen.json", ui_state.UiState(theme="nord"))
    assert mode_of(tmp_path / "state" / "screen.json") == 0o600
    assert os.listdir(tmp_path / "state") == ["screen.json"]


def test_results_of_a_batch_are_private(tmp_path: Path) -> None:
    ledger = OrderedOutput.to_file(tmp_path / "results.jsonl")
    ledger.put(1, b"{}\n")
    assert {file.name: mode_of(file) for file in tmp_path.iterdir()} == {
        "results.jsonl": 0o600,
        "results.jsonl.journal": 0o600,
    }
    ledger.close()


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_a_file_named_as_the_journal_of_a_batch_is_left_alone(tmp_path: Path, kind: str) -> None:
    theirs, other = tmp_path / "results.jsonl.journal", tmp_path / "other"
    other.write_text("Dear diary\n")
    if kind == "file":
        theirs.write_text("Dear diary\n")
    elif kind == "link":
        theirs.symlink_to(other)
    else:
        theirs.mkdir()
    with pytest.raises(CommandError, match="was not written by batch"):
        OrderedOutput.to_file(tmp_path / "results.jsonl")
    assert kind == "folder" or theirs.read_text() == "Dear diary\n"
    assert sorted(os.listdir(tmp_path)) == ["other", "results.jsonl.journal"]
