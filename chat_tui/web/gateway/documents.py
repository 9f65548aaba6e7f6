"""Documents of a request: texts and PDFs that are sent along. A PDF is read as text, as an attached one is."""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode

from msgspec.structs import replace

from chat_tui.core.attachments import attachment as attachments
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.question import GatewayQuestion

PDF = "application/pdf"
"""The media type of a PDF that `read_documents` has not read yet."""
INVALID = "invalid_document"
_BEGINNING = b"%PDF-"
_DATA = re.compile(r"data:[^,;\s]{0,100}(?:;[^,;\s]{1,100}){0,3},", re.IGNORECASE)


def decode_document(data: str, name: str | None, number: int, place: str) -> Attachment:
    """Return a document that is sent along, as base64 or as a `data:` URL of it. Raises `ApiError`."""
    head = _DATA.match(data[:1000])
    try:
        content = b64decode(data[head.end() :] if head else data, validate=True)
    except ValueError:
        raise ApiError(400, "The document is not valid base64.", param=place, code=INVALID) from None
    if content.startswith(_BEGINNING):
        return Attachment(_name(name, number), PDF, content, size_bytes=len(content))
    return _attachment(_name(name, number), content, place)


def text_document(text: str, name: str | None, number: int, place: str) -> Attachment:
    """Return a document of plain text. Raises `ApiError`."""
    return _attachment(_name(name, number), clean(text).encode(), place)


async def read_documents(question: GatewayQuestion) -> GatewayQuestion:
    """Return the question with the text of its PDFs. Raises `ApiError` if one cannot be read."""
    if not any(file.media_type == PDF for turn in question.turns for file in turn.attachments):
        return question
    return replace(question, turns=await asyncio.to_thread(_read_all, question.turns))


def _read_all(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    return tuple(replace(turn, attachments=tuple(map(_read, turn.attachments))) for turn in turns)


def _read(file: Attachment) -> Attachment:
    return _attachment(file.name, file.content, None) if file.media_type == PDF else file


def _attachment(name: str, content: bytes, place: str | None) -> Attachment:
    try:
        return attachments.of_bytes(name, content)
    except AttachmentRefused as error:
        raise ApiError(400, str(error), param=place, code=INVALID) from None


def _name(name: str | None, number: int) -> str:
    return clean_line(name or "", 200) or f"document {number}"
