"""Words survive what ends the program: a signal, a closed terminal, an editor that dies."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat_tui.tui.prompt.editor_file import DraftOrigin, EditorFile, EditorFolders, discard, leftovers
from tests.support.pty_terminal import PtyTerminal
from tests.support.screen_terminal import screen_terminal
from tests.tui.chat.test_window_title import home

DEMO = (sys.executable, "-m", "chat_tui", "--model", "scripted/demo")


@pytest.fixture
def folders(tmp_path: Path) -> EditorFolders:
    return EditorFolders(tmp_path / "kept", tmp_path / "private")


def killed(file: EditorFile) -> None:
    """As if the process that made it had been killed."""
    file.leave()


# -- the file that an editor works on ----------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [None, DraftOrigin(None, "words")])
def test_it_is_the_users_alone_and_gone_afterwards(folders: EditorFolders, origin: DraftOrigin | None) -> None:
    file = EditorFile.create("words", origin, folders)
    parent = folders.private if origin is None else folders.kept
    assert file.path.parent.parent == parent
    assert {stat.S_IMODE(path.stat().st_mode) for path in (parent, file.path.parent)} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in file.path.parent.iterdir()} == {0o600}
    assert file.read() == "words"
    (file.path.parent / ".prompt.md.swp").write_text("of the editor")
    file.remove()
    assert [path.name for path in parent.iterdir()] == ["lock"]


def test_what_a_killed_process_left_comes_back_once(folders: EditorFolders) -> None:
    origin = DraftOrigin("abc", "before")
    file = EditorFile.create("before", origin, folders)
    file.path.write_text("saved words\n")
    assert leftovers(folders) == []
    killed(file)
    [left] = leftovers(folders)
    assert (left.origin, left.text) == (origin, "saved words")
    discard(left)
    assert leftovers(folders) == []
    assert [path.name for path in folders.kept.iterdir()] == ["lock"]


def test_what_nano_saves_when_it_is_ended_comes_back(folders: EditorFolders) -> None:
    file = EditorFile.create("before", DraftOrigin(None, "before"), folders)
    rescued = file.path.with_name("prompt.md.save")
    rescued.write_text("not yet saved\n")
    os.utime(file.path, (1, 1))
    assert file.read() == "not yet saved"
    file.remove()


def test_private_words_of_a_killed_process_are_deleted(folders: EditorFolders) -> None:
    killed(EditorFile.create("secret", None, folders))
    in_use = EditorFile.create("in use", None, folders)
    kept = EditorFile.create("before", DraftOrigin(None, "before"), folders)
    kept.path.write_text("not of a private session")
    killed(kept)
    assert leftovers(folders, bring=False) == []
    assert in_use.read() == "in use"
    assert len(list(folders.private.iterdir())) == 2
    assert [left.text for left in leftovers(folders)] == ["not of a private session"]
    in_use.remove()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.path.write_text("before\n"),
        lambda file: file.path.write_text(" \n"),
        lambda file: file.path.unlink(),
        lambda file: file.path.with_name("origin.json").write_text("{" * 10_000),
        lambda file: file.path.with_name("origin.json").unlink(),
    ],
)
def test_a_leftover_that_says_nothing_is_removed(folders: EditorFolders, spoil: Callable[[EditorFile], object]) -> None:
    file = EditorFile.create("before", DraftOrigin(None, "before"), folders)
    spoil(file)
    killed(file)
    assert leftovers(folders) == []
    assert [path.name for path in folders.kept.iterdir()] == ["lock"]


def test_private_words_lie_in_the_runtime_folder_only_where_it_is_the_users_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    assert EditorFolders.of_user().private.parent == tmp_path
    tmp_path.chmod(0o755)
    assert tmp_path / "state" in EditorFolders.of_user().private.parents
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    assert tmp_path / "state" in EditorFolders.of_user().private.parents


# -- the whole program -------------------------------------------------------------------------------------------------


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A home whose editor saves `saved words`, says so, and then does what a file tells it."""
    script = tmp_path / "my-editor"
    script.write_text(
        "#!/bin/sh\nprintf 'saved words' > \"$1\"\necho 'in the editor'\n"
        f"while ! [ -e {tmp_path}/die ]; do sleep 0.05; done\n. {tmp_path}/die\n"
    )
    script.chmod(0o700)
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    yield {
        **home(tmp_path),
        "EDITOR": str(script),
        "VISUAL": "",
        "XDG_RUNTIME_DIR": str(runtime),
        "TMPDIR": str(temporary),
    }
    (tmp_path / "die").write_text("exit 0\n")


def words_left(folder: Path) -> list[str]:
    """Files that hold what the editor has saved, the store aside."""
    return [
        str(file)
        for file in folder.rglob("*")
        if file.is_file() and "history.db" not in file.name and file.name not in {"my-editor", "die"}
        if b"saved words" in file.read_bytes()
    ]


def in_editor(terminal: PtyTerminal, typed: str = "typed words") -> None:
    terminal.wait_for("Ask anything", 30)
    terminal.send(typed)
    terminal.wait_until(lambda screen: typed in screen, 30)
    terminal.send(b"\x07")
    terminal.wait_for("in the editor", 30)


@pytest.mark.parametrize("death", ["exit 3", "kill -9 $$", "kill -SEGV $$"])
def test_what_an_editor_saved_before_it_died_is_in_the_prompt(
    tmp_path: Path, environment: dict[str, str], death: str
) -> None:
    with screen_terminal(DEMO, env=environment) as terminal:
        in_editor(terminal)
        (tmp_path / "die").write_text(death + "\n")
        terminal.wait_until(lambda screen: "saved words" in screen and "exited with code" in screen, 30)
    assert not words_left(tmp_path)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "SIGKILL", "closed"])
def test_what_an_editor_saved_comes_back_at_the_next_start(
    tmp_path: Path, environment: dict[str, str], how: str
) -> None:
    with screen_terminal(DEMO, env=environment) as terminal:
        in_editor(terminal)
        if how == "closed":
            terminal.hang_up()
            terminal.wait_exit(30)
        else:
            terminal.kill(signal.Signals[how])
            terminal.wait_exit(30)
    with screen_terminal(DEMO, env=environment) as terminal:
        terminal.wait_until(lambda screen: "saved words" in screen, 30)
    assert not words_left(tmp_path)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_private_words_in_an_editor_are_where_nobody_else_reads_and_gone_at_the_next_start(
    tmp_path: Path, environment: dict[str, str], how: str
) -> None:
    with screen_terminal((*DEMO, "--private"), env=environment) as terminal:
        in_editor(terminal)
        [file] = words_left(tmp_path)
        assert str(tmp_path / "runtime") in file
        assert stat.S_IMODE(os.stat(os.path.dirname(file)).st_mode) == 0o700
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        terminal.kill(signal.Signals[how])
        terminal.wait_exit(30)
    with screen_terminal(DEMO, env=environment) as terminal:
        terminal.wait_for("Ask anything", 30)
        until(lambda: not words_left(tmp_path))
    assert not list((tmp_path / "tmp").rglob("prompt.md"))


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_words_typed_just_before_a_signal_come_back(
    tmp_path: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    with screen_terminal(DEMO, env=environment) as terminal:
        terminal.wait_for("Ask anything", 30)
        terminal.send("first")
        terminal.wait_until(lambda screen: "first" in screen, 30)
        terminal.send(" and last words")
        terminal.kill(number)
        assert terminal.wait_exit(30) == 128 + number
    with screen_terminal(DEMO, env=environment) as terminal:
        terminal.wait_until(lambda screen: "first and last words" in screen, 30)
