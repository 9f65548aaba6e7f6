"""An answer that was cut goes on: nothing is said twice, nothing is lost, and the seam is told."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chat_tui.core.chunks import Metadata, Token
from chat_tui.core.errors import KeyRefused, Unreachable
from chat_tui.core.models import Model
from chat_tui.providers.scripted_provider import Fault, Scripted
from chat_tui.routing.execution.continuation import OverlapTrimmer
from chat_tui.routing.policy import RoutingPolicy
from chat_tui.routing.router import Router
from tests.support.scripted_router import (
    QUICK,
    A,
    B,
    Rig,
    all_of,
    ask,
    broken_with,
    end_of,
    endless,
    error_of,
    events,
    text_of,
    tries,
)

CUT = Unreachable("Connection lost.")
PART = "The moon is about 384,400 kilometres away. It takes light "


def going_on(rig: Rig, *models: Model, streaming: bool = True) -> Router:
    router = rig.router(*models)
    router._settings = RoutingPolicy(error_handling=QUICK, on_break="continue", streaming=streaming)
    return router


async def test_a_broken_answer_goes_on_by_itself_with_the_part_as_its_beginning() -> None:
    played = Scripted(broken_with(CUT, "one ", "two "), ["three ", "four"])
    chunks = await all_of(going_on(Rig(a=played)).process_stream(ask()))
    assert text_of(chunks) == "one two three four"
    assert end_of(chunks).state == "complete"
    assert error_of(chunks) == ""
    sent = played.requests[1].turns
    assert [(turn.role, turn.text) for turn in sent] == [("user", "Hello?"), ("assistant", "one two")]
    seam = next(chunk for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "seam")
    assert (seam.model, seam.reason) == ("one/a", "Connection lost.")
    route = end_of(chunks).route
    assert route is not None
    assert [(entry.at_characters, entry.model) for entry in route.seams] == [(8, "one/a")]
    assert tries(chunks) == [("one/a", "Unreachable"), ("one/a", "answered")]


async def test_what_was_said_counts_for_the_limit_of_tokens() -> None:
    played = Scripted(broken_with(CUT, *["word "] * 6), ["on ", "and ", "on"])
    await all_of(going_on(Rig(a=played)).process_stream(ask(max_tokens=10)))
    first, second = (request.max_tokens for request in played.requests)
    assert first == 10
    assert second is not None
    assert 2 <= second <= 5


async def test_another_model_goes_on_where_the_first_cannot() -> None:
    rig = Rig(a=broken_with(KeyRefused("Gone."), "one "), b=["two"])
    chunks = await all_of(going_on(rig, A, B).process_stream(ask()))
    assert text_of(chunks) == "one two"
    assert events(chunks).index("failover") < events(chunks).index("seam")
    assert end_of(chunks).model == "two/b"


async def test_the_seam_names_the_model_that_went_on_there() -> None:
    rig = Rig(a=Scripted(broken_with(CUT, "one "), [Fault(CUT)]), b=["two"])
    chunks = await all_of(going_on(rig, A, B).process_stream(ask()))
    route = end_of(chunks).route
    assert route is not None
    assert [(seam.at_characters, seam.model) for seam in route.seams] == [(4, "two/b")]
    assert events(chunks).count("seam") == 1


async def test_an_answer_that_cannot_go_on_is_broken_with_all_that_came() -> None:
    rig = Rig(a=Scripted(broken_with(CUT, "one "), broken_with(CUT, "two "), [Fault(CUT)]))
    chunks = await all_of(going_on(rig).process_stream(ask()))
    assert text_of(chunks) == "one two "
    assert end_of(chunks).state == "broken"
    assert events(chunks).count("seam") == 2


async def test_usage_and_cost_of_both_parts_count_each_at_its_price() -> None:
    dear = Model("one/a", quality=0.9, price_in=0, price_out=1.0)
    cheap = Model("two/b", quality=0.1, price_in=0, price_out=0.01)
    rig = Rig(a=broken_with(KeyRefused("Gone."), "one ", "two "), b=["three"])
    end = end_of(await all_of(going_on(rig, dear, cheap).process_stream(ask(prompt="Prove it rigorously."))))
    assert end.usage is not None
    assert end.usage.completion_tokens == 3
    assert end.usage.estimated
    assert end.cost == pytest.approx(0.00000201)


async def test_cancel_in_the_continuation_keeps_all_that_came() -> None:
    stream = going_on(Rig(a=Scripted(broken_with(CUT, "one "), endless()))).process_stream(ask())
    asyncio.get_running_loop().call_later(0.15, lambda: asyncio.ensure_future(stream.cancel()))
    chunks = await all_of(stream)
    assert end_of(chunks).state == "cancelled"
    assert text_of(chunks).startswith("one w0 w1")


async def test_an_answer_that_is_not_streamed_goes_on_too() -> None:
    rig = Rig(a=Scripted(broken_with(CUT, "one ", "two "), ["three"]))
    chunks = await all_of(going_on(rig, streaming=False).process_stream(ask()))
    assert [chunk.token for chunk in chunks if isinstance(chunk, Token)] == ["one two three"]


async def test_a_part_that_is_given_is_continued_and_not_said_again() -> None:
    played = Scripted(["It takes light 1.28 seconds."])
    router = Rig(a=played).router()
    chunks = await all_of(router.process_stream(ask(part=PART)))
    assert text_of(chunks) == "1.28 seconds."
    assert played.requests[0].turns[-1].text == PART.rstrip()
    assert events(chunks)[0] == "seam"


async def test_a_part_whose_continuation_fails_is_broken_and_not_failed() -> None:
    router = Rig(a=[Fault(KeyRefused("No."))]).router()
    async with router.process_stream(ask(part=PART)) as stream:
        last = [chunk async for chunk in stream][-1]
    assert last.state == "broken"  # type: ignore[union-attr]


# -- the joint ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "new"),
    [
        ("1.28 seconds to get here.", "1.28 seconds to get here."),
        ("It takes light 1.28 seconds.", "1.28 seconds."),
        (PART + "1.28 seconds.", "1.28 seconds."),
        ("  " + PART + "1.28 seconds.", "1.28 seconds."),
        ("The moon is about as far as it was yesterday.", "\n\nThe moon is about as far as it was yesterday."),
        ("", ""),
        ("s", "s"),
    ],
)
@given(cuts=some.lists(some.integers(0, 100)))
def test_what_is_said_again_is_left_out_however_it_is_cut(said: str, new: str, cuts: list[int]) -> None:
    joint = OverlapTrimmer(PART.rstrip(), " ")
    places = sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})
    pieces = [said[start:end] for start, end in itertools.pairwise(places)]
    assert "".join(map(joint.feed, pieces)) + joint.rest() == new


@given(some.text(alphabet="ab \n", max_size=60), some.text(alphabet="ab \n", max_size=60))
def test_no_continuation_is_lost_unless_it_repeats_the_part(part: str, said: str) -> None:
    joint = OverlapTrimmer(part.rstrip(), part[len(part.rstrip()) :])
    new = joint.feed(said) + joint.rest()
    assert said.endswith(new.lstrip("\n")) or new.strip() == said.strip()


@pytest.mark.parametrize(("part", "cut"), [("", 200_000), ("A part.", 200_000), ("A part.", 1)])
def test_megabytes_of_blanks_are_joined_in_linear_time(part: str, cut: int) -> None:
    blanks = "\n " * (500_000 if cut > 1 else 100_000)
    joint = OverlapTrimmer(part, blanks)
    began = time.process_time()
    said = [joint.feed(blanks[at : at + cut]) for at in range(0, len(blanks), cut)]
    said += [joint.feed(" A new sentence begins here."), joint.rest()]
    assert "".join(said) == " A new sentence begins here."
    assert time.process_time() - began < 5
