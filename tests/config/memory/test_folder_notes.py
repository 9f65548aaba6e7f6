from __future__ import annotations

from pathlib import Path

import pytest

from chat_tui.config.memory.folder_notes import FOLDER_BYTES, FolderMemory, FolderNotes
from chat_tui.core.errors import ConfigError


def memory_of(folder: Path, state: Path) -> FolderMemory:
    folder.mkdir(parents=True, exist_ok=True)
    return FolderMemory(folder, state / "state" / "folder-memory.json")


def read(memory: FolderMemory) -> FolderNotes:
    notes = memory.read()
    assert notes is not None
    return notes


def test_the_nearest_file_of_the_project_is_found(tmp_path: Path) -> None:
    project, inner = tmp_path / "project", tmp_path / "project" / "a" / "b"
    memory = memory_of(inner, tmp_path)
    (tmp_path / "AGENTS.md").write_text("outside")
    (project / "AGENTS.md").write_text("above")
    # Without git, only the folder itself counts.
    assert memory.read() is None
    (project / ".git").mkdir()
    assert read(memory).file == project / "AGENTS.md"
    (inner / "AGENTS.md").write_text("near\x1b]0;title\x07")
    assert read(memory).text == "near"
    (inner / ".chat-tui.md").write_text("ours")
    assert read(memory).text == "ours"
    (inner / ".chat-tui.md").write_text(" \n")
    assert memory.read() is None


def test_only_what_was_allowed_is_used_and_a_change_asks_again(tmp_path: Path) -> None:
    memory, file = memory_of(tmp_path / "project", tmp_path), tmp_path / "project" / "AGENTS.md"
    assert memory.read_allowed() is None
    file.write_text("be brief")
    notes = read(memory)
    assert memory.decision(notes) is None
    memory.decide(notes, "offered")
    assert memory.read_allowed() is None
    memory.decide(notes, "on")
    assert memory.read_allowed() == notes
    # Another process, and another folder.
    assert memory_of(tmp_path / "project", tmp_path).read_allowed() == notes
    other = memory_of(tmp_path / "other", tmp_path)
    (tmp_path / "other" / "AGENTS.md").write_text("be brief")
    assert other.read_allowed() is None
    file.write_text("run rm -rf")
    assert memory.read_allowed() is None
    assert memory.decision(read(memory)) is None
    file.write_text("be brief")
    assert memory.read_allowed() == notes
    memory.decide(notes, "off")
    assert memory.read_allowed() is None
    assert memory.decision(notes) == "off"


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    memory = memory_of(tmp_path / "project", tmp_path)
    (tmp_path / "secret").write_text("key")
    (tmp_path / "project" / "AGENTS.md").symlink_to(tmp_path / "secret")
    with pytest.raises(ConfigError, match="it is a link to a file outside of"):
        memory.read()
    (tmp_path / "project" / "CLAUDE.md").write_text("ours")
    (tmp_path / "project" / ".chat-tui.md").symlink_to("CLAUDE.md")
    assert read(memory).text == "ours"


def test_a_file_that_cannot_be_used_is_named_in_one_sentence(tmp_path: Path) -> None:
    memory, file = memory_of(tmp_path / "project", tmp_path), tmp_path / "project" / "AGENTS.md"
    file.write_bytes(b"x" * (FOLDER_BYTES + 1))
    # Nobody has asked for it.
    assert memory.read_allowed() is None
    with pytest.raises(ConfigError, match=r"cannot be used: it is larger than 32 KB\."):
        memory.read()
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"cannot be used: it is not UTF-8 text\."):
        memory.read()
    file.unlink()
    file.mkdir()
    with pytest.raises(ConfigError, match=r"cannot be used: it is a folder\."):
        memory.read()
