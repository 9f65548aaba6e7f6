"""Splitting Markdown that grows."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chat_tui.markdown.block import PARAGRAPH_LENGTH
from chat_tui.markdown.code_blocks import codes
from chat_tui.markdown.plain_text import PlainSplitter
from chat_tui.markdown.splitter import CODE_LINES_MOST, LIST_LINES, LIST_LINES_MOST, TABLE_ROWS, BlockSplitter, split

LINES = [
    "",
    "",
    "text of a paragraph",
    "# heading",
    "- item",
    "  - nested",
    "1. first",
    "2. second",
    "   in the item",
    "```python",
    "```",
    "    deep",
    "~~~",
    "> quote",
    "| a | b |",
    "|---|---|",
    "---",
    "$$",
    "\\[",
    "<!-- note",
    "-->",
    "\ttab",
    "x = 1",
]


def blocks_of(pieces: list[str]) -> BlockSplitter:
    splitter = BlockSplitter()
    for piece in pieces:
        splitter.feed(piece)
        splitter.open()
    splitter.finish()
    return splitter


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=30), st.lists(st.integers(0, 300), max_size=8))
def test_blocks_do_not_depend_on_how_the_text_was_cut(lines: list[str], cuts: list[int]) -> None:
    text = "\n".join(lines)
    places = sorted({min(cut, len(text)) for cut in cuts})
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    assert blocks_of(pieces).closed == split(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=30))
def test_no_word_gets_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    seen = "\n".join(block.source for block in split(text)).split()
    fences = {"```", "~~~", "```python"}
    wanted = [word for word in text.split() if word not in fences]
    assert [word for word in seen if word not in fences] == wanted


def test_closed_blocks_never_change() -> None:
    splitter = BlockSplitter()
    seen: list[object] = []
    for character in "# A\n\ntext\n- a\n- b\n\n```py\nx\n```\n\n|a|b|\n|-|-|\n|1|2|\n\nend":
        splitter.feed(character)
        assert splitter.closed[: len(seen)] == seen
        seen = list(splitter.closed)


def test_a_code_block_of_5000_lines_is_cut_into_small_pieces_that_join_exactly() -> None:
    code = "\n".join(f"def f{number}():\n    return {number}" for number in range(2_500))
    splitter = BlockSplitter()
    splitter.feed("```python\n" + code)
    assert len(splitter.open()[0].source.split("\n")) <= CODE_LINES_MOST
    splitter.feed("\n```\n")
    splitter.finish()
    assert all(len(block.source.split("\n")) <= CODE_LINES_MOST for block in splitter.closed)
    assert [found.text for found in codes(splitter.closed)] == [code]


def test_code_is_not_cut_inside_a_string_of_many_lines() -> None:
    code = 'x = """\n' + "text\n" * 60 + '"""\n' + "y = 1\n" * 30
    pieces = split(f"```python\n{code}```")
    assert pieces[0].source.count('"""') == 2


def test_a_megabyte_without_a_newline_is_cut() -> None:
    for text in ("word " * 200_000, "x" * 1_000_000, "```\n" + "y" * 1_000_000, "- " + "z " * 500_000):
        splitter = BlockSplitter()
        splitter.feed(text)
        assert sum(len(block.source) for block in splitter.open()) <= 2 * PARAGRAPH_LENGTH
        assert all(len(block.source) <= 2 * PARAGRAPH_LENGTH for block in splitter.closed)


def test_endless_lists_and_tables_are_cut() -> None:
    for text, most in (
        ("- item\n" * 5_000, LIST_LINES_MOST),
        ("- item\n" + "  - nested\n" * 5_000, LIST_LINES_MOST + 1),
        ("|a|b|\n|-|-|\n" + "|1|2|\n" * 5_000, TABLE_ROWS),
        ("> quote\n" * 5_000, PARAGRAPH_LENGTH),
        ("$$\n" + "x\n" * 5_000, PARAGRAPH_LENGTH),
    ):
        splitter = BlockSplitter()
        splitter.feed(text)
        assert all(block.source.count("\n") <= most for block in [*splitter.closed, *splitter.open()])


def test_a_cut_list_goes_on_counting() -> None:
    pieces = split("\n".join("3. item" for _ in range(40)))
    assert len(pieces) > 2
    assert [piece.number for piece in pieces[1:]] == [3 + LIST_LINES * place for place in range(1, len(pieces))]


def test_a_cut_list_whose_items_have_their_own_numbers_keeps_them() -> None:
    pieces = split("\n".join(f"{number}. item" for number in range(3, 80, 2)))
    assert [piece.number for piece in pieces] == [0] * len(pieces)


def test_a_list_marker_alone_is_not_shown_before_its_text() -> None:
    splitter = BlockSplitter()
    splitter.feed("text\n-")
    assert [block.source for block in splitter.open()] == ["text"]
    splitter.finish()
    assert splitter.closed[-1].source == "text\n-"


def test_a_half_closed_fence_is_not_shown() -> None:
    splitter = BlockSplitter()
    splitter.feed("```\nx\n``")
    assert [block.source for block in splitter.open()] == ["x"]


def test_a_fence_inside_a_list_item_stays_in_the_list() -> None:
    pieces = split("1. do\n\n   ```sh\n   ls\n\n   pwd\n   ```\n\n2. then")
    assert len(pieces) == 1


@given(st.text(alphabet="ab \n", max_size=400), st.integers(1, 50))
def test_plain_text_stays_whole(text: str, size: int) -> None:
    splitter = PlainSplitter()
    for at in range(0, len(text), size):
        splitter.feed(text[at : at + size])
    splitter.finish()
    joined = "".join((block.joint if index else "") + block.source for index, block in enumerate(splitter.closed))
    assert joined == text


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "- ", "1. ", "> ", "# ", "```\n", "$$\n", "<div>", "| a |\n|---|\n| ", "\t"]),
            st.sampled_from([1, PARAGRAPH_LENGTH - 1, PARAGRAPH_LENGTH, PARAGRAPH_LENGTH + 4, 3 * PARAGRAPH_LENGTH]),
            st.sampled_from(["x", "x ", "- x ", "| x"]),
            st.sampled_from(["\n", "\n\n"]),
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(500, 4 * PARAGRAPH_LENGTH),
)
@settings(max_examples=40)
def test_lines_without_end_are_cut_and_lose_nothing(lines: list[tuple[str, int, str, str]], size: int) -> None:
    text = "".join(begin + (body * length)[:length] + end for begin, length, body, end in lines)
    splitter = BlockSplitter()
    for at in range(0, len(text), size):
        splitter.feed(text[at : at + size])
        splitter.open()
    splitter.finish()
    assert sum(block.source.count("x") for block in splitter.closed) >= text.count("x")


def test_what_follows_a_cut_line_is_of_the_same_paragraph() -> None:
    pieces = split("x" * (PARAGRAPH_LENGTH + 5) + "\nnext line\n" + "y" * (PARAGRAPH_LENGTH + 5))
    assert "".join(piece.source for piece in pieces).startswith("x" * (PARAGRAPH_LENGTH + 5) + "\nnext line")
