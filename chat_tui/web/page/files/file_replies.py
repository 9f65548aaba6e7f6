"""Files as replies: a browser never runs what is in them, and shows only images."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.responses import Response

from chat_tui.core.attachments.attachment import ATTACHABLE_TYPES, TEXT, Attachment

_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
_UNSAFE = re.compile(r"[^\w .()+,@=-]")
"""Whatever could end a header, name another folder, or turn a name round."""


def file_reply(file: Attachment) -> Response:
    """Return a file to be saved; everything but images that can be attached is plain text."""
    is_image = file.is_image and file.media_type in ATTACHABLE_TYPES
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(download_name(file))}",
        "Content-Security-Policy": _POLICY,
    }
    return Response(file.content, headers=headers, media_type=file.media_type if is_image else TEXT)


def download_name(file: Attachment) -> str:
    """Return the name under which a file is saved. Of a PDF only the text is kept."""
    name = _UNSAFE.sub("_", file.name).strip(" .") or "file"
    return f"{name}.txt" if name.lower().endswith(".pdf") and not file.is_image else name
