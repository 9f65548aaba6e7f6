"""What faces are promised of insights that stand between the chunks of an answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import msgspec

from chat_tui.core.chunks import Chunk, End, Insights, Metadata, Start, Token, encode
from chat_tui.core.errors import ChatTuiError, PlugInError
from chat_tui.engine.insights.observer import InsightsObserver, insights_in
from chat_tui.engine.insights.pipeline import Pipeline

TOKENS = [Token("good ", index=number) for number in range(25)]
STREAM: Sequence[Chunk] = [Start("one/a", "one", "r", "balanced"), Token("hm", "thinking"), *TOKENS, End()]


def quiet(error: ChatTuiError) -> None:
    raise AssertionError(error)


def positive(words: Sequence[str]) -> Sequence[float]:
    return [0.5 for word in words if word == "good"]


def observer(tell: object = quiet) -> InsightsObserver:
    return InsightsObserver(tell, lambda: Pipeline({}, assess=positive))  # type: ignore[arg-type]


async def test_insights_stand_behind_every_tenth_token_and_in_the_end() -> None:
    out = await observer().take(STREAM)
    places = [place for place, chunk in enumerate(out) if insights_in(chunk) is not None]
    assert [type(out[place]) for place in places] == [Metadata, Metadata, End]
    assert [sum(isinstance(chunk, Token) and chunk.kind == "text" for chunk in out[:place]) for place in places] == [
        10,
        20,
        25,
    ]
    told = [insights.words for chunk in out if (insights := insights_in(chunk))]
    assert told == [10, 20, 25]
    rest = [msgspec.structs.replace(chunk, insights=None) if isinstance(chunk, End) else chunk for chunk in out]
    assert [chunk for chunk in rest if not isinstance(chunk, Metadata)] == STREAM


async def test_it_is_the_same_however_the_stream_comes_together() -> None:
    whole, one_by_one = await observer().take(STREAM), observer()
    assert [told for chunk in STREAM for told in await one_by_one.take([chunk])] == whole


async def test_the_chunks_carry_them_as_json() -> None:
    lines = [msgspec.json.decode(encode(chunk)) for chunk in await observer().take(STREAM)]
    metadata = next(line for line in lines if line["type"] == "metadata")
    assert metadata["event"] == "insights"
    assert metadata["insights"]["characters"] == 50
    assert msgspec.convert(lines[-1]["insights"], Insights).characters == 125


async def test_the_work_is_done_beside_the_loop() -> None:
    threads = set[int]()

    def noted(words: Sequence[str]) -> Sequence[float]:
        threads.add(threading.get_ident())
        return ()

    await InsightsObserver(quiet, lambda: Pipeline({}, assess=noted)).take(STREAM)
    assert threads
    assert threading.get_ident() not in threads


async def test_two_looks_at_once_take_their_turns() -> None:
    together = observer()
    await asyncio.gather(together.look("one two "), together.look("three "), together.take(TOKENS[:10]))
    assert (await together.look()).words == 13


async def test_a_plug_in_that_fails_is_told_and_the_answer_goes_on() -> None:
    class Broken:
        def feed(self, text: str) -> None:
            raise PlugInError("The processor `x` failed.")

        def record(self) -> dict[str, str | int | float]:
            return {}

    told: list[ChatTuiError] = []
    out = await InsightsObserver(told.append, lambda: Pipeline({"x": Broken()}, assess=positive)).take(STREAM)
    assert [error.title for error in told] == ["The processor `x` failed."]
    assert isinstance(out[-1], End)
