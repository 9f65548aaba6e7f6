"""Reads how long a server asks clients to wait, in all the forms that servers use.

Sources: OpenAI, Anthropic, Gemini, Groq, Azure, Cerebras, OpenRouter, Hugging Face; RFC 9110 and the IETF's
draft on rate limit headers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from chat_tui.core.text.lazy_pattern import lazy_pattern

Json = Any

_RESETS = lazy_pattern(
    r"(?:x-)?rate-?limit-reset(?:-[a-z-]{1,40})?|(?:x-|anthropic-)?rate-?limit-[a-z-]{1,40}-reset", re.IGNORECASE
)
_ONE_HEADER = lazy_pattern(r"\b(?:remaining|r)=(\d{1,9}).{0,40}?\b(?:reset|t)=(\d{1,9})")
"""The draft's header: `ratelimit: limit=100, remaining=0, reset=5`, in later versions `"default";r=0;t=5`."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SPAN = (
    r"(\d{1,9}(?:\.\d{1,9})?)\s?"
    r"(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])"
)
_PERIOD = lazy_pattern(_SPAN, re.IGNORECASE)
_PERIODS = lazy_pattern(rf"(?:{_SPAN}[\s,]{{0,3}}(?:and\s)?)+", re.IGNORECASE)
_NUMBER = lazy_pattern(r"\d{1,15}(?:\.\d{1,9})?")
_EPOCH_SECONDS, _EPOCH_MILLISECONDS = 1e9, 1e12
"""From here on, a number is a Unix timestamp and not a duration."""
_ASKED = lazy_pattern(
    r"(?:try(?:ing)? again|retry(?:ing)?|wait(?:ing)?|resets?|resetting|available(?: again)?|come back|back off"
    r"|allowed|lifted|cool ?down)\b"
    r"[^\d\n]{0,40}",
    re.IGNORECASE,
)
_UP_TO = lazy_pattern(r"^\d{1,3}\s?(?:to|-)\s?(?=\d{1,4}\s?[a-z])", re.IGNORECASE)
_IN_CHINESE = lazy_pattern(r"(\d{1,5}) ?(秒|分|小时)钟?(?:之后|后|再)")
_CHINESE_UNITS = {"秒": 1.0, "分": 60.0, "小时": 3600.0}
_NEXT = lazy_pattern(r"\b(?:the next|in a|in one|for a|next) (second|minute|hour)\b", re.IGNORECASE)
_BARE = lazy_pattern(r"(\d{1,6}(?:\.\d{1,9})?)(?![\w.:-]{0,20}\d)")
_TIME = lazy_pattern(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?")
_BY_DAY = lazy_pattern(
    r"per[ _-]?day\b|\bdaily\b|\b[RT]PD\b|(?:requests?|tokens?|messages?) ?(?:a|/) ?day\b|\bfor today\b|\btoday's\b"
    r"|\b24[ -]?hours?\b",
    re.IGNORECASE,
)
_TOO_LARGE = lazy_pattern(r"limit:? (\d{1,9})[,;.]? (?:used:? \d{1,9}[,;.]? )?requested:? (\d{1,9})", re.IGNORECASE)
_THOUSANDS = lazy_pattern(r"(?<=\d),(?=\d{3}\b)")
_FIELDS = {
    "retry_after": 1.0,
    "retryAfter": 1.0,
    "retry_after_seconds": 1.0,
    "retryAfterSeconds": 1.0,
    "estimated_time": 1.0,
    "retry_after_ms": 0.001,
    "retryAfterMs": 0.001,
}
"""Numeric fields of an error, with their unit in seconds."""
_LONGEST = 2000
"""The characters of an error that are searched."""


def retry_after(headers: Mapping[str, str], at: datetime) -> float | None:
    """The wait that the provider asks for, in seconds from `at`; None if no header says so.

    Reads `retry-after-ms`, or `retry-after` in seconds, as a duration or as a date.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if _NUMBER.fullmatch(value := headers.get(name, "").strip()):
            return float(value) / 1000
    return seconds_until(headers.get("retry-after", ""), at)


def limits_reset(headers: Mapping[str, str], at: datetime) -> float | None:
    """Seconds from `at` until an exhausted rate limit resets, from headers such as `x-ratelimit-reset-tokens`.

    Of several limits, an exhausted one counts, otherwise the one that resets first.
    """
    used_up: list[float] = []
    others: list[float] = []
    if found := _ONE_HEADER.search(headers.get("ratelimit", "")[:200]):
        (used_up if found.group(1) == "0" else others).append(float(found.group(2)))
    for name, value in headers.items():
        seconds = seconds_until(value, at) if _RESETS.fullmatch(name) else None
        if seconds is not None:
            remaining = headers.get(name.replace("reset", "remaining"), "")
            (used_up if remaining.strip() == "0" else others).append(seconds)
    return max(used_up) if used_up else min(others, default=None)


def seconds_until(value: str, at: datetime) -> float | None:
    """Seconds from `at` that a header tells: as a number, a period (`6m0s`) or a time.

    A large number is a time since 1970 in seconds or milliseconds. None where it is nothing of these, and where it is
    over already: the clocks differ then, or the server counts wrongly.
    """
    value = value.strip()[:60]
    if _NUMBER.fullmatch(value):
        number = float(value)
        if number >= _EPOCH_SECONDS:
            number = number / (1000 if number >= _EPOCH_MILLISECONDS else 1) - at.timestamp()
        return number if number >= 0 else None
    if _PERIODS.fullmatch(value):
        return _duration_seconds(value)
    return _seconds_until_time(value, at)


def _seconds_until_time(value: str, at: datetime) -> float | None:
    if _TIME.fullmatch(value):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            return None
        return _seconds_left(time, at)
    try:
        return _seconds_left(parsedate_to_datetime(value), at)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _seconds_left(time: datetime, at: datetime) -> float | None:
    """Without a zone it is in UTC."""
    seconds = ((time if time.tzinfo else time.replace(tzinfo=UTC)) - at).total_seconds()
    return seconds if seconds >= 0 else None


def _duration_seconds(period: str) -> float:
    return sum(float(number) * _unit(name.lower()) for number, name in _PERIOD.findall(period))


def _unit(name: str) -> float:
    return _UNITS["ms" if name.startswith(("ms", "mil")) else name[0]]


def wait_in_text(text: str, at: datetime) -> float | None:
    """Seconds from `at` after which a text asks to try again (`try again in 1m30.5s`); None if it does not."""
    text = _THOUSANDS.sub("", text[:_LONGEST])
    for asked in _ASKED.finditer(text):
        # Of a range such as `5 to 10 minutes`, the longer time.
        rest = _UP_TO.sub("", text[asked.end() : asked.end() + 60])
        if period := _PERIODS.match(rest):
            return _duration_seconds(period.group())
        if time := _TIME.match(rest):
            return _seconds_until_time(time.group(), at)
        if "after" in asked.group().lower() and (bare := _BARE.match(rest)):
            return float(bare.group(1))
    if found := _IN_CHINESE.search(text):
        return float(found.group(1)) * _CHINESE_UNITS[found.group(2)]
    following = _NEXT.search(text)
    return _unit(following.group(1).lower()) if following else None


def wait_in_fields(fields: Mapping[str, Json]) -> float | None:
    """The wait in seconds from a field of an error's JSON; None if there is no such field."""
    for name, unit in _FIELDS.items():
        value = fields.get(name)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _EPOCH_SECONDS:
            return value * unit
    return None


def is_by_day(text: str) -> bool:
    """Whether the text is about a daily limit."""
    return _BY_DAY.search(text[:_LONGEST]) is not None


def too_large_for_limit(text: str) -> tuple[int, int] | None:
    """The limit and the requested tokens, if a single request exceeds the tokens per minute or day; otherwise None."""
    found = _TOO_LARGE.search(_THOUSANDS.sub("", text[:_LONGEST]))
    if not found:
        return None
    limit, requested = int(found.group(1)), int(found.group(2))
    return (limit, requested) if requested > limit else None
