"""What a stream's `End` tells: text cleaned, usage, pace, cost, and the route."""

from __future__ import annotations

import asyncio
import sys
from types import FrameType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from chat_tui.core.chunks import Chunk, End, Error, Metadata, Token, TokenKind, Usage
from chat_tui.core.models import Model
from chat_tui.providers.scripted_provider import Fault, Pause, Scripted, Step
from chat_tui.routing.execution.accounting import StreamAccounting
from chat_tui.routing.execution.endings import is_visible
from tests.support.scripted_router import BUSY, A, B, Gate, Rig, all_of, ask, end_of, slowly, text_of

PRICED = Model("one/a", price_in=1.0, price_out=2.0, quality=0.9)


def counted(*steps: Step) -> list[Step]:
    """A script whose ending has no usage of the player's own."""
    return [*steps, End(finish_reason="stop")]


async def chunks_of(*steps: Step, **fields: object) -> list[Chunk]:
    return await all_of(Rig(a=list(steps)).router(PRICED).process_stream(ask(**fields)))


async def test_control_sequences_cut_over_chunks_never_come_out() -> None:
    pieces = ["safe \x1b", "]52;c;aG", "k=\x07text", "\x1b[", "2J", "\x9b3", "1m end\x00"]
    assert text_of(await chunks_of(*pieces)) == "safe text end"


async def test_what_a_cleaner_held_comes_out_at_the_end() -> None:
    chunks = await chunks_of("open \x1b]0;never closed")
    assert text_of(chunks) == "open ]0;never closed"
    assert end_of(await chunks_of("\ud83d")).timings.ttft_seconds is not None


async def test_what_a_failed_try_held_is_not_in_the_next_ones_text() -> None:
    rig = Rig(a=Scripted(["\x1b]0;title", BUSY], ["plain"]))
    assert text_of(await all_of(rig.router().process_stream(ask()))) == "plain"


async def test_thinking_and_text_are_cleaned_apart() -> None:
    chunks = await chunks_of(Token("a\x1b", "thinking"), Token("b"), Token("[0mc", "thinking"))
    thinking = "".join(chunk.token for chunk in chunks if isinstance(chunk, Token) and chunk.kind == "thinking")
    assert (thinking, text_of(chunks)) == ("ac", "b")


async def test_it_tells_how_long_the_model_thought() -> None:
    chunks = await chunks_of(Token("hm", "thinking"), Pause(0.05), Token("so", "thinking"), Pause(0.05), "Yes.", "No.")
    thought, all_seconds = end_of(chunks).timings.thinking_seconds, end_of(chunks).timings.duration_seconds
    assert thought is not None
    assert 0.1 <= thought <= all_seconds
    assert end_of(await chunks_of("no thinking")).timings.thinking_seconds is None


def test_each_burst_of_an_answer_is_looked_at_once_for_what_can_be_seen() -> None:
    looks = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal looks
        looks += frame.f_code is is_visible.__code__ and event == "call"

    def is_visible_after(*chunks: Chunk) -> bool:
        accounting.take(chunks)
        return accounting.is_visible

    accounting = StreamAccounting(lambda: 0.0, whole=False)
    unseen = [Token("\u200b" * 100)] * 50
    sys.setprofile(note)
    try:
        assert not is_visible_after(*unseen)
        assert is_visible_after(Token("\u200b"), Token("seen"), Token("x"), Token("y"))
    finally:
        sys.setprofile(None)
    assert looks == 2
    assert not is_visible_after(Metadata("reclassified", characters=6, kind="thinking"))
    assert not is_visible_after(Token("hid", "thinking"))
    assert is_visible_after(Metadata("reclassified", characters=3, kind="text"))


@given(
    bursts=some.lists(
        some.lists(
            some.tuples(
                some.sampled_from(["a", "bc ", "", "\x1b", "[0m", "\x07", "\ud83d", "\ude00", "\u200b", "\n"]),
                some.sampled_from(["text", "text", "text", "thinking"]),
            ),
            max_size=5,
        ),
        max_size=6,
    ),
    part=some.sampled_from(["", "", "abc "]),
)
def test_tokens_that_come_together_are_counted_as_if_each_came_alone(
    bursts: list[list[tuple[str, TokenKind]]], part: str
) -> None:
    together, alone = (StreamAccounting(lambda: 0.0, whole=False, part=part) for _ in range(2))
    taken: list[Chunk] = []
    one_by_one: list[Chunk] = []
    for burst in bursts:
        tokens = [Token(text, kind) for text, kind in burst]
        taken += together.take(tokens)
        one_by_one += [chunk for token in tokens for chunk in alone.take([token])]
    taken = [chunk for chunk in taken if isinstance(chunk, Token)]
    one_by_one = [chunk for chunk in one_by_one if isinstance(chunk, Token)]
    assert taken == one_by_one
    assert (together.text, together.is_visible, together.count) == (alone.text, alone.is_visible, alone.count)
    assert together.usage(10) == alone.usage(10)
    # A server takes characters back as they came.
    told = Metadata("reclassified", characters=3, kind="thinking")
    assert together.take([told]) == alone.take([told])
    assert together.text == alone.text


