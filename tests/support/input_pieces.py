"""What comes from a terminal, without what is typed nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from chat_tui.tui.terminal.background import BackgroundTold
from chat_tui.tui.terminal.input_splitter import Piece


def typed_pieces(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces without the terminal's background colour, which is only known."""
    return [piece for piece in pieces if not isinstance(piece, BackgroundTold)]
