"""What the parser makes of the Markdown that models write, beyond CommonMark."""

import pytest

from chat_tui.markdown.block import Block
from chat_tui.markdown.inline.formulas import formula_end
from chat_tui.markdown.parser import make_parser
from chat_tui.markdown.tables import cell_count, escape_code_pipes

PARSER = make_parser()


def formulas(text: str) -> list[str]:
    tokens = [child for token in PARSER.parse(text) for child in token.children or ()]
    return [token.content for token in tokens if token.type == "math_inline"]


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("**注意：**请", "<strong>注意：</strong>请"),
        ("これは**「強調」**です", "これは<strong>「強調」</strong>です"),
        ('**"강조"**입니다', "<strong>&quot;강조&quot;</strong>입니다"),
        ("*斜体。*接着", "<em>斜体。</em>接着"),
        ("他说**“你好”**然后走", "他说<strong>“你好”</strong>然后走"),
        ("**（重要）**です", "<strong>（重要）</strong>です"),
        ("~~删除：~~后", "<s>删除：</s>后"),
        ("a**b**c", "a<strong>b</strong>c"),
        # Nothing changes without CJK characters.
        ("foo*(bar)*", "foo*(bar)*"),
        ('**"a"**b', "**&quot;a&quot;**b"),
        ("snake_case_name", "snake_case_name"),
        ("中文_强调_中文", "中文_强调_中文"),
        ("a 🎉**!**b", "a 🎉**!**b"),
    ],
)
def test_emphasis_beside_cjk_text(source: str, html: str) -> None:
    assert PARSER.render(source).strip() == f"<p>{html}</p>"


@pytest.mark.parametrize(
    "text",
    [
        "${HOME}/${USER}",
        "run `x`, then kill $$ and wait for $$",
        '"$@" and "$?"',
        "USD$ 5 and CAD$ 6",
        "USD$5 or CAD$6",
        "it costs $5 or 6$",
        "$HOME and $PATH",
        "between $10 and $20",
        r"\[1\] and \[2\]",
        r"\[see below\]",
        r"\(foo\|bar\)",
        r"\(foo\)",
        r"\[a-z\]+ and \[0-9\]{2}",
        "echo $(date) and $(pwd)",
        "$1,000 and $2,000",
    ],
)
def test_what_only_looks_like_mathematics(text: str) -> None:
    assert formulas(text) == []


@pytest.mark.parametrize(
    "formula",
    [
        "$x$",
        "$x^2$",
        "$5x + 3$",
        "$f(x)$",
        r"$\frac{a}{b}$",
        "$a, b$",
        "$$a$$",
        "$$E = mc^2$$",
        r"\(x\)",
        r"\(ABC\)",
        r"\(f(x)\)",
        r"\( a, b \)",
        r"\[ x \]",
        r"\[x = 1\]",
        r"\(\|x\|\)",
        r"\(n/2\)",
    ],
)
def test_mathematics(formula: str) -> None:
    assert formulas(f"It is {formula}, then.") == [formula]


def test_a_formula_ends_where_its_mark_is_closed() -> None:
    assert formula_end("$x$ and $y$", 0, 11) == 3
    assert formula_end("$x and more", 0, 11) == -1


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("H<sub>2</sub>O", "H<sub>2</sub>O"),
        ("<kbd>Ctrl</kbd>+<KBD>C</KBD>", "<kbd>Ctrl</kbd>+<kbd>C</kbd>"),
        ("<b>x</b> <i>y</i> <del>z</del>", "<strong>x</strong> <em>y</em> <s>z</s>"),
        ("a<br>b<br/>c<BR />d", "a<br />\nb<br />\nc<br />\nd"),
        # A tag without its other half, or across Markdown's own marks, is shown as it is written.
        ("<sub>x", "<sub>x"),
        ("x</sub>", "x</sub>"),
        ("*a<sub>b*c</sub>", "<em>a<sub>b</em>c</sub>"),
        ("<b>x</i>", "<b>x</i>"),
    ],
)
def test_tags_that_are_drawn(source: str, html: str) -> None:
    assert PARSER.render(source).strip() == f"<p>{html}</p>"


