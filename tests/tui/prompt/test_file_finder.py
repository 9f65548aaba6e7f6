"""Files named in the prompt: how they are written, what a drop pastes, and what a few letters find."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_tui.core.attachments.mentions import mention_at, mention_of, mentions, pasted_paths
from chat_tui.core.files.project_files import PathBlock, ProjectFiles
from chat_tui.tui.prompt.file_finder import FileFinder


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        ("look at @a.py and @~/b/c.txt", ["a.py", "~/b/c.txt"]),
        ('@"my notes.md" please', ["my notes.md"]),
        ("mail me@example.com, @ nobody", []),
        ("", []),
    ],
)
def test_a_path_behind_an_at_sign_is_a_mention(line: str, paths: list[str]) -> None:
    assert [found.path for found in mentions(line)] == paths


def test_what_is_written_as_a_mention_is_read_as_one() -> None:
    for path in ("a.py", "my notes.md", "~/x/ä 文.txt"):
        assert [found.path for found in mentions(f"see {mention_of(path)} there")] == [path]


def test_the_mention_at_the_cursor_is_the_one_that_is_typed() -> None:
    for text, path in (("@", ""), ("see @src/ma", "src/ma"), ('see @"my no', "my no")):
        mention = mention_at(text, len(text))
        assert mention is not None
        assert mention.path == path
    assert mention_at("see @src and", 12) is None
    assert mention_at("a@b", 3) is None


@pytest.mark.parametrize(
    ("pasted", "paths"),
    [
        ("/a/b.txt", ["/a/b.txt"]),
        ("'/a/my b.txt' '/c'", ["/a/my b.txt", "/c"]),
        ("/a/my\\ b.txt ", ["/a/my b.txt"]),
        ("/a/my b.txt", ["/a/my b.txt"]),
        ("file:///a/my%20b.txt", ["/a/my b.txt"]),
        ("some words", []),
        ("/a\n/b", ["/a", "/b"]),
        ("it's", []),
        ("x" * 10_000, []),
    ],
)
def test_a_drop_is_told_from_other_pastes(pasted: str, paths: list[str]) -> None:
    assert pasted_paths(pasted) == paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in ("readme.md", "src/main.py", "src/domain.py", "src/deep/er/main_test.py", ".git/main", "my notes.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "main.js").write_text("x")
    return tmp_path


async def found(folder: Path, typed: str) -> list[str]:
    return [one.path for one in await FileFinder(lambda: folder).find(typed)]


async def test_a_few_letters_find_files_in_all_folders_below_best_first(folder: Path) -> None:
    assert await found(folder, "main") == ["src/main.py", "src/deep/er/main_test.py", "src/domain.py"]
    assert await found(folder, "smt") == ["src/deep/er/main_test.py"]
    assert (await found(folder, ""))[:2] == ["src/", "readme.md"]


async def test_a_folder_is_listed_when_it_is_typed(folder: Path) -> None:
    assert await found(folder, "src/") == ["src/deep/", "src/main.py", "src/domain.py"]
    assert await found(folder, f"{folder}/src/ma") == [f"{folder}/src/main.py", f"{folder}/src/domain.py"]
    assert await found(folder, ".g") == []
    assert await found(folder, "./.g") == ["./.git/"]
    assert await found(folder, "/nowhere/at/all") == []


class PreparedLists:
    """Lists of files that are prepared, or fail where there is none."""

    def __init__(self, *lists: list[str]) -> None:
        self.lists = list(lists)

    async def __call__(self, folder: Path) -> ProjectFiles:
        if not self.lists:
            raise OSError("no list")
        paths = self.lists.pop(0)
        lower = "\n".join(paths).casefold()
        names = "\n".join(path.rstrip("/").rpartition("/")[2] for path in paths).casefold()
        return ProjectFiles([PathBlock("\n".join(paths), f"\n{lower}\n", f"\n{names}\n")])


async def test_a_known_list_is_used_while_it_is_renewed(folder: Path) -> None:
    now = 0.0
    lists = PreparedLists(["readme.md", "gone.md"], ["readme.md", "my notes.txt"])
    finder = FileFinder(lambda: folder, lambda: now, lists)

    async def paths() -> list[str]:
        return [one.path for one in await finder.find("")]

    assert await paths() == ["readme.md"]
    now = 5.0
    assert await paths() == ["readme.md"]
    now = 11.0
    assert await paths() == ["readme.md"]
    assert finder._listing is not None
    await finder._listing
    assert await paths() == ["readme.md", "my notes.txt"]
    now = 30.0
    assert await paths() == ["readme.md", "my notes.txt"]
    assert await FileFinder(lambda: folder, lambda: now, lists).find("") == []


async def test_names_that_cannot_be_written_are_left_out(folder: Path) -> None:
    (folder / 'a"b').write_text("x")
    (folder / "a\x1b]0;x").write_text("x")
    assert [path for path in await found(folder, "") if path.startswith("a")] == []


async def test_completions_quote_blanks_and_leave_folders_open(folder: Path) -> None:
    finder = FileFinder(lambda: folder)
    assert (await finder.completions("@my"))[0].text == '@"my notes.txt" '
    assert (await finder.completions("@sr"))[0].text == "@src/"
