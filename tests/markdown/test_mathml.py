r"""LaTeX as MathML: what is built of it, what stays as its source, and that nothing else is ever written."""

from __future__ import annotations

import random
from xml.etree import ElementTree

import pytest

from chat_tui.markdown.html.mathml import MATH_TAGS, math_html
from chat_tui.markdown.inline.latex import LONGEST

CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
PIECES = r"""
\frac \sqrt [ ] { } ^ _ ' a 12 & \\ \left \right ( ) \begin{matrix} \end{matrix} \begin{array}{lc|r} \text{ \hat \mathbb
\operatorname \sum \lim \limits <b> \foo $ \not \substack{ ~ \, \color{red} \middle \{ \ \begin \end \overbrace \boxed "
""".split()  # noqa: SIM905


def inner(latex: str) -> str:
    """The MathML without the elements around all of it."""
    html = math_html(f"${latex}$")
    assert html.startswith("<math><mrow>"), html
    return html.removeprefix("<math><mrow>").removesuffix("</mrow></math>")


def leaves(latex: str) -> str:
    """The texts in order, with a blank between them."""
    return " ".join(text for each in ElementTree.fromstring(math_html(f"${latex}$")).iter() if (text := each.text))


@pytest.mark.parametrize(
    ("latex", "html"),
    [
        ("x+1", "<mi>x</mi><mo>+</mo><mn>1</mn>"),
        (r"\frac12", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        (r"\sqrt{x}", "<msqrt><mi>x</mi></msqrt>"),
        (r"\sqrt[3]{x}", "<mroot><mi>x</mi><mn>3</mn></mroot>"),
        ("x^2", "<msup><mi>x</mi><mrow><mn>2</mn></mrow></msup>"),
        ("x_i^2", "<msubsup><mi>x</mi><mrow><mi>i</mi></mrow><mrow><mn>2</mn></mrow></msubsup>"),
        ("x^2_i", "<msubsup><mi>x</mi><mrow><mi>i</mi></mrow><mrow><mn>2</mn></mrow></msubsup>"),
        (r"\sum_i", "<munder><mo>∑</mo><mrow><mi>i</mi></mrow></munder>"),
        (r"\int_0^1", "<msubsup><mo>∫</mo><mrow><mn>0</mn></mrow><mrow><mn>1</mn></mrow></msubsup>"),
        (r"\int\limits_0", "<munder><mo>∫</mo><mrow><mn>0</mn></mrow></munder>"),
        (r"\lim_n", "<munder><mo>lim</mo><mrow><mi>n</mi></mrow></munder>"),
        (r"\alpha\leq\mathbb{R}", "<mi>α</mi><mo>≤</mo><mi>ℝ</mi>"),
        (r"\mathbf{v}\mathcal L\mathfrak{g}", "<mi>𝐯</mi><mi>ℒ</mi><mi>𝔤</mi>"),
        (r"\hat x", '<mover><mi>x</mi><mo stretchy="false">^</mo></mover>'),
        (r"\mathrm d\text{ if }", '<mi class="upright">d</mi><mtext>\u00a0if\u00a0</mtext>'),
        (r"\left(x\right.", '<mrow><mo stretchy="true">(</mo><mi>x</mi></mrow>'),
        (r"\not\in", "<mo>∉</mo>"),
        ("f'", "<msup><mi>f</mi><mrow><mo>′</mo></mrow></msup>"),
    ],
)
def test_formulas_are_built(latex: str, html: str) -> None:
    assert inner(latex) == html


def test_tables_have_their_signs_and_columns() -> None:
    matrix = inner(r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}")
    assert matrix.count("<mtr>") == 2
    assert matrix.count("<mtd>") == 4
    assert '<mo stretchy="true">(</mo>' in matrix
    cases = inner(r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}")
    assert cases.startswith('<mrow><mo stretchy="true">{</mo><mtable><mtr><mtd class="left">')
    aligned = math_html(r"$$\begin{aligned} a &= b \\ &= c \end{aligned}$$")
    assert aligned.startswith('<math display="block">')
    assert '<mtd class="right"><mi>a</mi></mtd><mtd class="left"><mo>=</mo><mi>b</mi></mtd>' in aligned
    # Rows without an environment.
    assert math_html(r"$$a &= b \\ c &= d$$").count("<mtr>") == 2


def test_names_of_functions_have_room() -> None:
    assert leaves(r"2\sin x") == "2 \u2009 sin \u2009 x"
    assert leaves(r"\sin(x)") == "sin ( x )"


@pytest.mark.parametrize("latex", [r"\unknown", r"\unknown{x + 1}", r"\foo{\bar{x}}"])
def test_a_command_that_is_not_known_stays_as_its_source(latex: str) -> None:
    assert leaves(f"a + {latex}") == f"a + {latex}"


def test_text_is_never_taken_for_elements() -> None:
    html = inner(r"<script> \text{<b onclick=x>} \foo{<i>} & \mathrm{<u>} &amp;")
    assert "<script" not in html
    assert "<b " not in html
    assert "<i>" not in html
    assert "<u>" not in html


@pytest.mark.parametrize("piece", ["{", r"\hat", r"\frac", r"\left(", r"\begin{matrix}", r"\sqrt[", r"\mathrm{"])
def test_what_is_too_deep_or_too_long_is_not_built(piece: str) -> None:
    assert math_html(f"${piece * 200}$") == ""
    assert math_html(f"${'x' * LONGEST}$") == ""


def test_whatever_is_written_is_complete_and_has_known_elements_only() -> None:
    chance = random.Random(18)
    for _ in range(2000):
        latex = "".join(chance.choice([*PIECES, " "]) for _ in range(chance.randint(1, 50)))
        if not (html := math_html(f"$${latex}$$")):
            continue
        for each in ElementTree.fromstring(html).iter():
            assert each.tag in MATH_TAGS, latex
            assert set(each.attrib) <= {"class", "display", "stretchy"}, latex
            assert len(each) == CHILDREN.get(each.tag, len(each)), (latex, each.tag)
