"""Error replies: an HTTP status and a message, in the format of the API that was called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from starlette.responses import Response

from chat_tui.core.chunks import ErrorInfo
from chat_tui.core.errors import ChatTuiError

OPENAI_PATH = "/v1"
"""Paths below it get errors in OpenAI's format."""
ANTHROPIC_PATH = "/v1/messages"
"""This path and those below it get errors in Anthropic's format."""

_STATUSES = {
    "CommandError": 400,
    "QueryError": 400,
    "AttachmentRefused": 400,
    "Rejected": 400,
    "ContextTooLong": 400,
    "ToolsRefused": 400,
    "NotCapable": 400,
    "ConversationNotFound": 404,
    "RateLimited": 429,
    "KeyMissing": 502,
    "KeyRefused": 502,
    "QuotaUsedUp": 502,
    "Unreachable": 502,
    "Garbled": 502,
    "EmptyAnswer": 502,
    "AllFailed": 502,
    "Overloaded": 503,
    "NoModel": 503,
    "LocalModelError": 503,
    "WeightsMissing": 503,
    "StoreBusy": 503,
    "TooSlow": 504,
}
"""HTTP statuses by the kind of the error; all others are bugs of ours, 500."""
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """A request that is refused; `code` and `param` are fields of OpenAI's error format."""

    def __init__(
        self,
        status: int,
        words: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(words)
        self.status, self.words, self.code, self.param = status, words, code, param
        self.headers = dict(headers or {})


class StreamFault(msgspec.Struct, frozen=True):
    """The error reply of `/stream`, `/generate` and the page's endpoints."""

    error: str
    success: bool = False


class OpenAIError(msgspec.Struct, frozen=True):
    """An error in OpenAI's format."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class OpenAIFault(msgspec.Struct, frozen=True):
    """An error reply in OpenAI's format."""

    error: OpenAIError


class AnthropicError(msgspec.Struct, frozen=True):
    """An error in Anthropic's format."""

    type: str
    message: str


class AnthropicFault(msgspec.Struct, frozen=True):
    """An error reply, or an event of a stream, in Anthropic's format."""

    error: AnthropicError
    type: Literal["error"] = "error"


def error_text(error: ChatTuiError | ErrorInfo) -> str:
    """Return what happened and what to do next, as one text."""
    return f"{error.title} {error.hint}".strip()


def http_status(error: ChatTuiError | ErrorInfo) -> int:
    """Return the HTTP status for an error."""
    return _STATUSES.get(error.kind, 500)


def to_api_error(error: ChatTuiError | ErrorInfo) -> ApiError:
    """Convert an error to a refusal."""
    return ApiError(http_status(error), error_text(error), code=error.kind)


def is_below(path: str, above: str) -> bool:
    """Return whether this is that path or one below it."""
    return path == above or path.startswith(f"{above}/")


def error_body(path: str, refusal: ApiError) -> StreamFault | OpenAIFault | AnthropicFault:
    """Return the body of an error reply at this path."""
    if is_below(path, ANTHROPIC_PATH):
        usual = "invalid_request_error" if refusal.status < 500 else "api_error"
        return AnthropicFault(AnthropicError(_ANTHROPIC_TYPES.get(refusal.status, usual), refusal.words))
    if not is_below(path, OPENAI_PATH):
        return StreamFault(refusal.words)
    kind = _TYPES.get(refusal.status, "invalid_request_error" if refusal.status < 500 else "server_error")
    return OpenAIFault(OpenAIError(refusal.words, kind, refusal.param, refusal.code))


def error_response(path: str, refusal: ApiError) -> Response:
    """Return the error reply at this path."""
    return Response(
        msgspec.json.encode(error_body(path, refusal)),
        refusal.status,
        refusal.headers,
        media_type="application/json",
    )
