"""Names that a shell completes: titles of conversations, and models that have answered.

Read directly and for reading only, since a person waits for it after each Tab: no store is created or migrated, and a
store that cannot be read has no names.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

_CONVERSATIONS, _TURNS = 300, 3_000
"""How many are looked at, the last ones first."""
_WAIT_SECONDS = 0.05
_SLUG_CHARACTERS = 60
_WORD = re.compile(r"\w+")

_TITLES = "SELECT title FROM conversation WHERE deleted IS NULL ORDER BY updated DESC LIMIT ?"
_MODELS = "SELECT DISTINCT model FROM (SELECT model FROM turn WHERE role = 'assistant' ORDER BY key DESC LIMIT ?)"


def title_slugs(file: Path) -> list[str]:
    """Return the titles of the last conversations, each as its words joined by `-`: no shell splits or quotes them."""
    slugs = (slug_of(title) for title in _texts(file, _TITLES, _CONVERSATIONS))
    return [*dict.fromkeys(filter(None, slugs))]


def slug_of(title: str) -> str:
    """Return the words of a title, joined by `-`; a long one ends after a word."""
    slug = ""
    for word in _WORD.findall(title.casefold()):
        longer = f"{slug}-{word}" if slug else word[:_SLUG_CHARACTERS]
        if len(longer) > _SLUG_CHARACTERS:
            break
        slug = longer
    return slug


def last_models(file: Path) -> list[str]:
    """Return the models that have answered last, as `provider/model`, without those whose names have blanks."""
    return [model for model in _texts(file, _MODELS, _TURNS) if model and not re.search(r"[\s'\"$`\\]", model)]


def _texts(file: Path, query: str, limit: int) -> Iterator[str]:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT_SECONDS)) as db:
            rows = db.execute(query, (limit,)).fetchall()
    except sqlite3.Error:
        return
    yield from (text for (text,) in rows if isinstance(text, str))
