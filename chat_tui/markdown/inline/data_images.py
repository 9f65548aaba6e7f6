"""Images that an answer carries within itself, as `![description](data:image/png;base64,…)`."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

IMAGE = re.compile(r"!\[(?P<alt>[^\]\n]{0,300})\]\((?P<address>data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/=]*)\)")
UNFINISHED = re.compile(r"!\[[^\]\n]{0,300}\]\(data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/=]*$")
NOT_DATA = re.compile(r"[^A-Za-z0-9+/=]")
"""What ends the data."""
_ADDRESS = re.compile(r"data:image/(?P<kind>[\w.+-]{1,40});base64,")
_SUFFIXES = {"jpeg": "jpg", "svg+xml": "svg", "x-icon": "ico", "vnd.microsoft.icon": "ico"}


class DataImage(NamedTuple):
    """What is known of an image from its address."""

    suffix: str
    """Of a file with it, without the dot: `png`."""
    size: int
    """Bytes."""

    @property
    def text(self) -> str:
        """Such as `PNG, 12 kB`."""
        size = f"{self.size:,} bytes" if self.size < 1_000 else f"{self.size / 1_000:,.0f} kB"
        return f"{self.suffix.upper()}, {size}"


def describe_image(address: str) -> DataImage | None:
    """What the address says of its image; None for other addresses."""
    found = _ADDRESS.match(address)
    if found is None:
        return None
    kind = found["kind"].lower()
    data = len(address) - found.end()
    suffix = re.sub("[^a-z0-9]", "", _SUFFIXES.get(kind, kind)) or "bin"
    return DataImage(suffix, max(data * 3 // 4 - address[-2:].count("="), 0))


def decode_image(address: str) -> bytes:
    """The image's bytes. Raises `ValueError` where they are damaged."""
    return base64.b64decode(address.partition(",")[2], validate=True)
