"""What a server says went wrong, in whatever shape it says so: a status' body, or an object inside a 200 stream."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from chat_tui.errors import (
    ContextTooLong,
    KeyRefused,
    Overloaded,
    ProviderError,
    QuotaUsedUp,
    RateLimited,
    Rejected,
)
from chat_tui.providers.dialects.dialect import Json, count, text_of
from chat_tui.text_safety import clean_line

_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|request_too_large|maximum context length|max context length"
    r"|context window|context limit|exceeds the context length|prompt is too long"
    r"|exceeds the maximum number of tokens allowed",
    re.IGNORECASE,
)
_SIZES = re.compile(
    r"(\d{1,9})(?: tokens| \+ \d{1,9}) > (\d{1,9})"
    r"|\((\d{1,9})\) exceeds the maximum number of tokens allowed \((\d{1,9})\)"
)
_NO_CREDIT = re.compile(r"insufficient_quota|billing_hard_limit|billing_error|credit balance", re.IGNORECASE)
_WRONG_KEY = re.compile(r"API_KEY_INVALID|API key not valid|API key expired", re.IGNORECASE)
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")

_KEY = {"401", "403", "authentication_error", "permission_error", "invalid_api_key", "UNAUTHENTICATED"}
_KEY |= {"PERMISSION_DENIED"}
_RATE = {"429", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"}
_REQUEST = {"400", "404", "413", "422", "invalid_request_error", "not_found_error", "INVALID_ARGUMENT"}
_REQUEST |= {"FAILED_PRECONDITION", "NOT_FOUND"}


class Complaint(msgspec.Struct, frozen=True):
    """One error as its server tells it."""

    said: str = ""
    """Its own words, not cleaned."""
    raw: str = ""
    """All of it as it came, where that is at hand."""
    fields: dict[str, Json] = {}
    codes: frozenset[str] = frozenset()
    """Numbers and names by which it calls the error."""
    retry_after: float | None = None
    """Seconds; Google tells them in the body."""
    day_is_used_up: bool = False
    """A quota by the day is gone: waiting a moment mends nothing."""

    def _says(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.search(text) for text in (self.raw[:20_000] or self.said[:4000], *self.codes))

    @property
    def wrong_key(self) -> bool:
        """The key is meant, whatever the status: Google's is 400."""
        return self._says(_WRONG_KEY)

    @property
    def no_credit(self) -> bool:
        """There is nothing left to pay with: OpenAI's status is 429, Anthropic's 400."""
        return self._says(_NO_CREDIT)

    @property
    def too_long(self) -> bool:
        """The request does not fit the model's window."""
        return self._says(_TOO_LONG)

    def sizes(self) -> tuple[int, int]:
        """Tokens of the prompt and of the window, 0 where not told."""
        told = _SIZES.search(self.said[:4000])
        if not told:
            return count(self.fields.get("n_prompt_tokens")), count(self.fields.get("n_ctx"))
        prompt, window = [int(number) for number in told.groups() if number]
        return prompt, window


def complaint_of(value: Json, raw: str = "") -> Complaint:
    """The complaint in a JSON value: `{"error": {…}}`, `{"error": "…"}`, `{"detail": …}`, `[{"error": …}]`."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return Complaint(value if isinstance(value, str) else "", raw)
    inner = value.get("error")
    fields = inner if isinstance(inner, dict) else value
    names = [fields.get(name) for name in ("code", "type", "status")]
    details = list(_rows(fields.get("details")))
    names += [detail.get("reason") for detail in details]
    waits = [_SECONDS.fullmatch(wait) for detail in details if isinstance(wait := detail.get("retryDelay"), str)]
    return Complaint(
        _words(inner, fields, value),
        raw,
        fields,
        frozenset(str(name)[:200] for name in names if isinstance(name, (int, str))),
        max((float(wait.group(1)) for wait in waits if wait), default=None),
        any("PerDay" in str(violation.get("quotaId")) for d in details for violation in _rows(d.get("violations"))),
    )


def _rows(value: Json) -> Iterator[dict[str, Json]]:
    if isinstance(value, list):
        yield from (row for row in value[:100] if isinstance(row, dict))


def _words(inner: Json, fields: dict[str, Json], value: dict[str, Json]) -> str:
    for told in (inner, fields.get("message"), value.get("detail"), value.get("message")):
        if isinstance(told, list) and told and isinstance(told[0], dict):
            told = told[0].get("msg") or text_of(told)
        if isinstance(told, str) and told:
            return told
    return ""


def error_of(value: Json) -> ProviderError:
    """The error that an object tells inside a 200 stream."""
    complaint = complaint_of(value)
    codes = complaint.codes
    said = (clean_line(complaint.said, 300) or "no reason given").rstrip(".")
    if complaint.too_long:
        return too_long(complaint)
    if complaint.day_is_used_up:
        return QuotaUsedUp(f"The day's quota is used up: {said}.", "Choose another model until tomorrow.")
    if "402" in codes or complaint.no_credit:
        return QuotaUsedUp(
            f"The server says that the credit is used up: {said}.", "Top it up, or choose another model."
        )
    if codes & _KEY or complaint.wrong_key:
        return KeyRefused(f"The server does not accept the key: {said}.", "Check the key, or choose another model.")
    if codes & _RATE:
        return RateLimited(
            f"The server limits the rate: {said}.",
            "Wait a moment, or choose another model.",
            retry_after=complaint.retry_after,
        )
    if codes & _REQUEST:
        return Rejected(f"The server refused the request: {said}.", "Change the settings or choose another model.")
    return Overloaded(
        f"The server reported an error: {said}.",
        "Ask again in a moment, or choose another model.",
        retry_after=complaint.retry_after,
    )


def too_long(complaint: Complaint, provider: str = "", model: str = "") -> ContextTooLong:
    """The error for a request that does not fit."""
    prompt, window = complaint.sizes()
    return ContextTooLong(
        "The conversation does not fit the model's window.",
        "Start a new one with Ctrl+N, or choose a model with a larger window.",
        provider=provider,
        model=model,
        prompt_tokens=prompt,
        window=window,
    )