async def test_the_finish_reason_is_cleaned() -> None:
    assert end_of(await chunks_of("x", End(finish_reason="st\x1b[2Jop"))).finish_reason == "stop"


# -- usage ------------------------------------------------------------------------------------------------------------


async def test_the_last_usage_wins() -> None:
    first, last = Usage(10, 1, 11), Usage(10, 7, 17)
    chunks = await chunks_of(Metadata("usage", usage=first), "a", Metadata("usage", usage=last), End())
    assert end_of(chunks).usage == last
    final = await chunks_of("a", Metadata("usage", usage=first), End(usage=last))
    assert end_of(final).usage == last


async def test_a_usage_that_nobody_told_is_estimated_and_marked() -> None:
    usage = end_of(await chunks_of(*counted("Some ", "words ", "of ", "text."))).usage
    assert usage is not None
    assert usage.estimated
    assert usage.completion_tokens == 4
    assert usage.prompt_tokens is not None
    assert usage.prompt_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


async def test_a_prompts_count_is_kept_where_the_reply_was_not_counted() -> None:
    usage = end_of(await chunks_of(Metadata("usage", usage=Usage(321, 0, 321)), "text", End())).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.estimated) == (321, True)


async def test_a_count_from_before_the_last_words_is_not_the_count_of_a_cut_reply() -> None:
    words = [f"word{number} " for number in range(30)]
    usage = end_of(await chunks_of(Metadata("usage", usage=Usage(5, 1, 6)), *words, BUSY)).usage
    assert usage is not None
    assert usage.estimated
    assert usage.completion_tokens is not None
    assert usage.completion_tokens > 20
    exact = end_of(await chunks_of(*words, Metadata("usage", usage=Usage(5, 30, 35)), BUSY)).usage
    assert exact == Usage(5, 30, 35)


async def test_the_usage_of_a_failed_try_is_not_the_answers() -> None:
    rig = Rig(a=[Metadata("usage", usage=Usage(9, 9, 18)), BUSY], b=counted("hi"))
    usage = end_of(await all_of(rig.router(A, B).process_stream(ask()))).usage
    assert usage is not None
    assert usage.completion_tokens == 1


async def test_the_cost_comes_from_usage_and_prices() -> None:
    chunks = await chunks_of("x", End(usage=Usage(1_000_000, 500_000, 1_500_000)))
    assert end_of(chunks).cost == pytest.approx(2.0)
    unpriced = await all_of(Rig(a=["x"]).router(A).process_stream(ask()))
    assert end_of(unpriced).cost is None


# -- pace -------------------------------------------------------------------------------------------------------------


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def tally_of(*timed: tuple[float, Chunk], whole: bool = False) -> StreamAccounting:
    clock = Hand()
    tally = StreamAccounting(clock, whole=whole)
    for at, chunk in timed:
        clock.at = 100.0 + at
        tally.take([chunk])
    return tally


def rate_of(tally: StreamAccounting, usage: Usage | None) -> float | None:
    return tally.timings(usage, 1.0).tokens_per_second


def test_the_rate_counts_from_the_first_token() -> None:
    tally = tally_of(*((5 + index * 0.025, Token("word ")) for index in range(41)))
    assert rate_of(tally, Usage(1, 41, 42)) == pytest.approx(40.0)
    assert tally.timings(None, 6.0).ttft_seconds == 5.0


def test_chunks_of_several_tokens_have_the_rate_of_their_tokens() -> None:
    tally = tally_of(*((1 + index * 0.1, Token("four tokens in one ")) for index in range(11)))
    assert rate_of(tally, Usage(1, 44, 45)) == pytest.approx(40.0)


