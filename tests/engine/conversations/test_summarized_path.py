"""What is sent of a path with summaries, whatever they say that they replace."""

from __future__ import annotations

import pytest

from chat_tui.core.conversation import SummarizedTurns, Turn
from chat_tui.engine.conversations.summarized_path import replace_summarized
from chat_tui.routing.execution.context_window import fit

PATH = tuple(Turn("user" if place % 2 == 0 else "assistant", f"t{place}") for place in range(6))


def summary(turns: int | None, text: str = "S") -> Turn:
    return Turn("summary", text, summarized=None if turns is None else SummarizedTurns(turns, turns))


def told(path: tuple[Turn, ...]) -> list[str]:
    return [turn.text.splitlines()[1] if turn.role == "summary" else turn.text for turn in replace_summarized(path)]


def test_a_path_without_a_summary_is_sent_as_it_is() -> None:
    assert replace_summarized(PATH) is PATH


@pytest.mark.parametrize(
    ("turns", "sent"),
    [
        (4, ["S", "t4", "t5", "t6"]),
        (0, ["S", "t0", "t1", "t2", "t3", "t4", "t5", "t6"]),
        (6, ["S", "t6"]),
        # From a damaged or foreign file.
        (10**30, ["S", "t6"]),
        (-3, ["S", "t0", "t1", "t2", "t3", "t4", "t5", "t6"]),
        (None, ["S", "t6"]),
    ],
)
def test_the_last_summary_is_sent_in_place_of_what_it_replaces(turns: int | None, sent: list[str]) -> None:
    path = (*PATH, summary(turns), Turn("user", "t6"))
    assert told(path) == sent
    once = replace_summarized(path)
    assert replace_summarized(once) is once


def test_an_earlier_summary_is_not_sent_beside_the_last_one() -> None:
    path = (*PATH[:2], summary(2, "first"), *PATH[2:], summary(5, "second"), Turn("user", "t6"))
    assert told(path) == ["second", "t4", "t5", "t6"]


def test_a_summary_is_always_sent_and_never_as_instructions() -> None:
    system, long = Turn("system", "Be brief."), Turn("assistant", "word " * 500)
    path = [
        system,
        *replace_summarized((*PATH, summary(4, "What was said."), Turn("user", "q"), long, Turn("user", "z"))),
    ]
    context = fit(path, window=300, reply_tokens=50, listed=True)
    assert [turn.role for turn in context.turns] == ["system", "user"]
    assert context.turns[0] == system
    assert "What was said." in context.turns[1].text
    assert context.turns[1].text.endswith("\n\nz")
    first, *others = context.exchanges
    assert (first.is_summary, first.sent, first.tokens > 0) == (True, True, True)
    assert [row.sent for row in others] == [False, False, True]
    assert context.tokens == fit([system, Turn("user", "z")], window=300).tokens + first.tokens
    assert context.left_out == 2
