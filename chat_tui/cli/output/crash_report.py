"""Crash reports: versions and code locations, and nothing of what the user wrote."""

from __future__ import annotations

import os
import platform
import traceback
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from chat_tui.core.files import writing
from chat_tui.core.text.control_characters import clean

KEPT = 10
"""Number of reports to keep; older ones are deleted."""
_PACKAGES = ("chat-tui", "textual", "rich", "httpx", "anyio", "msgspec", "xllamacpp")
_SAFE_MESSAGES = (AttributeError, ImportError, IndexError, NameError, NotImplementedError)
"""Errors whose message consists of names from the code. Others may quote a question or an address with a key."""


def write(error: BaseException, folder: Path, now: datetime) -> Path:
    """Write a report to the folder and delete the oldest ones; returns its file. Raises `OSError`."""
    file = folder / f"crash-{now:%Y-%m-%d-%H%M%S}.txt"
    writing.write_state(file, text(error, now).encode("utf-8", "replace"))
    for old in sorted(folder.glob("crash-*.txt"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return file


def text(error: BaseException, now: datetime) -> str:
    """Return the report: time, versions, and where each error of the chain was raised."""
    lines = [
        f"chat-tui crashed at {now:%Y-%m-%d %H:%M:%S}.",
        "This report contains versions and code locations, but no conversations and no keys.",
        "",
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {platform.machine()}",
        f"terminal {_word('TERM')} {_word('COLORTERM')} {_word('TERM_PROGRAM')}".rstrip(),
        *_versions(),
    ]
    for place, link in enumerate(_chain(error)):
        lines += ["", f"{'after' if place else 'raised'}: {_describe(link)}", *_places(link)]
    return clean("\n".join(lines) + "\n")


def _word(variable: str) -> str:
    """Return a variable of the environment, without special characters."""
    return "".join(letter for letter in os.environ.get(variable, "") if letter.isalnum() or letter in "-._")[:40]


def _versions() -> Iterator[str]:
    from importlib.metadata import PackageNotFoundError, version

    for name in _PACKAGES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} is not installed as a package"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, each once."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        # Textual stores the error of a worker as `WorkerFailed.error`.
        inner = getattr(link, "error", None)
        link = inner if isinstance(inner, BaseException) else link.__cause__ or link.__context__


def _describe(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, OSError):
        return f"{name}: error number {error.errno}"
    return f"{name}: {error}" if isinstance(error, _SAFE_MESSAGES) else name


def _places(error: BaseException) -> Iterator[str]:
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {_file(frame.filename)}:{frame.lineno} in {frame.name}: {frame.line or ''}"


def _file(name: str) -> str:
    """Return a source file without the folders above its package, which may contain names of users."""
    parts = Path(name).parts
    for mark in ("site-packages", "chat_tui"):
        if mark in parts:
            at = len(parts) - 1 - parts[::-1].index(mark)
            return "/".join(parts[at + (mark == "site-packages") :])
    return "/".join(parts[-2:])
