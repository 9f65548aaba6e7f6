"""An endless Markdown answer, the same in every run: headings, paragraphs, lists, a fence, a table, about 4 characters
a token."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache

_WORDS = """
    the a of and to in is with for that when each from over into as at by it its only then where
    token stream window answer buffer server socket cursor value result memory layout widget terminal
    routing latency context request message history renderer scheduler completion reasonable boundary
    deterministic throughput incremental observable configuration synchronisation
""".split()  # noqa: SIM905

_PIECE = re.compile(r"\n+| ?[A-Za-z]{1,7}| ?\d{1,3}| +|[^\w\s]{1,3}|\w")


def tokens(count: int, seed: int = 7) -> tuple[str, ...]:
    """The first `count` tokens of the text that belongs to `seed`."""
    return _pieces(count, seed)


@cache
def _pieces(count: int, seed: int) -> tuple[str, ...]:
    pieces: list[str] = []
    for section in _sections(seed):
        pieces.extend(_PIECE.findall(section))
        if len(pieces) >= count:
            break
    return tuple(pieces[:count])


def _sections(seed: int) -> Iterator[str]:
    chance = random.Random(seed)
    number = 0
    while True:
        number += 1
        yield f"## {number}. {_phrase(chance, 4).capitalize()}\n\n"
        yield _paragraph(chance)
        yield "".join(f"- **{_phrase(chance, 2)}**: {_phrase(chance, 8)}\n" for _ in range(4)) + "\n"
        yield _paragraph(chance)
        yield _fence(chance)
        yield "".join(f"{place}. {_phrase(chance, 9)} with `{_name(chance)}`\n" for place in range(1, 4)) + "\n"
        yield _table(chance)
        yield f"> {_phrase(chance, 14)}\n\n"
        yield _paragraph(chance)


def _phrase(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(words))


def _name(chance: random.Random) -> str:
    return "_".join(chance.choice(_WORDS) for _ in range(2))


def _paragraph(chance: random.Random) -> str:
    sentences = []
    for _ in range(4):
        plain = _phrase(chance, chance.randint(8, 16)).capitalize()
        ornament = chance.choice(
            ("", "", f" *{_phrase(chance, 2)}*", f" `{_name(chance)}`", f" **{_phrase(chance, 1)}**")
        )
        sentences.append(f"{plain}{ornament}.")
    return " ".join(sentences) + "\n\n"


def _fence(chance: random.Random) -> str:
    lines = ["```python", f"def {_name(chance)}({chance.choice(_WORDS)}: int) -> str:"]
    for _ in range(6):
        lines.append(
            f'    {_name(chance)} = {chance.randint(1, 999)} + len("{_phrase(chance, 2)}")  # {_phrase(chance, 3)}'
        )
    return "\n".join([*lines, "    return str(result)", "```"]) + "\n\n"


def _table(chance: random.Random) -> str:
    lines = ["| name | value | meaning |", "|---|--:|:-:|"]
    for _ in range(4):
        lines.append(f"| {_phrase(chance, 1)} | {chance.randint(1, 9999)} | {_phrase(chance, 3)} |")
    return "\n".join(lines) + "\n\n"
