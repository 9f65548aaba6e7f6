"""How hard a question is in its conversation: "why?" after a theorem is not "why?" after the weather."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import islice

from chat_tui.routing.ranking.difficulty import difficulty_of

LENGTH = 120
"""Characters of a question that may be a follow-up; a longer one says by itself what it is about."""
REFERRING_WORDS = 12
"""Words of a question in which "it" and the like refer to what was said, and not to what the question itself says."""
FEW_WORDS = 3
"""A question of so few words is a follow-up whatever they are."""
FEW_CHARACTERS = 8
"""The same for scripts without spaces."""
SMALL_TALK = -2.5
"""An easier text, such as thanks, leans on nothing, and nothing leans on it."""
EARLIER = 4
"""Questions before it that are looked at."""
EARLIER_LENGTH = 200
"""Characters of each of them that are looked at: its beginning and its end."""
FADING = 0.3
"""Logits by which a question counts less for each one that came after it."""
CARRYING_ON, LEANING, LEANING_OF_EDITS = 0.9, 0.8, 0.4
"""How far a follow-up is as hard as what it follows."""

_REFERRING = frozenset(
    [
        *("it", "its", "that", "them", "those", "these", "again", "instead", "previous", "above", "same", "continue"),
        *("your", "eso", "esto", "ça", "cela", "dies", "questo", "isso", "это", "этого"),
    ]
)
"""Words that refer to what was said, wherever they are."""
_CONNECTING = frozenset(
    [
        *("and", "now", "then", "also", "but", "so", "why", "or", "next", "y", "ahora", "pero", "et", "maintenant"),
        *("mais", "und", "jetzt", "nun", "aber", "warum", "ora", "ma", "agora", "mas", "а", "и", "но", "теперь"),
    ]
)
"""Words that refer to what was said if they come first."""
_BEGINNINGS = (
    "那",
    "现在",
    "現在",
    "为什么",
    "为啥",
    "继续",
    "再",
    "それ",
    "これ",
    "では",
    "じゃあ",
    "なぜ",
    "그",
    "이제",
    "왜",
)
"""The same for scripts without spaces."""
_CARRYING_ON = frozenset(
    [
        *("yes", "yep", "yeah", "y", "sure", "another", "proceed", "option", "quite", "sí", "si", "claro", "oui", "ja"),
        *("sim", "да", "давай", "продолжай", "дальше", "是", "是的", "好的", "はい", "ええ", "네", "예"),
    ]
)
"""Words that take up an offer or ask for more, which is as much work as what they follow, however easy they look."""
_EDITING = frozenset(
    [
        *("shorter", "shorten", "longer", "translate", "summarise", "summarize", "rephrase", "format", "formatting"),
        *("bullet", "bullets", "table", "typo", "typos", "spelling", "tone", "friendlier", "traduce", "traduis"),
        *("kürzer", "übersetze", "переведи", "короче"),
    ]
)
"""Words of follow-ups that change the form of an answer, which is easier than finding it."""


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"\w++")


def difficulty_in_conversation(text: str, earlier: Iterable[str]) -> float:
    """Return how hard a question is, in logits. `earlier` has the questions before it, the last one first."""
    own = difficulty_of(text)
    leaning = CARRYING_ON if _carries_on(text) else _leaning(text) if own >= SMALL_TALK else 0.0
    if not leaning:
        return own
    looks = (difficulty_of(_both_ends(question)) for question in islice(earlier, EARLIER))
    followed = [look - FADING * place for place, look in enumerate(looks) if look >= SMALL_TALK]
    return own + leaning * max(0.0, max(followed, default=own) - own)


def _carries_on(text: str) -> bool:
    """Return whether a short text says yes, asks for more, or chooses one of several offers: `2`, `option b`."""
    if len(text) > LENGTH:
        return False
    words = _word().findall(text.lower())
    return len(words) <= FEW_WORDS and (
        not _CARRYING_ON.isdisjoint(words) or (len(words) == 1 and len(words[0]) == 1 and words[0].isascii())
    )


def _leaning(text: str) -> float:
    """Return how much a question depends on what was said before, from 0 to 1."""
    if len(text) > LENGTH:
        return 0.0
    words = _word().findall(text.lower())
    if not words:
        return 0.0
    spaced = len(words) > 1 or text.isascii() or len(text) <= FEW_CHARACTERS
    refers = (
        (spaced and len(words) <= FEW_WORDS)
        or words[0] in _CONNECTING
        or (len(words) <= REFERRING_WORDS and not _REFERRING.isdisjoint(words))
        or text.startswith(_BEGINNINGS)
    )
    if not refers:
        return 0.0
    return LEANING if _EDITING.isdisjoint(words) else LEANING_OF_EDITS


def _both_ends(question: str) -> str:
    if len(question) <= EARLIER_LENGTH:
        return question
    return f"{question[: EARLIER_LENGTH // 2]}\n{question[-EARLIER_LENGTH // 2 :]}"
