"""Images within an answer: one line each, whatever their size, whole and in pieces."""

import time

import pytest

from chat_tui.markdown.block import Block
from chat_tui.markdown.code_blocks import codes
from chat_tui.markdown.html.rendering import render_pieces
from chat_tui.markdown.inline.data_images import decode_image, describe_image
from chat_tui.markdown.splitter import BlockSplitter, split

DATA = "iVBORw0KGgo" * 2_000
TEXT = f"Here:\n\n![a cat](data:image/png;base64,{DATA}) and\nmore\n\n```python\nx = 1\n```\n"


def split_in(text: str, size: int) -> BlockSplitter:
    splitter = BlockSplitter()
    for start in range(0, len(text), size):
        splitter.feed(text[start : start + size])
        for block in splitter.open():
            assert "iVBOR" not in block.source
    splitter.finish()
    return splitter


@pytest.mark.parametrize("size", [1, 1_000, 100_000])
def test_an_image_is_a_block_of_its_own(size: int) -> None:
    blocks = split_in(TEXT, size).closed
    assert [block.kind for block in blocks] == ["markdown", "image", "markdown", "code"]
    assert (blocks[1].language, blocks[1].source) == ("a cat", f"data:image/png;base64,{DATA}")
    assert blocks[2].source == " and\nmore"
    assert [block.codes_before for block in blocks] == [0, 0, 1, 1]
    assert [code.language for code in codes(blocks)] == ["png", "python"]


def test_what_is_no_image_stays_text() -> None:
    for text in (
        f"![x](data:text/html;base64,{DATA[:99]})",
        "![x](https://example.org/a.png)",
        "(data:image/png;base64,A)",
    ):
        assert [block.kind for block in split(text)] == ["markdown"]
    code = f"```\n![x](data:image/png;base64,{DATA[:99]})\n```"
    assert [block.kind for block in split(code)] == ["code"]


def test_an_image_that_is_cut_off_loses_nothing() -> None:
    text = f"![x](data:image/png;base64,{DATA}"
    assert "".join(block.source for block in split(text)) == text
    assert "".join(block.source for block in split(text + " oops")).replace(" ", "") == text + "oops"


def test_many_megabytes_are_taken_in_linear_time() -> None:
    def seconds(characters: int) -> float:
        splitter, begun = BlockSplitter(), time.process_time()
        splitter.feed("![x](data:image/png;base64,")
        for _ in range(characters // 100):
            splitter.feed("A" * 100)
        splitter.feed(")")
        splitter.finish()
        assert len(splitter.closed) == 1
        return time.process_time() - begun

    assert seconds(4_000_000) < 20 * max(seconds(1_000_000), 0.02)


def test_what_is_told_of_an_image() -> None:
    png = describe_image("data:image/png;base64,AAAA")
    assert png is not None
    assert (png.suffix, png.size, png.text) == ("png", 3, "PNG, 3 bytes")
    svg = describe_image("data:image/svg+xml;base64," + "A" * 4_000)
    assert svg is not None
    assert svg.text == "SVG, 3 kB"
    assert describe_image("https://example.org") is None
    assert decode_image("data:image/png;base64,AAEC") == b"\0\1\2"
    with pytest.raises(ValueError):
        decode_image("data:image/png;base64,AAE")


def test_the_page_names_it() -> None:
    html = "".join(piece.html for piece in render_pieces(TEXT))
    assert "[image: a cat · PNG, 16 kB]" in html
    assert "base64" not in html
    assert render_pieces("![](data:image/png;base64,AAAA)")[0].html.count("[image · PNG, 3 bytes]") == 1
    assert Block("image", "").kind == "image"
