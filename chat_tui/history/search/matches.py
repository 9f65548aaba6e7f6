"""The text of a candidate: whether it really is a hit, how good, and the passage that shows it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import msgspec

from chat_tui.core.conversation import Role, SearchHit
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.text.text_match import Range, find, fold_text, merge_ranges
from chat_tui.history.records import microseconds, moment
from chat_tui.history.search.index import INDEXED_CHARACTERS
from chat_tui.history.search.query import Query
from chat_tui.history.stored_text import clean_line_of

_SNIPPET_CHARACTERS = 160
_WINDOW = 4096
_OVERLAP = 400
"""The longest passage that is looked for."""
_USUAL_CHARACTERS = 1500
_SATURATION = 1.2
_LENGTH_WEIGHT = 0.75
_TOGETHER = 1.5
"""A text that has the terms one after the other, as they were written, is better by this."""


class MatchCandidate(msgspec.Struct, frozen=True):
    """A turn that holds everything wanted."""

    key: int
    score: float
    created: int | None
    conversation: int = 0
    """Key of its conversation."""


def examine_turns(db: sqlite3.Connection, keys: Sequence[int], query: Query) -> tuple[list[MatchCandidate], int]:
    """Those of these turns that are hits, newest first, and how many characters were read."""
    wanted = query.wanted
    before = None if query.before is None else microseconds(query.before)
    after = None if query.after is None else microseconds(query.after)
    text = "text" if wanted else "''"
    found = []
    read = 0
    for key, conversation, role, created, model, content in db.execute(
        f"SELECT turn.key, turn.conversation, role, turn.created, model, {text}"
        " FROM turn JOIN conversation ON conversation.key = turn.conversation"
        f" WHERE turn.key IN ({', '.join('?' * len(keys))}) AND turn.deleted IS NULL AND conversation.deleted IS NULL"
        " ORDER BY turn.key DESC",
        keys,
    ):
        read += len(content)
        if (
            (query.role is None or role == query.role)
            and (not query.model or query.model in fold_text(model))
            and (before is None or (created is not None and created < before))
            and (after is None or (created is not None and created >= after))
        ):
            score = _score(content[:INDEXED_CHARACTERS], wanted) if wanted else 1
            if score:
                found.append(MatchCandidate(key, score, created, conversation))
    return found, read


def _score(text: str, wanted: Sequence[str]) -> float:
    """0 when something wanted is missing; higher the more often each stands in the text, for its length."""
    known = fold_text(text)
    counts = [_count(known, term) for term in wanted]
    if not all(counts):
        return 0
    weight = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * len(known) / _USUAL_CHARACTERS)
    score = sum(count * (_SATURATION + 1) / (count + weight) for count in counts)
    together = len(wanted) > 1 and " ".join(wanted) in known
    return score * _TOGETHER if together else score


def _count(known: str, term: str) -> int:
    if " " not in term:
        return known.count(term)
    pattern = _allow_spaces(term)
    return sum(1 for _ in pattern.finditer(known)) if term.split()[0] in known else 0


@lru_cache(64)
def _allow_spaces(term: str) -> re.Pattern[str]:
    return re.compile(r"\s+".join(map(re.escape, term.split())))


def hit(db: sqlite3.Connection, key: int, wanted: Sequence[str], score: float) -> SearchHit:
    """What is shown of a candidate."""
    conversation, title, turn, role, created, model, text = db.execute(
        "SELECT conversation.id, conversation.title, turn.id, role, turn.created, model, substr(text, 1, ?)"
        " FROM turn JOIN conversation ON conversation.key = turn.conversation WHERE turn.key = ?",
        (INDEXED_CHARACTERS, key),
    ).fetchone()
    snippet, marks = _snippet(text, wanted)
    when = None if created is None else moment(created)
    return SearchHit(
        conversation, turn, snippet, score, clean_line_of(title), cast(Role, role), when, clean_line_of(model), marks
    )


def _snippet(text: str, wanted: Sequence[str]) -> tuple[str, tuple[Range, ...]]:
    """The text round the first term on one line, and where the terms stand in it."""
    at, length = _position(text, wanted)
    start = max(0, at - (_SNIPPET_CHARACTERS - length) // 2)
    end = start + _SNIPPET_CHARACTERS
    line = clean_line(text[start:end], _SNIPPET_CHARACTERS)
    line = ("…" if start else "") + line + ("…" if end < len(text) else "")
    return line, tuple(merge_ranges(place for term in wanted for place in find(line, term)))


def _position(text: str, wanted: Sequence[str]) -> tuple[int, int]:
    """Where the first term begins, and how long it is."""
    for start in range(0, len(text), _WINDOW):
        window = text[start : start + _WINDOW + _OVERLAP]
        places = [found[0] for term in wanted if (found := find(window, term))]
        if places:
            first, last = min(places)
            return start + first, last - first
    return 0, 0
