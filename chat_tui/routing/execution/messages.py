"""The metadata and errors of a request: candidates, retries, faults, price limits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from chat_tui.core.chunks import Chunk, Metadata, Token, ToolCallDelta
from chat_tui.core.context import Context
from chat_tui.core.errors import (
    Busy,
    ChatTuiError,
    ContextTooLong,
    InternalError,
    KeyMissing,
    KeyRefused,
    LocalModelError,
    QuotaUsedUp,
    Rejected,
    TooSlow,
)
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Alternative, Candidate, Route, Try
from chat_tui.core.usage.token_estimate import tool_tokens
from chat_tui.routing.execution.retry import LONGEST_WAIT_SECONDS
from chat_tui.routing.execution.timeouts import SETTING_OF, Phase
from chat_tui.routing.policy import Plan
from chat_tui.routing.ranking.eligibility import estimated_price
from chat_tui.routing.ranking.ranking import DETAILED, Ranking, excluded_of

_NEWS = frozenset({"fetching", "loading", "connecting", "waiting"})
_DEAR = ("would cost", "its price")

LISTED = DETAILED
"""Candidates that a route lists, besides those that were tried."""
REASONS = 8
"""Different reasons that a route counts."""
_FIXABLE = (KeyMissing, KeyRefused, QuotaUsedUp, LocalModelError, Rejected)
"""Errors that a person can do something about, the most helpful hints first."""
NOTED_TOOL_TOKENS = 500
"""Tokens of tools from which an error about the length names them."""
_NUMBERS = re.compile(r"\$?\d[\d.,]*")


def list_candidates(
    candidates: Sequence[Candidate], tried: Collection[str]
) -> tuple[tuple[Candidate, ...], Mapping[str, int]]:
    """Return the candidates that a route lists, and how many others were excluded for which reason (empty: none).

    Listed are the best few, those that were tried, and some that were excluded.
    """
    if len(candidates) <= LISTED:
        return tuple(candidates), {}
    excluded = excluded_of(candidates)
    some_excluded = min(len(excluded), LISTED // 4)
    best, others = _best_and_tried(candidates, tried, LISTED - some_excluded)
    shown = len(best) + len(others)
    most = max(some_excluded, LISTED - shown)
    counts: Counter[str] = Counter()
    for reason, count in Counter([candidate.out for candidate in excluded[most:]]).items():
        counts[_NUMBERS.sub("…", reason)] += count
    if able := len(candidates) - len(excluded) - shown:
        counts[""] = able
    told = dict(counts.most_common(REASONS))
    if rest := counts.total() - sum(told.values()):
        told["other reasons"] = rest
    return (*best, *others, *excluded[:most]), told


def _best_and_tried(
    candidates: Sequence[Candidate], tried: Collection[str], most: int
) -> tuple[Sequence[Candidate], Sequence[Candidate]]:
    """Return the best candidates that are not excluded, and those of the others that were tried."""
    if isinstance(candidates, Ranking):
        best = candidates.best[:most]
        others = [candidate for candidate in candidates.best[most:] if candidate.model in tried]
        return best, [*others, *candidates.find(tried)]
    able = [candidate for candidate in candidates if not candidate.out]
    return able[:most], [candidate for candidate in able[most:] if candidate.model in tried]


def route_of(plan: Plan, tried: Collection[str], others: Sequence[Alternative]) -> Route:
    """Return the route of a plan, before anything was tried; `tried` are listed in any case."""
    listed, left_out = list_candidates(plan.candidates, tried)
    return Route(
        plan.strategy,
        listed,
        left_out=sum(left_out.values()),
        left_out_for={why: count for why, count in left_out.items() if why},
        others=tuple(others),
        needs=plan.needs,
        difficulty=plan.difficulty,
    )


def retry(model: Model, attempt: int, of: int, delay: float, error: ChatTuiError) -> Metadata:
    """Return the metadata that announces a retry of the same model."""
    return Metadata(
        "retry", model=model.name, attempt=attempt, of=of, delay_seconds=round(delay, 3), reason=error.title
    )


def over_price_limit(plan: Plan) -> Metadata | None:
    """Return the metadata that names models over the price limit, if others are left; None if there are none."""
    out = [candidate for candidate in excluded_of(plan.candidates) if candidate.out.startswith(_DEAR)]
    if not out or not plan.models:
        return None
    named = "; ".join(f"{candidate.model} {candidate.out}" for candidate in out[:3])
    more = f"; and {len(out) - 3} more" if len(out) > 3 else ""
    return Metadata("budget", model=plan.models[0].name, reason=f"Over your price limit: {named}{more}.")


def too_slow(model: Model, silence: float | None, whole: float | None, phase: Phase) -> TooSlow:
    """Return the error for the limit that has run out: of the silence, or (if that is None) of the whole stream.

    Both are in seconds. A server that has begun to work is not asked again: its work may cost money.
    """
    about = {"provider": model.provider, "model": model.name}
    if silence is None:
        return TooSlow(f"The answer took longer than {whole:g} s.", "Allow more time.", **about)
    more = f"Raise `{SETTING_OF[phase]}` under [timeouts]"
    if phase == "spoke":
        return TooSlow(f"{model.name} sent nothing for {silence:g} s.", f"Ask again. {more}.", **about)
    titles = {
        "asked": f"{model.name} sent no token within {silence:g} s.",
        "accepted": f"{model.name} sent no token within {silence:g} s.",
        "loading": f"{model.name} was still loading after {silence:g} s.",
        "at work": f"{model.name} accepted the question, but sent no token within {silence:g} s.",
    }
    error = TooSlow(titles[phase], f"{more}, or choose another model.", **about)
    error.retryable = phase == "asked"
    return error


def is_acceptance(chunk: Chunk) -> bool:
    """Return whether the chunk says that the server has accepted the question; only the router needs it."""
    return isinstance(chunk, Metadata) and chunk.event == "waiting" and chunk.attempt > 0


def phase_after(burst: Sequence[Chunk], phase: Phase) -> Phase:
    """Return how far an attempt is after this burst; an empty burst means that the server is working."""
    if phase == "spoke" or any(map(_is_output, burst)):
        return "spoke"
    events = [chunk.event for chunk in burst if isinstance(chunk, Metadata)]
    if phase != "at work" and any(map(is_acceptance, burst)):
        return "accepted"
    if not burst or "usage" in events:
        return "at work"
    if "loading" in events:
        return "loading"
    return "asked" if phase == "loading" and "waiting" in events else phase


def all_failed(tries: Sequence[Try], failures: Sequence[ChatTuiError]) -> str:
    """Return each model's reason once, then the most helpful hint: what a person can fix before what may pass. Each is
    a line."""
    told = dict.fromkeys(f"{entry.model}: {_as_sentence(entry.reason)}" for entry in tries)
    newest = failures[::-1]
    fixable = (failure.hint for kind in _FIXABLE for failure in newest if isinstance(failure, kind) and failure.hint)
    hint = next(fixable, newest[0].hint if newest else "")
    return "\n".join(filter(None, [*told, hint]))


def _as_sentence(reason: str) -> str:
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def add_wait_to_hint(error: ChatTuiError) -> None:
    """Add the wait that a server asks for to its error's hint, if it is longer than the router waits."""
    wait = error.retry_after if isinstance(error, Busy) else None
    if wait is not None and wait > LONGEST_WAIT_SECONDS:
        error.hint = f"It asks to wait for {_period(wait)}. {error.hint}".strip()


