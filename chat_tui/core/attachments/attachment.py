"""Attached files: images are sent as images, text files and PDFs as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.files.reading import NotRegularError, open_regular
from chat_tui.core.text.control_characters import clean, clean_line

IMAGE_LIMIT = 20_000_000
"""Maximum size of an image in bytes."""
TEXT_LIMIT = 2_000_000
"""Maximum size of a text file in bytes."""
PDF_LIMIT = 50_000_000
"""Maximum size of a PDF in bytes; of its text, `TEXT_LIMIT` characters are used."""
FILES_LIMIT = 20
"""Maximum number of files that a person can attach to one question."""
TEXT = "text/plain"
HEAD_BYTES = 16
"""Bytes from the beginning of a file that tell its kind."""
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
ATTACHABLE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", TEXT})
"""The kinds of files that can be attached, for messages."""
_PDF_BEGINNING = b"%PDF-"
_UNSUPPORTED_IMAGES = (
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftyphev", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypmsf1", "HEIC"),
)
"""Images that no provider takes: the position of their mark, and their kind."""
_BOM = b"\xef\xbb\xbf"
_TICKS = re.compile("`{3,}")
_SLASHES = re.compile(r"[/\\]")


class Attachment(msgspec.Struct, frozen=True, gc=False):
    """A file of a turn. The store may return it without its content."""

    name: str
    """Name of the file without its folder, on one line."""
    media_type: str
    """`image/png`, `image/jpeg`, `image/gif`, `image/webp` or `text/plain`; `image/*` if only the address is known."""
    content: bytes = b""
    """Empty if it is not loaded; `size_bytes` is the size in any case."""
    id: str = ""
    """Assigned by the store."""
    size_bytes: int = 0
    address: str = ""
    """Web address of an image without content, which the model's server fetches. Never stored."""

    @property
    def is_image(self) -> bool:
        """Whether it is sent as an image; all other files are sent as text."""
        return self.media_type.startswith("image/")


class HasAttachments(Protocol):
    """Something with a text and attachments, such as a turn."""

    @property
    def text(self) -> str:
        """The text."""

    @property
    def attachments(self) -> Sequence[Attachment]:
        """The attached files."""


def read(path: Path, name: str = "") -> Attachment:
    """Read a file to attach, by default under its own name. Blocks. Raises `AttachmentRefused`."""
    name = name or clean_line(path.name, 200) or "file"
    try:
        with open_regular(path) as file:
            head = file.read(HEAD_BYTES)
            limit = size_limit(head)
            content = head + file.read(limit + 1 - len(head))
    except FileNotFoundError:
        raise AttachmentRefused(f"File not found: {name}.", "Check its path; nothing was sent.") from None
    except NotRegularError:
        raise _no_file(name) from None
    except OSError as error:
        raise AttachmentRefused(
            f"{name} cannot be read: {error.strerror}.", "Check its permissions, or attach another file."
        ) from None
    return _check_content(name, content)


def of_bytes(name: str, content: bytes, *, text_limit: int = TEXT_LIMIT) -> Attachment:
    """Return an attachment with this content, such as standard input; `text_limit` is the maximum size of a text in
    bytes. Raises `AttachmentRefused`."""
    return _check_content(name, content, text_limit)


def file_name(path: str) -> str:
    """Return the name at the end of a path of any system, on one line."""
    return clean_line(_SLASHES.split(path.rstrip("/\\"))[-1], 200) or "file"


def is_no_text(content: bytes) -> bool:
    """Return whether this is an image or a PDF, by its first bytes."""
    return bool(media_type_of(content[:HEAD_BYTES])) or content.startswith(_PDF_BEGINNING)


def size_limit(head: bytes, text_limit: int = TEXT_LIMIT) -> int:
    """Return the maximum size in bytes of a file that begins so."""
    if head.startswith(_PDF_BEGINNING):
        return PDF_LIMIT
    return IMAGE_LIMIT if media_type_of(head) else text_limit


def _check_content(name: str, content: bytes, text_limit: int = TEXT_LIMIT) -> Attachment:
    head = content[:HEAD_BYTES]
    media_type, is_pdf = media_type_of(head), head.startswith(_PDF_BEGINNING)
    if len(content) > size_limit(head, text_limit):
        raise too_large(name, head, text_limit)
    if not content:
        raise AttachmentRefused(f"{name} is empty.", "Attach another file.")
    if is_pdf:
        from chat_tui.core.attachments.pdf import text_of

        content = clean(text_of(name, content, TEXT_LIMIT)).encode()
    elif not media_type:
        content = content.removeprefix(_BOM)
        if b"\0" in content or not _is_utf8(content):
            raise _not_readable(name, head)
    return Attachment(name, media_type or TEXT, content, size_bytes=len(content))


def too_large(name: str, head: bytes, text_limit: int = TEXT_LIMIT) -> AttachmentRefused:
    """Return the error for a file that begins so and is too large."""
    what = "a PDF" if head.startswith(_PDF_BEGINNING) else "an image" if media_type_of(head) else "a text"
    limit = size_limit(head, text_limit) // 1_000_000
    return AttachmentRefused(f"{name} is larger than {limit} MB, the limit for {what}.", "Attach a smaller one.")


def _not_readable(name: str, head: bytes) -> AttachmentRefused:
    """Return the error for a file that is neither an image that can be sent nor text."""
    for place, mark, kind in _UNSUPPORTED_IMAGES:
        if head[place:].startswith(mark):
            hint = "Save it as a JPEG or a PNG, and attach that."
            return AttachmentRefused(f"{name} is a {kind} image, which models cannot read.", hint)
    return AttachmentRefused(
        f"{name} is neither an image, a PDF nor UTF-8 text.",
        "You can attach PNG, JPEG, GIF, WebP, PDF and text files.",
    )


def media_type_of(head: bytes) -> str:
    """Return the media type of an image by its first bytes; empty if it cannot be sent as an image."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for beginning, kind in _BEGINNINGS if head.startswith(beginning)), "")


def spoken_text(turn: HasAttachments) -> str:
    """Return the text of a turn followed by its text attachments, each with its name and in a fence that it cannot
    close."""
    texts = [_fence(attachment) for attachment in turn.attachments if not attachment.is_image]
    return "\n\n".join(filter(None, [turn.text, *texts])) if texts else turn.text


def images_of(turn: HasAttachments) -> Sequence[Attachment]:
    """Return the images of a turn whose content is loaded."""
    return [attachment for attachment in turn.attachments if attachment.is_image and attachment.content]


def _fence(attachment: Attachment) -> str:
    text = attachment.content.decode("utf-8", "replace").rstrip("\n")
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{attachment.name}:\n{fence}\n{text}\n{fence}"


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _no_file(name: str) -> AttachmentRefused:
    return AttachmentRefused(f"{name} is not a file.", "Attach an image, a PDF or a text file; nothing was sent.")
