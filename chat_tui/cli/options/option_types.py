"""What may stand behind an option; `argparse` tells people what is wrong with it."""

from __future__ import annotations

import argparse

THINKING = ("off", "low", "medium", "high")
"""`request.Thinking`, whose module would load too much for a look at the help."""


def some_text(text: str) -> str:
    """A text that is not empty."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def number(text: str) -> float:
    """A number, not beyond a billion."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not abs(value) < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is out of range")
    return value


def positive(text: str) -> float:
    """A number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return value


def not_negative(text: str) -> float:
    """A number from 0 on."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def fraction(text: str) -> float:
    """A number from 0 to 1."""
    value = number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return value


def positive_int(text: str) -> int:
    """A whole number above 0."""
    value = positive(text)
    if value != int(value):
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(value)


def add_what_each_question_takes(command: argparse.ArgumentParser) -> None:
    """Give the parser the options that a question has, whether one model answers it or several."""
    command.add_argument("question", nargs="*", help="the question; quotes are optional")
    command.add_argument(
        "--temperature", type=not_negative, metavar="T", help="0 = deterministic; higher = more varied"
    )
    command.add_argument("--seed", type=int, metavar="N", help="sampling seed, for repeatable answers where supported")
    command.add_argument("--thinking", choices=THINKING, help="reasoning effort, if supported")
    command.add_argument(
        "--attach",
        "--file",
        action="append",
        default=[],
        metavar="FILE",
        help="attach an image, PDF or text file; may be repeated",
    )
    command.add_argument("--no-save", action="store_true", help="do not save the conversation")
    add_private(command, help="same as --no-save")


def add_private(command: argparse.ArgumentParser, help: str = argparse.SUPPRESS) -> None:
    """Let `--private` stand behind a command, where it means what it means in front of it.

    Without a help it is taken only to be refused in the same words.
    """
    # Only the topmost has a default: a command's own one would undo what stood in front of it.
    default = argparse.SUPPRESS if " " in command.prog else False
    command.add_argument("--private", action="store_true", default=default, help=help)
