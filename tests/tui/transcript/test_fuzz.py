"""Random Markdown with control characters: it is always painted, in its width, and nothing that a terminal obeys."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from chat_tui.core.text.control_characters import StreamCleaner
from chat_tui.markdown.code_blocks import codes
from chat_tui.markdown.splitter import BlockSplitter
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.strips import strip_of
from chat_tui.tui.transcript.render.wrapping import Line

OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PIECES = [
    *("\n", "\n\n", " ", "  ", "\t", "a", "words of a text ", "漢字", "e\u0301", "👩‍👩‍👧", "🇩🇪", "\u200b", "\u202e"),
    *("# ", "- ", "1. ", "- [x] ", "> ", "```", "```py\n", "~~~", "|", "|---|---|\n", "| a | b |\n", "***", "~~", "`"),
    *("[a](http://b.example/c)", "[bank.com](http://[", "<b>", "<!--", "&#27;", "&#x202e;", "![x](\x1b]8;;y\x07)"),
    *("$x_1^{2}$", "$$\n", "\\[", "\\alpha", "\\mathbb{R}", "\\text{", "\\", "{", "}"),
    *("\x1b[2J", "\x1b]52;c;aGk=\x07", "\x1b", "\x9b31m", "\x00", "\x08", "\r", "\x7f", "\x85", "\u2028", "\ud83d"),
]


@settings(max_examples=250, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40), st.integers(1, 60), st.integers(0, 4), st.booleans())
def test_no_answer_breaks_the_pane_or_reaches_the_terminal(
    pieces: list[str], width: int, shift: int, at_once: bool
) -> None:
    renderer = _renderer()
    cleaner, splitter = StreamCleaner(), BlockSplitter()
    for piece in ["".join(pieces)] if at_once else pieces:
        splitter.feed(cleaner.feed(piece))
        for block in splitter.open():
            renderer.lines(block, width, shift=shift)
    splitter.feed(cleaner.rest())
    splitter.finish()
    for block in splitter.closed:
        for line in renderer.lines(block, width, shift=shift):
            assert not OBEYED.search(line.text), repr(line.text)
            # A formula is copied as it was written, on several lines.
            assert not OBEYED.search(line.copy_text().replace("\t", "").replace("\n", ""))
            assert _painted(line, renderer, width).cell_length == width + 4
    for code in codes(splitter.closed):
        assert not OBEYED.search(re.sub("[\n\t]", "", code.text))
        assert code.first_line == code.first_line.strip()


def _painted(line: Line, renderer: Renderer, width: int):  # type: ignore[no-untyped-def]
    return strip_of(line, "", renderer.base, width + 4, renderer.base)


def _renderer() -> Renderer:
    if not _MADE:
        made = Renderer(plain_ink())
        made.load()
        made.highlighter.load({"py"})
        _MADE.append(made)
    return _MADE[0]


_MADE: list[Renderer] = []
