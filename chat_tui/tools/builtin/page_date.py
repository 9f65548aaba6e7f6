"""The date that a web page gives for itself: when it was changed, else when it was published."""

from __future__ import annotations

import re
from datetime import date
from email.utils import parsedate_to_datetime

_META = re.compile(r"<meta\b[^<>]{0,1000}>", re.IGNORECASE)
_NAME = re.compile(r"""\b(?:name|property|itemprop|http-equiv)\s*=\s*["']?([\w.:-]{1,60})""", re.IGNORECASE)
_CONTENT = re.compile(r"""\bcontent\s*=\s*["']?(\d{4}-\d\d-\d\d)""", re.IGNORECASE)
_TIME = re.compile(r"""<time\b[^<>]{0,500}?\bdatetime\s*=\s*["']?(\d{4}-\d\d-\d\d)""", re.IGNORECASE)
_JSON = re.compile(r"""["'](date(?:Modified|Published))["']\s{0,9}:\s{0,9}["'](\d{4}-\d\d-\d\d)""")
_CHANGED = ("article:modified_time", "og:updated_time", "datemodified", "dcterms.modified", "last-modified")
_PUBLISHED = ("article:published_time", "datepublished", "dcterms.date", "dc.date", "date", "pubdate")


def page_date(html: str, last_modified: str = "") -> str:
    """Return the date as `2026-05-03`; empty if the page gives none. `last_modified` is the header of the reply, which
    counts where the page itself has no date."""
    named: dict[str, str] = {}
    for tag in _META.findall(html):
        if (name := _NAME.search(tag)) and (content := _CONTENT.search(tag)):
            named.setdefault(name[1].lower(), content[1])
    for name, found in _JSON.findall(html):
        named.setdefault(name.lower(), found)
    marked = _TIME.search(html)
    candidates = [named.get(name, "") for name in (*_CHANGED, *_PUBLISHED)]
    candidates += [marked[1] if marked else "", _header_date(last_modified)]
    return next(filter(_is_date, candidates), "")


def _header_date(text: str) -> str:
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except (TypeError, ValueError, OverflowError):
        return ""


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False
