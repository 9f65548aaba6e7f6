"""Types of option values, for `argparse`. Each raises `argparse.ArgumentTypeError` with what the value must be."""

from __future__ import annotations

import argparse

_MODELS_CHARACTERS = 1200
"""Four long names."""


def some_text(text: str) -> str:
    """Return a text that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def models(text: str) -> str:
    """Return the name of a model, or several with commas between them, without control characters."""
    from chat_tui.core.text.control_characters import clean_line

    return clean_line(text, _MODELS_CHARACTERS)


def number(text: str) -> float:
    """Return a number between minus and plus one billion."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not abs(value) < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is out of range")
    return value


def positive(text: str) -> float:
    """Return a number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return value


def not_negative(text: str) -> float:
    """Return a number that is 0 or more."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def fraction(text: str) -> float:
    """Return a number from 0 to 1."""
    value = number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return value


def positive_int(text: str) -> int:
    """Return a whole number above 0."""
    value = positive(text)
    if value != int(value):
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(value)


def concurrency(text: str) -> int:
    """Return a number of concurrent requests, 1 to 1000."""
    count = positive_int(text)
    if count > 1000:
        raise argparse.ArgumentTypeError("must not be greater than 1000")
    return count


def count(text: str) -> int:
    """Return a number of rows, 1 to 999,999,999, written in digits only."""
    if not text.isdecimal() or not 0 < int(text) < 1_000_000_000:
        raise argparse.ArgumentTypeError("must be a whole number greater than 0")
    return int(text)


def count_or_all(text: str) -> int | None:
    """Return a number of rows; None for `all`."""
    if text == "all":
        return None
    try:
        return count(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError("must be a whole number greater than 0, or `all`") from None


def offset(text: str) -> int:
    """Return a number of rows to leave out, 0 to 999,999,999, written in digits only."""
    if not text.isdecimal() or int(text) >= 1_000_000_000:
        raise argparse.ArgumentTypeError("must be a whole number, 0 or greater")
    return int(text)


def port(text: str) -> int:
    """Return a TCP port, or 0 for any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)
