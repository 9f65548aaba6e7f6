"""How many characters are shown of the last ones that came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chat_tui.routing.execution.token_lengths import TokenLengths


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=30), st.integers(0, 30))
def test_the_last_tokens_are_counted_as_they_are_shown(tokens: list[tuple[int, bool]], last: int) -> None:
    lengths = TokenLengths()
    pairs = [(came, 0 if removed else came) for came, removed in tokens]
    for came, shown in pairs:
        lengths.add(came, shown)
    taken = pairs[len(pairs) - last :] if last < len(pairs) else pairs
    assert lengths.shown_of_last(sum(came for came, _ in taken)) == sum(shown for _, shown in taken)
