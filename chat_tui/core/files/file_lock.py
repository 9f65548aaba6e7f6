"""Locks on files, between processes. A lock belongs to an open descriptor: closing it, or the end of the process,
releases the lock. All functions raise `OSError`.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chat_tui.core.files.private_files import open_private

_POLL_SECONDS = 0.02


def create_locked(file: Path) -> int:
    """Create the file, which must not exist, and lock it; returns the descriptor that holds the lock."""
    handle = open_private(file, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    wait_for_lock(handle)
    return handle


def wait_for_lock(handle: int) -> None:
    """Lock the file of an open descriptor, and wait while another descriptor holds the lock."""
    fcntl.flock(handle, fcntl.LOCK_EX)


def try_lock(handle: int) -> bool:
    """Lock the file of an open descriptor; returns False if another descriptor holds the lock. Never blocks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(file: Path) -> bool:
    """Whether a descriptor of another process, or of this one, holds the lock; False if there is no such file."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # A shared lock, so that two processes that ask at the same time do not take each other for the holder.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextmanager
def hold_lock(file: Path, wait_seconds: float | None = None) -> Iterator[None]:
    """Hold the lock of a file inside the block, creating the file if needed; None waits without limit.

    Blocks while another process holds it; raises `TimeoutError` after `wait_seconds`.
    """
    handle = open_private(file, os.O_RDWR | os.O_CREAT)
    try:
        if wait_seconds is None:
            wait_for_lock(handle)
        else:
            _poll(handle, file, wait_seconds)
        yield
    finally:
        os.close(handle)


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder inside the block, so that two processes that do so change its files one after the
    other; the folder is created if needed. Blocks while another process holds the lock."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        wait_for_lock(handle)
        yield
    finally:
        os.close(handle)


def _poll(handle: int, file: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not try_lock(handle):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{file} is locked by another process")
        time.sleep(_POLL_SECONDS)
