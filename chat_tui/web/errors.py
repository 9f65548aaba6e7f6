"""What a request is told that gets no answer: a status, words, and the shape that its door speaks."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from chat_tui.core.chunks import ErrorInfo
from chat_tui.core.errors import ChatTuiError

OPENAI_PATH = "/v1"
"""Below it errors have OpenAI's shape."""

_STATUSES = {
    "CommandError": 400,
    "QueryError": 400,
    "AttachmentRefused": 400,
    "Rejected": 400,
    "ContextTooLong": 400,
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
"""By an error's kind; every other is a fault of ours, 500."""
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """A request that gets no answer; `code` and `param` are OpenAI's words for it."""

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
    """What went wrong, in OpenAI's words."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class OpenAIFault(msgspec.Struct, frozen=True):
    """A request of OpenAI's that failed."""

    error: OpenAIError


def words_of(error: ChatTuiError | ErrorInfo) -> str:
    """What happened, and what to do next."""
    return f"{error.title} {error.hint}".strip()


def status_of(error: ChatTuiError | ErrorInfo) -> int:
    """The HTTP status that stands for an error."""
    return _STATUSES.get(error.kind, 500)


def refused(error: ChatTuiError | ErrorInfo) -> ApiError:
    """The same as a refusal."""
    return ApiError(status_of(error), words_of(error), code=error.kind)


def fault_of(path: str, refusal: ApiError) -> StreamFault | OpenAIFault:
    """The body that a refusal has at this path."""
    if path != OPENAI_PATH and not path.startswith(f"{OPENAI_PATH}/"):
        return StreamFault(refusal.words)
    kind = _TYPES.get(refusal.status, "invalid_request_error" if refusal.status < 500 else "server_error")
    return OpenAIFault(OpenAIError(refusal.words, kind, refusal.param, refusal.code))


def response(path: str, refusal: ApiError) -> Response:
    """The whole response."""
    return Response(
        msgspec.json.encode(fault_of(path, refusal)),
        refusal.status,
        refusal.headers,
        media_type="application/json",
    )
