"""Full text over all turns: two indexes, whose hits are verified.

`turn_words` knows words (Chinese, Japanese and Korean text split into characters, so words of one or two are found)
and ranks; `turn_grams` knows every three characters, so it finds the inside of words and identifiers. It keeps no
positions (a third of the size), so its hits may be false; and words know no punctuation. Hence one rule for both: each
term must stand in the text as it was written, case and accents aside.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator

from chat_tui.conversation import Hit
from chat_tui.history.rows import storable
from chat_tui.text_safety import clean_line

INDEXED_CHARACTERS = 1_000_000
"""Of one turn; what follows is not found."""
_SLICE = 4096
_CANDIDATES = 2000
_TERMS = 16
_TERM_CHARACTERS = 100
_SNIPPET_CHARACTERS = 160

_CJK = re.compile(
    "([\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff])"
)
_ACCENTS = re.compile("[\u0300-\u036f]")
_QUERY = re.compile(r'"([^"]*)"?|([^\s"]+)')


def folded(text: str) -> str:
    """Without case and accents, compatibility forms resolved: what indexes hold and terms are compared with.

    In slices: one call over a long text would hold the interpreter, and so the screen.
    """
    return "".join(_fold(text[start : start + _SLICE]) for start in range(0, len(text), _SLICE))


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Only the accents of Latin, Greek and Cyrillic: the marks of Japanese kana make other letters.
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare.casefold())


def _words(text: str) -> str:
    """Folded text with each Chinese, Japanese or Korean character standing alone."""
    if text.isascii():
        return text
    return "".join(_CJK.sub(r" \1 ", text[start : start + _SLICE]) for start in range(0, len(text), _SLICE))


def add(db: sqlite3.Connection, key: int, text: str) -> None:
    """Indexes a turn."""
    if text:
        known = folded(text[:INDEXED_CHARACTERS])
        db.execute("INSERT INTO turn_words (rowid, text) VALUES (?, ?)", (key, _words(known)))
        db.execute("INSERT INTO turn_grams (rowid, text) VALUES (?, ?)", (key, known))
        db.execute("UPDATE turn SET indexed = 1 WHERE key = ?", (key,))


def remove(db: sqlite3.Connection, key: int, text: str) -> None:
    """Takes a turn out of the index; `text` must be what was added."""
    known = folded(text[:INDEXED_CHARACTERS])
    db.execute("INSERT INTO turn_words (turn_words, rowid, text) VALUES ('delete', ?, ?)", (key, _words(known)))
    db.execute("INSERT INTO turn_grams (turn_grams, rowid, text) VALUES ('delete', ?, ?)", (key, known))
    db.execute("UPDATE turn SET indexed = 0 WHERE key = ?", (key,))


def terms(query: str) -> list[str]:
    """Words, and phrases in quotes, folded."""
    found = []
    for match in _QUERY.finditer(storable(query).replace("\0", " ")):
        term = " ".join(folded(match[1] if match[1] is not None else match[2]).split())[:_TERM_CHARACTERS]
        if term and term not in found:
            found.append(term)
    return found[:_TERMS]


def search(db: sqlite3.Connection, query: str, limit: int) -> list[Hit]:
    """Turns with all terms: first those where they begin words, best first; then the others, newest first."""
    wanted = terms(query)
    hits: dict[int, Hit] = {}
    if not wanted:
        return []
    for key, score in _candidates(db, wanted):
        if len(hits) >= limit:
            break
        if key not in hits and (hit := _hit(db, key, wanted, score)):
            hits[key] = hit
    return list(hits.values())


def _candidates(db: sqlite3.Connection, wanted: list[str]) -> Iterator[tuple[int, float]]:
    words = " AND ".join(f"{_quoted(_words(term))} *" for term in wanted if any(map(str.isalnum, term)))
    if words:
        yield from db.execute(
            "SELECT rowid, -rank FROM turn_words WHERE turn_words MATCH ? ORDER BY rank LIMIT ?", (words, _CANDIDATES)
        ).fetchall()
    grams = {term[at : at + 3] for term in wanted for at in range(len(term) - 2)}
    if grams:
        for (key,) in db.execute(
            "SELECT rowid FROM turn_grams WHERE turn_grams MATCH ? ORDER BY rowid DESC LIMIT ?",
            (" AND ".join(map(_quoted, sorted(grams))), _CANDIDATES),
        ).fetchall():
            yield key, 0.0


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def _hit(db: sqlite3.Connection, key: int, wanted: list[str], score: float) -> Hit | None:
    row = db.execute(
        "SELECT conversation.id, turn.id, text FROM turn JOIN conversation ON conversation.key = turn.conversation"
        " WHERE turn.key = ? AND turn.deleted IS NULL AND conversation.deleted IS NULL",
        (key,),
    ).fetchone()
    if row is None:
        return None
    conversation, turn, text = row
    known = " ".join(folded(text).split())
    if not all(term in known for term in wanted):
        return None
    return Hit(conversation, turn, _snippet(text, wanted), score)


def _snippet(text: str, wanted: list[str]) -> str:
    """The text round the first term, on one line."""
    at, length = _position(text, wanted)
    start = max(0, at - (_SNIPPET_CHARACTERS - length) // 2)
    end = start + _SNIPPET_CHARACTERS
    line = clean_line(text[start:end], _SNIPPET_CHARACTERS)
    return ("…" if start else "") + line + ("…" if end < len(text) else "")


def _position(text: str, wanted: list[str]) -> tuple[int, int]:
    """Where the first term stands in the text itself, which may be longer or shorter than its folded form."""
    known = folded(text)
    places = [(known.find(term), len(term)) for term in wanted if term in known]
    if not places:
        return 0, 0
    at, length = min(places)
    if len(known) == len(text):
        return at, length
    size = 0
    for place, character in enumerate(text):
        size += len(_fold(character))
        if size > at:
            return place, length
    return 0, length
