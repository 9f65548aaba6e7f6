"""What readers of a stream do where text turns out to be thinking, or thinking to be the answer."""

from __future__ import annotations

from chat_tui.chunks import Metadata


def moved(text: str, thinking: str, told: Metadata) -> tuple[str, str]:
    """Text and thinking after a `reclassified` chunk: the last characters of the one stand behind the other."""
    if told.kind == "text":
        place = max(0, len(thinking) - told.characters)
        return text + thinking[place:], thinking[:place]
    place = max(0, len(text) - told.characters)
    return text[:place], thinking + text[place:]
