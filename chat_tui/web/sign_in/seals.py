"""Texts that clients carry and cannot change: they are signed with the token."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

_DIGEST_BYTES = 32


def seal_content(content: bytes, token: str) -> str:
    """Return this content as a text that clients can return, but not change."""
    return urlsafe_b64encode(_digest(content, token) + content).decode()


def unseal_content(text: str, token: str) -> bytes | None:
    """Return the content of a text that `seal_content` has made; None if it was not made so."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii"))
    except ValueError:
        return None
    digest, content = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    return content if hmac.compare_digest(digest, _digest(content, token)) else None


def _digest(content: bytes, token: str) -> bytes:
    return hmac.digest(token.encode(), content, "sha256")
