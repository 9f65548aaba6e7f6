"""Files are read in the folders of the config only: no links out, no hidden files, no keys."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from chat_tui.core.errors import AttachmentRefused
from chat_tui.tools.builtin.shared_folders import NotShared, SharedFolders
from tests.doubles.tool_server import PNG

SECRET = "the secret outside"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is not shared."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    return folder


@pytest.fixture
def shared(tmp_path: Path, outside: Path) -> Path:
    """A shared folder, with links that lead out of it."""
    folder = tmp_path / "shared"
    (folder / "docs" / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("alpha")
    (folder / "docs" / "b.md").write_text("beta")
    (folder / "docs" / "deep" / "c.md").write_text("gamma")
    (folder / "x.png").write_bytes(PNG)
    (folder / "out").symlink_to(outside)
    (folder / "out.txt").symlink_to(outside / "secret.txt")
    return folder


def test_files_below_a_shared_folder_are_read(shared: Path) -> None:
    folders = SharedFolders([shared])
    assert folders.read(str(shared / "docs" / "b.md")).content == b"beta"
    assert folders.read("docs/deep/c.md").content == b"gamma"
    assert folders.read("./a.txt").name == "a.txt"
    assert folders.read("x.png").media_type == "image/png"


def test_the_shared_folder_itself_may_be_a_link(shared: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(shared)
    assert SharedFolders([link]).read(f"{link}/a.txt").content == b"alpha"
    assert SharedFolders([link]).read(f"{shared}/a.txt").content == b"alpha"


@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret.txt",
        "docs/../../outside/secret.txt",
        "{outside}/secret.txt",
        "{shared}/../outside/secret.txt",
        "{shared}2/a.txt",
        "out/secret.txt",
        "out.txt",
        "/etc/passwd",
        "a.txt\0",
        "docs",
        "",
        "missing.txt",
        "a.txt/b",
    ],
)
def test_nothing_else_is_read(shared: Path, outside: Path, path: str) -> None:
    with pytest.raises(NotShared) as raised:
        SharedFolders([shared]).read(path.format(shared=shared, outside=outside))
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "name",
    [
        *(".env", ".netrc", ".ssh/id_rsa", ".git/config", "id_ed25519", "ID_RSA", "server.pem", "tls.key", "Tls.KEY"),
        *("credentials", "credentials.json", "prod.env", "vault.kdbx", "secrets.toml", "id_rsa.pub"),
    ],
)
def test_hidden_files_and_keys_are_neither_read_nor_listed(shared: Path, name: str) -> None:
    file = shared / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(SECRET)
    with pytest.raises(NotShared, match="it is hidden, or usually holds keys"):
        SharedFolders([shared]).read(name)
    listing = SharedFolders([shared]).list(str(shared)) + SharedFolders([shared]).list("", "*")
    assert name not in listing


def test_pipes_are_not_waited_for(shared: Path) -> None:
    os.mkfifo(shared / "pipe")
    with pytest.raises(NotShared, match="is not a file"):
        SharedFolders([shared]).read("pipe")


def test_files_are_bounded(shared: Path) -> None:
    (shared / "big.txt").write_bytes(b"x" * 2_000_001)
    (shared / "binary").write_bytes(b"\0\1")
    for name in ("big.txt", "binary"):
        with pytest.raises(AttachmentRefused):
            SharedFolders([shared]).read(name)


def test_a_tree_that_changes_meanwhile_gives_nothing_away(shared: Path, outside: Path) -> None:
    """A folder is replaced by a link out, and back, all the time."""
    inside, real = shared / "swap", shared / "real"
    real.mkdir()
    (real / "secret.txt").write_text("inside")
    inside.symlink_to(outside)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            inside.unlink()
            real.rename(inside)
            inside.rename(real)
            inside.symlink_to(outside)

    swapping = threading.Thread(target=swap)
    swapping.start()
    read = set()
    try:
        for _ in range(2000):
            try:
                read.add(SharedFolders([shared]).read("swap/secret.txt").content)
            except NotShared:
                pass
    finally:
        stop.set()
        swapping.join()
    assert read <= {b"inside"}


def test_folders_are_listed_and_searched(shared: Path) -> None:
    folders = SharedFolders([shared])
    assert folders.list("") == f"{shared}/"
    assert folders.list(str(shared)).splitlines() == ["a.txt (5 bytes)", "docs/", f"x.png ({len(PNG)} bytes)"]
    assert folders.list("docs").splitlines() == ["b.md (4 bytes)", "deep/"]
    found = [f"{shared}/docs/b.md (4 bytes)", f"{shared}/docs/deep/c.md (5 bytes)"]
    assert folders.list("", "*.MD").splitlines() == found
    assert folders.list("docs", "*.txt") == "[no file fits]"
    with pytest.raises(NotShared):
        folders.list("out")


def test_several_folders_are_shared(shared: Path, outside: Path) -> None:
    folders = SharedFolders([shared, outside / "none", outside])
    assert folders.read("a.txt").content == b"alpha"
    assert folders.list("").splitlines() == [f"{shared}/", f"{outside}/none/", f"{outside}/"]
    with pytest.raises(NotShared, match="Shared are: "):
        folders.read("nowhere.txt")


def test_a_long_listing_is_cut(shared: Path) -> None:
    for number in range(1100):
        (shared / "docs" / f"{number:04}.txt").touch()
    listing = SharedFolders([shared]).list("docs").splitlines()
    assert len(listing) == 1001
    assert listing[-1] == "[there are more; these are the first 1000]"
