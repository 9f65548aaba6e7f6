"""Finds a server's own words about an error, in whatever shape it sends them. Pure functions.

Shapes met: OpenAI and its imitators, OpenRouter's `metadata.raw`, FastAPI's `detail`, Google's lists, MiniMax's
`base_resp`, AWS' XML, OAuth's `error_description`, RFC 7807 problems, web pages of proxies.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from chat_tui.core.text.lazy_pattern import lazy_pattern

Json = Any
"""A JSON value of unknown shape, as servers send it."""

_DEPTH = 8
_ITEMS = 5
"""Errors of one list that are told."""
_STRING_LIMIT = 20_000
_MESSAGES = ("message", "msg", "detail", "error_message", "error_msg", "errorMessage", "error_description", "errors")
"""Fields whose words say what is wrong, the most telling one first."""
_LESS = ("description", "title", "status_msg", "base_resp", "Message", "faultstring", "fault", "reason", "details")
"""Fields that are looked at where none of the others says anything."""
_NAMES = ("code", "type", "status")
"""Words for programs; better than nothing."""
_QUOTED = lazy_pattern(r'"(?:message|msg|detail|error)"\s*:\s*("(?:[^"\\]|\\.){1,2000}")')
_VALUE = lazy_pattern(r"[:\[,]\s*[\"\d-]")
"""JSON that holds more than empty objects."""
_MARKUP_MESSAGE = lazy_pattern(r"<(message|title|h1)\b[^<>]{0,200}>([^<]{1,2000})</", re.IGNORECASE)
_UNSHOWN = lazy_pattern(r"<(script|style)\b.*?(?:</\1>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = lazy_pattern(r"<[^<>]{0,2000}>")


def message_in(value: Json) -> str:
    """Return the message in the JSON value of an error, not cleaned; empty if there is none."""
    return _message(value, _DEPTH)


def message_in_body(text: str) -> str:
    """Return the message in a body: of its JSON, of its markup, else the body itself."""
    text = text.strip()
    if text.startswith(("data:", "event:", "error:")):
        # One event of a stream, sent as an error's body.
        lines = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(("data:", "error:")))
        text = next(lines, text)
    return _of_string(text, _DEPTH)


def _message(value: Json, depth: int) -> str:
    if depth < 0:
        return ""
    if isinstance(value, str):
        return _of_string(value, depth)
    if isinstance(value, list):
        told = dict.fromkeys(filter(None, (_message(item, depth - 1) for item in value[:_ITEMS])))
        return "; ".join(text.rstrip(".") for text in told) if len(told) > 1 else "".join(told)
    return _of_object(value, depth) if isinstance(value, dict) else ""


def _of_object(value: dict[str, Json], depth: int) -> str:
    error, cause = value.get("error"), _cause(value, depth)
    inner = _message(error, depth - 1)
    if inner and not isinstance(error, str):
        return _join(inner, cause)
    outer = next(_texts_of(value, _MESSAGES, depth), "") or next(_texts_of(value, _LESS, depth), "")
    if not (inner or outer or cause):
        outer = next((name for key in _NAMES if isinstance(name := value.get(key), str) and name.strip()), "")
    return _join(_with_field(value, _join(inner, outer)), cause)


def _texts_of(value: dict[str, Json], fields: tuple[str, ...], depth: int) -> Iterator[str]:
    for field in fields:
        told = value.get(field)
        if field == "errors" and isinstance(told, dict):
            # Validators that list what is wrong by field.
            told = [f"{name}: {text}" for name, row in told.items() if (text := _message(row, depth - 1))]
        if text := _message(told, depth - 1):
            yield text


def _cause(value: dict[str, Json], depth: int) -> str:
    """Return what a gateway was told by the server behind it."""
    metadata = value.get("metadata")
    return _message(metadata.get("raw"), depth - 1) if isinstance(metadata, dict) else ""


def _with_field(value: dict[str, Json], text: str) -> str:
    """Return the message with the field that FastAPI names."""
    place = value.get("loc")
    names = [str(part) for part in place[:5] if part != "body"] if isinstance(place, list) else []
    return f"{'.'.join(names)[:100]}: {text}" if names and text else text


def _join(first: str, second: str) -> str:
    """Return both messages, if the second says something that the first does not."""
    if not first or not second or second.casefold() in first.casefold():
        return first or second
    if first.casefold() in second.casefold():
        return second
    return f"{first.rstrip(' .:')}: {second}"


def _of_string(text: str, depth: int) -> str:
    text = text[:_STRING_LIMIT].strip()
    if text[:1] in {"{", "["}:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return _of_torn(text)
        return _message(value, depth - 1) or (text if _VALUE.search(text) else "")
    return _of_markup(text) if text[:1] == "<" else text


def _of_torn(text: str) -> str:
    """Return the message in JSON that was cut: some servers repeat the whole request in their errors."""
    quoted = _QUOTED.search(text)
    if quoted is None:
        return text
    try:
        return str(json.loads(quoted.group(1))).strip()
    except ValueError:
        return text


def _of_markup(text: str) -> str:
    text = _UNSHOWN.sub(" ", text)
    titles = {name.lower(): words for name, words in reversed(_MARKUP_MESSAGE.findall(text))}
    words = titles.get("message") or titles.get("title") or titles.get("h1") or _TAG.sub(" ", text)
    return " ".join(html.unescape(words).split())
