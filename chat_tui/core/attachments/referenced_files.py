"""What a path to attach refers to: a file, some lines of one, the files of a folder, or those that match a pattern."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec

from chat_tui.core.attachments.attachment import TEXT_LIMIT, Attachment, read
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.files.hidden_names import is_hidden
from chat_tui.core.files.path_text import can_be_written
from chat_tui.core.files.project_files import list_project_now
from chat_tui.core.text.excerpts import shorten

MOST_FILES = 100
"""Files of a folder, or that match a pattern."""
MOST_BYTES = 10 * TEXT_LIMIT
"""Bytes of all of them, images included; of their text, `TEXT_LIMIT`."""
_MOST_ENTRIES = 10_000
_LINES = re.compile(r"(.+)#L?(\d{1,9})(-(?:L?(\d{1,9}))?)?", re.DOTALL)
_NOTHING_SENT = "Hidden files and those that git ignores or that usually hold keys are left out; nothing was sent."
_NAMED = 3
"""Files that are left out and named."""


class NothingMatched(AttachmentRefused):
    """No file matches a pattern; it may be meant as text."""


class FileReference(msgspec.Struct, frozen=True):
    """What a path refers to."""

    kind: Literal["file", "lines", "folder", "pattern"]
    path: str
    """The file or the folder, or the pattern."""
    first: int = 1
    """The first line, from 1."""
    last: int = 0
    """The last line; 0 is the last one of the file."""


class ReferencedFiles(msgspec.Struct, frozen=True):
    """The files that a path refers to, read."""

    files: Sequence[Attachment]
    left_out: Sequence[str] = ()
    """Names of files that are in the folder, or match the pattern, and cannot or should not be sent."""

    @property
    def note(self) -> str:
        """Which files are left out, in a phrase; empty if none is."""
        if not self.left_out:
            return ""
        more = ", …" if len(self.left_out) > _NAMED else ""
        return f"{len(self.left_out)} left out: {', '.join(self.left_out[:_NAMED])}{more}"


def parse_reference(path: str) -> FileReference:
    """Return what an absolute path refers to: a file that is called so, before all else. Blocks."""
    if path.endswith("/"):
        return FileReference("folder", path)
    if not os.path.lexists(path):
        if (match := _LINES.fullmatch(path)) and os.path.lexists(match[1]):
            first = int(match[2])
            last = int(match[4]) if match[4] else 0 if match[3] else first
            return FileReference("lines", match[1], first, last)
        if "*" in path:
            return FileReference("pattern", path)
    return FileReference("file", path)


def read_referenced(path: str) -> ReferencedFiles:
    """Read what an absolute path refers to. Blocks. Raises `AttachmentRefused`."""
    reference = parse_reference(path)
    if reference.kind == "folder":
        return _read_all(_folder_files(reference.path), os.path.basename(path[:-1]) + "/", only_text=True)
    if reference.kind == "pattern":
        return _read_all(_matching_files(reference.path), os.path.basename(path), only_text=False)
    if os.path.isdir(reference.path):
        name = shorten(os.path.basename(reference.path), 200)
        raise AttachmentRefused(f"{name} is a folder.", f"Write {name}/ to attach its files; nothing was sent.")
    file = read(Path(reference.path))
    return ReferencedFiles([_cut(file, reference) if reference.kind == "lines" else file])


def _cut(file: Attachment, reference: FileReference) -> Attachment:
    """Return the lines that are referred to. Raises `AttachmentRefused`."""
    if file.is_image:
        raise AttachmentRefused(f"{file.name} is an image and has no lines.", "Attach it as a whole.")
    lines = file.content.decode("utf-8", "replace").splitlines(keepends=True)
    first, last = max(1, reference.first), min(reference.last or len(lines), len(lines))
    if first > len(lines):
        raise AttachmentRefused(f"{file.name} has only {len(lines):,} lines.", "Nothing was sent.")
    if first > last:
        raise AttachmentRefused(f"There are no lines {first} to {reference.last}.", "Write #10-40, for example.")
    content = "".join(lines[first - 1 : last]).encode()
    name = f"{file.name} (line {first})" if first == last else f"{file.name} (lines {first}-{last})"
    return Attachment(name, file.media_type, content, size_bytes=len(content))


def _folder_files(folder: str) -> list[str]:
    """Return the files below a folder as git and `.gitignore` leave them. Raises `AttachmentRefused`."""
    if not os.path.isdir(folder):
        raise AttachmentRefused(f"Folder not found: {shorten(os.path.basename(folder[:-1]), 200)}.", "Check its path.")
    return [folder + path for path in list_project_now(Path(folder)).paths() if not path.endswith("/")]


def _matching_files(pattern: str) -> Iterator[str]:
    """Yield the files that match; those that git ignores only where a folder is searched by its name."""
    parts = pattern.split("/")
    number = next(number for number, part in enumerate(parts) if "*" in part)
    folder, rest = "/".join(parts[:number]) + "/", parts[number:]
    matches = _pattern_of(rest).fullmatch
    if len(rest) > 1 or rest[0] == "**":
        paths = list_project_now(Path(folder)).paths() if os.path.isdir(folder) else iter(())
        yield from (folder + path for path in paths if not path.endswith("/") and matches(path))
        return
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in islice(entries, _MOST_ENTRIES) if entry.is_file())
    except OSError:
        return
    yield from (folder + name for name in names if not name.startswith(".") and matches(name))


def _pattern_of(parts: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern in which `*` is any part of a name, and `**` any number of folders."""
    written = ""
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if part == "**":
            written += ".*" if is_last else "(?:.*/)?"
        else:
            written += "[^/]*".join(map(re.escape, part.split("*"))) + ("" if is_last else "/")
    return re.compile(written, re.DOTALL)


