"""The config file, read again when another program has changed it."""

from __future__ import annotations

import os
from pathlib import Path

from chat_tui.config import load, paths
from chat_tui.config.schema import Config

_Stamp = tuple[int, int, int] | None
"""What changes with the file: its number, size, and time in nanoseconds; None: there is no file."""


class WatchedConfigFile:
    """The config file, as it was when this object was made. Its methods block."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = _stamp_of(file)

    def read_changed(self) -> Config | None:
        """Return the config if the file has changed since it was read; None if it has not.

        Raises `ConfigError`; a file that cannot be used is read again at the next call.
        """
        stamp = _stamp_of(self._file)
        if stamp == self._seen:
            return None
        config = load.load(self._file)
        self._seen = stamp
        return config


def watched_config() -> WatchedConfigFile:
    """Return the user's config file, as it is now."""
    return WatchedConfigFile(paths.config_file())


def _stamp_of(file: Path) -> _Stamp:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
