"""Reads prompts from a file or a pipe, one per line, as they are needed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from select import select
from stat import S_ISREG
from typing import Annotated

import msgspec

from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.files.reading import open_regular
from chat_tui.core.text.excerpts import shorten

LINE_BYTES = 16 * 1024 * 1024
"""The longest line that can be a prompt."""
_CHUNK_BYTES = 64 * 1024
_LOOK_SECONDS = 0.2
"""How soon reading from a silent pipe ends after `stop`."""
_SHOWN_CHARACTERS = 200
_BOM = b"\xef\xbb\xbf"

_Positive = Annotated[int, msgspec.Meta(gt=0)]
_NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class BatchPrompt(msgspec.Struct, frozen=True):
    """A prompt, or a line that is no valid prompt."""

    index: int
    """Its index among the prompts, from 0, without empty lines."""
    line: int
    """The line in the file, from 1."""
    text: str
    """The prompt; of an invalid line, its beginning."""
    id: str | int | None = None
    model: str | None = None
    strategy: str | None = None
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    carried: dict[str, msgspec.Raw] = {}
    """Other fields of the line, which are copied to the result."""
    fault: str = ""
    """Why the line is no valid prompt; otherwise empty."""


class _Row(msgspec.Struct, frozen=True):
    """The fields of a JSON line."""

    prompt: str
    id: str | int | None = None
    model: str | None = None
    strategy: str | None = None
    system: str | None = None
    max_tokens: _Positive | None = None
    temperature: _NotNegative | None = None


_OPEN_ALREADY = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,6})")
_row = msgspec.json.Decoder(_Row | str)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _open_descriptor(name: str) -> int:
    """A descriptor for a file, also for an open one such as the shell's `<(command)`. Raises `OSError`."""
    if name in {"-", "/dev/stdin"}:
        return os.dup(0)
    if found := _OPEN_ALREADY.fullmatch(name):
        return os.dup(int(found[1]))
    with open_regular(expand_home(name)) as file:
        return os.dup(file.fileno())


class PromptSource:
    """An open file of prompts, or standard input if the name is `-`. It blocks, so it is for threads.

    A file whose name ends in `.jsonl` or `.ndjson` has a JSON object or string per line, any other file a prompt per
    line. Standard input is JSON if its first line is an object with a `prompt`. Raises `ChatTuiError` if it cannot be
    read.
    """

    def __init__(self, name: str) -> None:
        self.name = "standard input" if name == "-" else shorten(name)
        self._json: bool | None = None if name == "-" else name.lower().endswith((".jsonl", ".ndjson"))
        self._stopped = False
        try:
            self._fd = _open_descriptor(name)
        except OSError as error:
            title = f"{self.name} cannot be read: {error.strerror}."
            raise CommandError(title, "Name a prompts file, or use - for standard input.") from None
        self._regular = S_ISREG(os.fstat(self._fd).st_mode)

    def same_file(self, path: Path) -> bool:
        """Whether the prompts come from this file."""
        try:
            return os.path.samestat(os.fstat(self._fd), path.stat())
        except OSError:
            return False

    def count(self) -> int | None:
        """How many prompts there are; None if they can be read only once. To be called before the first is read."""
        if not self._regular:
            return None
        place = os.lseek(self._fd, 0, os.SEEK_CUR)
        counted = sum(line is None or bool(line.strip()) for line in _lines(self._read))
        os.lseek(self._fd, place, os.SEEK_SET)
        return counted

    def stop(self) -> None:
        """End the prompts, also while a pipe is silent. Can be called in any thread."""
        self._stopped = True

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def __iter__(self) -> Iterator[BatchPrompt]:
        index = 0
        for number, line in enumerate(_lines(self._read), 1):
            if line is not None:
                line = line.removeprefix(_BOM) if number == 1 else line
                if not line.strip():
                    continue
                if self._json is None:
                    self._json = _is_row(line)
            yield _prompt(index, number, line, as_json=bool(self._json))
            index += 1

    def _read(self) -> bytes:
        while not self._stopped:
            if self._regular or select([self._fd], [], [], _LOOK_SECONDS)[0]:
                try:
                    return os.read(self._fd, _CHUNK_BYTES)
                except OSError as error:
                    title = f"{self.name} can no longer be read: {error.strerror}."
                    raise ChatTuiError(title, "The answers so far are saved.") from None
        return b""


def _lines(read: Callable[[], bytes]) -> Iterator[bytes | None]:
    """The lines without their ends; None for one that is too long, which is not kept in memory."""
    held: list[bytes] = []
    size = 0
    while chunk := read():
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            yield b"".join([*held, piece]) if size + len(piece) <= LINE_BYTES else None
            held, size = [], 0
        size += len(rest)
        if size <= LINE_BYTES:
            held.append(rest)
        else:
            held.clear()
    if size:
        yield b"".join(held) if size <= LINE_BYTES else None


def _is_row(line: bytes) -> bool:
    try:
        return isinstance(_row.decode(line), _Row)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


def _prompt(index: int, number: int, line: bytes | None, *, as_json: bool) -> BatchPrompt:
    if line is None:
        return BatchPrompt(index, number, "", fault=f"Line {number} is longer than {LINE_BYTES // 1024 // 1024} MB.")
    text = line.decode("utf-8", "replace").rstrip("\r")
    if not as_json:
        return BatchPrompt(index, number, text)
    try:
        row = _row.decode(line)
        fields = _fields.decode(line) if isinstance(row, _Row) else {}
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        fault = f"Line {number} is not a valid prompt: {shorten(str(error))}."
        return BatchPrompt(index, number, text[:_SHOWN_CHARACTERS], fault=fault)
    if isinstance(row, str):
        row = _Row(row)
    fault = "" if row.prompt.strip() else f"Line {number} has an empty prompt."
    if row.model is not None and not all(row.model.partition("/")):
        fault = f"Line {number}: write a model as provider/model, such as local/smollm2-135m."
    carried = {name: value for name, value in fields.items() if name not in _Row.__struct_fields__}
    return BatchPrompt(
        index,
        number,
        row.prompt,
        row.id,
        row.model,
        row.strategy,
        row.system,
        row.max_tokens,
        row.temperature,
        {name: value.copy() for name, value in carried.items()},
        fault,
    )
