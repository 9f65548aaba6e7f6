"""Normalises API keys that were pasted into variables, files and dialogs."""

from __future__ import annotations

import re

_AROUND = "\"'`\u2018\u2019\u201c\u201d\u200b\u200c\u200d\u2060\ufeff"
_SCHEME = re.compile(r"bearer\s+", re.IGNORECASE)


def cleaned_key(text: str) -> str:
    """Return the key without spaces, quotes and the name of the scheme around it."""
    key = text.strip().strip(_AROUND).strip()
    return _SCHEME.sub("", key, count=1).strip() if _SCHEME.match(key) else key


def is_sendable(key: str) -> bool:
    """Return whether a cleaned key can be sent in a header: printable ASCII without spaces."""
    return bool(key) and key.isascii() and key.isprintable() and " " not in key
