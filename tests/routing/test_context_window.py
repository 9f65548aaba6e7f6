"""What of a conversation is sent: always well formed, never more than fits, and with a beginning that stays."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Start, State
from chat_tui.core.context import Context
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.usage.token_estimate import IMAGE_TOKENS, estimate
from chat_tui.routing.execution.context_window import TURN_TOKENS, fit, normalise_turns
from tests.support.scripted_router import B, Rig

SYSTEM = Turn("system", "You are helpful.")
QUESTION = Turn("user", "And now?")

turns = some.lists(
    some.builds(
        Turn,
        role=some.sampled_from(["system", "user", "assistant"]),
        text=some.sampled_from(["", " \n", "a", "some words", "日本語", "x" * 500]),
        state=some.sampled_from(["complete", "cancelled", "failed", "broken", "refused", "length", "streaming"]),
    ),
    max_size=30,
)


def exchange(number: int, words: int = 20) -> list[Turn]:
    return [Turn("user", f"q{number} " + "word " * words), Turn("assistant", f"a{number} " + "word " * words)]


def talk(exchanges: int, words: int = 20) -> list[Turn]:
    return [SYSTEM, *(turn for number in range(exchanges) for turn in exchange(number, words)), QUESTION]


def cost(sent: tuple[Turn, ...]) -> int:
    return sum(estimate(turn.text) + TURN_TOKENS for turn in sent)


def check(sent: tuple[Turn, ...]) -> None:
    """An optional system turn, then user and assistant in turn, the user first and last."""
    roles = [turn.role for turn in sent]
    if roles and roles[0] == "system":
        roles = roles[1:]
    assert roles == (["user", "assistant"] * len(roles))[: len(roles)]
    assert len(roles) % 2 == 1
    assert all(turn.text.strip() for turn in sent if turn.role != "user")


@given(turns)
def test_any_history_before_a_question_makes_a_valid_request(history: list[Turn]) -> None:
    sent = normalise_turns([*history, QUESTION])
    check(sent)
    assert sent[-1].text.endswith(QUESTION.text)
    assert normalise_turns(sent) == sent


@given(turns)
def test_no_question_that_was_answered_is_lost(history: list[Turn]) -> None:
    said = {role: "".join(turn.text for turn in normalise_turns(history) if turn.role == role) for role in ROLES}
    for question, answer in pairwise(history):
        if question.role == "user" and answer.role == "assistant" and answer.text.strip():
            assert question.text.strip() in said["user"]
            assert answer.text in said["assistant"]


ROLES = ("system", "user", "assistant")


@given(
    history=turns,
    window=some.none() | some.integers(1, 3000),
    reply=some.none() | some.integers(1, 3000),
    exchanges=some.none() | some.integers(0, 20),
    step=some.sampled_from([0, 1, 7, 128, 512]),
    scale=some.sampled_from([0.5, 1.0, 2.5]),
)
def test_every_fit_is_valid_and_within_the_window(
    history: list[Turn], window: int | None, reply: int | None, exchanges: int | None, step: int, scale: float
) -> None:
    asked = [*history, QUESTION]
    context = fit(asked, window=window, reply_tokens=reply, exchanges=exchanges, step_tokens=step, scale=scale)
    check(context.turns)
    assert context.turns[-1].text.endswith(QUESTION.text)
    whole = normalise_turns(asked)
    system = [turn for turn in whole if turn.role == "system"]
    assert [*context.turns] == [*system, *whole[len(system) + 2 * context.left_out :]]
    assert abs(context.tokens - cost(context.turns) * scale) <= len(context.turns) + 1
    if exchanges is not None:
        assert len(context.turns) <= len(system) + 2 * exchanges + 1
    if window is not None and len(context.turns) > len(system) + 1:
        assert context.tokens <= window


@pytest.mark.parametrize("state", ["cancelled", "failed", "broken", "refused"])
@pytest.mark.parametrize("text", ["", "a part"])
def test_an_answer_that_did_not_end_well_does_not_spoil_the_next_request(state: State, text: str) -> None:
    sent = normalise_turns([SYSTEM, Turn("user", "One?"), Turn("assistant", text, state=state), QUESTION])
    check(sent)
    assert [turn.text for turn in sent if turn.role == "assistant"] == ([text] if text else [])
    assert [turn.text for turn in sent if turn.role == "user"] == (["One?", "And now?"] if text else ["And now?"])


def test_turns_of_the_system_stand_as_one_at_the_head() -> None:
    sent = normalise_turns(
        [Turn("user", "a"), Turn("system", "x"), Turn("assistant", "b"), Turn("system", "y"), QUESTION]
    )
    assert [(turn.role, turn.text) for turn in sent] == [
        ("system", "x\n\ny"),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "And now?"),
    ]


def test_the_beginning_of_an_answer_may_stand_last() -> None:
    sent = normalise_turns([QUESTION, Turn("assistant", "The begin")])
    assert [turn.role for turn in sent] == ["user", "assistant"]


def test_nothing_makes_nothing() -> None:
    assert fit([], window=None) == Context((), 0)
    assert fit([SYSTEM], window=100).turns == (SYSTEM,)


def test_all_of_it_is_sent_where_it_fits_or_the_window_is_not_known() -> None:
    for window in (None, 100_000):
        context = fit(talk(50), window=window)
        assert (len(context.turns), context.left_out) == (102, 0)


@pytest.mark.parametrize(("cap", "left_out"), [(0, 10), (3, 7), (99, 0)])
def test_exchanges_caps_the_earlier_ones(cap: int, left_out: int) -> None:
    context = fit(talk(10), window=None, exchanges=cap)
    assert context.left_out == left_out
    assert context.turns[0] == SYSTEM
    assert context.turns[-1] == QUESTION


def test_as_many_of_the_last_exchanges_as_fit_are_sent() -> None:
    context = fit(talk(100), window=1000, reply_tokens=200)
    more = 2 * (estimate(exchange(50)[0].text) + TURN_TOKENS)
    assert 800 - more < context.tokens <= 800
    assert context.turns[1].text.startswith("q")


def test_the_reply_has_its_room() -> None:
    for window, reply, room in ((4000, None, 3000), (40_000, None, 40_000 - 1024), (1000, 900, 500), (1000, 100, 900)):
        tokens = fit(talk(900), window=window, reply_tokens=reply).tokens
        assert room - 80 < tokens <= room


def test_one_question_that_is_too_long_is_sent_all_the_same() -> None:
    long = Turn("user", "word " * 5000)
    context = fit([SYSTEM, *exchange(0), long], window=500)
    assert context.turns == (SYSTEM, long)
    assert context.left_out == 1


@pytest.mark.parametrize("text", ["word " * 30, "単語です。" * 8, "x=1; " * 15], ids=["words", "wide", "code"])
def test_the_prefix_stays_while_the_conversation_grows(text: str) -> None:
    window, step = 2048, 512
    history = [SYSTEM]
    cuts = []
    for number in range(120):
        history.append(Turn("user", f"{number} {text}"))
        cuts.append(fit(history, window=window, step_tokens=step).left_out)
        history.append(Turn("assistant", f"{number} {text}"))
    assert cuts == sorted(cuts)
    assert cuts[-1] > 60
    changes = sum(before != after for before, after in pairwise(cuts))
    assert changes < cuts[-1] * 0.75


def test_steps_cost_at_most_half_of_what_fits() -> None:
    for number in range(1, 60):
        history = talk(number, words=40)
        stepped, plain = (fit(history, window=2048, step_tokens=size).tokens for size in (512, 0))
        assert stepped * 2 >= plain - 60


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_many_turns_of_one_role_in_a_row_become_one(role: Literal["user", "assistant"]) -> None:
    sent = normalise_turns([QUESTION, *(Turn(role, str(number)) for number in range(5))])
    assert len(sent) == (1 if role == "user" else 2)
    assert sent[-1].text.endswith("0\n\n1\n\n2\n\n3\n\n4")


# -- what is kept, and what is told ------------------------------------------------------------------------------------


def named(exchanges: int, words: int = 20, **kept: bool) -> list[Turn]:
    """A talk whose turns have ids `q0`, `a0`, …; `q0=True` keeps that exchange."""
    pairs = [
        (Turn("user", f"q{n} " + "word " * words, f"q{n}", kept=kept.get(f"q{n}")), Turn("assistant", f"a{n}", f"a{n}"))
        for n in range(exchanges)
    ]
    return [SYSTEM, *(turn for pair in pairs for turn in pair), Turn("user", "And now?", "last")]


def why(context: Context) -> dict[str, str]:
    return {exchange.question: exchange.why_not for exchange in context.exchanges if not exchange.sent}


def ids(context: Context) -> list[str]:
    return [turn.id for turn in context.turns if turn.role == "user"]


def test_what_is_kept_takes_its_room_first_and_what_is_kept_out_is_never_sent() -> None:
    plain = fit(named(30), window=400)
    assert "q2" not in ids(plain)
    context = fit(named(30, q2=True, q28=False), window=400, listed=True)
    assert ids(context)[0] == "q2"
    assert "q28" not in ids(context)
    assert why(context)["q28"] == "kept out"
    assert len(ids(context)) == len(ids(plain))
    assert context.left_out == sum(reason == "window" for reason in why(context).values())


def test_a_cap_on_exchanges_counts_neither_those_kept_nor_those_kept_out() -> None:
    context = fit(named(10, q1=True, q9=False), window=None, exchanges=2, listed=True)
    assert ids(context) == ["q1", "q7", "q8", "last"]
    assert set(why(context).values()) == {"exchanges", "kept out"}


def test_what_is_kept_stays_within_the_window_and_the_newest_goes_first() -> None:
    every = {f"q{number}": True for number in range(30)}
    context = fit(named(30, **every), window=400, listed=True)
    assert context.tokens <= 300
    assert ids(context)[-2:] == ["q29", "last"]
    assert set(why(context).values()) == {"window"}


def test_each_exchange_is_told_with_its_tokens_and_why_it_is_not_sent() -> None:
    talk = named(6)
    talk[5:7] = [Turn("user", "failed?", "bad"), Turn("assistant", " ", "empty", state="failed")]
    context = fit(talk, window=None, exchanges=2, listed=True)
    assert [entry.question for entry in context.exchanges] == ["q0", "q1", "bad", "q3", "q4", "q5", "last"]
    assert [entry.answer for entry in context.exchanges] == ["a0", "a1", "empty", "a3", "a4", "a5", ""]
    reasons = ["exchanges", "exchanges", "empty", "exchanges", "", "", ""]
    assert [entry.why_not for entry in context.exchanges] == reasons
    sent = sum(entry.tokens for entry in context.exchanges if entry.sent)
    assert context.tokens == sent + estimate(SYSTEM.text) + TURN_TOKENS


@given(
    history=turns,
    marks=some.lists(some.sampled_from([None, True, False]), min_size=30, max_size=30),
    window=some.none() | some.integers(1, 3000),
    exchanges=some.none() | some.integers(0, 20),
    step=some.sampled_from([0, 128]),
)
def test_whatever_is_kept_the_request_is_valid_and_every_exchange_is_accounted_for(
    history: list[Turn], marks: list[bool | None], window: int | None, exchanges: int | None, step: int
) -> None:
    asked = [replace(turn, id=str(n), kept=mark) for n, (turn, mark) in enumerate(zip(history, marks, strict=False))]
    context = fit([*asked, QUESTION], window=window, exchanges=exchanges, step_tokens=step, listed=True)
    check(context.turns)
    assert context.turns[-1].text.endswith(QUESTION.text)
    assert sum(entry.sent for entry in context.exchanges) == sum(turn.role == "user" for turn in context.turns)
    if window is not None and len(context.turns) > 2:
        assert context.tokens <= window


def test_the_router_tells_the_context_for_the_model_it_would_ask() -> None:
    router = Rig().router(Model("one/a", context_window=400, quality=0.9), B)
    context = router.context(Request(turns=tuple(named(30))))
    assert (context.model, context.window, context.reply_tokens) == ("one/a", 400, 100)
    assert len(context.exchanges) == 31


# -- files that go along -----------------------------------------------------------------------------------------------


def test_attachments_count_as_what_is_sent_of_them() -> None:
    text = b"word " * 50_000
    for content in (text, b""):
        file = Attachment("a.txt", "text/plain", content, size_bytes=len(text))
        tokens = fit([Turn("user", "Look", attachments=(file,))], window=None).tokens
        assert tokens == pytest.approx(estimate(text.decode()), rel=0.1)
    photo = Attachment("a.png", "image/png", b"\x89PNG" * 200_000)
    assert fit([Turn("user", "", attachments=(photo, photo))], window=None).tokens == pytest.approx(
        2 * IMAGE_TOKENS, abs=10
    )


def test_the_files_of_questions_that_become_one_are_all_sent() -> None:
    one, other = Attachment("a.txt", "text/plain", b"a"), Attachment("b.txt", "text/plain", b"b")
    sent = normalise_turns([Turn("user", "a", attachments=(one,)), Turn("user", "b", attachments=(other,))])
    assert sent[0].attachments == (one, other)


@pytest.mark.parametrize("exchanges", [3, 1000])
async def test_a_long_conversation_is_fitted_beside_the_loop(exchanges: int) -> None:
    turned = 0

    async def beat() -> None:
        nonlocal turned
        while True:
            await asyncio.sleep(0)
            turned += 1

    beating = asyncio.create_task(beat())
    stream = Rig(b=["hi"]).router(B).process_stream(Request(turns=tuple(talk(exchanges)), strategy="quality-first"))
    async with stream:
        assert isinstance(await anext(stream), Start)
        turned = 0
        assert getattr(await anext(stream), "event", "") == "connecting"
        assert (turned > 0) == (exchanges == 1000)
    beating.cancel()
    await asyncio.wait([beating])
