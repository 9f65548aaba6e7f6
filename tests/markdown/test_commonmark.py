"""CommonMark's own examples: what the parser makes of each, and the blocks of the splitter, whole and in pieces."""

import html
import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from chat_tui.markdown.parser import make_parser
from chat_tui.markdown.splitter import BlockSplitter
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.web.html.rendering import HtmlRendering, render_pieces

DATA = Path(__file__).parents[1] / "data" / "commonmark-0.31.2.json"


class Example(NamedTuple):
    number: int
    markdown: str
    html: str


EXAMPLES = [Example(**each) for each in json.loads(DATA.read_text("utf-8"))]
PARSER = make_parser()
ALIKE = {168: "`<del>` is drawn as strikethrough", **dict.fromkeys((218, 239, 240), "an empty quote has no newline")}
"""Examples whose HTML differs in what is not seen."""
OTHERWISE = {
    **dict.fromkeys(
        (192, 193, 194, 196, 198, 200, 202, 205, 206, 207, 217, 541, 544, 550, 564),
        "a definition that no earlier text refers to is shown",
    ),
    204: "a second definition of the same name is shown",
    218: "a definition within a quote counts within it",
    545: "a definition that nothing refers to is shown",
    549: "a definition whose label needs escapes is shown",
    552: "a blank label",
}
"""Examples that the splitter's blocks show otherwise, and why."""


def test_all_examples_are_there() -> None:
    assert [example.number for example in EXAMPLES] == list(range(1, 653))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example.number))
def test_the_parser_agrees_with_commonmark(example: Example) -> None:
    if example.number not in ALIKE:
        assert PARSER.render(example.markdown) == example.html
    else:
        assert words(PARSER.render(example.markdown)) == words(example.html)


def words(text: str) -> str:
    """What is read of HTML, without blanks and without what the page adds."""
    text = re.sub(r'<div class="code-head">.*?</div>', "", text, flags=re.DOTALL)
    text = re.sub(r'<img[^>]*alt="([^"]*)"[^>]*>', r"image: \1", text)
    text = re.sub(r'<span class="target">\[(.*?)\]</span>', r"\1", text)
    text = re.sub(r'<span class="target">.*?</span>', "", text)
    return "".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split()).replace("image:", "image")


def has_html(example: Example) -> bool:
    """It is about raw HTML, which is shown as its source."""
    return re.search(r"<[A-Za-z!?/]", example.markdown) is not None


@pytest.mark.parametrize(
    "example",
    [each for each in EXAMPLES if each.number not in OTHERWISE and not has_html(each)],
    ids=lambda example: str(example.number),
)
def test_the_blocks_of_the_page_read_as_commonmark_says(example: Example) -> None:
    assert words("".join(piece.html for piece in render_pieces(example.markdown))) == words(example.html)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example.number))
def test_the_page_shows_the_same_in_pieces(example: Example) -> None:
    rendering = HtmlRendering()
    shown: list[str] = []
    for character in [*example.markdown, ""]:
        rendering.feed(character)
        for change in rendering.changes(ended=not character):
            del shown[change.block :]
            shown.append(change.piece.html)
    assert [html for html in shown if html] == [piece.html for piece in render_pieces(example.markdown)]


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    made = Renderer(plain_ink())
    made.load()
    return made


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example.number))
def test_the_screen_shows_the_same_in_pieces(example: Example, renderer: Renderer) -> None:
    whole, grown = BlockSplitter(), BlockSplitter()
    whole.feed(example.markdown)
    for character in example.markdown:
        grown.feed(character)
        for block in grown.open():
            renderer.lines(block, 60)
    for splitter in (whole, grown):
        splitter.finish()
    assert grown.closed == whole.closed
