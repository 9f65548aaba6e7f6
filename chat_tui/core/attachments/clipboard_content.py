"""What is in the clipboard: an image, to be attached, or else a text."""

from __future__ import annotations

import asyncio
import base64
import binascii
import sys
from collections.abc import Collection, Mapping, Sequence

import msgspec

from chat_tui.core.attachments.attachment import IMAGE_LIMIT, TEXT_LIMIT, Attachment, media_type_of
from chat_tui.core.errors import ClipboardError
from chat_tui.core.processes import child_process
from chat_tui.core.processes.clipboard_programs import (
    INSTEAD,
    MEDIA_TYPE,
    REMOTE_HINT,
    PasteProgram,
    install_hint,
    is_remote,
    paste_programs,
)
from chat_tui.core.text.control_characters import clean, clean_line

_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}
"""The media types that can be sent, the preferred first, with the endings of their files."""
_TYPES_BYTES = 100_000
_SIZES = {"bytes": 1.0, "base64": 4 / 3, "AppleScript": 2.0}
"""Bytes that are written for each byte of the content."""
_ROOM = 1_000
_APPLE_SCRIPT = "«data PNGf".encode(), "»".encode()


class ClipboardContent(msgspec.Struct, frozen=True):
    """An image or a text."""

    image: Attachment | None = None
    text: str = ""
    """Clean, with plain newlines; empty if there is an image."""


class NothingToPaste(ClipboardError):
    """No program reads the clipboard here, or there is nothing in it."""


class _ClipboardReader:
    """Reads by one program after the other, and notes why the content could not be read."""

    def __init__(self, environment: Mapping[str, str], most_seconds: float) -> None:
        self._environment, self._most_seconds = environment, most_seconds
        self.faults: list[str] = []
        """Sentences."""

    async def read(self, program: PasteProgram) -> bytes:
        """Return what a program gives; empty for nothing. Raises `ClipboardError` for too much."""
        command: Sequence[str] = program.command
        if program.list_types:
            listed = await self._run(program, program.list_types, _TYPES_BYTES)
            if (media_type := self._choose(listed.decode("utf-8", "replace").split())) is None:
                return b""
            command = [media_type if part == MEDIA_TYPE else part for part in command]
        limit, what = (TEXT_LIMIT, "text") if program.gives == "text" else (IMAGE_LIMIT, "image")
        most = int(limit * _SIZES[program.form]) + _ROOM
        written = await self._run(program, command, most)
        content = await asyncio.to_thread(_decode, written, program)
        if len(written) > most or len(content) > limit:
            title = f"The {what} in the clipboard is larger than {limit // 1_000_000} MB."
            raise ClipboardError(title, "Nothing was pasted. Use a smaller one.")
        return content

    async def _run(self, program: PasteProgram, command: Sequence[str], most_bytes: int) -> bytes:
        """Return the standard output of a command; empty if it fails."""
        seconds = min(program.seconds, self._most_seconds)
        try:
            started = await asyncio.to_thread(
                child_process.program_command, command, self._environment, allowed=child_process.CLIPBOARD
            )
            done = await child_process.read_output(started, most_bytes=most_bytes, seconds=seconds)
        except TimeoutError:
            self.faults.append(f"{program.name} did not answer within {seconds:g} s.")
            return b""
        except (OSError, ValueError):
            self.faults.append(f"{program.name} cannot be run.")
            return b""
        # One that writes too much was killed.
        return done.output if done.code == 0 or len(done.output) > most_bytes else b""

    def _choose(self, listed: Collection[str]) -> str | None:
        """Return the media type to ask for; None if there is no image that can be sent."""
        chosen = next((known for known in _ENDINGS if known in listed), None)
        others = [name for name in listed if name.startswith("image/")]
        if chosen is None and others:
            self.faults.append(f"Its image is {clean_line(others[0], 40)}, which cannot be sent.")
        return chosen


async def read_clipboard(
    environment: Mapping[str, str], *, platform: str = sys.platform, most_seconds: float = float("inf")
) -> ClipboardContent:
    """Return the image in the clipboard, or else its text. Raises `NothingToPaste`, and
    `ClipboardError` for what cannot be pasted.

    The content decides which it is, not what a program says of it; a path in it is text. `most_seconds` limits each
    program, besides its own limit.
    """
    programs = await asyncio.to_thread(paste_programs, environment, platform=platform)
    if not programs:
        raise NothingToPaste(*_no_program(environment))
    reader = _ClipboardReader(environment, most_seconds)
    for program in programs:
        content = await reader.read(program)
        media_type = media_type_of(content[:16])
        if media_type and program.gives != "text":
            name = f"clipboard.{_ENDINGS[media_type]}"
            return ClipboardContent(Attachment(name, media_type, content, size_bytes=len(content)))
        if program.gives != "image" and (text := await asyncio.to_thread(_text_of, content)):
            return ClipboardContent(text=text)
    if reader.faults:
        raise ClipboardError("The clipboard cannot be pasted.", f"{reader.faults[0]} Instead, {INSTEAD}.")
    raise NothingToPaste("The clipboard has no image and no text.", "Copy one, then paste again.")


def _no_program(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return what is wrong where no program reads the clipboard, and what to do instead."""
    if is_remote(environment):
        return "The clipboard is on your own machine, which ssh does not reach.", REMOTE_HINT
    return "No program here reads the clipboard.", f"{install_hint(environment)}, or {INSTEAD}."


def _decode(output: bytes, program: PasteProgram) -> bytes:
    """Return the content of what a program has written; empty if it is malformed."""
    try:
        if program.form == "base64":
            return base64.b64decode(output.strip(), validate=True)
        if program.form == "AppleScript":
            begin, end = _APPLE_SCRIPT
            return bytes.fromhex(output.partition(begin)[2].partition(end)[0].decode("ascii", "replace"))
    except (binascii.Error, ValueError):
        return b""
    return output


def _text_of(content: bytes) -> str:
    """Return a text with plain newlines and without control characters; empty if it is no UTF-8."""
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return clean(text.replace("\r\n", "\n").replace("\r", "\n")) if "\0" not in text else ""
