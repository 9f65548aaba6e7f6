"""The draft in a person's own editor."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from chat_tui.core.errors import CommandError
from chat_tui.core.processes.editor import editor_of
from chat_tui.tui.prompt.editor_file import DraftOrigin, EditorFolders
from chat_tui.tui.prompt.external_editor import ExternalEditor
from tests.doubles.scripted_chat import scripted_chat
from tests.support.pty_terminal import PtyTerminal

PATH = {"PATH": os.environ["PATH"]}


@pytest.fixture
def editor(tmp_path: Path) -> str:
    """An editor that notes what it was given, and writes it in capitals."""
    script = tmp_path / "my editor"
    script.write_text(
        f"#!{sys.executable}\nimport os, sys\nfile = sys.argv[-1]\ntext = open(file).read()\n"
        f"open({str(tmp_path / 'noted')!r}, 'w').write("
        "'%o %o %s %s' % (os.stat(file).st_mode, os.stat(os.path.dirname(file)).st_mode, file, sys.argv[1:-1]))\n"
        "open(file, 'w').write(text.upper() + '\\x1b[31m\\n')\n"
    )
    script.chmod(0o700)
    return f"'{script}' --wait"


def is_gone(file: str) -> bool:
    """Its folder too."""
    return not os.path.exists(os.path.dirname(file))


def nothing_to_lend() -> AbstractContextManager[None]:
    return nullcontext()


async def edited(text: str, environment: dict[str, str], folder: Path) -> str:
    """What an editor makes of the text."""
    taken: list[str] = []

    async def take(text: str) -> None:
        taken.append(text)

    folders = EditorFolders(folder / "kept", folder / "private")
    await ExternalEditor(nothing_to_lend, environment, folders).edit(text, None, take)
    [text] = taken
    return text


async def test_the_draft_goes_through_a_private_file_that_is_gone_afterwards(editor: str, tmp_path: Path) -> None:
    told = await edited("some ä words", {**PATH, "EDITOR": editor}, tmp_path)
    assert told == "SOME Ä WORDS\x1b[31m"
    mode, folder_mode, file, arguments = (tmp_path / "noted").read_text().split(" ", 3)
    assert (stat.S_IMODE(int(mode, 8)), stat.S_IMODE(int(folder_mode, 8))) == (0o600, 0o700)
    assert arguments == "['--wait']"
    assert is_gone(file)


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({"VISUAL": "true --wait", "EDITOR": "false"}, ["true", "--wait"]),
        ({"VISUAL": " ", "EDITOR": "false"}, ["false"]),
    ],
)
def test_visual_goes_before_editor(environment: dict[str, str], command: Sequence[str]) -> None:
    assert editor_of({**PATH, **environment}) == command


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({**PATH, "EDITOR": "no-such-editor"}, "The editor no-such-editor was not found."),
        ({**PATH, "EDITOR": "vim 'x"}, "a quote is not closed"),
        ({"PATH": "/nowhere"}, "No editor was found."),
        ({**PATH, "EDITOR": "false"}, r"The editor false exited with code 1."),
    ],
)
async def test_an_editor_that_cannot_be_used_is_told(tmp_path: Path, environment: dict[str, str], why: str) -> None:
    with pytest.raises(CommandError, match=why) as raised:
        await edited("words", environment, tmp_path)
    assert "Your text is still in the prompt." in raised.value.hint


async def test_a_text_that_is_too_large_to_come_back_is_kept_as_a_file(tmp_path: Path) -> None:
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nhead -c 16000001 /dev/zero > "$1"\n')
    script.chmod(0o700)
    folders = EditorFolders(tmp_path / "kept", tmp_path / "private")
    editor = ExternalEditor(nothing_to_lend, {**PATH, "EDITOR": str(script)}, folders)

    async def take(text: str) -> None:
        raise AssertionError

    with pytest.raises(CommandError, match="larger than 16 MB") as raised:
        await editor.edit("words", DraftOrigin(None, "words"), take)
    [kept] = folders.kept.glob("*.md")
    assert str(kept) in raised.value.hint
    assert kept.stat().st_size == 16_000_001
    with pytest.raises(CommandError, match="larger than 16 MB"):
        await editor.edit("words", None, take)
    assert [file.name for file in folders.private.iterdir()] == ["lock"]


async def test_ctrl_g_brings_back_what_was_written_without_controls(
    editor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", editor)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    async with scripted_chat() as chat:
        await chat.pilot.press(*"hello", "ctrl+g")
        await chat.until(lambda: chat.chat.prompt.text == "HELLO")
        await chat.pilot.press("ctrl+z")
        assert chat.chat.prompt.text == "hello"


def test_the_editor_has_the_terminal_and_the_screen_comes_back(tmp_path: Path) -> None:
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\nprintf 'the editor asks> '\nread line\nprintf '%s' \"$line\" > \"$1\"\n")
    script.chmod(0o700)
    home = {"HOME": str(tmp_path), "EDITOR": str(script), "VISUAL": ""}
    home |= {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    command = [sys.executable, "-m", "chat_tui", "--model", "scripted/demo"]
    with PtyTerminal(command, env={**os.environ, **home}, columns=80, rows=24) as terminal:
        terminal.wait_for("Ask anything")
        terminal.send(b"\x07")
        terminal.wait_for("the editor asks>")
        terminal.send(b"from outside\r")
        terminal.wait_until(lambda screen: "from outside" in screen and "Ctrl+O" in screen)
