"""An HTTP answer that is not 200, as an error of ours. Credentials never get into its text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from chat_tui import errors
from chat_tui.conversation import now
from chat_tui.core.redaction import Redactor
from chat_tui.providers.dialects.complaint import Complaint, access_refused, complaint_of, too_long
from chat_tui.providers.dialects.error_message import message_in_body
from chat_tui.text_safety import clean_line

_NO_IMAGES = re.compile(
    r"image|multi-?modal|mmproj|support.{0,20}vision|vision.{0,20}support|content must be a string", re.IGNORECASE
)
"""What servers say of images that they do not take."""
_FINAL = (errors.KeyRefused, errors.QuotaUsedUp, errors.ContextTooLong)
"""What the same request meets again, whatever the server wishes."""
_RESETS = re.compile(r"x-ratelimit-reset-(?:requests|tokens)|anthropic-ratelimit-[a-z-]+-reset")
_PERIOD = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|h|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_NO_CREDENTIALS = Redactor()


class Addressee(msgspec.Struct, frozen=True):
    """Whom the request went to and what was in it, as far as an error tells of that."""

    provider: str
    model: str = ""
    """Empty: the provider was asked for something else than an answer."""
    key_env: str = ""
    """The variable that holds the key."""
    fetch_hint: str = ""
    """What to do where the server has not got the model."""
    images: bool = False

    @property
    def names(self) -> dict[str, str]:
        """What every error carries."""
        return {"provider": self.provider, "model": self.model}


def http_error(
    status: int, headers: Mapping[str, str], body: bytes, asked: Addressee, redactor: Redactor = _NO_CREDENTIALS
) -> errors.ProviderError:
    """The error that a status, its headers (names in lower case) and its body mean, without credentials in its text."""
    complaint = _complaint(body)
    said = _line(complaint.said, redactor)
    told = f": {said}" if said else ""
    if 300 <= status < 400:
        error = _moved(status, headers, asked, redactor)
    else:
        error = _barred(status, complaint, told, asked) or _refused(status, headers, complaint, told, asked)
    wish = headers.get("x-should-retry", "").strip().lower()
    if wish == "false" or (wish == "true" and not isinstance(error, _FINAL)):
        error.retryable = wish == "true"
    return error


def _refused(
    status: int, headers: Mapping[str, str], complaint: Complaint, told: str, asked: Addressee
) -> errors.ProviderError:
    provider, names = asked.provider, asked.names
    if status == 429:
        wait = _wait(headers, complaint)
        return errors.RateLimited(
            f"{provider} limits the rate (429){told}.",
            "Wait a moment, or choose another model.",
            retry_after=limits_reset(headers, now()) if wait is None else wait,
            **names,
        )
    if status in {400, 413, 422} and complaint.too_long:
        return too_long(complaint, provider, asked.model)
    if asked.images and status in {400, 404, 415, 422, 500, 501} and _NO_IMAGES.search(complaint.said):
        return errors.Rejected(
            f"{provider} does not take the image with this model ({status}){told}.",
            "Choose a model that takes images with Ctrl+O, or ask without it.",
            **names,
        )
    if status == 404:
        missing = asked.fetch_hint and re.search(r"model.{0,300}not found", complaint.said, re.DOTALL)
        return errors.Rejected(
            f"{provider} knows no such model or path (404){told}.",
            asked.fetch_hint if missing else "Check the model's name and `base_url`.",
            **names,
        )
    if status in {408, 409, 425} or status >= 500:
        return errors.Overloaded(
            f"{provider} cannot answer now ({status}){told}.",
            "Ask again in a moment.",
            retry_after=_wait(headers, complaint),
            **names,
        )
    return errors.Rejected(
        f"{provider} refused the request ({status}){told}.", "Change the settings or choose another model.", **names
    )


def _moved(status: int, headers: Mapping[str, str], asked: Addressee, redactor: Redactor) -> errors.ProviderError:
    where = clean_line(headers.get("location", "").partition("?")[0], 200)
    place = f" to {redactor.redact(where)}" if "://" in where and "@" not in where else ""
    return errors.Rejected(
        f"{asked.provider} has moved{place} ({status}).",
        "Set `base_url` to its new address, if you trust it.",
        **asked.names,
    )


def _barred(status: int, complaint: Complaint, told: str, asked: Addressee) -> errors.ProviderError | None:
    """The error where the key or what it may spend is the matter."""
    provider, names = asked.provider, asked.names
    if status in {401, 403} or (status == 400 and complaint.wrong_key):
        hint = (
            f"Check the key in ${asked.key_env}."
            if asked.key_env
            else f"Set `api_key_env` for `{provider}` in the config."
        )
        if "signin_url" in complaint.fields:
            hint = "Sign in with `ollama signin`."
        if status == 403:
            return access_refused(complaint, f"{provider} refused access ({status}){told}.", hint, **names)
        return errors.KeyRefused(f"{provider} does not accept the key ({status}){told}.", hint, **names)
    if status == 402 or (status in {400, 429} and complaint.no_credit):
        return errors.QuotaUsedUp(
            f"{provider} says that the credit is used up ({status}){told}.",
            "Top it up, or choose another model.",
            **names,
        )
    if status == 429 and complaint.day_is_used_up:
        return errors.QuotaUsedUp(
            f"{provider} says that the day's quota is used up ({status}){told}.",
            "Choose another model until tomorrow.",
            **names,
        )
    return None


def _complaint(body: bytes) -> Complaint:
    text = body.decode("utf-8", "replace").strip()
    bare = text
    if text.startswith("data:"):
        bare = text[5:].strip().split("\n")[0]
    try:
        value = json.loads(bare)
    except (ValueError, RecursionError):
        value = None
    return msgspec.structs.replace(complaint_of(value, text[:20_000]), said=message_in_body(text))


def _wait(headers: Mapping[str, str], complaint: Complaint) -> float | None:
    wait = retry_after(headers, now())
    return complaint.retry_after if wait is None else wait


def _line(text: str, redactor: Redactor) -> str:
    # Credentials go first: a cut would leave a piece that is not recognised.
    return clean_line(redactor.redact(clean_line(text, 2000)), 200).rstrip(".")


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


def limits_reset(headers: Mapping[str, str], at: datetime) -> float | None:
    """Seconds from `at` until the limit that is used up is lifted, as a period (`6m0s`) or as a time (RFC 3339).

    Of several limits the one that has nothing remaining counts, else the one that is lifted first.
    """
    used_up: list[float] = []
    others: list[float] = []
    for name, value in headers.items():
        seconds = _seconds_until(value, at) if _RESETS.fullmatch(name) else None
        if seconds is not None:
            remaining = headers.get(name.replace("reset", "remaining"), "")
            (used_up if remaining.strip() == "0" else others).append(seconds)
    return max(used_up) if used_up else min(others, default=None)


def _seconds_until(value: str, at: datetime) -> float | None:
    value = value.strip()[:60]
    periods = _PERIOD.findall(value)
    if periods and "".join(map("".join, periods)) == value:
        return sum(float(number) * _UNITS[unit] for number, unit in periods)
    try:
        return max(0.0, (datetime.fromisoformat(value) - at).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