def test_a_burst_has_no_rate_and_neither_has_a_reply_of_two_chunks() -> None:
    burst = tally_of(*((1.0, Token("word ")) for _ in range(50)))
    assert rate_of(burst, Usage(1, 50, 51)) is None
    assert rate_of(tally_of((1.0, Token("a")), (3.0, Token("b"))), Usage(1, 2, 3)) is None
    assert rate_of(tally_of(), Usage(1, 0, 1)) is None


def test_a_late_usage_does_not_stretch_the_span() -> None:
    words = ((index * 0.025, Token("word ")) for index in range(41))
    tally = tally_of(*words, (9.0, Metadata("usage", usage=Usage(1, 41, 42))))
    assert rate_of(tally, Usage(1, 41, 42)) == pytest.approx(40.0)


def test_hidden_thinking_makes_the_rate_no_faster() -> None:
    words = [(index * 0.025, Token("word ")) for index in range(41)]
    assert rate_of(tally_of(*words), Usage(1, 541, 542, thinking_tokens=500)) == pytest.approx(40.0)
    thought = [(index * 0.025, Token("hmm. ", "thinking")) for index in range(20)]
    shown = tally_of(*thought, *((0.5 + at, token) for at, token in words[:21]))
    assert rate_of(shown, Usage(1, 41, 42, thinking_tokens=20)) == pytest.approx(40.0)


async def test_a_pause_is_not_in_the_rate() -> None:
    gate = Gate()
    rig = Rig(a=[*slowly(*["word "] * 10, seconds=0.02), gate, *slowly(*["word "] * 10, seconds=0.02)])
    stream = rig.router().process_stream(ask())
    reading = asyncio.create_task(all_of(stream))
    await gate.reached.wait()
    stream.pause()
    gate.open()
    await asyncio.sleep(0.5)
    stream.resume()
    timings = end_of(await reading).timings
    assert timings.duration_seconds > 0.7
    assert timings.tokens_per_second is not None
    assert timings.tokens_per_second > 25


async def test_a_models_health_is_measured_without_the_failed_tries_before_it() -> None:
    rig = Rig(a=[Pause(0.2), BUSY], b=[Pause(0.02), "x"])
    router = rig.router(A, B)
    timings = end_of(await all_of(router.process_stream(ask()))).timings
    assert timings.ttft_seconds is not None
    assert timings.ttft_seconds > 0.6
    assert (router.health.vitals("two/b").ttft_seconds or 9) < 0.2


async def test_a_models_health_is_measured_without_the_fetch_before_it() -> None:
    router = Rig(a=[Metadata("fetching"), Pause(0.3), Metadata("loading"), "x"]).router()
    await all_of(router.process_stream(ask()))
    assert (router.health.vitals("one/a").ttft_seconds or 9) < 0.2


# -- what was wished --------------------------------------------------------------------------------------------------


async def test_no_metadata_where_none_is_wished() -> None:
    rig = Rig(a=Scripted([BUSY], [Metadata("skipped"), "x", Metadata("usage", usage=Usage(1, 1, 2))]))
    chunks = await all_of(rig.router().process_stream(ask(include_metadata=False)))
    assert not any(isinstance(chunk, Metadata) for chunk in chunks)
    assert end_of(chunks).usage is not None


async def test_a_prompt_that_the_server_did_not_count_is_estimated_marked_and_paid_for() -> None:
    said = Usage(0, 500_000, 500_000, thinking_tokens=7)
    end = end_of(await chunks_of("hello", End(finish_reason="stop", usage=said), prompt="some words " * 50_000))
    usage = end.usage
    assert usage is not None
    assert usage.prompt_tokens is not None
    assert usage.prompt_tokens > 100_000
    assert (usage.completion_tokens, usage.thinking_tokens, usage.estimated) == (500_000, 7, True)
    assert usage.total_tokens == usage.prompt_tokens + 500_000
    assert end.cost == pytest.approx(1.0 + usage.prompt_tokens / 1e6)


async def test_what_the_server_has_counted_whole_is_no_estimate() -> None:
    end = end_of(await chunks_of("hello", End(finish_reason="stop", usage=Usage(3, 1, 4))))
    assert end.usage == Usage(3, 1, 4)


@pytest.mark.parametrize("by", ["request", "config"])
async def test_a_reply_as_a_whole_is_one_chunk(by: str) -> None:
    rig = Rig(a=slowly("one ", "two ", "three", seconds=0.03))
    router = rig.router(streaming=by != "config")
    chunks = await all_of(router.process_stream(ask(stream=by != "request")))
    assert [chunk.token for chunk in chunks if isinstance(chunk, Token)] == ["one two three"]
    assert end_of(chunks).timings.tokens_per_second is None


