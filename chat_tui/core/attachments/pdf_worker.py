"""The text of a PDF, taken out in a process of its own: a file may be built to take all time and memory there is.

Run as `python -m chat_tui.core.attachments.pdf_worker PAGES CHARACTERS`, with the file on stdin; writes `Extract` as
JSON to stdout.
"""

from __future__ import annotations

import sys
from io import BytesIO

import msgspec

from chat_tui.core.processes.resource_limits import limit_resources

MEMORY_BYTES = 1_500_000_000
CPU_SECONDS = 60


class Extract(msgspec.Struct, frozen=True):
    """The result of the extraction."""

    text: str = ""
    pages: int = 0
    """Number of pages in the file."""
    taken: int = 0
    """Number of pages, from the first on, that the text covers."""
    fault: str = ""
    """Why there is no text: `locked` or `damaged`; empty when it could be read."""


def extract_text(content: bytes, most_pages: int, most_characters: int) -> Extract:
    """Extract the text of the first pages, each below its number."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            return Extract(fault="locked")
        pages = len(reader.pages)
        parts: list[str] = []
        size = taken = 0
        for page in reader.pages[:most_pages]:
            text = (page.extract_text() or "").strip()
            if size and size + len(text) > most_characters:
                break
            taken += 1
            if text:
                parts.append(f"[page {taken}]\n{text[:most_characters]}")
                size += len(text)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError):
        # What a damaged file makes of the library.
        return Extract(fault="damaged")
    return Extract("\n\n".join(parts), pages, taken)


def main(arguments: list[str]) -> int:
    """Read the file, extract its text, and write the result."""
    limit_resources(MEMORY_BYTES, CPU_SECONDS)
    pages, characters = map(int, arguments)
    found = extract_text(sys.stdin.buffer.read(), pages, characters)
    sys.stdout.buffer.write(msgspec.json.encode(msgspec.structs.replace(found, text=_sound(found.text))))
    return 0


def _sound(text: str) -> str:
    """Return the text without lone surrogates, which no file can contain."""
    return text.encode("utf-8", "replace").decode("utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
