"""Lines of a server are put together from whatever pieces they come in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.servers import needs_sdk

pytestmark = needs_sdk


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_lines_do_not_depend_on_the_pieces(content: bytes, cuts: list[int]) -> None:
    from chat_tui.tools.worker.stdio_transport import LineSplitter

    splitter = LineSplitter()
    places = [0, *sorted(cuts), len(content)]
    lines = [line for begin, end in pairwise(places) for line in splitter.feed(content[begin:end])]
    *whole, rest = content.split(b"\n")
    assert lines == whole
    assert splitter.waiting == len(rest)


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "2 kB"), (20_000_000, "20.0 MB")]
)
def test_sizes_are_told_for_people(count: int, shown: str) -> None:
    from chat_tui.tools.result_text import size_text

    assert size_text(count) == shown
