"""Text that comes faster than it can be laid out: worked in piece by piece, none lost, and its cost is bounded."""

from __future__ import annotations

import time
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from chat_tui.core.conversation import Turn
from chat_tui.markdown.splitter import PLAIN_LINES, RICH_BLOCKS, RICH_LINES, BlockSplitter, split
from chat_tui.tui.transcript.model.streamed_text import SLICE_CHARACTERS
from chat_tui.tui.transcript.model.turn_view import TurnView
from chat_tui.tui.transcript.transcript import Transcript

STREAMING = Turn("assistant", "", id="a", state="streaming")
LINES = ["# h\n", "=\n", "a\\\n", "| a | b |\n", "*\n", "`\n", "- x\n", "```\n", "\n", "> q\n", "$$\n"]


def streamed(text: str, *, seconds: float) -> TurnView:
    view = TurnView(STREAMING, 80, live=True)
    view.streamed.append(text, "text")
    while view.streamed.behind:
        view.flush(seconds)
    return view


def blocks_of(view: TurnView) -> list[object]:
    return [part.block for part in view.parts() if part.block is not None]


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=1500).map("".join))
def test_text_worked_in_by_slices_gives_the_same_blocks(text: str) -> None:
    assert blocks_of(streamed(text, seconds=0)) == blocks_of(streamed(text, seconds=60))


def test_a_slice_leaves_the_rest_for_the_next() -> None:
    view = TurnView(STREAMING, 80, live=True)
    view.streamed.append("# h\n" * 5000, "text")
    view.flush(0)
    assert view.streamed.behind == 20_000 - SLICE_CHARACTERS
    assert view.text() == "# h\n" * 5000


@pytest.mark.parametrize("line", LINES)
def test_one_slice_takes_a_few_milliseconds_whatever_it_holds(line: str) -> None:
    view = TurnView(STREAMING, 80, live=True)
    view.streamed.append(line * (2_000_000 // len(line)), "text")
    spent = []
    for _ in range(20):
        begun = time.thread_time()
        view.flush(0)
        spent.append(time.thread_time() - begun)
    assert sorted(spent)[10] < 0.02


def test_tops_stay_right_while_the_answer_grows() -> None:
    view = TurnView(STREAMING, 80, live=True)
    for step in range(40):
        view.streamed.append(f"# head {step}\n\n- item\n- item\n\nword " * 5, "text")
        view.flush()
        if step % 7 == 3:
            view.parts()[step // 2].height += 1
            view.set_width(80 - step)
        assert view.tops() == [0, *accumulate(part.height for part in view.parts())]


@pytest.mark.parametrize("line", ["# h\n", "=\n", "word\n\n"])
def test_a_text_of_very_many_lines_goes_on_as_plain_pieces(line: str) -> None:
    text = line * (2 * RICH_LINES)
    pieces = split(text)
    plain = [piece for piece in pieces if piece.kind == "plain"]
    assert plain
    assert plain[0].first
    assert len(pieces) <= RICH_BLOCKS + 1 + 2 * len(text.split("\n")) // PLAIN_LINES
    rest = "".join((piece.joint if index else "") + piece.source for index, piece in enumerate(plain))
    assert text.rstrip("\n").endswith(rest.rstrip("\n"))


def test_an_open_fence_ends_where_the_plain_text_begins() -> None:
    splitter = BlockSplitter()
    splitter.feed("```python\n" + "x = 1\n" * (RICH_LINES + 10))
    assert splitter.closed[-1].kind == "code"
    assert "".join(block.source for block in splitter.open()).startswith("x = 1")


class Pane(App[None]):
    def compose(self) -> ComposeResult:
        yield Transcript()


async def test_a_burst_is_worked_in_by_slices_and_shown_whole() -> None:
    app, text = Pane(), "# h\n" * 30_000
    async with app.run_test(size=(80, 24)):
        transcript = app.query_one(Transcript)
        transcript.add(STREAMING)
        transcript.live.append(text)
        await transcript.live.keep_up(0)
        transcript.live.finish(Turn("assistant", text, id="a"))
        assert transcript.turns[-1].text == text
        assert transcript.viewport.follows
