"""Maps unsuccessful HTTP replies to our errors, without credentials in their text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec

from chat_tui.core import errors
from chat_tui.core.conversation import now
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.redaction import Redactor
from chat_tui.providers.dialects.parsing.error_message import message_in_body
from chat_tui.providers.dialects.parsing.retry_after import limits_reset, retry_after, too_large_for_limit
from chat_tui.providers.dialects.parsing.server_errors import (
    ServerError,
    access_refused,
    larger_than_limit,
    server_error_of,
    too_long,
)
from chat_tui.providers.dialects.parsing.tool_refusals import refuses_tools

_NO_IMAGES = re.compile(
    r"image|multi-?modal|mmproj|support.{0,20}vision|vision.{0,20}support|content must be a string", re.IGNORECASE
)
"""What servers say about images that they do not accept."""
_FINAL = (errors.KeyRefused, errors.QuotaUsedUp, errors.ContextTooLong)
"""Errors that the same request would meet again, whatever the server says about retries."""
_NO_CREDENTIALS = Redactor()


class ErrorContext(msgspec.Struct, frozen=True):
    """What an error says about the request."""

    provider: str
    model: str = ""
    """Empty if the request was not for an answer."""
    key_env: str = ""
    """The variable that holds the key."""
    fetch_hint: str = ""
    """What to do if the server does not have the model."""
    images: bool = False
    """Whether the request has images."""
    tools: bool = False
    """Whether the request offers tools."""

    @property
    def names(self) -> dict[str, str]:
        """Return the fields of every error."""
        return {"provider": self.provider, "model": self.model}


def http_error(
    status: int, headers: Mapping[str, str], body: bytes, asked: ErrorContext, redactor: Redactor = _NO_CREDENTIALS
) -> errors.ProviderError:
    """Return the error for a status, its headers (names in lower case) and its body, without credentials."""
    complaint = _complaint(body)
    said = _line(complaint.said, redactor).rstrip(".! ")
    told = f": {said}" if said else ""
    if 300 <= status < 400:
        error = _redirect_error(status, headers, asked, redactor)
    else:
        wait = _wait_seconds(status, headers, complaint)
        error = _access_error(status, complaint, told, asked, wait) or _refused_error(
            status, complaint, told, asked, wait
        )
    wish = headers.get("x-should-retry", "").strip().lower()
    if wish == "false" or (wish == "true" and not isinstance(error, _FINAL)):
        error.retryable = wish == "true"
    return error


def _refused_error(
    status: int, complaint: ServerError, told: str, asked: ErrorContext, wait: float | None
) -> errors.ProviderError:
    provider, names = asked.provider, asked.names
    if status in {400, 413, 429} and (sizes := too_large_for_limit(complaint.said)):
        return larger_than_limit(sizes[0], sizes[1], who=provider, **names)
    if status == 429:
        return errors.RateLimited(
            f"{provider} reports a rate limit (429){told}.",
            "Wait a moment, or choose another model.",
            retry_after=wait,
            **names,
        )
    if status in {400, 413, 422} and complaint.too_long:
        return too_long(complaint, provider, asked.model)
    if asked.images and status in {400, 404, 415, 422, 500, 501} and _NO_IMAGES.search(complaint.said):
        return errors.Rejected(
            f"{provider} does not accept images for this model ({status}){told}.",
            "Choose a model that accepts images with Ctrl+O, or ask without the image.",
            **names,
        )
    if asked.tools and status in {400, 404, 405, 422, 500, 501} and refuses_tools(complaint.said):
        return tools_refused(f"{provider} does not let this model use tools ({status}){told}.", **names)
    if status == 404:
        missing = asked.fetch_hint and re.search(r"model.{0,300}not found", complaint.said, re.DOTALL)
        return errors.Rejected(
            f"{provider} does not know this model or path (404){told}.",
            asked.fetch_hint if missing else "Check the model's name and `base_url`.",
            **names,
        )
    if status in {408, 409, 425} or status >= 500:
        return errors.Overloaded(
            f"{provider} cannot answer now ({status}){told}.",
            "Ask again in a moment.",
            retry_after=wait,
            **names,
        )
    return errors.Rejected(
        f"{provider} refused the request ({status}){told}.", "Change the settings or choose another model.", **names
    )


def tools_refused(title: str, *, provider: str, model: str) -> errors.ToolsRefused:
    """Return the error for a model that cannot use tools."""
    return errors.ToolsRefused(
        title, "Choose a model that can use tools, or switch the tools off.", provider=provider, model=model
    )


def _redirect_error(
    status: int, headers: Mapping[str, str], asked: ErrorContext, redactor: Redactor
) -> errors.ProviderError:
    where = clean_line(headers.get("location", "").partition("?")[0], 200)
    place = f" to {redactor.redact(where)}" if "://" in where and "@" not in where else ""
    return errors.Rejected(
        f"{asked.provider} has moved{place} ({status}).",
        "Set `base_url` to its new address, if you trust it.",
        **asked.names,
    )


def _access_error(
    status: int, complaint: ServerError, told: str, asked: ErrorContext, wait: float | None
) -> errors.ProviderError | None:
    """Return the error if the key, or what it may spend, is the reason; else None."""
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
            f"{provider} reports that your credit is used up ({status}){told}.",
            "Add credit, or choose another model.",
            **names,
        )
    if status == 429 and complaint.is_final_for_today(wait):
        return errors.QuotaUsedUp(
            f"{provider} reports that today's quota is used up ({status}){told}.",
            "Choose another model until tomorrow.",
            **names,
        )
    return None


def _complaint(body: bytes) -> ServerError:
    text = body.decode("utf-8", "replace").strip()
    bare = text
    if text.startswith("data:"):
        bare = text[5:].strip().split("\n")[0]
    try:
        value = json.loads(bare)
    except (ValueError, RecursionError):
        value = None
    return msgspec.structs.replace(server_error_of(value, text[:20_000]), said=clean(message_in_body(text)))


def _wait_seconds(status: int, headers: Mapping[str, str], complaint: ServerError) -> float | None:
    """Return the seconds after which the request may be sent again; None if the server does not say."""
    at = now()
    wait = retry_after({**complaint.headers, **headers}, at)
    if wait is None:
        wait = complaint.retry_after
    if wait is None and status == 429:
        wait = limits_reset({**headers, **complaint.headers}, at)
    return wait


def _line(text: str, redactor: Redactor) -> str:
    # Credentials go first: a cut would leave a piece that is not recognised.
    return shorten(redactor.redact(clean_line(text, 2000)), 200).rstrip(".")
