"""Rendering blocks to lines."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from chat_tui.core.chunks import Usage
from chat_tui.core.conversation import Turn
from chat_tui.markdown.block import Block
from chat_tui.markdown.splitter import split
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.model.line_model import KEPT_LINES, LineModel, Position
from chat_tui.tui.transcript.model.turn_lines import figures_lines, text_of
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.tables import READABLE, laid_widths, window
from chat_tui.tui.transcript.render.wrapping import CONTINUATION, MEASURE, Line, fitting, wrap, wrap_code

STYLE = Style()


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    made = Renderer(plain_ink())
    made.load()
    made.highlighter.load({"python", "php", "no-such-language"})
    return made


def drawn(renderer: Renderer, text: str, width: int = 40) -> list[Line]:
    lines: list[Line] = []
    for block in split(text):
        if block.gap and lines:
            lines.append(Line([]))
        lines += renderer.lines(block, width)
    return lines


def texts(renderer: Renderer, text: str, width: int = 40) -> list[str]:
    return [line.text.rstrip() for line in drawn(renderer, text, width)]


def style_of(lines: list[Line], word: str) -> Style:
    return next(style for line in lines for text, style, _ in line.runs if word in text)


@example("a字、", 3)
@given(st.text(alphabet="ab \n漢字👩‍👩‍👧é🇩🇪、x", max_size=120), st.integers(2, 30))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str, width: int) -> None:
    lines = wrap([(text, STYLE, True)], width)
    assert all(cell_len(line.text) <= width for line in lines)
    kept = "".join(line.text for line in lines)
    assert kept.replace(" ", "") == text.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize(
    "unit", ["\u200b", "\u200d", "\u200f", "\ufe0f", "\u0301", "\u064b", "a" + "\u0301" * 40, "👩\u200d"]
)
def test_no_line_is_made_of_many_characters_without_width(unit: str) -> None:
    text = unit * (3_000 // len(unit))
    for lines in (wrap([(text, STYLE, True)], 40), wrap_code([(text, STYLE, True)], 40, STYLE)):
        assert max(len(line.text) for line in lines) < 1_000
        # A copy takes them all.
        assert "".join(line.copy_text() for line in lines).replace(CONTINUATION, "") == text


@pytest.mark.parametrize(
    "text", ["🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "ก็", "Z̸̧͚̈́͝", "👩🏽‍👩🏽‍👧🏽"]
)
def test_what_real_text_has_of_them_is_shown(text: str) -> None:
    assert [line.text for line in wrap([(text, STYLE, True)], 40)] == [text]


@given(st.text(alphabet="ab漢👩‍👩é", max_size=40), st.integers(1, 20))
def test_a_name_that_is_too_long_ends_in_an_ellipsis_and_fits(text: str, width: int) -> None:
    assert cell_len(fitting(text, width)) <= width


def test_a_wide_character_is_never_cut() -> None:
    assert [line.text for line in wrap([("漢字漢字", STYLE, True)], 3)] == ["漢", "字", "漢", "字"]


def test_punctuation_does_not_begin_a_line() -> None:
    assert [line.text for line in wrap([("漢字漢、字", STYLE, True)], 6)] == ["漢字", "漢、字"]


def test_emphasis_code_and_strikethrough_are_styled(renderer: Renderer) -> None:
    lines = drawn(renderer, "*em* **st** `co` ~~no~~")
    assert style_of(lines, "em").italic
    assert style_of(lines, "st").bold
    assert style_of(lines, "no").strike
    assert style_of(lines, "co").bgcolor == plain_ink().code.bgcolor


def test_a_links_true_target_is_shown(renderer: Renderer) -> None:
    assert texts(renderer, "[bank.com](http://evil.example/x)") == [
        "bank.com ‹leads elsewhere:",
        "http://evil.example/x›",
    ]
    assert texts(renderer, "[the bank](http://bank.com)") == ["the bank ‹http://bank.com›"]
    assert texts(renderer, "<http://a.example>") == ["http://a.example"]


def test_images_are_named(renderer: Renderer) -> None:
    assert texts(renderer, "![a cat](http://c.example/cat.png)", 60) == ["[image: a cat] ‹http://c.example/cat.png›"]


def test_html_is_shown_as_it_is(renderer: Renderer) -> None:
    assert texts(renderer, "a <q>x</q>\n\n<div>\ny\n</div>") == ["a <q>x</q>", "", "<div>", "y", "</div>"]


def test_mathematics_keeps_its_source(renderer: Renderer) -> None:
    for text in ("\\(a_i * b_j * c\\)", "$x_i * y_j * z$", "$$a*b*c$$"):
        assert text_of(drawn(renderer, text)) == text
    assert texts(renderer, "$x_i * y_j * z$") == ["xᵢ * yⱼ * z"]
    assert texts(renderer, "$$\na\n- b\n$$") == ["  a - b"]
    assert texts(renderer, "It costs $5 or *even* $6") == ["It costs $5 or even $6"]


def test_square_brackets_are_not_markup(renderer: Renderer) -> None:
    assert texts(renderer, "[bold]x[/bold] [/] [link=a]") == ["[bold]x[/bold] [/] [link=a]"]


def test_prose_keeps_a_readable_measure_and_code_takes_what_there_is(renderer: Renderer) -> None:
    prose, code = "word " * 60, "x = 1; " * 25
    for text in (prose, f"* {prose}", f"> {prose}", f"# {prose}"):
        assert 90 < max(map(len, texts(renderer, text, 180))) <= MEASURE + 2
    assert max(map(len, texts(renderer, f"```python\n{code}\n```", 180))) > 160


def test_lists_nest_count_and_hang(renderer: Renderer) -> None:
    assert texts(renderer, "9. nine is long enough to wrap\n10. ten\n    - deep", 20) == [
        " 9. nine is long",
        "    enough to wrap",
        "10. ten",
        "    ◦ deep",
    ]


def test_task_items_show_their_box(renderer: Renderer) -> None:
    assert texts(renderer, "- [x] done\n- [ ] open") == ["☑ done", "☐ open"]


def test_quotes_carry_a_bar_that_is_not_copied(renderer: Renderer) -> None:
    lines = drawn(renderer, "> some words that wrap around", 20)
    assert [line.text for line in lines] == ["▌ some words that", "▌ wrap around"]
    assert text_of(lines) == "some words that wrap around"


def test_a_table_aligns_its_columns(renderer: Renderer) -> None:
    assert texts(renderer, "| n | value |\n|:--|--:|\n| 漢字 | 1 |") == [
        "n    │ value",
        "─────┼──────",
        "漢字 │     1",
    ]


def test_a_table_too_wide_wraps_its_cells(renderer: Renderer) -> None:
    lines = texts(renderer, "| a | b |\n|---|---|\n| one two three four | five six seven eight |", 24)
    assert all(cell_len(line) <= 24 for line in lines)
    assert len(lines) > 3


def test_a_table_with_too_many_columns_says_so(renderer: Renderer) -> None:
    row = "|" + "column|" * 20
    lines = texts(renderer, f"{row}\n|{'-|' * 20}\n{row}", 40)
    assert lines[0].endswith(" ›")


def test_pieces_of_a_long_table_share_their_columns(renderer: Renderer) -> None:
    lines = texts(renderer, "| name | v |\n|---|---|\n" + "| x | 1 |\n" * 40)
    assert {line.index("│") for line in lines if "│" in line} == {5}
    assert len(lines) == 42


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(10, 120))
def test_columns_fit_or_can_be_scrolled_to(natural: list[int], width: int) -> None:
    widths = laid_widths(natural, width)
    assert all(min(wanted, READABLE, width - 4) <= got <= wanted for got, wanted in zip(widths, natural, strict=True))
    seen: set[int] = set()
    for shift in range(len(natural) + 1):
        shown = window(widths, width, shift)
        cells = sum(widths[column] + 3 for column in shown.columns) - 3
        marks = 2 * shown.behind + 2 * (shown.before and 0 not in shown.columns)
        assert cells + marks <= width
        seen.update(shown.columns)
    assert seen == set(range(len(natural)))


WIDE = "|" + "|".join(f"head {n}" for n in range(9)) + "|\n|" + "-|" * 9 + "\n" + ("|" + "some words|" * 9 + "\n") * 40


def test_a_wide_table_scrolls_sideways_and_keeps_its_first_column(renderer: Renderer) -> None:
    pages = []
    for shift in range(9):
        lines = [line for block in split(WIDE) for line in renderer.lines(block, 50, shift=shift)]
        assert all(cell_len(line.text) <= 50 for line in lines)
        pages.append([line.text for line in lines])
    assert {len(page) for page in pages} == {42}
    assert pages[0][0].startswith("head 0     │ head 1")
    assert pages[0][0].endswith("›")
    assert pages[1][0].startswith("head 0     ‹ head 2")
    assert pages[-1][0].rstrip().endswith("head 8")
    assert pages[-1] == pages[-2]


def test_code_names_its_language_and_copies_exactly(renderer: Renderer) -> None:
    code = "def f():\n    return 'a rather long line that has to be broken somewhere'\n\n    # end"
    lines = drawn(renderer, f"```python\n{code}\n```")
    assert lines[0].text.split() == ["python", "1"]
    assert "".join(line.copy_text() + line.joint.replace("\n", "|") for line in lines[1:]).count("|") == 4
    assert style_of(lines, "def").color == plain_ink().code_tokens["Keyword"].color


def test_code_in_an_unknown_language_or_with_an_endless_line_stays_plain(renderer: Renderer) -> None:
    for language, code in (("no-such-language", "if x"), ("python", "if x " + "y" * 3_000), ("../../etc", "if x")):
        runs = renderer.highlighter.lines(code, language)
        assert [run[0] for run in runs[0]] == [code]


def test_a_lexer_is_not_loaded_on_the_way(renderer: Renderer) -> None:
    fresh = Renderer(plain_ink())
    fresh.highlighter.lines("x", "python")
    assert fresh.highlighter.wanted == {"python"}


def test_deep_nesting_and_narrow_panes_do_not_break(renderer: Renderer) -> None:
    for text in ("> " * 40 + "x", "\n".join("  " * depth + "- x" for depth in range(40)), "[" * 2_000, "*" * 2_000):
        for width in (1, 8, 40):
            assert drawn(renderer, text, width)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab *_`#>-|[](){}!\\$~<\n\t1.漢", max_size=200))
def test_no_text_breaks_the_renderer(text: str) -> None:
    renderer = Renderer(plain_ink())
    renderer.load()
    for line in drawn(renderer, text, 30):
        assert "\n" not in line.text
        assert "\t" not in line.text


def test_every_shape_fits_its_width(renderer: Renderer) -> None:
    text = (
        "# 漢字 heading that is long\n\n- 漢字漢字 item that wraps around\n\n> quote 👩‍👩‍👧 goes on and on and on\n\n"
        "| 漢字 | b |\n|--|--|\n| 漢字漢字漢字漢字漢字漢字漢字 | long cell text here |\n\n"
        "```python\nx = '漢字漢字漢字漢字'\n```"
    )
    for width in (12, 20, 33, 80):
        assert all(cell_len(line.text) <= width for line in drawn(renderer, text, width))


def test_before_the_parser_is_loaded_the_source_is_shown() -> None:
    fresh = Renderer(plain_ink())
    assert not fresh.ready
    assert [line.text for line in fresh.lines(Block("markdown", "*a*"), 20)] == ["*a*"]


def test_rendered_lines_are_bounded(renderer: Renderer) -> None:
    from chat_tui.core.conversation import Turn

    model = LineModel(renderer)
    model.replace([Turn("assistant", "word\n\n" * 200, id=str(number)) for number in range(40)])
    for _ in model.rows_from(Position(0, 0, 0)):
        pass
    kept = sum(len(part.lines or ()) for view in model.views.made.values() for part in view.parts())
    assert kept <= KEPT_LINES + 200


def test_a_broken_line_of_code_goes_on_under_its_own_indentation_and_is_copied_whole(renderer: Renderer) -> None:
    code = "def f():\n        return some_function(first_argument,  second_argument, 'a string')"
    lines = drawn(renderer, f"```python\n{code}\n```")[1:]
    assert [line.text.rstrip() for line in lines] == [
        " def f():",
        "         return some_function(",
        "         ↪ first_argument,",
        "         ↪ second_argument, 'a string')",
    ]
    copied = "".join(line.copy_text() + (line.joint if place < 3 else "") for place, line in enumerate(lines))
    assert copied == code


@given(st.text(alphabet="ab (),.漢é👩‍👩", max_size=120), st.integers(8, 30))
def test_code_that_is_broken_fits_and_loses_nothing(text: str, width: int) -> None:
    lines = wrap_code([(text, STYLE, True)], width, STYLE)
    assert all(cell_len(line.text) <= width for line in lines)
    assert "".join(line.copy_text() for line in lines) == text


def test_code_in_a_list_is_copied_without_the_list_s_indentation(renderer: Renderer) -> None:
    lines = drawn(renderer, "1. item\n\n   ```python\n   if x:\n       y\n   ```\n   - inner\n     text\n")
    assert [line.copy_text() for line in lines if line.fill is not None][1:] == ["if x:", "    y"]


def test_three_levels_of_headings_differ_without_colours(renderer: Renderer) -> None:
    styles = [style_of(drawn(renderer, f"{'#' * level} words"), "words") for level in (1, 2, 3, 4)]
    looks = [(style.underline, style.italic, style.color) for style in styles]
    assert len(set(looks)) == 4


def test_small_letters_keys_and_line_breaks_are_drawn(renderer: Renderer) -> None:
    assert texts(renderer, "H<sub>2</sub>O, x<sup>n+1</sup>, 4<sup>th</sup>, a<sup>Q?</sup><br>next") == [
        "H₂O, xⁿ⁺¹, 4ᵗʰ, a^(Q?)",
        "next",
    ]
    assert texts(renderer, "| a |\n|---|\n| b<br>c |") == ["a", "─", "b", "c"]
    line = drawn(renderer, "H<sub>2</sub>O")[0]
    assert line.copy_text() == "H2O"


def test_alerts_have_their_name_as_title(renderer: Renderer) -> None:
    assert texts(renderer, "> [!WARNING]\n> Be *careful*.") == ["▌ Warning", "▌ Be careful."]
    assert texts(renderer, "> [!note]\n>\n> - a") == ["▌ Note", "▌ ◦ a"]


def test_verses_keep_their_lines_and_indentation(renderer: Renderer) -> None:
    assert texts(renderer, "Roses are red,\n  violets are blue\nand so on.") == [
        "Roses are red,",
        "  violets are blue",
        "and so on.",
    ]


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (Usage(None, 25, 25), "– in · 25 out"),
        (Usage(3, None, 3), "3 in · – out"),
        (Usage(3, 25, 28), "3 in · 25 out"),
        (None, "no statistics available"),
    ],
)
def test_a_count_of_tokens_that_is_not_known_is_told_as_unknown(usage: Usage | None, told: str) -> None:
    [line] = figures_lines(Turn("assistant", "x", usage=usage), 100, plain_ink())
    assert line.text.replace("\xa0", " ") == told
