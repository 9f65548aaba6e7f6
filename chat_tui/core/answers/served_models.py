"""Compares the model that a server says has answered with the one that was asked."""

from __future__ import annotations

import re

# Compiled when it is first needed: the screen's first paint needs it not.
_SNAPSHOT = r"-(?:\d{4}-?\d{2}-?\d{2}|\d{2,4}|latest|preview)(?:-[a-z\d-]{1,20})?"


def substitute(asked: str, served: str) -> str:
    """Return the model that has answered if it is not the one that was asked; else an empty string, also if unknown.

    Names are equal regardless of their case and of a path before them, such as `models/` or the name of a vendor.
    """
    if not served.strip():
        return ""
    first, second = _plain(asked), _plain(served)
    return "" if first == second or first.endswith(f"/{second}") or second.endswith(f"/{first}") else served


def is_snapshot(asked: str, served: str) -> bool:
    """Return whether this is only a dated version of the requested model, which needs no notice."""
    first, second = _last_part(_plain(asked)).removesuffix("-latest"), _last_part(_plain(served))
    return second.startswith(first) and re.fullmatch(_SNAPSHOT, second[len(first) :]) is not None


def _plain(name: str) -> str:
    name = name.strip().casefold().replace("\\", "/")
    return name.removesuffix(":latest").removesuffix(".gguf")


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]
