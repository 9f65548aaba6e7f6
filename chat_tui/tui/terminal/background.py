"""The terminal's background: asked for by OSC 11, or told by the environment."""

from __future__ import annotations

from collections.abc import Mapping

from textual.message import Message

from chat_tui.core.text.lazy_pattern import lazy_pattern

_QUERY = "\x1b]11;?\x1b\\"
_WITHOUT = ("", "dumb", "linux")
"""`TERM` of terminals that would print the query."""
_REPLY = lazy_pattern(r"11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_WEIGHTS = (0.299, 0.587, 0.114)
"""Of red, green and blue in the brightness that is seen."""
_LIGHT = {"7", "15"}
"""Colours of a terminal's own palette that are light, as `COLORFGBG` numbers them."""


class BackgroundTold(Message):
    """The terminal has told the colour of its background."""

    def __init__(self, dark: bool) -> None:
        super().__init__()
        self.dark = dark


def background_query(environment: Mapping[str, str]) -> str:
    """Return the sequence that asks the terminal for its background; empty where that would be printed."""
    return "" if environment.get("TERM", "") in _WITHOUT else _QUERY


def background_told(reply: str) -> BackgroundTold | None:
    """Read the content of an operating system command, such as `11;rgb:ffff/ffff/ffff`; None where it is another."""
    found = _REPLY.match(reply)
    if found is None:
        return None
    parts = [int(part, 16) / (16 ** len(part) - 1) for part in found.groups()]
    return BackgroundTold(sum(weight * part for weight, part in zip(_WEIGHTS, parts, strict=True)) < 0.5)


def is_dark(environment: Mapping[str, str]) -> bool:
    """Whether the background is dark as far as `COLORFGBG` tells; without it most are."""
    return environment.get("COLORFGBG", "").rpartition(";")[2] not in _LIGHT
