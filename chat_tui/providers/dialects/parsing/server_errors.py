"""Interprets the errors of servers, in all their shapes: the body of a status, or an object inside a 200 stream."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from chat_tui.core.conversation import now
from chat_tui.core.errors import (
    ContextTooLong,
    KeyRefused,
    Overloaded,
    ProviderError,
    QuotaUsedUp,
    RateLimited,
    Rejected,
)
from chat_tui.core.text.control_characters import clean
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.providers.dialects.dialect import Json, count
from chat_tui.providers.dialects.parsing.error_message import message_in
from chat_tui.providers.dialects.parsing.output_limits import output_limit
from chat_tui.providers.dialects.parsing.retry_after import (
    is_by_day,
    limits_reset,
    too_large_for_limit,
    wait_in_fields,
    wait_in_text,
)

_TOO_LONG = lazy_pattern(
    r"context_length_exceeded|exceed_context_size|request_too_large|maximum context length|max context length"
    r"|context window|context limit|exceeds the context length|prompt is too long"
    r"|exceeds the maximum number of tokens allowed|input is too long|input tokens exceed|too many tokens"
    r"|range of input length|inputs?\W{0,2} must have less than \d",
    re.IGNORECASE,
)
_SIZES = lazy_pattern(
    r"(\d{1,9})(?: tokens| \+ \d{1,9}) > (\d{1,9})"
    r"|\((\d{1,9})\) exceeds the maximum number of tokens allowed \((\d{1,9})\)"
)
_NO_CREDIT = lazy_pattern(
    r"insufficient_quota|billing_hard_limit|billing_error|credit balance"
    r"|insufficient[ _](?:user[ _])?(?:balance|credits?|funds)"
    r"|spend(?:ing)?[ _]limit|specified .{0,20}usage limits|budget[ _](?:has been[ _])?exceeded|out of credits?"
    r"|(?:used all|any) (?:available )?credits?|key limit exceeded",
    re.IGNORECASE,
)
_WRONG_KEY = lazy_pattern(r"API_KEY_INVALID|API key not valid|API key expired", re.IGNORECASE)
_ABOUT_REGION = lazy_pattern(
    r"unsupported_country"
    r"|(?:country|region|territory|location)\b.{0,60}\b(?:not|un)[ -]?(?:support|available|allow|permit)"
    r"|not (?:available|supported|allowed) in your (?:country|region|location)",
    re.IGNORECASE,
)
_ABOUT_CONTENT = lazy_pattern(
    r"moderation|flagged|content[ _-]?(?:policy|filter|management)|safety (?:system|filter|polic)|usage polic|guardrail"
    r"|prohibited content",
    re.IGNORECASE,
)
_FILTERED = lazy_pattern(
    r"ResponsibleAIPolicyViolation|content[ _]management[ _]policy|\bcontent_filter(?:ed)?\b|content_policy_violation"
    r"|moderation_blocked|data_?inspection_?failed|content exists risk|content filtering policy"
    r"|(?:rejected|blocked|refused|filtered|flagged)\b.{0,80}\b(?:safety system|safety polic|content (?:policy|filter|"
    r"moderation)|usage polic|inappropriate|moderation|prompt shield)"
    r"|(?:prompt|input|message|request|text|data)\b.{0,40}\b"
    r"(?:flagged|inappropriate|contains? (?:sensitive|unsafe|harmful))"
    r"|violat\w{1,6} .{0,60}\b(?:usage|content|safety) polic",
    re.IGNORECASE | re.DOTALL,
)
"""A filter on the provider's side stopped the question, in the words of Azure, OpenAI, DashScope and DeepSeek."""
_ABOUT_KEY = lazy_pattern(
    r"\b(?:api[ _-]?)?keys?\b|\btoken\b|credential|authenticat|authori[sz]|\blog(?:ged)? ?in\b|\bsign(?:ed)? ?in\b"
    r"|permission|forbidden|access[ _]?denied",
    re.IGNORECASE,
)
_WEB_PAGE = lazy_pattern(r"\s{0,100}<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_SECONDS = lazy_pattern(r"(\d{1,9}(?:\.\d{1,9})?)s")
_SOON_SECONDS = 3600.0
"""A limit by the day that is lifted within so long slides: the wait is told as that of any limit."""

_KEY = {"401", "authentication_error", "invalid_api_key", "UNAUTHENTICATED"}
_ACCESS = {"403", "permission_error", "PERMISSION_DENIED"}
_RATE = {"429", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"}
_REQUEST = {"400", "404", "413", "422", "invalid_request_error", "not_found_error", "INVALID_ARGUMENT"}
_REQUEST |= {"FAILED_PRECONDITION", "NOT_FOUND"}


class ServerError(msgspec.Struct, frozen=True):
    """An error as the server reports it."""

    said: str = ""
    """Its own words, not cleaned."""
    raw: str = ""
    """All of it as it came, where that is at hand."""
    fields: dict[str, Json] = {}
    codes: frozenset[str] = frozenset()
    """Numbers and names by which it calls the error."""
    retry_after: float | None = None
    """Seconds, as the body tells them: Google in a field, others in a sentence."""
    headers: dict[str, str] = {}
    """Of the server behind a gateway, which passes them on in the body; names in lower case."""
    day_is_used_up: bool = False
    """A quota by the day is gone: waiting a moment mends nothing."""

    def _says(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.search(text) for text in (self.raw[:20_000] or self.said[:4000], *self.codes))

    @property
    def wrong_key(self) -> bool:
        """Whether the error is about the key, whatever the status (400 at Google)."""
        return self._says(_WRONG_KEY)

    @property
    def no_credit(self) -> bool:
        """Whether the credit is used up (status 429 at OpenAI, 400 at Anthropic)."""
        return self._says(_NO_CREDIT)

    def is_final_for_today(self, wait: float | None) -> bool:
        """Return whether the day's quota is used up and not renewed soon; `wait` is in seconds."""
        if self.day_is_used_up:
            return True
        return (wait is None or wait > _SOON_SECONDS) and is_by_day(f"{self.said} {' '.join(self.codes)}")

    @property
    def about_region(self) -> bool:
        """Whether the service is not available in the user's region."""
        return self._says(_ABOUT_REGION)

    @property
    def about_content(self) -> bool:
        """Whether a content filter has rejected the request."""
        return self._says(_ABOUT_CONTENT)

    @property
    def filtered(self) -> bool:
        """Whether a filter has stopped the question itself, which is a refusal, whatever the status."""
        return self._says(_FILTERED)

    @property
    def is_web_page(self) -> bool:
        """Whether the body is a web page, as proxies and firewalls send it."""
        return _WEB_PAGE.match(self.raw) is not None

    @property
    def about_key(self) -> bool:
        """Whether access was refused because of the key, or without a reason."""
        if self.said.strip() and self.is_web_page:
            return False
        return not self.said.strip() or self.wrong_key or self._says(_ABOUT_KEY)

    @property
    def too_long(self) -> bool:
        """Whether the request does not fit the model's window, however short the reply."""
        if not self._says(_TOO_LONG):
            return False
        limit = output_limit(self.said)
        return limit is None or not limit.of_model

    def sizes(self) -> tuple[int, int]:
        """The tokens of the prompt and of the window, 0 if not given."""
        told = _SIZES.search(self.said[:4000])
        if not told:
            return count(self.fields.get("n_prompt_tokens")), count(self.fields.get("n_ctx"))
        prompt, window = [int(number) for number in told.groups() if number]
        return prompt, window


def server_error_of(value: Json, raw: str = "") -> ServerError:
    """Return the error in a JSON value: `{"error": {…}}`, `{"error": "…"}`, `{"detail": …}`, `[{"error": …}]`."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return ServerError(clean(value) if isinstance(value, str) else "", raw)
    inner = value.get("error")
    fields = inner if isinstance(inner, dict) else value
    names = [fields.get(name) for name in ("code", "type", "status")]
    details = list(_rows(fields.get("details")))
    names += [detail.get("reason") for detail in details]
    waits = [_SECONDS.fullmatch(wait) for detail in details if isinstance(wait := detail.get("retryDelay"), str)]
    said = clean(message_in(value))
    wait = max((float(wait.group(1)) for wait in waits if wait), default=wait_in_fields(fields))
    return ServerError(
        said,
        raw,
        fields,
        frozenset(str(name)[:200] for name in names if isinstance(name, (int, str))),
        wait_in_text(said, now()) if wait is None else wait,
        _headers_in(fields),
        any("PerDay" in str(violation.get("quotaId")) for d in details for violation in _rows(d.get("violations"))),
    )


def _headers_in(fields: dict[str, Json]) -> dict[str, str]:
    """Return the headers of a limit that OpenRouter passes on in `metadata.headers`."""
    metadata = fields.get("metadata")
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    told = list(headers.items())[:50] if isinstance(headers, dict) else []
    return {name.lower(): str(value)[:200] for name, value in told if isinstance(value, (str, int, float))}


def _rows(value: Json) -> Iterator[dict[str, Json]]:
    if isinstance(value, list):
        yield from (row for row in value[:100] if isinstance(row, dict))


def error_of(value: Json) -> ProviderError:
    """Return the error for an object inside a 200 stream."""
    complaint = server_error_of(value)
    codes = complaint.codes
    said = (shorten(complaint.said, 300) or "no reason given").rstrip(".")
    if complaint.too_long:
        return too_long(complaint)
    if sizes := too_large_for_limit(complaint.said):
        return larger_than_limit(*sizes, who="the server")
    wait = complaint.retry_after
    if wait is None and complaint.headers:
        wait = limits_reset(complaint.headers, now())
    if complaint.day_is_used_up or (codes & _RATE and complaint.is_final_for_today(wait)):
        return QuotaUsedUp(f"Today's quota is used up: {said}.", "Choose another model until tomorrow.")
    if "402" in codes or complaint.no_credit:
        return QuotaUsedUp(
            f"The server reports that your credit is used up: {said}.", "Add credit, or choose another model."
        )
    if codes & _ACCESS:
        return access_refused(complaint, f"The server refused access: {said}.", "Check the key.")
    if codes & _KEY or complaint.wrong_key:
        return KeyRefused(f"The server does not accept the key: {said}.", "Check the key, or choose another model.")
    if codes & _RATE:
        return RateLimited(
            f"The server reports a rate limit: {said}.",
            "Wait a moment, or choose another model.",
            retry_after=wait,
        )
    if codes & _REQUEST:
        return Rejected(f"The server refused the request: {said}.", "Change the settings or choose another model.")
    return Overloaded(
        f"The server reported an error: {said}.",
        "Ask again in a moment, or choose another model.",
        retry_after=complaint.retry_after,
    )


def access_refused(
    complaint: ServerError, title: str, key_hint: str, *, provider: str = "", model: str = ""
) -> ProviderError:
    """Return the error for a 403, which may be about the key, the credit, the country or the content."""
    if complaint.no_credit:
        return QuotaUsedUp(title, "Add credit, or choose another model.", provider=provider, model=model)
    if complaint.about_region:
        hint = "The model is not available in your region: choose another model or provider."
        return Rejected(title, hint, provider=provider, model=model)
    if complaint.about_content:
        hint = "A content filter rejected the question: rephrase it, or choose another model."
        return Rejected(title, hint, provider=provider, model=model)
    if complaint.is_web_page and not complaint.about_key:
        hint = "A proxy or firewall may have refused it: check `base_url` and `proxy`."
        return Rejected(title, hint, provider=provider, model=model)
    if complaint.about_key:
        return KeyRefused(
            title, f"{key_hint} It may lack permission to use this model.", provider=provider, model=model
        )
    return Rejected(title, "Choose another model, or ask the provider why.", provider=provider, model=model)


def larger_than_limit(limit: int, requested: int, *, who: str, provider: str = "", model: str = "") -> Rejected:
    """Return the error for a request with more tokens than the limit per minute or day, which can never succeed."""
    return Rejected(
        f"This request needs {requested:,} tokens, but the rate limit of {who} allows only {limit:,}.",
        "Shorten the conversation, lower `max_tokens`, or choose another model.",
        provider=provider,
        model=model,
    )


def too_long(complaint: ServerError, provider: str = "", model: str = "") -> ContextTooLong:
    """Return the error for a request that does not fit the window."""
    prompt, window = complaint.sizes()
    return ContextTooLong(
        "The conversation does not fit the model's context window.",
        "Start a new one with Ctrl+N, or choose a model with a larger context window.",
        provider=provider,
        model=model,
        prompt_tokens=prompt,
        window=window,
    )