def _read_all(paths: Sequence[str] | Iterator[str], name: str, *, only_text: bool) -> ReferencedFiles:
    """Read these files, without those that cannot be sent. Raises `AttachmentRefused` if there are none or too many."""
    name = shorten(name, 200)
    # Names with control characters are those of no file that a person means.
    found = list(islice(filter(can_be_written, paths), _MOST_ENTRIES))
    # A link may lead out of the folder.
    wanted = [path for path in found if not is_hidden(os.path.basename(path)) and not os.path.islink(path)]
    if not wanted:
        if only_text:
            raise AttachmentRefused(f"{name} has no file that can be attached.", _NOTHING_SENT)
        raise NothingMatched(f"{name} matches no file.", "Check the pattern; nothing was sent.")
    if len(wanted) > MOST_FILES:
        count = f"{len(wanted):,}" if len(found) < _MOST_ENTRIES else f"more than {_MOST_ENTRIES:,}"
        raise AttachmentRefused(
            f"{name} has {count} files; at most {MOST_FILES} can be attached at once.",
            "Name fewer, for example by a pattern such as @src/*.py; nothing was sent.",
        )
    files, unreadable = _read_each(wanted, name, only_text=only_text)
    if not files:
        raise AttachmentRefused(f"{name} has no file that can be attached.", _NOTHING_SENT)
    others = set(found) - set(wanted)
    return ReferencedFiles(files, [*(_shown(path) for path in found if path in others), *unreadable])


def _read_each(paths: Sequence[str], name: str, *, only_text: bool) -> tuple[list[Attachment], list[str]]:
    """Return the files, and the names of those that cannot be sent. Raises `AttachmentRefused` for too much text."""
    files: list[Attachment] = []
    left_out: list[str] = []
    text = size = 0
    for path in paths:
        try:
            file = read(Path(path))
        except AttachmentRefused:
            left_out.append(_shown(path))
            continue
        if only_text and file.is_image:
            left_out.append(_shown(path))
            continue
        files.append(msgspec.structs.replace(file, name=_shown(path)))
        text, size = text + (0 if file.is_image else len(file.content)), size + len(file.content)
        if text > TEXT_LIMIT or size > MOST_BYTES:
            limit, what = (TEXT_LIMIT, "text") if text > TEXT_LIMIT else (MOST_BYTES, "images")
            raise AttachmentRefused(
                f"The files of {name} have more than {limit // 1_000_000} MB of {what}.",
                "Name fewer; nothing was sent.",
            )
    return files, left_out


def _shown(path: str) -> str:
    """Return a path relative to the current folder, or with the folder that it is in, on one line."""
    try:
        here = os.getcwd()
    except OSError:
        here = ""
    inside = bool(here) and path.startswith(here.rstrip("/") + "/")
    return shorten(os.path.relpath(path, here) if inside else "/".join(path.rsplit("/", 2)[1:]), 200)
