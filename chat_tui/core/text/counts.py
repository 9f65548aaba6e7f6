"""Counted things in text for people."""

from __future__ import annotations


def count_of(number: int, noun: str) -> str:
    """The number with the noun in singular or plural: `1 turn`, `1,200 turns`. The plural ends in -s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
