"""What is typed into the search, understood: words, "phrases", and `model:`, `role:`, `before:`, `after:`."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from typing import cast, get_args

import msgspec

from chat_tui.core.conversation import Role
from chat_tui.core.errors import QueryError
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.text.text_match import fold_text

_WORDS = 16
_WORD_CHARACTERS = 100
_LAST_YEAR = 9000

# `model::new` is code.
_PART = lazy_pattern(
    r'(?P<filter>model|role|before|after):(?!:)(?:"(?P<quoted>[^"]*)"?|(?P<value>[^\s"]*))'
    r'|"(?P<phrase>[^"]*)"?|(?P<term>[^\s"]+)',
    re.IGNORECASE,
)
_CONTROLS = lazy_pattern(r"[\x00-\x1f\x7f]")
_AGO = lazy_pattern(r"(\d{1,4})([hdwmy])")
_DATE = lazy_pattern(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}
_DATE_HINT = "Write a day (2026-01-31), a month, a year, `today`, `yesterday`, or a time ago (12h, 7d, 2w, 6m, 1y)."
_FILTER_HINT = "To search for the text itself, put it in quotes."


class Query(msgspec.Struct, frozen=True):
    """A search. Everything given must hold."""

    terms: tuple[str, ...] = ()
    """Words or parts of words, folded."""
    phrases: tuple[str, ...] = ()
    """What stood in quotes: words in this order, folded, one space between them."""
    model: str = ""
    """A part of `provider/model`, folded; empty for any."""
    role: Role | None = None
    """None for any."""
    before: datetime | None = None
    """Turns made before this moment."""
    after: datetime | None = None
    """Turns made at this moment or later."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """Terms and phrases: what stands in each turn that is found."""
        return tuple(dict.fromkeys((*self.terms, *self.phrases)))


def parse(text: str, at: datetime | None = None) -> Query:
    """The query of this text; days are those of the zone of `at`, which is the local time now when None.

    Raises `QueryError` for a filter that cannot be understood or stands there twice.
    """
    terms: dict[str, None] = {}
    phrases: dict[str, None] = {}
    filters: dict[str, str] = {}
    for part in _PART.finditer(_CONTROLS.sub(" ", text)):
        if name := part["filter"]:
            _add_filter(filters, name.lower(), part["value"] if part["quoted"] is None else part["quoted"])
            continue
        where, found = (terms, part["term"]) if part["phrase"] is None else (phrases, part["phrase"])
        term = " ".join(fold_text(found).split())[:_WORD_CHARACTERS].strip()
        if term and len(terms) + len(phrases) < _WORDS:
            where[term] = None
    moment, zone = at or datetime.now().astimezone(), at.tzinfo if at else None
    return Query(
        tuple(terms),
        tuple(phrases),
        fold_text(filters.get("model", "")),
        _role(filters["role"]) if "role" in filters else None,
        _time("before", filters["before"], moment, zone) if "before" in filters else None,
        _time("after", filters["after"], moment, zone) if "after" in filters else None,
    )


def _add_filter(filters: dict[str, str], name: str, value: str) -> None:
    if name in filters:
        raise QueryError(f"`{name}:` is used twice.", f"Keep one of them. {_FILTER_HINT}")
    if not value.strip():
        hint = {"model": "Write part of its name.", "role": _roles()}.get(name, _DATE_HINT)
        raise QueryError(f"Nothing follows `{name}:`.", f"{hint} {_FILTER_HINT}")
    filters[name] = value.strip()


def _roles() -> str:
    return f"Roles are {', '.join(get_args(Role))}."


def _role(value: str) -> Role:
    if value.lower() not in get_args(Role):
        raise QueryError(f"Unknown role: `{shorten(value, 40)}`.", _roles())
    return cast(Role, value.lower())


def _time(name: str, value: str, at: datetime, zone: tzinfo | None) -> datetime:
    """The moment at which the day, month or year begins, or the one so long ago."""
    word = value.lower()
    if word in ("today", "yesterday"):
        return _midnight(at - timedelta(days=word == "yesterday"), zone)
    if (ago := _AGO.fullmatch(word)) and (hours := int(ago[1]) * _HOURS[ago[2]]) < (at.year - 1970) * _HOURS["y"]:
        return at - timedelta(hours=hours)
    if date := _DATE.fullmatch(word):
        with suppress(ValueError):
            day = datetime(int(date[1]), int(date[2] or 1), int(date[3] or 1))
            if 1970 <= day.year <= _LAST_YEAR:
                return _midnight(day, zone)
    raise QueryError(f"`{name}:{shorten(value, 40)}` is not a date.", _DATE_HINT)


def _midnight(day: datetime, zone: tzinfo | None) -> datetime:
    """Without a zone: where this machine is, at that time of the year."""
    bare = day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return bare.replace(tzinfo=zone) if zone else bare.astimezone()
