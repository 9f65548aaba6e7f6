"""Results of calls as text, images and JSON, cleaned and bounded."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from chat_tui.core.attachments.attachment import IMAGE_LIMIT, Attachment, media_type_of
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.core.tools import ToolOutput
from chat_tui.tools.result_text import bounded_text, size_text

MOST_IMAGES = 20
_HEAD = 16
_LINE_CHARACTERS = 500


def output_of(result: CallToolResult, most_bytes: int) -> ToolOutput:
    """Return the result of a call: texts in their order, one line for what is neither text nor image."""
    texts: list[str] = []
    images: list[Attachment] = []
    room = IMAGE_LIMIT
    for block in result.content:
        if isinstance(block, ImageContent):
            image = _image(block, len(images) + 1)
            if isinstance(image, str):
                texts.append(image)
            elif len(images) == MOST_IMAGES or image.size_bytes > room:
                texts.append(f"[an image of {size_text(image.size_bytes)} was left out: there are too many]")
            else:
                images.append(image)
                room -= image.size_bytes
        else:
            texts.append(text_of(block))
    raw, structured = "\n".join(texts), _structured(result)
    if not raw.strip() and not images:
        # Servers should send their JSON as text, too, but not all do: nobody would see what the model is sent.
        raw = structured
    is_too_long = len(structured.encode("utf-8", "replace")) > most_bytes
    return ToolOutput(
        bounded_text(raw, clean(raw), most_bytes),
        tuple(images),
        "" if is_too_long else structured,
        bool(result.is_error),
    )


def text_of(block: ContentBlock) -> str:
    """Return the text of a block, or a line about what it holds instead."""
    match block:
        case TextContent():
            return str(block.text)
        case EmbeddedResource(resource=TextResourceContents() as resource):
            return f"[{_line(resource.uri)}]\n{resource.text}"
        case EmbeddedResource(resource=BlobResourceContents() as resource):
            size = len(resource.blob) * 3 // 4
            return f"[the file {_line(resource.uri)}, {_line(resource.mime_type or 'binary')}, {size_text(size)}]"
        case ResourceLink():
            about = f": {_line(block.description)}" if block.description else ""
            return f"[a link to {_line(block.uri)} ({_line(block.name)}){about}]"
        case AudioContent():
            return f"[a sound, {_line(block.mime_type)}, {size_text(len(block.data) * 3 // 4)}]"
        case ImageContent():
            return f"[an image, {_line(block.mime_type)}, {size_text(len(block.data) * 3 // 4)}]"
    return "[content of an unknown kind]"


def _image(block: ImageContent, number: int) -> Attachment | str:
    """Return an image, or a line that says why it cannot be used."""
    size = len(block.data) * 3 // 4
    if size > IMAGE_LIMIT:
        return f"[an image of {size_text(size)} was left out: it is larger than {size_text(IMAGE_LIMIT)}]"
    try:
        content = base64.b64decode(block.data, validate=False)
    except (binascii.Error, ValueError):
        return "[an image was left out: it cannot be read]"
    # What the server says about its kind is not trusted.
    media_type = media_type_of(content[:_HEAD])
    if not media_type:
        return f"[an image was left out: {_line(block.mime_type)} cannot be sent to a model]"
    return Attachment(f"image-{number}.{media_type.partition('/')[2]}", media_type, content, size_bytes=len(content))


def _structured(result: CallToolResult) -> str:
    """Return the JSON of a result; empty if there is none."""
    if result.structured_content is None:
        return ""
    try:
        return json.dumps(_cleaned(result.structured_content), ensure_ascii=False)
    except (RecursionError, ValueError, TypeError):
        return ""


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _cleaned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    return value


def _line(text: object) -> str:
    return clean_line(str(text), _LINE_CHARACTERS)
