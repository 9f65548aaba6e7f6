"""An answer's turn as the panels and the transcript take it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from chat_tui.core.chunks import Timings
from chat_tui.core.conversation import Turn
from chat_tui.core.route import Route
from chat_tui.core.usage.stream_stats import StreamStats, count_tries, is_billed, thinking_tokens


def without_text(turn: Turn) -> Turn:
    """The turn as it begins to stream."""
    return msgspec.structs.replace(turn, text="", thinking="", state="streaming", calls=())


def steps_before(turns: Sequence[Turn]) -> list[StreamStats]:
    """The figures of the answers behind the last question: those that have called tools, and perhaps a last one."""
    steps: list[StreamStats] = []
    for turn in reversed(turns):
        if turn.role == "user":
            break
        if turn.role == "assistant":
            steps.insert(0, figures_of(turn))
    return steps


def sum_steps(earlier: Sequence[StreamStats], last: StreamStats) -> StreamStats:
    """The figures of an answer in several steps: time, tokens and cost are those of all steps; pace, context and state
    are those of the last one, the time to the first token is that of the first."""
    if not earlier:
        return last
    steps = (*earlier, last)
    costs = [step.cost for step in steps if step.cost is not None]
    return msgspec.structs.replace(
        last,
        ttft_seconds=earlier[0].ttft_seconds,
        duration_seconds=sum(step.duration_seconds for step in steps),
        prompt_tokens=_sum(step.prompt_tokens for step in steps),
        prompt_estimated=any(step.prompt_estimated for step in steps),
        completion_tokens=_sum(step.completion_tokens for step in steps),
        completion_estimated=any(step.completion_estimated for step in steps),
        cached_tokens=sum(step.cached_tokens for step in steps),
        cost=sum(costs) if costs else None,
        cost_estimated=any(step.cost_estimated for step in steps),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def figures_of(turn: Turn, route: Route | None = None, window: int | None = None) -> StreamStats:
    """The figures of an answer that was saved; `window`: its model's, in tokens."""
    usage, timings = turn.usage, turn.timings or Timings()
    estimated = usage is not None and usage.estimated
    completion = usage.completion_tokens if usage else None
    thought, thought_estimated = thinking_tokens(
        usage, completion, len(turn.thinking), len(turn.thinking) + len(turn.text)
    )
    tries, candidates = count_tries(route)
    return StreamStats(
        model=turn.model,
        strategy=turn.strategy,
        phase=turn.state,
        tries=tries,
        candidates=candidates,
        ttft_seconds=timings.ttft_seconds,
        quick_ttft_seconds=turn.quick.ttft_seconds if turn.quick is not None and turn.quick.text else None,
        gap_p50_seconds=timings.gap_p50_seconds,
        gap_p95_seconds=timings.gap_p95_seconds,
        rate=timings.tokens_per_second,
        rate_estimated=timings.estimated,
        prompt_tokens=usage.prompt_tokens if usage else None,
        prompt_estimated=estimated,
        completion_tokens=completion,
        completion_estimated=estimated,
        thinking_tokens=thought,
        thinking_estimated=thought_estimated,
        cost=turn.cost,
        cost_estimated=estimated and not is_billed(usage),
        cost_billed=is_billed(usage),
        cached_tokens=usage.cached_tokens if usage else 0,
        saved=usage.saved if usage else None,
        seams=len(turn.seams),
        context_tokens=usage.total_tokens if usage else None,
        context_window=window,
        left_out=turn.left_out,
        duration_seconds=timings.duration_seconds,
        error=turn.error.title if turn.error else "",
        served_model=turn.served_model,
    )
