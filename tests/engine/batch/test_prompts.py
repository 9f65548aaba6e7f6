"""Prompts as they stand in files and pipes."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from chat_tui.core.errors import CommandError
from chat_tui.engine.batch.prompts import LINE_BYTES, BatchPrompt, PromptSource


def read(file: Path, raw: bytes) -> list[BatchPrompt]:
    """All of them; they are counted first."""
    file.write_bytes(raw)
    prompts = PromptSource(str(file))
    counted, found = prompts.count(), list(prompts)
    prompts.close()
    assert counted == len(found)
    return found


def test_a_line_is_a_prompt_whatever_its_end(tmp_path: Path) -> None:
    found = read(tmp_path / "p.txt", b"\xef\xbb\xbfone\r\n\r\n \t\n  two \n\xffthree")
    assert [(one.index, one.line, one.text) for one in found] == [
        (0, 1, "one"),
        (1, 4, "  two "),
        (2, 5, "\ufffdthree"),
    ]


def test_lines_are_whole_wherever_they_are_cut(tmp_path: Path) -> None:
    lines = [f"{n} " + "wörd " * (n * 700) for n in range(60)]
    found = read(tmp_path / "p.txt", "\n".join(lines).encode())
    assert [one.text for one in found] == lines


def test_a_line_of_json_is_an_object_or_a_text(tmp_path: Path) -> None:
    raw = b'{"prompt": "one", "id": 3, "n": 1.10, "deep": {"a": [1]}}\n"two"\n[1]\n{"prompt": "x", "max_tokens": 0}\n'
    one, two, odd, zero = read(tmp_path / "p.jsonl", raw)
    assert (one.text, one.id, {name: bytes(value) for name, value in one.carried.items()}) == (
        "one",
        3,
        {"n": b"1.10", "deep": b'{"a": [1]}'},
    )
    assert (two.text, two.fault, two.carried) == ("two", "", {})
    assert odd.fault.startswith("Line 3 is not a valid prompt: ")
    assert "max_tokens" in zero.fault


@pytest.mark.parametrize(
    "odd", [b'{"prompt": "\\ud800"}', b'{"prompt": "\xff"}', b"{" * 5000, b'{"prompt": "a"', b"\x00"]
)
def test_odd_json_is_a_fault_of_its_line_only(tmp_path: Path, odd: bytes) -> None:
    first, last = read(tmp_path / "p.jsonl", odd + b'\n"well"\n')
    assert first.fault.startswith("Line 1 is not a valid prompt")
    assert len(first.text) <= 200
    assert (last.text, last.fault) == ("well", "")


def test_a_line_that_is_too_long_is_not_held(tmp_path: Path) -> None:
    with (tmp_path / "p.txt").open("wb") as file:
        file.write(b"one\n")
        for _ in range(4):
            file.write(b"x" * LINE_BYTES)
        file.write(b"\nlast")
    prompts = PromptSource(str(tmp_path / "p.txt"))
    tracemalloc.start()
    found = list(prompts)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    prompts.close()
    assert [bool(one.fault) for one in found] == [False, True, False]
    assert most < 1.5 * LINE_BYTES


def test_a_pipe_is_read_once_and_let_go_when_told_so() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\ntw")
    prompts = PromptSource(f"/dev/fd/{reading}")
    assert prompts.count() is None
    assert next(iter(prompts)).text == "one"
    prompts.stop()
    assert prompts.stopped
    assert [one.text for one in prompts] == []
    prompts.close()
    os.close(reading)
    os.close(writing)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    for name in (tmp_path, tmp_path / "none", "a\0b"):
        with pytest.raises(CommandError, match="cannot be read"):
            PromptSource(str(name))
