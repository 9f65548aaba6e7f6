"""Texts of results and prompts, cut to a size."""

from __future__ import annotations


def bounded_text(raw: str, text: str, most_bytes: int, what: str = "result") -> str:
    """Return `text`, which is `raw` without its control characters, cut to this size in UTF-8.

    A note at its end says how much of `raw` is missing.
    """
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= most_bytes:
        return text
    whole = len(raw.encode("utf-8", "replace"))
    kept = encoded[:most_bytes].decode("utf-8", "ignore")
    return f"{kept}\n[the {what} was cut: these are the first {size_text(most_bytes)} of {size_text(whole)}]"


def size_text(count: int) -> str:
    """Return a number of bytes for people."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
