"""CommonMark's own examples: what the parser makes of each, and the blocks of the splitter, whole and in pieces."""

import html
import json
import re
from pathlib import Path
from typing import NamedTuple

from chat_tui.markdown.html.rendering import HtmlRendering, render_pieces
from chat_tui.markdown.parser import make_parser
from chat_tui.markdown.splitter import BlockSplitter
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.render.renderer import Renderer

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


# One test for all examples: 2,500 tests cost more than what they test. A failure lists the examples that differ.


def test_the_parser_agrees_with_commonmark() -> None:
    differing = []
    for example in EXAMPLES:
        made, wanted = PARSER.render(example.markdown), example.html
        if example.number in ALIKE:
            made, wanted = words(made), words(wanted)
        if made != wanted:
            differing.append((example, made))
    assert not differing


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


def test_the_blocks_of_the_page_read_as_commonmark_says() -> None:
    differing = []
    for example in EXAMPLES:
        if example.number not in OTHERWISE and not has_html(example):
            made = "".join(piece.html for piece in render_pieces(example.markdown))
            if words(made) != words(example.html):
                differing.append((example, made))
    assert not differing


def test_the_page_shows_the_same_in_pieces() -> None:
    differing = []
    for example in EXAMPLES:
        rendering = HtmlRendering()
        shown: list[str] = []
        for character in [*example.markdown, ""]:
            rendering.feed(character)
            for change in rendering.changes(ended=not character):
                del shown[change.block :]
                shown.append(change.piece.html)
        if [html for html in shown if html] != [piece.html for piece in render_pieces(example.markdown)]:
            differing.append((example, shown))
    assert not differing


def test_the_screen_shows_the_same_in_pieces() -> None:
    renderer = Renderer(plain_ink())
    renderer.load()
    differing = []
    for example in EXAMPLES:
        whole, grown = BlockSplitter(), BlockSplitter()
        whole.feed(example.markdown)
        for character in example.markdown:
            grown.feed(character)
            for block in grown.open():
                renderer.lines(block, 60)
        for splitter in (whole, grown):
            splitter.finish()
        if grown.closed != whole.closed:
            differing.append((example, grown.closed))
    assert not differing
