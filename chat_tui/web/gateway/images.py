"""Images of a request: sent along, or at a web address. Pure functions."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

from chat_tui.core.attachments import attachment as attachments
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import AttachmentRefused
from chat_tui.web.errors import ApiError

IMAGES_LIMIT = 100
"""Maximum number of images in one request."""
_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f]{1,2000}", re.IGNORECASE)
_DATA = re.compile(r"data:(image/[a-z0-9.+-]{1,40});base64,", re.IGNORECASE)


def image_at(url: str, number: int, place: str) -> Attachment:
    """Return the image of a `data:` URL, or of a web address, which this program does not fetch. Raises `ApiError`."""
    head = _DATA.match(url)
    if head is not None:
        return decode_image(url[head.end() :], head[1], number, place)
    if _ADDRESS.fullmatch(url) is None:
        message = "An image must be a `data:image/…;base64,` URL or an `https://` address."
        raise ApiError(400, message, param=place, code="invalid_image")
    return Attachment(f"image {number}", "image/*", address=url)


def decode_image(data: str, media_type: str, number: int, place: str) -> Attachment:
    """Return an image that is sent along as base64. Raises `ApiError`."""
    try:
        content = b64decode(data, validate=True)
        if not attachments.media_type_of(content[:16]):
            raise ApiError(400, "This is not a PNG, JPEG, GIF or WebP image.", param=place, code="invalid_image")
        return attachments.of_bytes(f"image {number}.{media_type.rpartition('/')[2].lower()}", content)
    except ValueError:
        raise ApiError(400, "The image is not valid base64.", param=place, code="invalid_image") from None
    except AttachmentRefused as error:
        raise ApiError(400, str(error), param=place, code="invalid_image") from None


def data_url(image: Attachment) -> str:
    """Return an image as a `data:` URL."""
    return f"data:{image.media_type};base64,{b64encode(image.content).decode()}"


def check_images(count: int, place: str) -> None:
    """Raise `ApiError` if there are too many images."""
    if count > IMAGES_LIMIT:
        raise ApiError(400, f"There are more than {IMAGES_LIMIT} images.", param=place)
