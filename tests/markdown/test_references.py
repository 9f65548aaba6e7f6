"""Links, footnotes and table columns that need what stands in other blocks, whole and in pieces."""

import pytest
from rich.style import Style

from chat_tui.markdown.code_blocks import open_mark
from chat_tui.markdown.html.rendering import HtmlRendering, render_pieces
from chat_tui.markdown.references import MOST_USERS
from chat_tui.markdown.splitter import BlockSplitter
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.model.turn_view import TurnView
from chat_tui.tui.transcript.render.renderer import Renderer
from tests.support.transcript_app import answer

LINKS = "See [docs][1], [the *guide*][] and [x].\n\n- [list][1]\n\n| a |\n|---|\n| [cell][1] |\n\n"
DEFINITIONS = "[1]: https://one.example/ 'One'\n[the *guide*]: <https://two.example/>\n"


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    made = Renderer(plain_ink())
    made.load()
    made.highlighter.load({"python"})
    return made


def drawn(renderer: Renderer, splitter: BlockSplitter, width: int = 70) -> list[str]:
    blocks = [*splitter.closed, *splitter.open()]
    return [line.text.rstrip() for block in blocks for line in renderer.lines(block, width) if line.text.strip()]


def split_in(text: str, size: int) -> BlockSplitter:
    splitter = BlockSplitter()
    for start in range(0, len(text), size):
        splitter.feed(text[start : start + size])
    splitter.finish()
    return splitter


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_links_are_resolved_wherever_their_definition_stands(renderer: Renderer, size: int) -> None:
    lines = drawn(renderer, split_in(LINKS + DEFINITIONS, size))
    assert lines[0] == "See docs ‹https://one.example/›, the guide ‹https://two.example/› and"
    assert lines[1] == "[x]."
    assert lines[2] == "• list ‹https://one.example/›"
    assert lines[-1] == "cell ‹https://one.example/›"
    assert not any("[1]:" in line for line in lines)


def test_a_definition_that_nothing_refers_to_is_shown(renderer: Renderer) -> None:
    assert drawn(renderer, split_in("Sources:\n\n[1]: https://one.example/", 4))[1:] == ["[1]: https://one.example/"]
    assert drawn(renderer, split_in("[Note]: this is important", 4)) == ["[Note]: this is important"]


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_footnotes(renderer: Renderer, size: int) -> None:
    text = "It holds[^1] in most[^b] cases, not for [^a-z].\n\n[^1]: See *there*.\n[^b]: Word.\n"
    lines = drawn(renderer, split_in(text, size))
    assert lines == ["It holds¹ in mostᵇ cases, not for [^a-z].", "¹ See there.", "ᵇ Word."]


def test_the_page_resolves_them_too_and_tells_what_changed() -> None:
    rendering = HtmlRendering()
    rendering.feed(LINKS)
    shown = [change.piece.html for change in rendering.changes()]
    assert "one.example" not in "".join(shown)
    rendering.feed(DEFINITIONS)
    for change in rendering.changes(ended=True):
        del shown[change.block :]
        shown.append(change.piece.html)
    assert "".join(shown).count('href="https://one.example/"') == 3
    assert [html for html in shown if html] == [piece.html for piece in render_pieces(LINKS + DEFINITIONS)]


def rows(count: int) -> str:
    return "".join(f"| {number} | x |\n" for number in range(count))


LATE = "| n | what |\n|---|---|\n" + rows(20) + "| 20 | Only in the paid version |\n" + rows(20)


@pytest.mark.parametrize("size", [1, 30, 10_000])
def test_a_table_s_columns_are_as_wide_as_all_of_its_rows_need(renderer: Renderer, size: int) -> None:
    lines = drawn(renderer, split_in(LATE, size))
    assert "20 │ Only in the paid version" in lines
    assert len({line.index("│") for line in lines if "│" in line}) == 1
    assert len(lines) == 43


def test_a_table_s_columns_stay_while_it_grows(renderer: Renderer) -> None:
    splitter = BlockSplitter()
    seen: dict[int, str] = {}
    for line in LATE.splitlines(keepends=True):
        splitter.feed(line)
        for place, block in enumerate(splitter.closed):
            now = "\n".join(each.text for each in renderer.lines(block, 70))
            assert seen.setdefault(place, now) == now
    assert splitter.changed == []


def test_a_definition_changes_a_bounded_number_of_blocks() -> None:
    splitter = BlockSplitter()
    splitter.feed("[a][b] text\n\n" * 5_000 + "[b]: https://one.example/\n\n")
    assert len(splitter.changed) == MOST_USERS
    assert splitter.changed[0] == 0
    # What comes behind the definition has it anyway.
    splitter.feed("[a][b]\n\n")
    assert splitter.closed[-1].definitions


def test_a_turn_that_has_been_drawn_is_drawn_anew_where_a_link_was_defined(renderer: Renderer) -> None:
    turn = answer(state="streaming")
    view = TurnView(turn, 70, live=True)
    view.streamed.append(LINKS, "text")
    view.flush()

    def text() -> str:
        return "\n".join(line.text for part in view.parts() for line in view.render(part, renderer))

    assert "one.example" not in text()
    view.streamed.append(DEFINITIONS + "\nMore.", "text")
    view.flush()
    assert text().count("https://one.example/") == 3


def test_code_in_a_long_string_keeps_its_colours(renderer: Renderer) -> None:
    prose = "\n".join(f"    word number {number} in a docstring" for number in range(300))
    splitter = split_in(f'```python\ndef f():\n    """{prose}\n    """\n    return 1\n```\n', 1_000)
    assert len(splitter.closed) > 2
    string: Style | None = None
    for block in splitter.closed:
        for line in renderer.lines(block, 70):
            for text, style, _ in line.runs:
                if "word number" in text:
                    string = string or style
                    assert style == string
                elif text == "return":
                    assert style != string
    assert string is not None


@pytest.mark.parametrize(
    ("code", "language", "within", "mark"),
    [
        ('x = """a', "python", "", '"""'),
        ('a"""\ny', "python", '"""', ""),
        ("x = '''a\"\"\"", "py", "", "'''"),
        ("/* a", "c", "", "/*"),
        ("*/ b /* c */", "c", "/*", ""),
        ("`a ${b}", "js", "", "`"),
        ("rm /tmp/*", "bash", "", ""),
        ("glob('/*')", "python", "", ""),
    ],
)
def test_the_string_or_comment_that_code_ends_in(code: str, language: str, within: str, mark: str) -> None:
    assert open_mark(code, language, within) == mark
