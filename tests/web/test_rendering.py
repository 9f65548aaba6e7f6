"""Answers as HTML: what is never written, and how a growing one is told."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from chat_tui.markdown.html.mathml import MATH_TAGS
from chat_tui.markdown.html.rendering import HtmlPiece, HtmlRendering, render_pieces
from tests.doubles.fake_engine import ANSWER
from tests.support.page_attacks import ATTACKS

TAGS = set("p h1 h2 h3 h4 h5 h6 blockquote ul ol li table thead tbody tr th td em strong s".split())  # noqa: SIM905
TAGS |= MATH_TAGS | {"a", "br", "hr", "code", "pre", "span", "div", "button"}
ATTRIBUTES = {"class", "href", "rel", "target", "start", "type", "tabindex", "display", "stretchy"}


class Inspector(HTMLParser):
    """Notes what HTML holds."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.targets: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.targets += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def html_of(text: str) -> str:
    return "".join(piece.html for piece in render_pieces(text))


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_but_known_tags_and_safe_links_is_ever_written(attack: str) -> None:
    seen = Inspector(html_of(attack))
    assert seen.tags <= TAGS
    assert seen.attributes <= ATTRIBUTES
    assert all(re.match(r"(https?://|mailto:)", target) for target in seen.targets)


def test_raw_html_is_shown_as_its_source() -> None:
    seen = Inspector(html_of("a <b onclick=x>b</b>\n\n<script>alert(1)</script>"))
    assert "<b onclick=x>b</b>" in seen.text
    assert "<script>alert(1)</script>" in seen.text


def test_an_image_is_a_link_to_it_and_is_not_loaded() -> None:
    html = html_of("![a cat](https://example.com/cat.png)")
    assert "<img" not in html
    assert 'href="https://example.com/cat.png"' in html
    assert "image: a cat" in html


def test_a_link_whose_words_name_another_place_tells_where_it_leads() -> None:
    assert "leads elsewhere: https://evil.example/x" in html_of("[https://bank.com](https://evil.example/x)")
    assert "elsewhere" not in html_of("[bank.com](https://bank.com/x)")


def test_bare_addresses_are_links() -> None:
    seen = Inspector(html_of("See https://example.com/a_b?c=d&e=f, (www.example.org) and `https://code.example`."))
    assert seen.targets == ["https://example.com/a_b?c=d&e=f", "http://www.example.org"]
    assert seen.text == "See https://example.com/a_b?c=d&e=f, (www.example.org) and https://code.example."
    # The text of a link is not a link of its own.
    assert Inspector(html_of("[https://example.com](https://example.com)")).targets == ["https://example.com"]


def test_code_has_a_class_for_each_kind_of_word_and_is_whole() -> None:
    seen = Inspector(html := html_of("```python\ndef f():\n    return 'a' # b\n\n```"))
    assert '<span class="k">def</span>' in html
    assert "def f():\n    return 'a' # b" in seen.text


def test_mathematics_are_written_as_mathml() -> None:
    html = html_of(r"It is \(\alpha \leq 1\)." + "\n\n$$x = 1$$\n")
    assert "<p>It is <math><mrow><mi>α</mi><mo>≤</mo><mn>1</mn></mrow></math>.</p>" in html
    assert '<p><span class="formula"><math display="block">' in html
    # One that is nested too deeply is shown in signs.
    assert '<span class="math">' in html_of("$" + "{" * 50 + "x^2" + "}" * 50 + "$")


@pytest.mark.parametrize("size", [1, 7, 40])
def test_what_is_told_of_a_growing_answer_ends_as_the_whole_one(size: int) -> None:
    text = "\n\n".join([ANSWER, "1. one\n2. two\n" * 12, "```js\n" + "let a = 1;\n" * 60 + "```", "# The end"])
    rendering, shown = HtmlRendering(), list[HtmlPiece]()
    for start in range(0, len(text), size):
        rendering.feed(text[start : start + size])
        for change in rendering.changes():
            shown[change.block :] = [change.piece] if change.piece.html else []
    for change in rendering.changes(ended=True):
        shown[change.block :] = [change.piece] if change.piece.html else []
    assert shown == render_pieces(text)


def test_finished_blocks_are_told_once_and_the_open_one_stays_small() -> None:
    rendering, told = HtmlRendering(), 0
    for _ in range(400):
        rendering.feed("Some more words of the answer, **bold** ones too.\n\n```py\nx = 1\n```\n\n")
        changes = rendering.changes()
        told += len(changes)
        assert sum(len(change.piece.html) for change in changes) < 2000
    assert told <= 400 * 3
    rendering.feed("```\n")
    for _ in range(2000):
        rendering.feed("a line of code without an end\n")
        assert sum(len(change.piece.html) for change in rendering.changes()) < 12_000


def test_long_code_goes_on_in_pieces_that_join() -> None:
    found = render_pieces("```py\n" + "\n".join(f"x{n} = {n}" for n in range(100)) + "\n```")
    assert len(found) > 1
    assert [piece.joins for piece in found] == [False, *[True] * (len(found) - 1)]
    code = "".join(code for piece in found for code in re.findall("<code>(.*)</code>", piece.html, re.DOTALL))
    assert Inspector(code).text == "\n".join(f"x{n} = {n}" for n in range(100))


def test_tasks_have_boxes_as_on_the_screen() -> None:
    html = html_of("- [x] done\n- [ ] open\n- plain\n\n1. [ ] first\n\n   more")
    assert '<li class="task">☑ done</li>' in html
    assert '<li class="task">☐ open</li>' in html
    assert "<li>plain</li>" in html
    assert '<li class="task"><p>☐ first</p>' in html
    assert "[" not in html


@pytest.mark.parametrize("mark", ['"""', "'''"])
def test_a_long_string_keeps_its_colour_in_every_piece_of_the_code(mark: str) -> None:
    lines = [f"line {number} def if return 'quoted' # no comment" for number in range(300)]
    code = "\n".join([f"x = {mark}", *lines, mark, "y = 1  # a comment"])
    pieces = render_pieces(f"```python\n{code}\n```")
    assert len(pieces) > 1
    html = "".join(piece.html for piece in pieces)
    assert '<span class="k">def</span>' not in html
    assert '<span class="c"># a comment</span>' in html
    plain = "".join(re.sub("<[^>]+>", "", piece.html.split("<code>")[1].split("</code>")[0]) for piece in pieces)
    assert unescape(plain) == code
