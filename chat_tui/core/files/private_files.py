"""Opens files that only their owner can read and write. Blocks, and raises `OSError`."""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE = 0o600
"""The mode of new files: readable and writable by their owner."""
SAFE_FLAGS = os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
"""Not inherited by child processes; a symbolic link is refused."""


def open_private(file: Path, flags: int) -> int:
    """Open a file that stays open, such as a journal or a lock, and return its descriptor.

    A new file is accessible to its owner only. A symbolic link is refused.
    """
    return os.open(file, flags | SAFE_FLAGS, PRIVATE)
