"""How the screen tells what an answer cost: who says so, and what the cache saved."""

from __future__ import annotations

import pytest

from chat_tui.core.chunks import Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.tui.transcript.model.turn_stats import figures_of
from chat_tui.tui.widgets.formatting import full_cost, prompt_tokens

BILLED = StreamStats(cost=0.0123, cost_billed=True, saved=0.25, prompt_tokens=12_300, cached_tokens=12_000)


@pytest.mark.parametrize(
    ("width", "text"),
    [(40, "$0.0123 · billed · saved $0.250"), (24, "$0.0123 · saved $0.250"), (10, "$0.0123")],
)
def test_a_cost_tells_who_says_so_and_what_was_saved_as_far_as_there_is_room(width: int, text: str) -> None:
    assert full_cost(BILLED, width) == text


def test_a_cost_of_nothing_is_not_billed_and_a_loss_is_no_saving() -> None:
    assert full_cost(StreamStats(cost=0.0, cost_billed=True), 40) == "$0"
    assert full_cost(StreamStats(cost=0.5, saved=-0.1), 40) == "$0.500"


def test_the_share_of_cached_tokens_stands_behind_those_of_the_prompt() -> None:
    assert prompt_tokens(BILLED, 19) == "12.3k · 98% cached"
    assert prompt_tokens(BILLED, 10) == "12.3k"
    assert prompt_tokens(StreamStats(prompt_tokens=10), 19) == "10"


def test_a_saved_answer_tells_the_same_as_it_did_when_it_ended() -> None:
    turn = Turn(
        "assistant", "Hi", cost=0.0123, usage=Usage(12_300, 1, 12_301, cached_tokens=12_000, cost=0.0123, saved=0.25)
    )
    figures = figures_of(turn)
    assert (figures.cost_billed, figures.cached_tokens, figures.saved) == (True, 12_000, 0.25)
