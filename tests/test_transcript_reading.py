"""What makes an answer easy to read: links, mathematics, thinking, figures."""

from __future__ import annotations

import pytest

from chat_tui.chunks import Timings, Usage
from chat_tui.markdown.links import deceives, told_target
from chat_tui.markdown.mathematics import legible
from tests.scripted_chat import scripted_chat
from tests.transcript_rig import answer, pane, question, settled, shown


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
        (r"$\alpha^2 + \beta_1 \leq 1$", "$α² + β₁ ≤ 1$"),
        (r"\(x^{10} \in \mathbb{R}\)", r"\(x¹⁰ ∈ ℝ\)"),
        (r"\left( a \right) \to \infty", "( a ) → ∞"),
        (r"\frac{a}{b} \sqrt{2} \unknown", r"\frac{a}{b} \sqrt{2} \unknown"),
        (r"\text{speed} \times t", "speed × t"),
        (r"\int_0^1 \inx", r"∫₀¹ \inx"),
        ("x^y_i a_12", "x^y_i a₁2"),
        ("{^2}", "{^2}"),
    ],
)
def test_mathematics_gets_signs_where_that_is_right(source: str, expected: str) -> None:
    assert legible(source) == expected


FIGURES = {
    "usage": Usage(412, 1234, 1646),
    "timings": Timings(0.34, 30.2, 41.0, thinking_seconds=12.3),
    "cost": 0.0012,
    "strategy": "balanced",
}


async def test_thinking_tells_how_long_it_took() -> None:
    async with pane() as (transcript, pilot):
        transcript.show([question(), answer("Because.", thinking="hm", **FIGURES)])
        await settled(pilot)
        assert "▸ thought for 12.3 s · t unfolds" in shown(transcript)
        transcript.action_fold()
        await settled(pilot)
        assert "▾ thought for 12.3 s · t folds" in shown(transcript)


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
        transcript.scroll_lines(-50)
        await settled(pilot)
        top = shown(transcript)[0], transcript.reading_position
        transcript.set_figures(True)
        await settled(pilot)
        assert (shown(transcript)[0], transcript.reading_position) == top


async def test_f_shows_the_figures_and_so_does_info() -> None:
    async with scripted_chat(["The answer."]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("tab", "f")
        await chat.shows("first\xa0token")
        await chat.pilot.press("escape")
        await chat.ask("/info")
        await chat.until(lambda: not chat.chat.transcript.figures)
