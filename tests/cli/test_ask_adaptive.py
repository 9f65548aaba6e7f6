"""`chat-tui ask --adaptive` as a process: the quick answer, a rule, the detailed one."""

from __future__ import annotations

import pytest

from chat_tui.cli.output.answer_writer import AnswerWriter
from chat_tui.cli.output.two_phases import PhaseOrder
from chat_tui.core.chunks import Metadata, Token
from tests.doubles.model_server import ModelServer
from tests.doubles.sample_markdown import tokens
from tests.wire.home import QUICK, Home, as_promised, kept

ROWS = """
[adaptive]
first_strategy = "cost-optimized"
[[models]]
name = "box/{best}"
quality = 0.9
price_in = 1.0
price_out = 10.0
[[models]]
name = "box/{fast}"
quality = 0.1
price_in = 0.1
price_out = 0.1
"""


def serve(home: Home, server: ModelServer, best: str, fast: str) -> None:
    home.serve(server.base_url, best, fast, more=QUICK + ROWS.format(best=best, fast=fast))


async def test_the_quick_answer_comes_first_then_a_rule_then_the_detailed_one(home: Home, server: ModelServer) -> None:
    serve(home, server, "t40-first600", "t9")
    ran = await home.run("ask", "--adaptive", "Hello?")
    assert ran.code == 0
    quick, detailed = "".join(tokens(9)), "".join(tokens(40)).rstrip("\n")
    assert ran.text == f"{quick}\n\n---\n\n{detailed}\n"
    assert ran.told().startswith("[≈ $0.00")
    assert "box/t9" in ran.told()
    _, answer = await kept(home)
    assert answer.text.rstrip("\n") == detailed
    assert answer.quick is not None
    assert answer.quick.text == quick


async def test_json_tells_the_phase_of_each_chunk(home: Home, server: ModelServer) -> None:
    serve(home, server, "t40-first300", "t9")
    ran = await home.run("ask", "--adaptive", "--json", "Hello?")
    said = {
        phase: "".join(c["token"] for c in ran.chunks if c["type"] == "token" and c["phase"] == phase)
        for phase in ("quick", "detailed")
    }
    assert said == {"quick": "".join(tokens(9)), "detailed": "".join(tokens(40))}
    assert [c["index"] for c in ran.chunks if c["type"] == "token"] == list(range(49))
    assert ran.chunks[-1]["model"] == "box/t40-first300"


async def test_the_wire_form_of_other_answers_has_no_phase(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5")
    ran = await home.run("ask", "--json", "why?")
    as_promised(ran)
    assert not any("phase" in chunk for chunk in ran.chunks)


async def test_where_the_detailed_one_fails_the_quick_one_is_the_answer(home: Home, server: ModelServer) -> None:
    serve(home, server, "error500", "t9")
    ran = await home.run("ask", "--adaptive", "--no-fallback", "Hello?")
    assert (ran.code, ran.text) == (0, "".join(tokens(9)).rstrip("\n") + "\n")
    assert "The detailed answer is left out." in ran.told()


@pytest.mark.parametrize(
    ("came", "written"),
    [
        ("q1 q2 . d1 d2", "q1q2\n\n---\n\nd1d2"),
        ("q1 d1 q2 d2 . d3", "q1q2\n\n---\n\nd1d2d3"),
        ("d1 q1 d2 . d3", "d1d2d3"),
        (". d1 d2", "d1d2"),
        ("q1 q2 .", "q1q2"),
    ],
)
def test_two_answers_that_come_at_once_are_put_in_order(came: str, written: str) -> None:
    two = PhaseOrder()
    out = []
    for word in came.split():
        token = Token(word, "text", 0, "quick" if word[0] == "q" else "detailed")
        out.append(two.rest() if word == "." else two.take(token))
    assert "".join([*out, two.rest()]) == written


def test_a_quick_answer_that_broke_off_is_no_answer_that_was_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    paper = AnswerWriter(as_json=False)
    over = Metadata("phase", model="box/t9", phase="quick", reason="Connection lost.")
    paper.take(over)
    paper.take(Token("Part", "text", 0, "quick"))
    paper.take(over)
    paper.flush()
    told = capfd.readouterr().err.splitlines()
    assert told == [
        "[Connection lost. The quick answer is left out.]",
        "[Connection lost. The quick answer is incomplete.]",
    ]


async def test_where_one_model_is_both_one_price_is_told(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t9", more="[[models]]\nname = 'box/t9'\nprice_in = 1.0\nprice_out = 2.0\n")
    ran = await home.run("ask", "--adaptive", "Hello?")
    assert "for one answer" in ran.told()
    assert len(server.exchanges) == 1