def add_tools_to_hint(error: ChatTuiError, request: Request) -> None:
    """Add how many tokens the tools take to the hint of an error about the length, if they matter."""
    tokens = tool_tokens(request.tools) if isinstance(error, ContextTooLong) else 0
    if tokens >= NOTED_TOOL_TOKENS:
        error.hint = f"{error.hint} The list of tools takes about {tokens:,} tokens: switch off what you do not need."


def _period(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{min(seconds, 1e7) / 3600:.0f} h"


def breaks_silence(chunk: Chunk) -> bool:
    """Return whether the chunk ends a silence: text does, and progress towards it, but no keep-alive."""
    return _is_output(chunk) or (isinstance(chunk, Metadata) and chunk.event in _NEWS and not is_acceptance(chunk))


def _is_output(chunk: Chunk) -> bool:
    return bool(chunk.token) if isinstance(chunk, Token) else isinstance(chunk, ToolCallDelta)


def internal_error(model: Model, error: Exception) -> InternalError:
    """Return the error for a foreign exception, described by kind and place only: its text may contain a key."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})" if trace else ""
    fault = InternalError(
        f"The request to {model.name} failed inside chat-tui: {type(error).__name__}{place}.",
        "This is a bug in chat-tui, not in the model. Please report it, or choose another model.",
    )
    fault.__cause__ = error
    return fault


def connecting(model: Model, context: Context, request: Request) -> Sequence[Chunk]:
    """Return the metadata that a model is asked, and what it will not see of the conversation."""
    price = estimated_price(model, context.tokens, request)
    announcement = Metadata(
        "connecting",
        model=model.name,
        context_tokens=context.tokens,
        context_window=context.window or 0,
        price=None if price is None else round(price, 6),
    )
    return [announcement, *context_warnings(context)]


def context_warnings(context: Context) -> Iterator[Metadata]:
    """Yield what the model will not see of the conversation: exchanges that do not fit, results of tools that were
    shortened, or a part of a question that is too long by itself, which some servers cut off silently."""
    if context.left_out:
        yield Metadata("trimmed", left_out=context.left_out)
    if context.shortened:
        were = "result was" if context.shortened == 1 else "results were"
        yield Metadata(
            "trimmed", reason=f"{context.shortened} earlier tool {were} shortened to fit the context window."
        )
    if context.window is not None and context.tokens > context.window:
        told = f"About {context.tokens:,} tokens do not fit the context window of {context.window:,}"
        yield Metadata("trimmed", reason=f"{told}: the server may drop part of the question.")
