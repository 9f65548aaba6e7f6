"""An answer that ends well and says nothing is no success: it is asked again, told, and costs what it cost."""

from __future__ import annotations

import time
from typing import Any

import pytest

from chat_tui.config.schema import ErrorHandling
from chat_tui.core.chunks import Chunk, End, Error, Metadata, Token, Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import Unreachable
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.scripted_provider import Fault, Scripted
from chat_tui.routing.execution.context_window import normalise_turns
from chat_tui.routing.execution.endings import fault_in, is_visible
from tests.support.scripted_router import A, B, Rig, all_of, ask, end_of, error_of, events, text_of, tries

ONCE = ErrorHandling(retry_attempts=1)
THRICE = ErrorHandling(retry_attempts=3, retry_delay_seconds=0.0)
PAID = Model("one/a", quality=0.9, price_in=1.0, price_out=10.0)


class Replies(Scripted):
    """Gives these bursts, reply by reply; the last one for good."""

    def __init__(self, *replies: list[Chunk]) -> None:
        super().__init__([])
        self._replies = list(replies)

    async def stream(self, model: Model, request: Request) -> Any:
        self.requests.append(request)
        yield self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


def ended(reason: str = "stop", state: Any = "complete", *chunks: Chunk, used: int = 0) -> list[Chunk]:
    return [*chunks, End(finish_reason=reason, state=state, usage=Usage(10, used, 10 + used) if used else None)]


EMPTY = ended()
THOUGHT = ended("stop", "complete", Token("hm " * 10, "thinking"), used=7)
GOOD = ended("stop", "complete", Token("Hello"), used=2)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (EMPTY, "nothing came"),
        (ended("stop", "complete", Token(" \n\n")), "nothing came"),
        (ended("stop", "complete", Token("\u200b\ufeff \u2060")), "nothing came"),
        (THOUGHT, "30 characters of thinking"),
        (ended("tool_calls", "complete", Metadata("skipped", reason="r", tool="get_weather")), "get_weather"),
        (ended("length", "length", Token("hm", "thinking")), "token limit"),
    ],
)
async def test_an_empty_answer_is_an_ending_of_its_own(reply: list[Chunk], told: str) -> None:
    rig = Rig(a=Replies(reply))
    chunks = await all_of(rig.router(handling=ONCE).process_stream(ask()))
    assert (end_of(chunks).state, error_of(chunks)) == ("empty", "EmptyAnswer")
    (error,) = [chunk.error for chunk in chunks if isinstance(chunk, Error)]
    assert told in error.title
    assert error.hint
    assert tries(chunks) == [("one/a", "EmptyAnswer")]
    assert end_of(chunks).finish_reason == reply[-1].finish_reason  # type: ignore[union-attr]


async def test_what_cannot_be_seen_is_not_sent_to_be_continued() -> None:
    played = Replies(ended("stop", "complete", Token("\u200b" * 1000)), GOOD)
    chunks = await all_of(Rig(a=played).router(handling=THRICE).process_stream(ask()))
    assert end_of(chunks).state == "complete"
    first, second = (request.turns for request in played.requests)
    assert first == second


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("first", [EMPTY, THOUGHT])
async def test_it_is_asked_again_as_after_a_failure_before_text(first: list[Chunk], stream: bool) -> None:
    rig = Rig(a=Replies(first, GOOD))
    chunks = await all_of(rig.router(handling=THRICE).process_stream(ask(stream=stream)))
    assert (end_of(chunks).state, text_of(chunks)) == ("complete", "Hello")
    assert tries(chunks) == [("one/a", "EmptyAnswer"), ("one/a", "answered")]
    assert "retry" in events(chunks)
    assert "seam" not in events(chunks)


async def test_then_the_next_model_is_asked() -> None:
    rig = Rig(a=Replies(THOUGHT), b=Replies(GOOD))
    chunks = await all_of(rig.router(A, B, handling=ONCE).process_stream(ask()))
    assert (text_of(chunks), end_of(chunks).model) == ("Hello", "two/b")
    assert "failover" in events(chunks)


async def test_where_the_limit_was_reached_the_same_model_is_not_asked_again() -> None:
    rig = Rig(a=Replies(ended("length", "length", Token("hm", "thinking"))), b=Replies(GOOD))
    await all_of(rig.router(A, B, handling=THRICE).process_stream(ask()))
    assert rig.asked == ["one/a", "two/b"]


