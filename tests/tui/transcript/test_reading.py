"""What makes an answer easy to read: links, mathematics, thinking, figures."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from chat_tui.core.chunks import ErrorInfo, State, Timings, Usage
from chat_tui.markdown.inline.latex import LONGEST, legible
from chat_tui.markdown.links import deceives, told_target
from chat_tui.markdown.splitter import split
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.model.turn_lines import text_of
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.wrapping import Line
from tests.doubles.scripted_chat import scripted_chat
from tests.support.transcript_app import answer, pane, question, settled, shown


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("bank.com", "http://evil.example/x"),
        ("https://bank.com/login", "https://bank.com.evil.example/login"),
        ("https://bank.com", "https://bank.com@evil.example"),
        ("www.bank.com", "https://evil.example"),
        ("https://127.0.0.1.nip.io", "https://evil.example"),
        ("me@bank.com", "mailto:me@evil.example"),
        ("https://bank.com", "http://[broken"),
    ],
)
def test_a_link_that_names_another_host_is_told(text: str, target: str) -> None:
    assert deceives(text, target)
    assert target in told_target(text, target)
    assert "elsewhere" in told_target(text, target)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("the docs", "https://bank.com"),
        ("README.md", "https://host.example/README.md"),
        ("bank.com", "https://www.bank.com/login"),
        ("www.bank.com", "https://bank.com/"),
        ("bank.com", "/login"),
        ("version 1.2.3", "https://host.example"),
    ],
)
def test_a_link_that_says_where_it_leads_is_not_suspected(text: str, target: str) -> None:
    assert told_target(text, target) == f" ‹{target}›"


def test_a_link_that_is_its_own_target_is_told_once() -> None:
    assert not told_target("https://a.example", "https://a.example")
    assert not told_target("me@a.example", "mailto:me@a.example")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r"$\alpha^2 + \beta_1 \leq 1$", "α² + β₁ ≤ 1"),
        (r"\(x^{10} \in \mathbb{R}\)", "x¹⁰ ∈ ℝ"),
        (r"\left( a \right) \to \infty", "(a) → ∞"),
        (r"\frac{a}{b} \sqrt{2} \unknown{c}", r"(a/b) √2 \unknown{c}"),
        (r"x = \frac{-b \pm \sqrt{b^2-4ac}}{2a}", "x = (-b ± √(b²-4ac))/(2a)"),
        (r"\frac{dy}{dx} = 2\frac{1}{2}x", "dy/dx = 2 (1/2)x"),
        (r"P(A \mid B) = \frac{P(B \mid A)P(A)}{P(B)}", "P(A ∣ B) = P(B ∣ A)P(A)/P(B)"),
        (r"\sigma^2 = \frac12\sum_{i=1}^{N}(x_i - \mu)^2", "σ² = (1/2) ∑ᵢ₌₁ᴺ (xᵢ - μ)²"),
        (r"\sum_{k=0}^{\infty} e^{-x^2} e^{i\pi}", "∑(k=0…∞) e^(-x²) e^(iπ)"),
        (r"\lim_{x \to 0} \frac{\sin x}{x}", "lim(x → 0) (sin x)/x"),
        (r"|x| = \begin{cases} x & x > 0 \\ -x & \text{otherwise} \end{cases}", "|x| = { x, x > 0; -x otherwise"),
        ("$$\n\\begin{aligned}\na &= b \\\\\n&= c\n\\end{aligned}\n$$", "a = b\n= c"),
        (r"\hat{y} = w^T x_{i,j} a_{max}", "ŷ = wᵀ x_(i,j) a_max"),
        (r"\text{if } 90^\circ \times t", "if 90° × t"),
        ("x^y_i a_12", "xʸᵢ a₁2"),
        (r"$\frac{$", r"$\frac{$"),
        (r"\sqrt{" * 40, r"\sqrt{" * 40),
        ("}{^2", "}²"),
    ],
)
def test_mathematics_gets_signs_where_that_is_right(source: str, expected: str) -> None:
    assert legible(source) == expected


def transcript_lines(text: str) -> list[Line]:
    renderer = Renderer(plain_ink())
    renderer.load()
    return [line for block in split(text) for line in renderer.lines(block, 60)]


@pytest.mark.parametrize(
    "text", ["Tea is $5 and cake $10.", "It is $5 or 6$ more.", "Set $HOME and $PATH.", "`$x^2$` is code.", "US$5/US$6"]
)
def test_prices_variables_and_code_are_no_mathematics(text: str) -> None:
    lines = transcript_lines(text)
    assert "".join(line.text for line in lines) == text.replace("`", "")


def test_a_copied_formula_is_as_the_model_wrote_it() -> None:
    inline = transcript_lines(r"So $\frac{a}{b} \leq 1$ holds.")
    assert [line.text for line in inline] == ["So a/b ≤ 1 holds."]
    assert text_of(inline) == r"So $\frac{a}{b} \leq 1$ holds."
    source = "$$\n\\begin{aligned}\na &= \\frac{1}{2} \\\\\n&= c\n\\end{aligned}\n$$"
    display = transcript_lines(source)
    assert [line.text for line in display] == ["  a = 1/2", "  = c"]
    assert text_of(display) == source


FIGURES: dict[str, Any] = {
    "usage": Usage(412, 1234, 1646),
    "timings": Timings(0.34, 30.2, 41.0, thinking_seconds=12.3),
    "cost": 0.0012,
    "strategy": "balanced",
}


async def test_thinking_tells_how_long_it_took() -> None:
    async with pane() as (transcript, pilot):
        transcript.show([question(), answer("Because.", thinking="hm", **FIGURES)])
        await settled(pilot)
        assert "▸ thought for 12.3 s · Tab t shows it" in shown(transcript)
        transcript.action_fold()
        await settled(pilot)
        assert "▾ thought for 12.3 s · Tab t hides it" in shown(transcript)


@pytest.mark.parametrize("text", ["Because.", "# Because.\n\nOf this."])
async def test_an_empty_line_parts_unfolded_thinking_from_the_answer(text: str) -> None:
    async with pane() as (transcript, pilot):
        transcript.show([question(), answer(text, thinking="hm")])
        await settled(pilot)
        transcript.action_fold()
        async with asyncio.timeout(60):
            while "hm" not in (rows := [row.strip() for row in shown(transcript)]):
                await settled(pilot)
        assert rows[rows.index("hm") :][:3] == ["hm", "", "Because."]


async def test_figures_stand_under_the_header_when_they_are_wanted() -> None:
    async with pane(width=100) as (transcript, pilot):
        transcript.show([question(), answer("Because.", **FIGURES)])
        await settled(pilot)
        before = shown(transcript)
        transcript.set_figures(True)
        await settled(pilot)
        line = "412 in · 1,234 out · first token 0.34 s · 41 tok/s · 30.2 s · $0.0012 · by balanced"
        assert line in [row.replace("\xa0", " ") for row in shown(transcript)]
        transcript.set_figures(False)
        await settled(pilot)
        assert shown(transcript) == before


async def test_figures_leave_the_reading_position_where_it_is() -> None:
    async with pane() as (transcript, pilot):
        turns = [answer(f"turn {n}\n\n" + "line\n\n" * 20, id=f"a{n}", **FIGURES) for n in range(5)]
        transcript.show(turns)
        await settled(pilot)
        transcript.viewport.scroll(-50)
        await settled(pilot)
        top = shown(transcript)[0], transcript.viewport.reading_position
        transcript.set_figures(True)
        await settled(pilot)
        assert (shown(transcript)[0], transcript.viewport.reading_position) == top


async def test_f_shows_the_figures_and_so_does_info() -> None:
    async with scripted_chat(["The answer."]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("tab", "f")
        await chat.shows("first\xa0token")
        await chat.pilot.press("escape")
        await chat.ask("/info")
        await chat.until(lambda: not chat.chat.transcript.model.views.figures)


@pytest.mark.parametrize(
    "source", ["~" * (LONGEST - 2), "{" * 11 + "~" * (LONGEST - 24) + "}" * 11], ids=["flat", "deep"]
)
def test_a_formula_of_nothing_but_blanks_holds_nothing_up(source: str) -> None:
    began = time.thread_time()
    legible(f"${source}$")
    assert time.thread_time() - began < 0.3


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("length", "Tab c continue · Tab r regenerate"),
        ("cancelled", "Tab c continue · Tab r regenerate"),
        ("broken", "Tab c continue · Tab r regenerate"),
        ("failed", "Tab c ask again · Ctrl+O choose another model"),
        ("refused", "Tab e edit the question · Ctrl+O choose another model"),
    ],
)
async def test_an_answer_that_was_cut_ends_with_the_keys_that_help(state: State, told: str) -> None:
    async with pane(width=100) as (transcript, pilot):
        transcript.show([question(), answer("```\ncode\n```", state=state)])
        await settled(pilot)
        rows = [row.replace("\xa0", " ") for row in shown(transcript)]
        end = max(place for place, row in enumerate(rows) if "code" in row)
        assert not rows[end + 1]
        assert told in rows[end + 2 : end + 4]


async def test_the_keys_below_an_error_are_those_that_are_bound_now() -> None:
    async with pane(width=100) as (transcript, pilot):
        error = ErrorInfo("Garbled", "Connection lost.", "Ask again.")
        transcript.renderer.changed_keys = {"answer.continue": "z", "prompt.complete": "f2"}
        transcript.show([question(), answer(state="broken", error=error)])
        await settled(pilot)
        rows = [row.replace("\xa0", " ") for row in shown(transcript)]
        at = rows.index("Connection lost.")
        assert rows[at : at + 3] == ["Connection lost.", "Ask again.", "F2 z continue · F2 r regenerate"]
