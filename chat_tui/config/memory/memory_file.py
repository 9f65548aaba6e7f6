"""Reads a file of the memory, whoever has written it."""

from __future__ import annotations

from pathlib import Path

from chat_tui.core.errors import ConfigError
from chat_tui.core.files.reading import TooLargeError, read_regular
from chat_tui.core.text.control_characters import clean


def read_memory(file: Path, most_bytes: int, hint: str) -> str:
    """Return the text of a file; empty if there is none. Blocks. Raises `ConfigError` with this hint if it cannot be
    used: it is no regular file, not UTF-8, or larger than `most_bytes`."""
    try:
        return read_regular(file, most_bytes).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeDecodeError:
        why = "it is not UTF-8 text"
    except TooLargeError:
        why = f"it is larger than {most_bytes // 1024} KB"
    except OSError as error:
        why = error.strerror or str(error)
    raise ConfigError(f"{file} cannot be used: {why}.", hint, file=str(file))


def sent_text(text: str) -> str:
    """Return a file's text as it is sent: without control characters, and without empty lines around it."""
    return clean(text).strip()
