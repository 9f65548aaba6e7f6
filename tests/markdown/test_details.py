"""Parts of an answer that can be folded away, whole and in pieces."""

import msgspec
import pytest

from chat_tui.markdown.details import details_events, is_details_line
from chat_tui.markdown.html.rendering import render_pieces
from chat_tui.markdown.splitter import BlockSplitter, split
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.model.turn_view import TurnView
from chat_tui.tui.transcript.render.renderer import Renderer
from tests.doubles.scripted_chat import scripted_chat
from tests.support.transcript_app import answer

TEXT = """Before.

<details>
<summary>The <b>solution</b></summary>

It is **42**.

```python
x = 42
```

</details>

After."""


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    made = Renderer(plain_ink())
    made.load()
    return made


def split_in(text: str, size: int) -> BlockSplitter:
    splitter = BlockSplitter()
    for start in range(0, len(text), size):
        splitter.feed(text[start : start + size])
    splitter.finish()
    return splitter


@pytest.mark.parametrize("size", [1, 9, 1_000])
def test_blocks_know_how_deep_they_are_folded_away(size: int) -> None:
    blocks = split_in(TEXT, size).closed
    assert [(block.kind, block.details) for block in blocks] == [
        ("markdown", 0),
        ("summary", 0),
        ("markdown", 1),
        ("code", 1),
        ("markdown", 0),
    ]
    assert blocks[1].source == "The solution"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("<details><summary>More</summary>hidden</details>", [("More", 0), ("hidden", 1)]),
        ("<details>\nhidden\n</details>", [("Details", 0), ("hidden", 1)]),
        ("<DETAILS open>\n<Summary>A</Summary>\nb\n</DETAILS>\nc", [("A", 0), ("b", 1), ("c", 0)]),
        (
            "<details>\n<summary>A</summary>\n\n<details>\n<summary>B</summary>\n\nx\n</details>\n\ny\n\n</details>",
            [("A", 0), ("B", 1), ("x", 2), ("y", 1)],
        ),
        ("text\n<details>\n<summary>A</summary>\n- b\n</details>", [("text", 0), ("A", 0), ("- b", 1)]),
        # Ends that nothing began, and a beginning without an end.
        ("</details>\na", [("a", 0)]),
        ("<details>\n<summary>A</summary>\nb", [("A", 0), ("b", 1)]),
    ],
)
def test_how_models_write_them(text: str, folded: list[tuple[str, int]]) -> None:
    assert [(block.source, block.details) for block in split(text)] == folded
    assert [(block.source, block.details) for block in split_in(text, 1).closed] == folded


def test_the_tags_in_code_are_code() -> None:
    (block,) = split("```html\n<details>\n<summary>A</summary>\n</details>\n```")
    assert (block.kind, block.details) == ("code", 0)
    assert not is_details_line("a <details>")
    assert list(details_events("</details>")) == [("close", "")]


def text_of(view: TurnView, renderer: Renderer) -> str:
    return "\n".join(line.text.rstrip() for part in view.parts() for line in view.render(part, renderer))


def test_a_turn_shows_the_summary_and_unfolds_what_is_behind_it(renderer: Renderer) -> None:
    view = TurnView(answer(TEXT), 60)
    assert "▸ The solution" in text_of(view, renderer)
    assert "42" not in text_of(view, renderer)
    assert "After." in text_of(view, renderer)
    assert view.fold("details")
    assert "▾ The solution" in text_of(view, renderer)
    assert "It is 42." in text_of(view, renderer)
    assert view.fold()
    assert "42" not in text_of(view, renderer)
    assert [code.text for code in view.codes()] == ["x = 42"]


def test_a_turn_without_them_has_nothing_to_fold(renderer: Renderer) -> None:
    view = TurnView(answer("Before."), 60)
    assert view.parts()
    assert not view.fold("details")


async def test_a_click_unfolds_it_and_find_shows_what_is_folded_away() -> None:
    async with scripted_chat([TEXT]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.until(lambda: "▸ The solution" in chat.shown())
        rows = chat.shown(chat.chat.transcript).split("\n")
        row = next(number for number, text in enumerate(rows) if "▸ The solution" in text)
        await chat.pilot.click(chat.chat.transcript, offset=(6, row))
        await chat.until(lambda: "It is 42." in chat.shown())
        await chat.pilot.click(chat.chat.transcript, offset=(6, row))
        await chat.until(lambda: "It is 42." not in chat.shown())
        chat.chat.find("42")
        await chat.until(lambda: "It is 42." in chat.shown())


def test_the_page_shows_the_summary_without_tags() -> None:
    pieces = render_pieces(TEXT)
    at = next(place for place, piece in enumerate(pieces) if "<summary>" in piece.html)
    assert pieces[at].html == '<details class="fold"><summary>The solution</summary></details>'
    assert [piece.details for piece in pieces] == [block.details or msgspec.UNSET for block in split(TEXT)]
