"""An HTTP answer that is not 200, as an error of ours. Keys never get into its text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from chat_tui import errors
from chat_tui.conversation import now
from chat_tui.providers.dialects.dialect import Json, count
from chat_tui.text_safety import clean_line

_SECRET = re.compile(
    r"(?i)((?:bearer\s+|key[=:\s]+)['\"]?)(?=[\w\-.*…]*[\d*…])[\w\-.*…]{6,}"
    r"|\b(?:sk|gsk|xai|hf|pplx|r8)[-_][\w\-.*…]{6,}|\bAIza[\w\-*…]{6,}"
)
_KEY_PIECE = 8
"""Characters in a row that a text may not share with a key."""
_QUOTA = ("insufficient_quota", "billing_hard_limit", "credit balance")
_TOO_LONG = ("context_length_exceeded", "exceed_context_size", "maximum context length", "context window")


def http_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    provider: str,
    model: str,
    key_env: str = "",
    key: str = "",
) -> errors.ProviderError:
    """The error that a status, its headers (names in lower case) and its body mean; `key` is kept out of its text."""
    said, fields = _said(body, key)
    lower = body[:4000].decode("utf-8", "replace").lower()
    about = {"provider": provider, "model": model}
    told = f": {said}" if said else ""
    if status in {401, 403}:
        hint = f"Check the key in ${key_env}." if key_env else f"Set `api_key_env` for `{provider}` in the config."
        return errors.KeyRefused(f"{provider} does not accept the key ({status}){told}.", hint, **about)
    if status == 402 or (status == 429 and any(word in lower for word in _QUOTA)):
        return errors.QuotaUsedUp(
            f"{provider} says that the credit is used up ({status}){told}.",
            "Top it up, or choose another model.",
            **about,
        )
    if status == 429:
        wait = retry_after(headers, now())
        return errors.RateLimited(
            f"{provider} limits the rate (429){told}.",
            "Wait a moment, or choose another model.",
            retry_after=wait,
            **about,
        )
    if status in {400, 413, 422} and any(word in lower for word in _TOO_LONG):
        return errors.ContextTooLong(
            "The conversation does not fit the model's window.",
            "Start a new one with Ctrl+N, or choose a model with a larger window.",
            prompt_tokens=count(fields.get("n_prompt_tokens")),
            window=count(fields.get("n_ctx")),
            **about,
        )
    if status == 404:
        return errors.Rejected(
            f"{provider} knows no such model or path (404){told}.", "Check the model's name and `base_url`.", **about
        )
    if status in {408, 409, 425} or status >= 500:
        wait = retry_after(headers, now())
        return errors.Overloaded(
            f"{provider} cannot answer now ({status}){told}.", "Ask again in a moment.", retry_after=wait, **about
        )
    if 300 <= status < 400:
        where = clean_line(headers.get("location", "").partition("?")[0], 200)
        place = f" to {without_keys(where, key)}" if "://" in where and "@" not in where else ""
        return errors.Rejected(
            f"{provider} has moved{place} ({status}).",
            "Set `base_url` to its new address, if you trust it.",
            **about,
        )
    return errors.Rejected(
        f"{provider} refused the request ({status}){told}.", "Change the settings or choose another model.", **about
    )


def _said(body: bytes, key: str) -> tuple[str, dict[str, Json]]:
    """The server's own words, in one line, and the fields beside them."""
    text = body[:20_000].decode("utf-8", "replace").strip()
    if text.startswith("data:"):
        text = text[5:].strip().split("\n")[0]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        short = "" if text[:1] == "<" else text
        return _line(short, key), {}
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return "", {}
    inner = value.get("error")
    fields = inner if isinstance(inner, dict) else value
    for candidate in (inner, fields.get("message"), value.get("detail"), value.get("message")):
        if isinstance(candidate, list) and candidate and isinstance(candidate[0], dict):
            candidate = candidate[0].get("msg")
        if isinstance(candidate, str) and candidate:
            return _line(candidate, key), fields
    return "", fields


def _line(text: str, key: str) -> str:
    # The keys go first: a cut would leave a piece that no pattern knows.
    return clean_line(without_keys(clean_line(text, 2000), key), 200).rstrip(".")


def without_keys(text: str, key: str = "") -> str:
    """The text with whatever looks like a key, or is a piece of this key, blotted out."""
    text = _SECRET.sub(lambda match: f"{match.group(1) or ''}[key]", text)
    if not key:
        return text
    size = min(_KEY_PIECE, len(key))
    pieces = {key[start : start + size] for start in range(len(key) - size + 1)}
    hidden: set[int] = set()
    for start in range(len(text) - size + 1):
        if text[start : start + size] in pieces:
            hidden.update(range(start, start + size))
    marked = "".join("\0" if at in hidden else character for at, character in enumerate(text))
    return re.sub("\0+", "[key]", marked)


def retry_after(headers: Mapping[str, str], at: datetime) -> float | None:
    """The provider's wish to wait, in seconds from `at`: `retry-after-ms`, `retry-after` in seconds or as a date."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - at).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
