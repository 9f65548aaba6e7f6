"""The files of a project: what git ignores is left out, and a search finds the best of very many."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from chat_tui.core.files import project_list_worker
from chat_tui.core.files.project_files import PathBlock, ProjectFiles, list_project
from chat_tui.core.files.project_list_worker import list_files

TREE = ("readme.md", "src/main.py", "src/a b.py", "out/main.o", "src/gen/x.py", ".hidden/y", "logs/keep.log", 'no"te')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in TREE:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    (tmp_path / ".gitignore").write_text("out/\n*.log\n")
    (tmp_path / "src" / ".gitignore").write_text("gen/\n")
    return tmp_path


FOUND = ["src/", "readme.md", "src/a b.py", "src/main.py"]


def test_git_says_what_is_ignored_and_starts_no_program_of_the_repository(folder: Path) -> None:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    hook = folder.parent / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {folder.parent / 'started'}\n")
    hook.chmod(0o755)
    subprocess.run(["git", "-C", str(folder), "config", "core.fsmonitor", str(hook)], check=True)
    assert list_files(str(folder), 100, 60.0) == FOUND
    assert not (folder.parent / "started").exists()
    subprocess.run(["git", "-C", str(folder), "add", "-f", "logs/keep.log"], check=True)
    assert list_files(str(folder), 100, 60.0) == ["src/", "logs/", *FOUND[1:], "logs/keep.log"]
    assert list_files(str(folder / "src"), 100, 60.0) == ["a b.py", "main.py"]
    assert len(list_files(str(folder), 2, 60.0)) <= 2


def test_without_git_the_files_named_gitignore_count_by_themselves(folder: Path) -> None:
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "main.js").write_text("x")
    # The folder `logs` itself is not ignored, only what is in it.
    assert list_files(str(folder), 100, 60.0) == ["src/", "logs/", *FOUND[1:]]
    assert len(list_files(str(folder), 3, 60.0)) <= 3
    assert list_files(str(folder / "nowhere"), 100, 60.0) == []


async def test_the_child_process_tells_the_same_in_blocks(folder: Path) -> None:
    files = await list_project(folder)
    assert list(files.paths()) == ["src/", "logs/", *FOUND[1:]]
    assert len(files) == 5
    assert files.search("MAIN", 10) == ["src/main.py"]
    assert len(await list_project(folder, entries=2)) <= 2


def project(*paths: str, block: int = 3) -> ProjectFiles:
    ordered = sorted(paths, key=lambda path: (len(path), path))
    blocks = []
    for begin in range(0, len(ordered), block):
        some = ordered[begin : begin + block]
        lower = "\n".join(some).casefold()
        names = "\n".join(path.rstrip("/").rpartition("/")[2] for path in some).casefold()
        blocks.append(PathBlock("\n".join(some), f"\n{lower}\n", f"\n{names}\n"))
    return ProjectFiles(blocks)


def test_names_that_begin_with_it_come_first_then_names_then_paths_or_letters() -> None:
    files = project("main/zzz.py", "src/main.py", "domain.py", "m/a/i/n.txt", "src/Main_2.py", "main/", "other.md")
    names = ["main/", "src/main.py", "src/Main_2.py", "domain.py"]
    assert files.search("main", 50) == [*names, "main/zzz.py"]
    assert files.search("main", 4) == names
    assert files.search("maintx", 50) == ["m/a/i/n.txt"]
    assert files.search("main", 2) == ["main/", "src/main.py"]
    assert files.search("", 2) == ["main/", "other.md"]
    assert files.search("src/m", 9) == ["src/main.py", "src/Main_2.py"]
    assert files.search("ß]^", 9) == files.search("a\nb", 9) == []
    assert project().search("x", 9) == []


def test_each_line_is_found_in_blocks_of_any_size() -> None:
    paths = [f"{letter}{number}/{letter * 3}.py" for letter in "abc" for number in range(20)]
    for block in (1, 2, 7, 100):
        files = project(*paths, block=block)
        assert sorted(files.search("py", 100)) == sorted(paths)
        assert sorted(files.search("b1", 100)) == sorted(path for path in paths if path.startswith("b1"))
        assert files.search("c7cy", 100) == ["c7/ccc.py", "c17/ccc.py"]


def test_one_of_very_many_is_found_in_steps_that_let_others_run() -> None:
    pauses: list[None] = []
    many = project(*(f"folder{number % 300}/file{number}.py" for number in range(20_000)), "x/needle.py", block=500)
    paused = ProjectFiles(many._blocks, lambda: pauses.append(None))
    assert paused.search("needle", 50)[0] == "x/needle.py"
    assert len(pauses) >= 3 * len(many._blocks) // 16
    assert project_list_worker.BLOCK == 500