@pytest.mark.parametrize("source", ["<sub>x", "x</sub>", "*a<sub>b*c</sub>", "<b>x</i>", "<span>a</span>"])
def test_tags_that_are_no_pair_are_shown_as_their_source(source: str) -> None:
    children = PARSER.parse(source)[1].children or []
    shown = "".join(child.content for child in children if child.type in ("text", "html_inline"))
    assert shown == source.replace("*", "")


def line_ends(text: str) -> list[bool]:
    children = PARSER.parse(text)[1].children or []
    return [child.meta["kept"] for child in children if child.type == "softbreak"]


@pytest.mark.parametrize(
    "text",
    [
        "Roses are red,\nViolets are blue,\nSugar is sweet.",
        "Jane Doe\n12 Long Street\nLondon",
        "root\n├── chat_tui and a very long name that goes on and on and on for quite a while here\n└── tests",
        "Name: a first value that is rather long, longer than the others by far\nAge: 5\nTown: London",
    ],
)
def test_short_lines_keep_their_ends(text: str) -> None:
    assert line_ends(text) == [True] * text.count("\n")


@pytest.mark.parametrize("width", [50, 72, 100])
def test_wrapped_prose_is_joined(width: int) -> None:
    import textwrap

    prose = "The quick brown fox jumps over the lazy dog, and then it goes on for a while until somebody stops it. " * 5
    wrapped = textwrap.fill(prose, width)
    assert line_ends(wrapped) == [False] * wrapped.count("\n")


def test_a_pipe_in_a_code_span_stays_in_its_cell() -> None:
    table = "| command | what |\n|---|---|\n| `ls | wc` | counts |\n| `a` | plain | extra |\n| ``x|`y`` | z |"
    cells = [token.content for token in PARSER.parse(table) if token.type == "inline"]
    assert cells[:4] == ["command", "what", "`ls | wc`", "counts"]
    assert cells[6:] == ["``x|`y``", "z"]


def test_escaping_pipes_leaves_other_text_alone() -> None:
    for text in ("`a|b` in a line", "| a |\n|---|\n| `b` |", "```\n| a | b |\n|---|---|\n| `c|d` | e |\n```"):
        assert escape_code_pipes(text) == text
    assert cell_count(r"| a \| b | c |") == 2


def numbers(text: str) -> list[int]:
    return [token.meta["number"] for token in PARSER.parse(text) if token.type == "list_item_open"]


def test_ordered_lists_keep_the_numbers_that_were_written() -> None:
    assert numbers("1. a\n5. b\n6. c\n8. d") == [1, 5, 6, 8]
    assert numbers("1. a\n1. b\n1. c") == [1, 2, 3]
    assert numbers("7. a\n8. b") == [7, 8]
    assert numbers("3) a\n\n   1. x\n   4. y\n\n9) b") == [3, 1, 4, 9]


@pytest.mark.parametrize("mark", ["[!NOTE]", "[!warning]", "[!Tip]  "])
def test_alerts(mark: str) -> None:
    quote, *_ = tokens = PARSER.parse(f"> {mark}\n> Be *careful*.")
    assert quote.meta["alert"] == mark.strip(" []!").lower()
    assert [token.content for token in tokens[2].children or () if token.content] == ["Be ", "careful", "."]


def test_what_is_no_alert() -> None:
    for text in ("> [!OTHER]\n> x", "> [!NOTE] x", "[!NOTE]\nx"):
        assert not any(token.meta.get("alert") for token in PARSER.parse(text))


def test_a_block_of_no_length_is_parsed() -> None:
    assert PARSER.parse(Block("markdown", "").source) == []
