"""Messages of prompts, and the content of resources, cleaned and bounded."""

from __future__ import annotations

import base64
import binascii

from mcp_types import BlobResourceContents, GetPromptResult, ReadResourceResult, TextResourceContents

from chat_tui.core.attachments import attachment
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.text.control_characters import clean
from chat_tui.core.tools import PromptMessage
from chat_tui.tools.result_text import bounded_text
from chat_tui.tools.worker.results import text_of

MOST_MESSAGES = 100
_PART_BREAK = b"\n\n"


def messages_of(result: GetPromptResult, most_bytes: int) -> tuple[PromptMessage, ...]:
    """Return the messages of a prompt, in so many bytes together: texts, one line for what is no text.

    What does not fit is left out, and the last message says so.
    """
    messages: list[PromptMessage] = []
    room = most_bytes
    for message in result.messages[:MOST_MESSAGES]:
        raw = text_of(message.content)
        text = bounded_text(raw, clean(raw), room, "prompt")
        room -= len(text.encode("utf-8", "replace"))
        messages.append(PromptMessage(message.role, text))
        if room <= 0:
            break
    return tuple(messages)


def attachment_of(result: ReadResourceResult, name: str) -> Attachment:
    """Return the content of a resource as a file to attach: an image, or text, also that of a PDF. Several texts become
    one, each below its URI. Blocks. Raises `AttachmentRefused`."""
    parts = [(part.uri, _content(part, name)) for part in result.contents]
    if len(parts) == 1:
        return attachment.of_bytes(name, parts[0][1])
    if any(attachment.is_no_text(content) for _, content in parts):
        raise AttachmentRefused(
            f"{name} consists of {len(parts)} parts that are not all text.", "A resource with one part can be attached."
        )
    texts = [clean(f"[{uri}]\n").encode() + content for uri, content in parts]
    return attachment.of_bytes(name, _PART_BREAK.join(texts))


def _content(part: TextResourceContents | BlobResourceContents, name: str) -> bytes:
    """Return the bytes of a part; those of a text without control characters. Raises `AttachmentRefused`."""
    if isinstance(part, TextResourceContents):
        return clean(part.text).encode("utf-8", "replace")
    try:
        content = base64.b64decode(part.blob, validate=False)
    except (binascii.Error, ValueError):
        raise AttachmentRefused(f"{name} cannot be read: its content is malformed.", "Attach another one.") from None
    if attachment.is_no_text(content):
        return content
    try:
        return clean(content.decode("utf-8")).encode()
    except UnicodeDecodeError:
        # Neither text nor image: it is refused as such a file is.
        return content
