"""A document that is longer than the window: every line is read, and what is found becomes one answer."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chat_tui.config import presets
from chat_tui.core.attachments.attachment import TEXT, Attachment
from chat_tui.core.chunks import Chunk, End, Metadata, Start, Token
from chat_tui.core.errors import Rejected
from chat_tui.core.models import Model
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.usage.token_estimate import estimate
from chat_tui.engine.streams.document import split_document
from chat_tui.providers.scripted_provider import Fault, Pause, Script
from tests.support.scripted_engine import Stage, chunks_of, stage

SMALL = Model("one/a", 1200, 1.0, 2.0, 0.9)
LINES = "".join(
    f"Line {number} says that the number is {number * 7}.\n" + "\n" * (number % 5 == 0) for number in range(200)
)
ANALYSE = presets.find("analyse", presets.folders()[1:])


@given(some.text(alphabet="ab \n语", max_size=400), some.integers(1, 60))
def test_parts_put_together_are_the_text_again_and_each_fits(text: str, tokens: int) -> None:
    parts = split_document(text, tokens)
    assert "".join(part.text for part in parts) == text
    for part in parts:
        assert estimate(part.text) <= tokens or len(part.text) == 1
        assert part.first_line <= part.last_line


def test_parts_begin_where_paragraphs_do_and_name_their_lines() -> None:
    parts = split_document(LINES, 300)
    assert len(parts) > 5
    for part in parts:
        lines = LINES.split("\n")[part.first_line - 1 : part.last_line]
        assert "\n".join(lines).rstrip("\n") == part.text.rstrip("\n")
        assert part.text.endswith("\n\n") or part is parts[-1]


async def analysed(on: Stage, text: str = LINES, question: str = "What is said?") -> list[Chunk]:
    file = Attachment("lines.txt", TEXT, text.encode(), size_bytes=len(text))
    on.router.models = (SMALL,)
    return await chunks_of(await on.engine.ask(NewConversation(preset=ANALYSE), question, attachments=[file]))


def parts_in(chunks: list[Chunk]) -> int:
    return max(chunk.of for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "part") - 1


async def test_each_part_is_asked_for_once_and_a_summary_ends_it() -> None:
    async with stage(*[["found."]] * 60) as on:
        chunks = await analysed(on)
        of = parts_in(chunks)
        asked = [request.turns[-1] for request in on.player.requests]
        assert of > 3
        assert len(asked) == of + 1
        assert "".join(turn.attachments[0].content.decode() for turn in asked[:-1]) == LINES
        assert asked[-1].attachments[0].content.decode().count("found.") == of
        text = "".join(chunk.token for chunk in chunks if isinstance(chunk, Token))
        assert [text.count(f"## Part {number} of {of} (") for number in range(1, of + 1)] == [1] * of
        assert text.rstrip().endswith("## Summary\n\nfound.")
        assert [chunk.index for chunk in chunks if isinstance(chunk, Token)] == list(
            range(sum(isinstance(chunk, Token) for chunk in chunks))
        )
        ends = [chunk for chunk in chunks if isinstance(chunk, End)]
        assert len(ends) == sum(isinstance(chunk, Start) for chunk in chunks) == 1
        assert ends[0].state == "complete"
        assert ends[0].route is not None
        assert len(ends[0].route.tries) == of + 1
        assert ends[0].usage is not None
        sent, answered = ends[0].usage.prompt_tokens, ends[0].usage.completion_tokens
        assert sent is not None
        assert answered is not None
        assert ends[0].cost == pytest.approx((sent + 2 * answered) / 1_000_000)


async def test_a_document_that_fits_is_asked_for_as_it_is() -> None:
    async with stage(["all of it"]) as on:
        chunks = await analysed(on, "One line.\n")
        assert "".join(chunk.token for chunk in chunks if isinstance(chunk, Token)) == "all of it"
        assert len(on.player.requests) == 1


async def test_a_part_that_fails_is_told_in_its_place_and_the_rest_goes_on() -> None:
    refused: Script = [Fault(Rejected("The server refused it.", "Try another."))]
    async with stage(["first."], refused, *[["found."]] * 60) as on:
        chunks = await analysed(on)
        text = "".join(chunk.token for chunk in chunks if isinstance(chunk, Token))
        second = text[text.index("## Part 2") : text.index("## Part 3")]
        assert "This part was not analysed: The server refused it." in second
        assert text.rstrip().endswith("found.")
        end = chunks[-1]
        assert isinstance(end, End)
        assert end.state == "complete"


async def test_a_cancel_ends_all_of_it_and_keeps_what_came() -> None:
    async with stage(["first."], ["sec", Pause(60), "ond"], *[["found."]] * 60) as on:
        on.router.models = (SMALL,)
        file = Attachment("lines.txt", TEXT, LINES.encode(), size_bytes=len(LINES))
        answer = await on.engine.ask(NewConversation(preset=ANALYSE), "What?", attachments=[file])
        async with asyncio.timeout(20):
            async for _ in answer.follow():
                if answer.text.endswith("sec"):
                    break
        await answer.cancel()
        assert answer.turn.state == "cancelled"
        assert "first." in answer.turn.text
        assert answer.turn.text.endswith("sec")
        assert on.rig.open == 0
        assert len(on.player.requests) == 2


async def test_the_price_that_is_told_first_is_that_of_all_parts() -> None:
    async with stage(*[["found."]] * 60) as on:
        chunks = await analysed(on)
        prices = [chunk.price for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "connecting"]
        end = chunks[-1]
        assert isinstance(end, End)
        assert end.cost is not None
        assert prices[0] is not None
        assert prices[0] > end.cost / 2
        assert prices[0] > 2 * end.cost / len(prices)


async def test_what_is_asked_next_knows_the_findings_and_not_the_document() -> None:
    async with stage(*[["found."]] * 60) as on:
        await analysed(on)
        conversation = (await on.engine.conversations.summaries())[0].id
        count = len(on.player.requests)
        await chunks_of(await on.engine.ask(conversation, "And then?"))
        assert len(on.player.requests) == count + 1
        turns = on.player.requests[-1].turns
        assert not any(turn.attachments for turn in turns)
        assert any("## Summary" in turn.text for turn in turns)
