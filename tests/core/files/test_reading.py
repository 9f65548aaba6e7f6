"""Only regular files are read, everywhere, and nothing waits for a pipe."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chat_tui.config import presets
from chat_tui.config.load import load
from chat_tui.core.attachments.attachment import read as read_attachment
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.files.reading import NotRegularError, TooLargeError, open_regular, read_regular
from chat_tui.core.models import Provider
from chat_tui.history.transfer import importer
from chat_tui.local.gguf import head_of
from chat_tui.local.library import Library
from chat_tui.local.weights import Weights
from chat_tui.providers.http.trust import tls_verification
from chat_tui.tui.theme.palette import read_theme

KINDS = ["pipe", "link to a pipe", "socket", "folder", "device"]


@pytest.fixture(params=KINDS)
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A name under which there is no regular file."""
    file = tmp_path / "odd.toml"
    if request.param == "pipe":
        os.mkfifo(file)
    elif request.param == "link to a pipe":
        os.mkfifo(tmp_path / "pipe")
        file.symlink_to("pipe")
    elif request.param == "socket":
        with closing(socket.socket(socket.AF_UNIX)) as door:
            door.bind(os.path.relpath(file))
    elif request.param == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero")
    return file


def test_nothing_but_a_regular_file_is_opened(odd: Path) -> None:
    with pytest.raises(NotRegularError):
        open_regular(odd)


def test_a_regular_file_and_a_link_to_it_are_read_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "file", 5) == read_regular(tmp_path / "link", 9) == b"12345"
    with pytest.raises(TooLargeError):
        read_regular(tmp_path / "file", 4)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", 4)
    with pytest.raises(OSError, match="this is not a valid file name"):
        read_regular(tmp_path / "a\0b", 4)


READERS: dict[str, Callable[[Path], object]] = {
    "attachment": read_attachment,
    "config": load,
    "preset": presets.read,
    "theme": read_theme,
    "model": head_of,
    "own model": lambda file: Library(file.with_name("models.json")).add(file),
    "certificates": lambda file: tls_verification(Provider("x", verify=str(file))),
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses_it_in_a_sentence(odd: Path, reader: str) -> None:
    with pytest.raises(ChatTuiError) as refused:
        READERS[reader](odd)
    assert refused.value.hint


async def test_an_import_and_the_users_own_weights_refuse_it(odd: Path) -> None:
    with pytest.raises(ChatTuiError, match="cannot be read"):
        await importer.check_importable(odd)
    with pytest.raises(ChatTuiError):
        await Weights(odd.parent / "weights", own_file=odd).path()


@pytest.mark.parametrize(
    "arguments",
    [
        ("history", "import", "PIPE"),
        ("models", "add", "PIPE"),
        ("ask", "--file", "PIPE", "x"),
        ("ask", "--attach", "PIPE", "x"),
        ("batch", "PIPE"),
    ],
)
def test_a_command_that_is_given_a_pipe_ends_at_once(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    done = subprocess.run(
        [sys.executable, "-m", "chat_tui", *(str(pipe) if word == "PIPE" else word for word in arguments)],
        env={**environment, "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode in {1, 2}
    assert "pipe" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_batch_reads_a_pipe_that_the_shell_has_opened(tmp_path: Path) -> None:
    """`batch <(command)`: the shell hands over an open pipe, which keeps nobody waiting for a writer."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    command = f"{sys.executable} -m chat_tui batch --model scripted/demo <(echo one; echo two) --out results.jsonl"
    done = subprocess.run(
        ["bash", "-c", command],
        env={**environment, "HOME": str(tmp_path), "PYTHONPATH": os.getcwd()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_a_history_that_is_no_file_stops_nothing(tmp_path: Path, kind: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    environment |= {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    file = tmp_path / "data" / "chat-tui" / "history.db"
    file.parent.mkdir(parents=True)
    {"pipe": os.mkfifo, "folder": os.mkdir, "device": lambda file: os.symlink("/dev/zero", file)}[kind](file)
    for arguments, code in ((("history", "list"), 1), (("ask", "--model", "scripted/demo", "hi"), 0)):
        done = subprocess.run(
            [sys.executable, "-m", "chat_tui", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code
        assert "history.db is not a regular file." in done.stderr
