"""Retry, fail over, give up: which model is asked how often, and what the reader is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chat_tui.config.schema import ErrorHandling, Timeouts
from chat_tui.core.chunks import End, Error, Metadata, Start, Token
from chat_tui.core.errors import (
    ChatTuiError,
    ContextTooLong,
    Garbled,
    KeyMissing,
    KeyRefused,
    NoModel,
    Overloaded,
    RateLimited,
    Rejected,
    TooSlow,
    Unreachable,
    WeightsMissing,
)
from chat_tui.core.models import Model
from chat_tui.providers.scripted_provider import Fault, Pause, Script, Scripted, Step
from chat_tui.routing.execution.retry import backoff
from tests.support.scripted_router import (
    BUSY,
    A,
    B,
    C,
    Gate,
    Rig,
    all_of,
    ask,
    broken_with,
    end_of,
    error_of,
    events,
    text_of,
    tries,
    until,
)

BAD_LINE = Unreachable("No line.", "Check the network.")


async def test_a_failed_try_is_made_again_before_any_text() -> None:
    chunks = await all_of(Rig(a=Scripted([BUSY], [BUSY], ["fine"])).router().process_stream(ask()))
    assert text_of(chunks) == "fine"
    assert tries(chunks) == [("one/a", "Overloaded"), ("one/a", "Overloaded"), ("one/a", "answered")]
    told = [(chunk.attempt, chunk.of) for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "retry"]
    assert told == [(2, 3), (3, 3)]


async def test_the_next_model_is_asked_when_the_first_has_used_its_tries() -> None:
    chunks = await all_of(Rig(a=[BUSY], b=["from b"]).router(A, B).process_stream(ask()))
    assert text_of(chunks) == "from b"
    assert tries(chunks) == [("one/a", "Overloaded")] * 3 + [("two/b", "answered")]
    assert end_of(chunks).model == "two/b"
    assert isinstance(chunks[0], Start)
    assert chunks[0].model == "one/a"
    failover = next(chunk for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "failover")
    assert (failover.model, failover.reason) == ("two/b", "Too busy.")


@pytest.mark.parametrize("error", [KeyRefused("No."), Rejected("No."), WeightsMissing("Gone.")])
async def test_what_waiting_does_not_mend_goes_to_the_next_model_at_once(error: ChatTuiError) -> None:
    chunks = await all_of(Rig(a=[Fault(error)], b=["from b"]).router(A, B).process_stream(ask()))
    assert tries(chunks) == [("one/a", error.kind), ("two/b", "answered")]


@pytest.mark.parametrize("error", [Overloaded("x"), Unreachable("x"), TooSlow("x"), Garbled("x"), RateLimited("x")])
async def test_what_waiting_may_mend_is_tried_again(error: ChatTuiError) -> None:
    chunks = await all_of(Rig(a=Scripted([Fault(error)], ["ok"])).router().process_stream(ask()))
    assert tries(chunks) == [("one/a", error.kind), ("one/a", "answered")]


@pytest.mark.parametrize("error", [Unreachable("Cut."), KeyRefused("No."), ContextTooLong("Long.")])
async def test_after_text_was_shown_nothing_is_said_twice(error: ChatTuiError) -> None:
    rig = Rig(a=broken_with(error, "half ", "a "), b=["whole"])
    chunks = await all_of(rig.router(A, B).process_stream(ask()))
    assert text_of(chunks) == "half a "
    assert end_of(chunks).state == "broken"
    assert error_of(chunks) == error.kind
    assert rig.asked == ["one/a"]


async def test_thinking_counts_as_shown() -> None:
    rig = Rig(a=[Token("hmm", "thinking"), BUSY], b=["whole"])
    chunks = await all_of(rig.router(A, B).process_stream(ask()))
    assert end_of(chunks).state == "broken"
    assert rig.asked == ["one/a"]


async def test_when_all_fail_each_reason_is_told_once() -> None:
    rig = Rig(a=[BUSY], b=[Fault(KeyRefused("Bad key."))])
    chunks = await all_of(rig.router(A, B).process_stream(ask()))
    error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
    assert error.kind == "AllFailed"
    assert error.hint == "one/a: Too busy.\ntwo/b: Bad key."
    assert end_of(chunks).state == "failed"
    assert end_of(chunks).usage is None
    assert end_of(chunks).cost is None


async def test_the_hint_that_a_person_can_act_on_is_told_when_all_fail() -> None:
    rig = Rig(
        a=[Fault(KeyMissing("No key.", "Set $ONE_KEY."))], b=[Fault(Rejected("No.", "Change it."))], c=[Fault(BAD_LINE)]
    )
    chunks = await all_of(rig.router(A, B, C, handling=ErrorHandling(1)).process_stream(ask()))
    error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
    assert error.hint == "one/a: No key.\ntwo/b: No.\nthree/c: No line.\nSet $ONE_KEY."


async def test_a_wait_that_is_too_long_is_told() -> None:
    rig = Rig(a=[Fault(RateLimited("Come back.", "Choose another.", retry_after=3600))])
    chunks = await all_of(rig.router(A).process_stream(ask(model="one/a")))
    error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
    assert error.hint == "It asks to wait for 60 min. Choose another."
    assert rig.asked == ["one/a"]


async def test_a_wait_that_a_server_asks_for_is_told_and_can_be_cancelled() -> None:
    stream = Rig(a=[Fault(RateLimited("Slow down.", retry_after=40))]).router().process_stream(ask(model="one/a"))
    chunks = []
    async with asyncio.timeout(20), stream:
        async for chunk in stream:
            chunks.append(chunk)
            if isinstance(chunk, Metadata) and chunk.event == "retry":
                assert chunk.delay_seconds == 40
                asyncio.get_running_loop().call_later(0.02, lambda: asyncio.ensure_future(stream.cancel()))
    assert end_of(chunks).state == "cancelled"


async def test_the_time_in_line_is_a_wait_and_not_the_models() -> None:
    router = Rig(a=[Pause(0.2), "x"]).router(streams=1)
    first, second = await asyncio.gather(*(all_of(router.process_stream(ask())) for _ in range(2)))
    for chunks, waited in ((first, 0.0), (second, 0.2)):
        route = end_of(chunks).route
        assert route is not None
        assert route.tries[0].waited_seconds == pytest.approx(waited, abs=0.15)
        assert route.tries[0].duration_seconds == pytest.approx(0.2, abs=0.15)
    route = end_of(second).route
    assert route is not None
    assert route.tries[0].at_seconds > 0.15


async def test_one_model_alone_tells_its_own_error() -> None:
    chunks = await all_of(Rig(a=[BUSY]).router().process_stream(ask()))
    error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
    assert (error.kind, error.title, error.model, error.retryable) == ("Overloaded", "Too busy.", "one/a", True)


async def test_without_fallback_only_the_first_choice_is_asked() -> None:
    rig = Rig(a=[BUSY], b=["from b"])
    for request in (ask(fallback=False), ask(fallback=False, model="one/a")):
        chunks = await all_of(rig.router(A, B, fallbacks=["two/b"]).process_stream(request))
        assert error_of(chunks) == "Overloaded"
    assert set(rig.asked) == {"one/a"}


async def test_a_fixed_model_falls_back_only_to_what_is_named() -> None:
    rig = Rig(a=[BUSY], b=["from b"], c=["from c"])
    alone = await all_of(rig.router(A, B, C).process_stream(ask(model="one/a")))
    assert error_of(alone) == "Overloaded"
    named = await all_of(rig.router(A, B, C, fallbacks=["three/c", "no/where"]).process_stream(ask(model="one/a")))
    assert text_of(named) == "from c"
    assert "two/b" not in rig.asked


async def test_there_is_a_bound_to_all_tries_and_no_model_is_named_that_was_not_asked() -> None:
    rig = Rig(a=[BUSY], b=[BUSY], c=["from c"])
    handling = ErrorHandling(retry_attempts=2, max_tries=4, retry_delay_seconds=0)
    chunks = await all_of(rig.router(A, B, C, handling=handling).process_stream(ask()))
    assert rig.asked == ["one/a", "one/a", "two/b", "two/b"]
    assert error_of(chunks) == "AllFailed"
    assert end_of(chunks).model == "two/b"
    assert events(chunks).count("failover") == 1


async def test_an_unknown_model_is_told_with_near_names() -> None:
    chunks = await all_of(Rig().router(A, B).process_stream(ask(model="one/aa")))
    error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
    assert error.kind == "NoModel"
    assert "one/a" in error.hint
    assert [type(chunk) for chunk in chunks] == [Start, Error, End]
    assert end_of(chunks).model == "one/aa"


async def test_an_unknown_strategy_and_an_empty_list_have_their_one_ending_too() -> None:
    unknown = await all_of(Rig().router().process_stream(ask(strategy="fastest")))
    assert error_of(unknown) == "NoModel"
    none = await all_of(Rig().router(Model("scripted/demo", selectable=False)).process_stream(ask()))
    assert error_of(none) == "NoModel"
    with pytest.raises(NoModel):
        await Rig().router().process(ask(strategy="fastest"))


async def test_process_raises_only_where_nothing_came() -> None:
    with pytest.raises(Overloaded):
        await Rig(a=[BUSY]).router().process(ask())
    reply = await Rig(a=["part", BUSY]).router().process(ask())
    assert (reply.text, reply.end.state) == ("part", "broken")


@pytest.mark.parametrize("wished", [0.06, 0.0])
async def test_the_wait_that_a_server_asks_for_is_kept(wished: float) -> None:
    rig = Rig(a=Scripted([Fault(RateLimited("Slow down.", retry_after=wished))], ["ok"]))
    begun = asyncio.get_running_loop().time()
    chunks = await all_of(rig.router(handling=ErrorHandling(retry_delay_seconds=30)).process_stream(ask()))
    assert wished <= asyncio.get_running_loop().time() - begun < wished + 1
    assert text_of(chunks) == "ok"
    retry = next(chunk for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "retry")
    assert retry.delay_seconds == wished


async def test_a_server_that_asks_for_too_long_a_wait_is_passed_over() -> None:
    rig = Rig(a=[Fault(RateLimited("Come back.", retry_after=3600))], b=["from b"])
    chunks = await all_of(rig.router(A, B).process_stream(ask()))
    assert tries(chunks) == [("one/a", "RateLimited"), ("two/b", "answered")]


def test_back_off_doubles_within_its_bound_and_has_full_jitter() -> None:
    asked: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    delays = [
        backoff(attempt, Overloaded("x"), base=1.0, exponential=True, jitter=jitter) for attempt in (1, 2, 3, 4, 5000)
    ]
    assert delays == [1.0, 2.0, 4.0, 8.0, 60.0]
    assert {low for low, _ in asked} == {0.0}
    assert backoff(3, Overloaded("x"), base=1.0, exponential=False, jitter=lambda low, high: low) == 1.0
    strange = [RateLimited("x", retry_after=float("nan")), RateLimited("x", retry_after=-5.0)]
    assert [backoff(1, error, base=1.0, exponential=True, jitter=jitter) for error in strange] == [1.0, 1.0]


# -- time limits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "timeouts", "state", "words"),
    [
        ([Pause(30)], Timeouts(first_token_seconds=0.05), "failed", "no token within 0.05 s"),
        (["a", Pause(30)], Timeouts(token_seconds=0.05), "broken", "sent nothing for 0.05 s"),
        (["a", Pause(30)], Timeouts(stream_seconds=0.05), "broken", "longer than 0.05 s"),
        ([Pause(30)], Timeouts(first_token_seconds=None, stream_seconds=0.05), "failed", "longer than 0.05 s"),
    ],
)
async def test_each_time_limit_is_told_for_what_it_is(
    script: Script, timeouts: Timeouts, state: str, words: str
) -> None:
    router = Rig(a=script).router(timeouts=timeouts, handling=ErrorHandling(retry_attempts=1))
    chunks = await all_of(router.process_stream(ask()))
    error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
    assert error.kind == "TooSlow"
    assert words in error.title
    assert end_of(chunks).state == state


async def test_the_requests_own_limit_covers_line_tries_and_back_off() -> None:
    gate = Gate()
    busy = Rig(a=[gate, "x"])
    router = busy.router(streams=1)
    first = asyncio.create_task(all_of(router.process_stream(ask())))
    await until(lambda: busy.open)
    queued = await all_of(router.process_stream(ask(timeout_seconds=0.05)))
    assert "longer than 0.05 s" in next(chunk.error.title for chunk in queued if isinstance(chunk, Error))
    gate.open()
    await first
    waiting = Rig(a=[BUSY]).router(handling=ErrorHandling(retry_delay_seconds=20))
    begun = asyncio.get_running_loop().time()
    chunks = await all_of(waiting.process_stream(ask(timeout_seconds=0.2)))
    assert asyncio.get_running_loop().time() - begun < 1
    assert error_of(chunks) == "Overloaded"


async def test_too_little_time_is_not_held_against_the_model() -> None:
    router = Rig(a=[Pause(30)]).router()
    for _ in range(4):
        await all_of(router.process_stream(ask(timeout_seconds=0.02)))
    assert router.health.vitals("one/a").failures_in_a_row == 0
    assert router.plan(ask()).error is None


async def test_remarks_and_keep_alives_do_not_break_the_silence() -> None:
    chatter: list[Step] = [step for _ in range(200) for step in (Pause(0.01), Metadata("skipped"), Token(""))]
    for script, state in ((chatter, "failed"), (["a", *chatter], "broken")):
        timeouts = Timeouts(first_token_seconds=0.1, token_seconds=0.1)
        router = Rig(a=script).router(timeouts=timeouts, handling=ErrorHandling(retry_attempts=1))
        chunks = await all_of(router.process_stream(ask()))
        assert error_of(chunks) == "TooSlow"
        assert end_of(chunks).state == state


async def test_news_of_a_long_fetch_do() -> None:
    news: list[Step] = [step for _ in range(10) for step in (Pause(0.05), Metadata("fetching"))]
    chunks = await all_of(Rig(a=[*news, "ok"]).router(timeouts=Timeouts(first_token_seconds=0.2)).process_stream(ask()))
    assert text_of(chunks) == "ok"


# -- sources that do not keep to the rules ----------------------------------------------------------------------------


class Unended(Scripted):
    """Stops without an ending."""

    async def stream(self, model, request):  # type: ignore[no-untyped-def]
        for step in self._script(request):
            yield [Token(str(step))]


class Buggy(Scripted):
    """Raises what is not ours, after its words."""

    async def stream(self, model, request):  # type: ignore[no-untyped-def]
        for step in self._script(request):
            yield [Token(str(step))]
        raise ValueError("Bearer sk-secret")


class Clumsy(Scripted):
    """Fails while it is closed."""

    async def stream(self, model, request):  # type: ignore[no-untyped-def]
        try:
            for step in self._script(request):
                yield [step] if isinstance(step, End) else [Token(str(step))]
            await asyncio.sleep(30)
        finally:
            raise Unreachable("Closed badly.")


async def test_an_end_without_its_ending_is_garbled() -> None:
    chunks = await all_of(Rig(a=Unended(["half"])).router().process_stream(ask()))
    assert (end_of(chunks).state, error_of(chunks)) == ("broken", "Garbled")
    empty = await all_of(Rig(a=Unended([]), b=["from b"]).router(A, B).process_stream(ask()))
    assert tries(empty) == [("one/a", "Garbled")] * 3 + [("two/b", "answered")]


async def test_a_fault_in_a_provider_is_an_error_like_others_and_tells_no_secret() -> None:
    chunks = await all_of(Rig(a=Buggy(["half"])).router().process_stream(ask()))
    error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
    assert error.kind == "InternalError"
    assert "ValueError" in error.title
    assert Path(__file__).name in error.title
    assert "secret" not in repr(chunks)
    assert end_of(chunks).state == "broken"


async def test_a_fault_in_a_provider_before_any_text_goes_to_the_next_model() -> None:
    rig = Rig(a=Buggy([]), b=["from b"])
    chunks = await all_of(rig.router(A, B, streams=1).process_stream(ask()))
    assert tries(chunks) == [("one/a", "InternalError"), ("two/b", "answered")]
    assert rig.open == 0


async def test_a_source_that_cannot_even_be_opened_has_its_ending() -> None:
    router = Rig().router()
    chunks = await all_of(router.process_stream(ask()))
    assert error_of(chunks) == "InternalError"
    assert router.health.vitals("one/a").running == 0


async def test_a_bad_closing_spoils_neither_an_answer_nor_a_cancel() -> None:
    done = await all_of(Rig(a=Clumsy(["all", End()])).router().process_stream(ask()))
    assert (end_of(done).state, tries(done)) == ("complete", [("one/a", "answered")])
    stream = Rig(a=Clumsy(["part"])).router().process_stream(ask())
    cancelling = asyncio.get_running_loop().call_later(0.03, lambda: asyncio.ensure_future(stream.cancel()))
    cancelled = await all_of(stream)
    assert (end_of(cancelled).state, text_of(cancelled)) == ("cancelled", "part")
    assert cancelling.when() > 0


async def test_a_reason_that_ends_with_a_mark_of_its_own_gets_no_other_one() -> None:
    rig = Rig(a=[Fault(KeyRefused("Sorry about that!"))], b=[Fault(KeyRefused("Bad key."))])
    chunks = await all_of(rig.router(A, B).process_stream(ask()))
    error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
    assert error.hint == "one/a: Sorry about that!\ntwo/b: Bad key."
