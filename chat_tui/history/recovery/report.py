"""The report of what was recovered from a damaged store, and what was lost."""

from __future__ import annotations

import msgspec


class RecoveryReport(msgspec.Struct, frozen=True):
    """Counts of what was recovered, damaged and lost."""

    conversations: int
    turns: int
    files: int = 0
    presets: int = 0
    """Conversations with their own preset."""
    cut_turns: int = 0
    """The end of their text is lost."""
    garbled_turns: int = 0
    """A part of their text is unreadable."""
    lost_turns: int = 0
    """Lost turns that others follow; there may be more."""
    moved_turns: int = 0
    """Turns attached to an earlier turn because their parent is lost."""
    lost_files: int = 0
    loose_conversations: int = 0
    """Their titles and settings are lost."""
    unreadable_rows: int = 0

    def recovered_text(self) -> str:
        """A sentence that lists what was recovered."""
        back = {
            "conversations": self.conversations,
            "turns": self.turns,
            "files": self.files,
            "presets": self.presets,
        }
        return f"Recovered: {_list_counts(back)}."

    def lost_text(self) -> str:
        """A sentence that lists what was damaged or lost. What left no trace cannot be counted."""
        damage = {
            "truncated turns": self.cut_turns,
            "turns with unreadable characters (shown as \ufffd)": self.garbled_turns,
            "lost turns (at least)": self.lost_turns,
            "turns attached to an earlier one": self.moved_turns,
            "files without content": self.lost_files,
            "conversations without title": self.loose_conversations,
            "unreadable records": self.unreadable_rows,
        }
        lost = _list_counts({what: number for what, number in damage.items() if number})
        return f"Damaged or lost: {lost}." if lost else "Nothing else was damaged."


def _list_counts(counts: dict[str, int]) -> str:
    return ", ".join(
        f"{what}: {number:,}" if number >= 10_000 else f"{what}: {number}" for what, number in counts.items()
    )
