"""An answer made while somebody writes: nothing of it is stored before just these words are sent."""

from __future__ import annotations

import asyncio

from chat_tui.config import presets
from chat_tui.config.schema import Config
from chat_tui.core.chunks import Token
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.engine.answers.runner import Preview
from chat_tui.providers.scripted_provider import Pause
from tests.support.scripted_engine import Stage, chunks_of, ended, stage

FREE = Model("one/a", price_in=0.0, price_out=0.0, quality=0.9)
PAID = Model("one/a", price_in=1000.0, price_out=1000.0, quality=0.9)
TRANSLATE = presets.find("translate", presets.folders()[1:])


async def previewed(on: Stage, text: str, conversation: str | None = None) -> Preview:
    preview = await on.engine.preview(conversation or NewConversation(preset=TRANSLATE), text, paid=("one/a",))
    assert preview is not None
    return preview


async def begun(preview: Preview) -> None:
    """Its first token is there."""
    async with asyncio.timeout(20):
        async for chunk in preview.answer.follow():
            if isinstance(chunk, Token):
                return


async def test_a_whole_preview_is_the_answer_to_just_these_words() -> None:
    async with stage(["Hel", "lo."], models=(FREE,)) as on:
        preview = await previewed(on, "Hallo.")
        await ended(preview.answer)
        assert not await on.engine.conversations.summaries()
        answer = await on.engine.ask(NewConversation(preset=TRANSLATE), "Hallo.", preview=preview)
        assert len(on.player.requests) == 1
        assert answer is preview.answer
        assert await chunks_of(answer)
        await answer.saved.wait()
        on.engine.conversations.cache._open.clear()
        [summary] = await on.engine.conversations.summaries()
        question, kept = (await on.engine.conversations.conversation(summary.id)).path
        assert (question.text, kept.text, kept.state, kept.parent) == ("Hallo.", "Hello.", "complete", question.id)
        assert kept.usage is not None
        assert kept.strategy == "quality-first"
        assert (await on.engine.conversations.route(kept.id)) is not None


async def test_a_preview_goes_on_from_the_conversation_and_what_follows_knows_it() -> None:
    async with stage(["One."], ["Two."], ["Three."], models=(FREE,)) as on:
        first = await ended(await on.engine.ask(NewConversation(preset=TRANSLATE), "Eins."))
        preview = await previewed(on, "Zwei.", first.conversation_id)
        await ended(preview.answer)
        await on.engine.ask(first.conversation_id, "Zwei.", preview=preview)
        await ended(await on.engine.ask(first.conversation_id, "Drei."))
        assert [turn.text for turn in on.player.requests[-1].turns if turn.role == "assistant"] == ["One.", "Two."]
        assert len(on.player.requests) == 3


async def test_other_words_other_settings_or_an_unfinished_preview_ask_anew() -> None:
    async with stage(*[["Hello."]] * 5, models=(FREE,)) as on:
        for text, settings in (("Hallo!", None), ("Hallo.", Request(temperature=1.0))):
            preview = await previewed(on, "Hallo.")
            await ended(preview.answer)
            count = len(on.player.requests)
            answer = await on.engine.ask(NewConversation(preset=TRANSLATE), text, settings, preview=preview)
            assert answer is not preview.answer
            await ended(answer)
            assert len(on.player.requests) == count + 1
    async with stage(["Hel", Pause(60), "lo."], ["Hello."], models=(FREE,)) as on:
        preview = await previewed(on, "Hallo.")
        await begun(preview)
        await ended(await on.engine.ask(NewConversation(preset=TRANSLATE), "Hallo.", preview=preview))
        assert preview.answer.turn.state == "cancelled"
        assert on.rig.open == 0


async def test_a_cancelled_preview_closes_its_socket_and_leaves_nothing() -> None:
    async with stage(["Hel", Pause(60), "lo."], models=(FREE,)) as on:
        preview = await previewed(on, "Hallo.")
        await begun(preview)
        await preview.cancel()
        assert on.rig.open == 0
        assert not await on.engine.conversations.summaries()


async def test_closing_the_engine_ends_a_preview() -> None:
    async with stage(["Hel", Pause(60), "lo."], models=(FREE,)) as on:
        await previewed(on, "Hallo.")


async def test_a_paid_model_makes_none_unless_somebody_agreed_and_one_to_be_fetched_never() -> None:
    async with stage(["Hello."], models=(PAID,)) as on:
        assert await on.engine.preview(NewConversation(preset=TRANSLATE), "Hallo.") is None
        assert await on.engine.preview(NewConversation(preset=TRANSLATE), "Hallo.", paid=("two/b",)) is None
        assert on.player.requests == []
        await ended((await previewed(on, "Hallo.")).answer)
    late = Model("one/a", price_in=0.0, price_out=0.0, quality=0.9, local=True, to_be_fetched=True)
    async with stage(["Hello."], models=(late,)) as on:
        assert await on.engine.preview(NewConversation(preset=TRANSLATE), "Hallo.") is None


async def test_what_previews_cost_counts_for_the_daily_budget() -> None:
    config = Config(strategy="quality-first", daily_budget=3.0)
    async with stage(["Hello."], ["Hello."], models=(PAID,), config=config) as on:
        preview = await previewed(on, "Hallo.")
        left = await on.engine._budget.affordable(None)
        await ended(preview.answer)
        await asyncio.sleep(0)
        after = await on.engine._budget.affordable(None)
        assert left is not None
        assert after is not None
        assert preview.answer.turn.cost is not None
        assert after == 3.0 - preview.answer.turn.cost
        await (await on.engine.ask(NewConversation(preset=TRANSLATE), "Hallo.", preview=preview)).saved.wait()
        assert on.engine._answers._preview_dollars == {}
