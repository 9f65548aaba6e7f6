"""What a path refers to: lines of a file, the files of a folder, those that match a pattern; within limits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from chat_tui.core.attachments.attachment import TEXT_LIMIT
from chat_tui.core.attachments.referenced_files import MOST_FILES, NothingMatched, parse_reference, read_referenced
from chat_tui.core.errors import AttachmentRefused

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in ("src/main.py", "src/deep/er/late.py", "src/notes.md", "src/.env", "src/server.pem", "src/out/main.o"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"this is {path}\n")
    (tmp_path / "src" / "cat.png").write_bytes(PNG)
    (tmp_path / "src" / "empty.py").touch()
    (tmp_path / "src" / ".gitignore").write_text("out/\n")
    (tmp_path / "secret").write_text("of another folder")
    (tmp_path / "src" / "link.py").symlink_to(tmp_path / "secret")
    (tmp_path / "lines.txt").write_text("".join(f"line {number}\n" for number in range(1, 51)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path, path: str) -> tuple[Sequence[str], Sequence[str]]:
    read = read_referenced(f"{folder}/{path}")
    return [file.name for file in read.files], read.left_out


def refusal(folder: Path, path: str) -> str:
    with pytest.raises(AttachmentRefused) as caught:
        read_referenced(f"{folder}/{path}")
    assert caught.value.hint
    return caught.value.title


def test_a_folder_is_its_text_files_without_ignored_ones_links_and_keys(folder: Path) -> None:
    files, left_out = names(folder, "src/")
    assert files == ["src/main.py", "src/notes.md", "src/deep/er/late.py"]
    assert left_out == ["src/link.py", "src/server.pem", "src/cat.png", "src/empty.py"]
    read = read_referenced(f"{folder}/src/")
    assert read.files[0].content == b"this is src/main.py\n"
    assert read.note == "4 left out: src/link.py, src/server.pem, src/cat.png, …"


def test_a_pattern_is_the_files_that_match_images_included(folder: Path) -> None:
    assert names(folder, "src/*.py") == (["src/main.py"], ["src/link.py", "src/empty.py"])
    assert names(folder, "src/**/*.py")[0] == ["src/main.py", "src/deep/er/late.py"]
    assert names(folder, "*/notes.*")[0] == ["src/notes.md"]
    assert names(folder, "src/c*t.png")[0] == ["src/cat.png"]
    assert names(folder, "src/out/*")[0] == ["src/out/main.o"]
    (folder / "src" / "a\x1b[31m.txt").write_text("x")
    with pytest.raises(NothingMatched):
        read_referenced(f"{folder}/src/*.txt")
    with pytest.raises(NothingMatched):
        read_referenced(f"{folder}/src/*.rs")
    with pytest.raises(NothingMatched):
        read_referenced(f"{folder}/nowhere/*/x")


@pytest.mark.parametrize(
    ("written", "name", "first", "count"),
    [
        ("#10-12", "lines.txt (lines 10-12)", "line 10", 3),
        ("#L10-L12", "lines.txt (lines 10-12)", "line 10", 3),
        ("#7", "lines.txt (line 7)", "line 7", 1),
        ("#49-", "lines.txt (lines 49-50)", "line 49", 2),
        ("#40-400", "lines.txt (lines 40-50)", "line 40", 11),
        ("#0-1", "lines.txt (line 1)", "line 1", 1),
    ],
)
def test_lines_of_a_file_are_attached_with_their_numbers(
    folder: Path, written: str, name: str, first: str, count: int
) -> None:
    (file,) = read_referenced(f"{folder}/lines.txt{written}").files
    lines = file.content.decode().splitlines()
    assert (file.name, lines[0], len(lines), file.size_bytes) == (name, first, count, len(file.content))


def test_a_file_that_is_called_so_comes_before_lines_and_patterns(folder: Path) -> None:
    (folder / "lines.txt#1").write_text("whole")
    (folder / "a*b").write_text("star")
    assert names(folder, "lines.txt#1")[0] == ["lines.txt#1"]
    assert names(folder, "a*b")[0] == ["a*b"]
    assert parse_reference(f"{folder}/gone.txt#1").kind == "file"


def test_what_cannot_be_attached_is_refused_with_the_reason(folder: Path) -> None:
    assert refusal(folder, "lines.txt#60") == "lines.txt has only 50 lines."
    assert refusal(folder, "lines.txt#9-3") == "There are no lines 9 to 3."
    assert refusal(folder, "src/cat.png#1") == "cat.png is an image and has no lines."
    assert refusal(folder, "src") == "src is a folder."
    assert refusal(folder, "nowhere/") == "Folder not found: nowhere."
    (folder / "bare").mkdir()
    assert refusal(folder, "bare/") == "bare/ has no file that can be attached."
    for number in range(MOST_FILES + 1):
        (folder / "bare" / f"{number}.txt").write_text("x")
    assert refusal(folder, "bare/") == "bare/ has 101 files; at most 100 can be attached at once."
    assert refusal(folder, "bare/*.txt") == "*.txt has 101 files; at most 100 can be attached at once."
    (folder / "large").mkdir()
    for number in range(2):
        (folder / "large" / f"{number}.txt").write_text("x" * (TEXT_LIMIT // 2 + 1))
    assert refusal(folder, "large/") == "The files of large/ have more than 2 MB of text."
