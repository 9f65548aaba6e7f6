"""Locks on files, between processes and between descriptors of one process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chat_tui.core.files.file_lock import create_locked, hold_lock, is_locked, try_lock

_HOLDER = """
import sys
from pathlib import Path
from chat_tui.core.files.file_lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_file_is_locked_until_its_descriptor_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    assert not is_locked(file)
    handle = create_locked(file)
    assert is_locked(file)
    os.close(handle)
    assert not is_locked(file)
    with pytest.raises(FileExistsError):
        create_locked(file)


def test_a_lock_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    command = [sys.executable, "-c", _HOLDER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(file)
        with pytest.raises(TimeoutError), hold_lock(file, 0.05):
            pass
        holder.kill()
    with hold_lock(file, 0):
        assert is_locked(file)


def test_looking_at_a_lock_never_takes_it(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    os.close(create_locked(file))
    handle = os.open(file, os.O_RDWR)
    assert not is_locked(file)
    assert try_lock(handle)
    other = os.open(file, os.O_RDWR)
    assert not try_lock(other)
    os.close(other)
    os.close(handle)


@pytest.mark.parametrize("seconds", [None, 60])
def test_whoever_waits_gets_the_lock_when_it_is_released(tmp_path: Path, seconds: float | None) -> None:
    file = tmp_path / "lock"
    handle = create_locked(file)
    entered = threading.Event()

    def wait() -> None:
        with hold_lock(file, seconds):
            entered.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not entered.is_set()
    os.close(handle)
    assert entered.wait(60)
    thread.join()


def test_a_link_in_the_place_of_a_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    (tmp_path / "lock").symlink_to("other")
    with pytest.raises(OSError, match="symbolic links"), hold_lock(tmp_path / "lock"):
        pass