async def test_all_of_them_are_paid_for() -> None:
    rig = Rig(a=Replies(THOUGHT, THOUGHT, GOOD))
    end = end_of(await all_of(rig.router(PAID, handling=THRICE).process_stream(ask())))
    assert end.usage is not None
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (30, 16)
    assert end.cost == pytest.approx((30 * 1.0 + 16 * 10.0) / 1e6)
    rig = Rig(a=Replies(THOUGHT))
    end = end_of(await all_of(rig.router(PAID, handling=ONCE).process_stream(ask())))
    assert end.cost == pytest.approx((10 * 1.0 + 7 * 10.0) / 1e6)


async def test_a_failure_behind_an_empty_answer_goes_by_the_rules_before_text() -> None:
    class Flaky(Replies):
        async def stream(self, model: Model, request: Request) -> Any:
            reply = self._replies.pop(0)
            if not reply:
                raise Unreachable("Gone.", provider="one", model="one/a")
            yield reply

    rig = Rig(a=Flaky(THOUGHT, [], GOOD))
    chunks = await all_of(rig.router(handling=THRICE).process_stream(ask()))
    assert (end_of(chunks).state, text_of(chunks)) == ("complete", "Hello")
    rig = Rig(a=Replies(EMPTY), b=[Fault(Unreachable("Gone."))])
    chunks = await all_of(rig.router(A, B, handling=ONCE).process_stream(ask()))
    assert (end_of(chunks).state, error_of(chunks)) == ("empty", "AllFailed")


async def test_a_refusal_without_words_and_a_part_that_ends_are_no_empty_answers() -> None:
    rig = Rig(a=Replies(ended("content_filter", "refused")))
    assert end_of(await all_of(rig.router().process_stream(ask()))).state == "refused"
    rig = Rig(a=Replies(EMPTY))
    chunks = await all_of(rig.router().process_stream(ask(part="It was all said.")))
    assert end_of(chunks).state == "complete"


@pytest.mark.parametrize("reason", ["error", "abort", "network_error", "OTHER", ""])
async def test_a_server_that_broke_off_is_no_success(reason: str) -> None:
    rig = Rig(a=Replies(ended(reason, "broken")))
    chunks = await all_of(rig.router(handling=ONCE).process_stream(ask()))
    (error,) = [chunk.error for chunk in chunks if isinstance(chunk, Error)]
    assert (end_of(chunks).state, error.kind) == ("failed", "Overloaded")
    assert reason in error.title
    assert "line" not in error.title
    rig = Rig(a=Replies(ended(reason, "broken", Token("Hel")), GOOD))
    chunks = await all_of(rig.router(handling=ONCE).process_stream(ask()))
    assert (end_of(chunks).state, text_of(chunks)) == ("broken", "Hel")
    rig = Rig(a=Replies(ended(reason, "broken"), GOOD))
    assert text_of(await all_of(rig.router(handling=THRICE).process_stream(ask()))) == "Hello"


def test_hostile_words_in_it_are_cleaned() -> None:
    fault = fault_in(A, End(finish_reason="\x1b[31mx", state="broken"), visible=False, thinking_characters=0, tools=())
    assert fault is not None
    assert "\x1b" not in fault.title


def test_the_question_stays_in_the_next_request() -> None:
    def turns(state: Any) -> list[str]:
        talk = (Turn("user", "one"), Turn("assistant", "", state=state), Turn("user", "two"))
        return [turn.text for turn in normalise_turns(talk)]

    # A store of before has it as complete.
    for state in ("empty", "complete", "length"):
        assert turns(state) == ["one\n\ntwo"]
    for state in ("failed", "refused", "cancelled"):
        assert turns(state) == ["two"]


@pytest.mark.parametrize(
    ("text", "visible"),
    [("", False), (" \n\t", False), ("\u200b \u2060", False), ("\u200bx\u200b", True), (" é ", True)],
)
def test_blanks_and_what_has_no_width_are_not_visible(text: str, visible: bool) -> None:
    assert is_visible(text) is visible
    assert is_visible(" " * 5000 + text + "\u200b" * 5000) is visible


def test_megabytes_of_blanks_are_passed_over_at_once() -> None:
    blanks = "\n " * 15_000_000
    began = time.process_time()
    assert not is_visible(blanks)
    assert time.process_time() - began < 1
