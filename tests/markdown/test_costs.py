"""What Markdown costs at most, whatever its marks: in calls of Python functions, about 150 ns each on any day."""

import sys
from collections.abc import Callable

import pytest

from chat_tui.markdown.block import Block
from chat_tui.markdown.html.rendering import render_pieces
from chat_tui.markdown.parser import make_parser
from chat_tui.markdown.splitter import split
from chat_tui.markdown.tables import COLUMNS

PARSER = make_parser()


def calls_of(work: Callable[[], object]) -> int:
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def cost(block: Block) -> int:
    return calls_of(lambda: PARSER.parse(f"{block.head}\n{block.source}" if block.head else block.source))


@pytest.mark.parametrize(
    "unit", ["[", "![", "[[]", "[a](", "[[[[a]]]]", "**a*", "`a``", "<a ", "<![CDATA[", "a\n", "> ", "- ", "- [a *b\n"]
)
def test_no_block_costs_much_whatever_its_marks(unit: str) -> None:
    assert max(map(cost, split(unit * (9_000 // len(unit))))) < 100_000


BETWEEN_BLOCKS = [
    *("[a][b]\n\n", "[^1]\n\n", "[b]: c\n", "> [!NOTE]\n> x\n\n", "![x](data:image/png;base64,AAAA) "),
    *("<details>\n", "</details>\n", "<details><summary>a</summary>\n", "\u200b"),
    *("- [ ] a\n", "7. a\n", "| a |\n|---|\n| b |\n\n", "| a |\n"),
]


@pytest.mark.parametrize("unit", BETWEEN_BLOCKS)
def test_what_stands_between_blocks_costs_little(unit: str) -> None:
    assert max(map(cost, split(unit * (9_000 // len(unit)))), default=0) < 100_000


@pytest.mark.parametrize("unit", BETWEEN_BLOCKS)
def test_splitting_costs_as_much_for_each_line_however_many_there_are(unit: str) -> None:
    begins = "| a |\n|---|\n" if unit == "| a |\n" else ""
    end = "\n\n[b]: c\n[^1]: d\n"
    few, many = begins + unit * 500 + end, begins + unit * 2_000 + end
    assert calls_of(lambda: split(many)) < 5 * calls_of(lambda: split(few)) + 1_000


def test_no_item_of_a_list_costs_much_however_long() -> None:
    line = "  Some *words* with `code` and [a link](https://example.org/), which go on and on.\n" * 30
    assert max(map(cost, split("- item\n" + line * 20))) < 100_000
    assert max(map(cost, split(("- item\n" + line) * 20))) < 100_000


@pytest.mark.parametrize("columns", [30, COLUMNS - 1, COLUMNS + 1, 1_400])
def test_no_piece_of_a_table_costs_much_however_many_its_columns(columns: int) -> None:
    assert max(map(cost, split("a|" * columns + "\n" + "-|" * columns + "\n" + "|b\n" * 40))) < 50_000


@pytest.mark.parametrize("text", ["[" * 100 + " *a*", "*a* " * 600, "a|" * 70 + "\n" + "-|" * 70 + "\n" + "b|\n" * 40])
def test_what_is_not_worth_its_cost_is_shown_as_its_source(text: str) -> None:
    html = "".join([piece.html for piece in render_pieces(text)]).removeprefix("<p>").removesuffix("</p>")
    assert html.replace("<br>", "\n").split() == text.split()


def test_many_marks_that_cost_little_mean_what_they_mean() -> None:
    assert "".join([piece.html for piece in render_pieces("[1] *a* " * 60)]).count("<em>") == 60
