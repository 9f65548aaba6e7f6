"""A file of our own state that makes no sense is put aside, and that is said once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.files.state_files import StateFile

NONSENSE = {
    "nested": b"[" * 60_000,
    "nested where nobody looks": b'{"x": ' + b"[" * 50_000,
    "binary": bytes(range(256)),
    "empty": b"",
    "of another type": b"[1, 2]",
    "with a wrong value": b'{"a": true}',
    "with half a character": b'{"\xe2": 1}',
    "cut": b'{"a": 1',
    "huge": b" " * 70_000,
}


def state(file: Path, told: list[ChatTuiError]) -> StateFile[dict[str, int]]:
    return StateFile(file, dict[str, int], 64_000, "Nothing is known.", told.append)


@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_is_put_aside_and_told_once(tmp_path: Path, kind: str) -> None:
    file, told = tmp_path / "state.json", list[ChatTuiError]()
    file.write_bytes(NONSENSE[kind])
    kept = state(file, told)
    assert [kept.read(), kept.read()] == [None, None]
    (notice,) = told
    assert str(file) in notice.title
    assert notice.hint == "Nothing is known. The file is kept as state.json.damaged."
    assert (tmp_path / "state.json.damaged").read_bytes() == NONSENSE[kind]
    kept.write({"a": 1})
    assert kept.read() == {"a": 1}
    assert len(told) == 1


def test_what_was_put_aside_before_stays(tmp_path: Path) -> None:
    file, told = tmp_path / "state.json", list[ChatTuiError]()
    for number in range(3):
        file.write_text(f"nonsense {number}")
        state(file, told).read()
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {
        "state.json.damaged": "nonsense 0",
        "state.json.damaged-1": "nonsense 1",
        "state.json.damaged-2": "nonsense 2",
    }


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_put_aside_too(tmp_path: Path, make: object) -> None:
    file, told = tmp_path / "state.json", list[ChatTuiError]()
    assert callable(make)
    make(file)
    assert state(file, told).read() is None
    assert len(told) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["state.json.damaged"]


def test_no_file_is_no_trouble(tmp_path: Path) -> None:
    told: list[ChatTuiError] = []
    assert state(tmp_path / "none", told).read() is None
    (tmp_path / "file").write_text("")
    assert state(tmp_path / "file" / "state.json", told).read() is None
    assert told == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_stays_where_it_is(tmp_path: Path) -> None:
    file, told = tmp_path / "state.json", list[ChatTuiError]()
    file.write_text('{"a": 1}')
    file.chmod(0)
    assert state(file, told).read() is None
    assert len(told) == 1
    assert file.exists()
