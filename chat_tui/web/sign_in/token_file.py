"""The file that keeps the token of `chat-tui serve --token-file` over restarts."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from chat_tui.core.errors import ConfigError
from chat_tui.core.files import writing
from chat_tui.core.files.reading import open_regular

TOKEN_BYTES = 32
_FILE_BYTES = 4096
_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def new_token() -> str:
    """Return a random token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_in(file: Path) -> str:
    """Return the token in a file, which is created with a random one if it is missing. Blocks.

    Raises `ConfigError` if others can read the file, or if it cannot be read, written, or is empty.
    """
    try:
        if not file.exists():
            # Another server may create it at the same time; its token is then used.
            with suppress(FileExistsError):
                writing.write(file, f"{new_token()}\n")
        return _read(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be used for the token: {error.strerror or error}.") from error


def _read(file: Path) -> str:
    with open_regular(file) as opened:
        if os.fstat(opened.fileno()).st_mode & _FOR_OTHERS:
            raise ConfigError(
                f"{file} holds the token, and others can read or change it.",
                f"Run `chmod 600 {file}`, and choose another token if somebody may have read it.",
            )
        token = opened.read(_FILE_BYTES).decode("utf-8", "replace").strip()
    if not token:
        raise ConfigError(f"{file} is empty.", "Remove it to get a new token, or write one into it.")
    return token