async def test_a_whole_reply_keeps_thinking_apart_and_its_part_when_it_breaks() -> None:
    chunks = await chunks_of(Token("so", "thinking"), "half ", Token(" so", "thinking"), "an ", BUSY, stream=False)
    tokens = [(chunk.kind, chunk.token) for chunk in chunks if isinstance(chunk, Token)]
    assert tokens == [("thinking", "so so"), ("text", "half an ")]
    assert end_of(chunks).state == "broken"


async def test_a_whole_reply_keeps_its_part_when_it_is_cancelled() -> None:
    gate = Gate()
    stream = Rig(a=["w0 ", "w1 ", gate]).router().process_stream(ask(stream=False))
    reading = asyncio.create_task(all_of(stream))
    await gate.reached.wait()
    await stream.cancel()
    chunks = await reading
    assert text_of(chunks).startswith("w0 w1")
    assert end_of(chunks).state == "cancelled"


@pytest.mark.parametrize(("state", "reason"), [("length", "length"), ("refused", "content_filter")])
async def test_the_dialects_own_ending_is_kept(state: str, reason: str) -> None:
    end = end_of(await chunks_of("x", End(state=state, finish_reason=reason)))  # type: ignore[arg-type]
    assert (end.state, end.finish_reason) == (state, reason)


async def test_the_route_has_candidates_tries_and_reasons() -> None:
    scripted = Model("scripted/demo", selectable=False)
    rig = Rig(a=[Pause(0.02), Fault(BUSY.error)], b=["hi"])
    chunks = await all_of(rig.router(A, B, scripted).process_stream(ask()))
    route = end_of(chunks).route
    assert route is not None
    assert route.strategy == "quality-first"
    assert [(entry.model, bool(entry.out)) for entry in route.candidates] == [
        ("one/a", False),
        ("two/b", False),
        ("scripted/demo", True),
    ]
    best = route.candidates[0]
    assert (best.success, best.price, best.seconds) != (None, None, None)
    assert [entry.attempt for entry in route.tries] == [1, 2, 3, 1]
    assert [entry.reason for entry in route.tries] == ["Too busy."] * 3 + [""]
    assert route.tries[0].duration_seconds >= 0.02
    assert [entry.at_seconds for entry in route.tries] == sorted(entry.at_seconds for entry in route.tries)


# -- what is hostile --------------------------------------------------------------------------------------------------

HOSTILE = "a\x1b]8;;http://evil.example\x07b\x1b[31mc\x9b1md\x1b]0;title\x1b\\e\u202ef\u2066g\x07\rh\x1bPq\x1b\\i\nj"
"""Escape sequences in both forms, a link, a title, a bell, a carriage return, bidi overrides, and a line break."""


@pytest.mark.parametrize("on_break", [False, True])
async def test_nothing_hostile_in_a_plug_ins_chunks_reaches_a_reader(on_break: bool) -> None:
    news = [
        Metadata("note", model=HOSTILE, reason=HOSTILE, attempt=1),
        Metadata("connecting", address=HOSTILE),
        Metadata("skipped", tool=HOSTILE),
    ]
    ending = End(finish_reason=HOSTILE, served_model=HOSTILE, state="broken" if on_break else "complete")
    chunks = await chunks_of(*news, Token(HOSTILE, "thinking"), HOSTILE, ending)
    end = end_of(chunks)
    assert end.route is not None
    assert end.route.notes == ("abcdefghi j",)
    assert end.route.tries[0].address == "abcdefghi j"
    assert {entry.served_model for entry in end.route.tries} == {"abcdefghi j"}
    assert end.finish_reason in ("abcdefghi j", "")
    shown = msgspec.json.encode(chunks).decode().replace("\\n", " ")
    assert "evil" not in shown
    assert "\\u" not in shown
    assert shown.isprintable()


async def test_an_answer_that_is_only_a_hostile_tool_call_is_an_error_without_it() -> None:
    chunks = await chunks_of(Metadata("skipped", tool=HOSTILE), End(finish_reason="stop"))
    told = [chunk.error for chunk in chunks if isinstance(chunk, Error)]
    assert told
    assert "abcdefghi j" in told[0].title
    assert all(error.title.isprintable() for error in told)
