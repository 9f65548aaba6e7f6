"""Paths of conversations for stores that tests fill."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.conversation import Turn


def turns_in_a_row(texts: Sequence[str]) -> tuple[Turn, ...]:
    """Questions and answers in turn with these texts; their ids are `t0`, `t1`, …"""
    return tuple(
        Turn("assistant" if number % 2 else "user", text, id=f"t{number}", parent=f"t{number - 1}" if number else None)
        for number, text in enumerate(texts)
    )
