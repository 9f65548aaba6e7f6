"""An answer's turn as the panels and the transcript take it."""

from __future__ import annotations

import msgspec

from chat_tui.conversation import Turn
from chat_tui.figures import Figures


def without_text(turn: Turn) -> Turn:
    """The turn as it begins to stream."""
    return msgspec.structs.replace(turn, text="", thinking="", state="streaming")


def figures_of(turn: Turn) -> Figures:
    """The figures of an answer that was saved."""
    usage, timings = turn.usage, turn.timings
    return Figures(
        model=turn.model,
        strategy=turn.strategy,
        phase=turn.state,
        ttft_seconds=timings.ttft_seconds if timings else None,
        rate=timings.tokens_per_second if timings else None,
        rate_estimated=bool(timings and timings.estimated),
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=usage.completion_tokens if usage else None,
        tokens_estimated=bool(usage and usage.estimated),
        cost=turn.cost,
        context_tokens=usage.total_tokens if usage else None,
        left_out=turn.left_out,
        duration_seconds=timings.duration_seconds if timings else 0.0,
        error=turn.error.title if turn.error else "",
    )
