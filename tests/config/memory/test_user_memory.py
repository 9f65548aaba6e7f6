from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from chat_tui.config.memory.user_memory import USER_BYTES, UserMemory
from chat_tui.core.errors import ConfigError


def memory_in(folder: Path, text: str | None = None) -> UserMemory:
    file = folder / "memory.md"
    if text is not None:
        file.write_text(text)
    return UserMemory(file)


def test_what_is_added_is_a_line_of_a_private_file(tmp_path: Path) -> None:
    memory = memory_in(tmp_path / "new")
    assert memory.read() == ""
    assert memory.add("I live  in\nBern\x1b[31m")
    assert memory.add("use metric units")
    assert memory.file.read_text() == "- I live in Bern\n- use metric units\n"
    assert memory.file.stat().st_mode & 0o777 == 0o600
    assert not memory.add("use metric units")
    assert memory.read().count("metric") == 1


def test_text_of_an_editor_stays_as_it_is(tmp_path: Path) -> None:
    memory = memory_in(tmp_path, "# Notes\n\nsome text without an end")
    memory.file.chmod(0o644)
    memory.add("more")
    assert memory.file.read_text() == "# Notes\n\nsome text without an end\n- more\n"
    assert memory.file.stat().st_mode & 0o777 == 0o600


def test_lines_are_found_removed_and_put_back(tmp_path: Path) -> None:
    memory = memory_in(tmp_path, "- I like Tea\n- a cat\n- green  tea is best\n- a cat\n")
    found = memory.find("TEA")
    assert [line.words for line in found] == ["I like Tea", "green  tea is best"]
    assert [line.words for line in memory.find("green tea")] == ["green  tea is best"]
    removed = memory.remove(found)
    assert memory.read() == "- a cat\n- a cat\n"
    # What another program adds meanwhile stays.
    memory.add("a dog")
    memory.restore(removed)
    assert memory.read() == "- I like Tea\n- a cat\n- green  tea is best\n- a cat\n- a dog\n"
    assert memory.remove([line for line in memory.find("a cat") if line.place == 3])
    assert memory.read() == "- I like Tea\n- a cat\n- green  tea is best\n- a dog\n"


def test_all_lines_can_go_and_come_back(tmp_path: Path) -> None:
    memory = memory_in(tmp_path, "- one")
    removed = memory.remove(memory.find("one"))
    assert memory.read() == ""
    memory.restore(removed)
    assert memory.read().strip() == "- one"
    assert memory.remove(removed)
    assert memory.remove(removed) == []


def test_several_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    # Each has a descriptor of its own for the lock, as processes have.
    threads = [
        threading.Thread(target=lambda name=name: [memory_in(tmp_path).add(f"{name} {number}") for number in range(10)])
        for name in "abc"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = memory_in(tmp_path).read().splitlines()
    assert sorted(lines) == sorted(f"- {name} {number}" for name in "abc" for number in range(10))
    assert [file.name for file in tmp_path.iterdir()] == ["memory.md"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "mine.md"
    real.write_text("- one\n")
    memory = memory_in(tmp_path)
    memory.file.symlink_to(real)
    memory.add("two")
    assert memory.file.is_symlink()
    assert real.read_text() == "- one\n- two\n"


def test_a_file_that_cannot_be_used_is_named_in_one_sentence(tmp_path: Path) -> None:
    for name, make, why in (
        ("folder", Path.mkdir, "it is a folder"),
        ("bytes", lambda file: file.write_bytes(b"- caf\xe9\n"), "it is not UTF-8 text"),
        ("huge", lambda file: file.write_bytes(b"x" * (USER_BYTES + 1)), "it is larger than 16 KB"),
        ("pipe", os.mkfifo, "it is not a regular file"),
    ):
        file = tmp_path / name
        make(file)
        memory = UserMemory(file)
        for use in (memory.read, lambda memory=memory: memory.add("x"), lambda memory=memory: memory.find("x")):
            with pytest.raises(ConfigError, match=why) as error:
                use()
            assert error.value.title == f"{file} cannot be used: {why}."


def test_a_file_is_not_made_larger_than_what_is_used(tmp_path: Path) -> None:
    before = "x" * (USER_BYTES - 10) + "\n"
    memory = memory_in(tmp_path, before)
    with pytest.raises(ConfigError, match="was not changed: it would be larger than 16 KB"):
        memory.add("much more than that")
    assert memory.read() == before


def test_a_file_that_is_read_only_is_not_replaced(tmp_path: Path) -> None:
    memory = memory_in(tmp_path, "- one\n")
    memory.file.chmod(0o400)
    with pytest.raises(ConfigError, match="it is read-only"):
        memory.add("two")
    assert memory.read() == "- one\n"
