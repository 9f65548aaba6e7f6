"""Why an answer is incomplete, as the error of an API. Pure functions."""

from __future__ import annotations

from msgspec.structs import replace

from chat_tui.core.answers.finish_reasons import state_of
from chat_tui.core.chunks import ErrorInfo, State
from chat_tui.core.errors import EmptyAnswer
from chat_tui.core.route import Route
from chat_tui.web.errors import ApiError, to_api_error

_CODES = {"ContextTooLong": "context_length_exceeded", "RateLimited": "rate_limit_exceeded"}
"""Error codes that OpenAI uses for the same kinds of errors."""


def final_state(state: State, finish_reason: str, route: Route | None) -> State | None:
    """Return `complete`, `length` or `refused`; None if the answer is incomplete. An empty answer is passed on as its
    server ended it."""
    if state == "empty" and _outcomes(route) == {EmptyAnswer.__name__}:
        return "length" if state_of(finish_reason) == "length" else "complete"
    return state if state in ("complete", "length", "refused") else None


def _outcomes(route: Route | None) -> set[str]:
    return {entry.outcome for entry in route.tries} if route is not None else set()


def incomplete_error(error: ErrorInfo | None, route: Route | None, state: State = "cancelled") -> ApiError:
    """Return why an answer is incomplete: its error, or that it was cancelled. If all models have failed in the same
    way, that error is used."""
    if error is None and state == "cancelled":
        return ApiError(503, "The server is shutting down. Ask again in a moment.", code="stopping")
    if error is None:
        return ApiError(502, "The model's server closed the stream early. Ask again in a moment.")
    outcomes = _outcomes(route)
    if error.kind == "AllFailed" and len(outcomes) == 1:
        error = replace(error, kind=outcomes.pop())
    refusal = to_api_error(error)
    refusal.code = _CODES.get(error.kind, refusal.code)
    return refusal
