"""`/compact`: what is summarised, what is sent from then on, and how it is taken back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from chat_tui.config.schema import Config
from chat_tui.core.attachments.attachment import of_bytes
from chat_tui.core.conversation import SummarizedTurns, Turn
from chat_tui.core.errors import ChatTuiError, CommandError, KeyRefused
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.tools import ToolCall, ToolResult
from chat_tui.engine.answers.summarizer import SummaryPlan, SummaryRun, WrittenSummary
from chat_tui.engine.conversations.summarized_path import SENT_SUMMARY
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Fault, Pause
from tests.support.scripted_engine import Stage, ended, stage

CALLS = (
    Turn("user", "How many boats?"),
    Turn("assistant", "", calls=(ToolCall("c1", "read", '{"path": "harbour.txt"}'),)),
    Turn("tool", "Twelve boats. " * 200, result=ToolResult("c1", "read", "files")),
    Turn("assistant", "Twelve."),
)


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def talk(exchanges: int) -> tuple[Turn, ...]:
    pairs = ((Turn("user", f"Question {n}?"), Turn("assistant", f"Answer {n}.")) for n in range(1, exchanges + 1))
    return tuple(turn for pair in pairs for turn in pair)


async def begun(on: Stage, earlier: tuple[Turn, ...], question: str = "And now?") -> str:
    """A stored conversation of these turns, a question and its answer."""
    answer = await ended(await on.engine.ask(NewConversation(earlier=earlier), question))
    await answer.saved.wait()
    return answer.conversation_id


async def written(on: Stage, plan: SummaryPlan) -> WrittenSummary:
    run = on.engine.summaries.begin(plan)
    async for _ in run.texts():
        pass
    return run.result()


async def stopped_at_once(run: SummaryRun) -> None:
    """Stop the run with its first text."""
    async with asyncio.timeout(20):
        async for text in run.texts():
            assert text == "Half"
            await run.cancel()


async def compacted(on: Stage, conversation: str, kept: int | None) -> SummaryPlan:
    plan = await on.engine.summaries.plan(conversation, kept, Request())
    summary = await written(on, plan)
    await on.engine.summaries.keep(plan.place, summary, summary.text)
    return plan


async def sent(on: Stage, conversation: str, question: str = "Next?") -> list[str]:
    answer = await ended(await on.engine.ask(conversation, question))
    await answer.saved.wait()
    return [turn.text for turn in on.player.requests[-1].turns if turn.role != "system"]


async def test_requests_send_the_summary_in_place_of_the_turns_before_the_last_ones() -> None:
    async with stage(["Fine."], ["They asked three things."], ["Good."]) as on:
        conversation = await begun(on, talk(3))
        plan = await on.engine.summaries.plan(conversation, 2, Request())
        assert (plan.summarized, plan.model, len(plan.parts)) == (SummarizedTurns(6, 6), "one/a", 1)
        assert plan.parts[0].startswith("User:\nQuestion 1?\n\nAssistant:\nAnswer 1.\n\nUser:\nQuestion 2?")
        assert "And now?" not in plan.parts[0]
        summary = await written(on, plan)
        [asked] = on.player.requests[-1].turns
        assert asked.role == "user"
        assert asked.text.startswith("Summarise the conversation below so that it can go on from your summary alone.")
        assert asked.text.endswith(f"<conversation>\n{plan.parts[0]}\n</conversation>")
        kept = await on.engine.summaries.keep(plan.place, summary, "They asked three things, \x1b[31mand more.")
        # Nothing is deleted: the summary is one more turn.
        assert [turn.role for turn in kept.path] == ["user", "assistant"] * 4 + ["summary"]
        on.engine.conversations.cache.drop(conversation)
        again = await on.engine.conversations.conversation(conversation)
        assert again.path[-1].summarized == SummarizedTurns(6, 6)
        assert not again.forks
        told = SENT_SUMMARY.format(text="They asked three things, and more.")
        assert await sent(on, conversation) == [f"{told}\n\nAnd now?", "Fine.", "Next?"]
        assert not (await on.engine.conversations.conversation(conversation)).forks


async def test_a_summary_of_all_goes_in_front_of_the_next_question() -> None:
    async with stage(["Fine."], ["All of it."], ["Good."]) as on:
        conversation = await begun(on, talk(1))
        await compacted(on, conversation, 0)
        context = await on.engine.estimates.context(conversation)
        assert [(row.is_summary, row.sent) for row in context.exchanges] == [(True, True)]
        assert 0 < context.exchanges[0].tokens <= context.tokens
        assert await sent(on, conversation) == [f"{SENT_SUMMARY.format(text='All of it.')}\n\nNext?"]


async def test_a_second_summary_includes_the_first_and_no_turn_twice() -> None:
    async with stage(["Fine."], ["First summary."], ["Good."], ["Second summary."], ["Yes."]) as on:
        conversation = await begun(on, talk(3))
        await compacted(on, conversation, 4)
        await sent(on, conversation, "Then?")
        plan = await compacted(on, conversation, 2)
        assert plan.summarized == SummarizedTurns(9, 8)
        expected = "Summary of what came before:\nFirst summary.\n\nUser:\nQuestion 3?\n\nAssistant:\nAnswer 3.\n\n"
        assert plan.parts == (f"{expected}User:\nAnd now?\n\nAssistant:\nFine.",)
        told = SENT_SUMMARY.format(text="Second summary.")
        assert await sent(on, conversation) == [f"{told}\n\nThen?", "Good.", "Next?"]


async def test_what_is_taken_back_or_on_another_branch_sends_all_turns_again() -> None:
    async with stage(["Fine."], ["A summary."], ["Good."]) as on:
        conversation = await begun(on, talk(1))
        whole = ["Question 1?", "Answer 1.", "And now?", "Fine."]
        await compacted(on, conversation, 0)
        before = await on.engine.conversations.conversation(conversation)
        summary = before.path[-1].id
        back = await on.engine.summaries.take_back(conversation, summary)
        assert [turn.text for turn in back.path] == whole
        assert await sent(on, conversation) == [*whole, "Next?"]
        # The branch that was left ended without the summary, and is found again without it.
        other = await ended(await on.engine.edit(conversation, before.path[2].id, "Changed?"))
        await other.saved.wait()
        found = await on.engine.conversations.select(conversation, before.path[2].id)
        assert [turn.text for turn in found.path] == [*whole, "Next?", "Good."]
        # The summary stays in the tree: its branch can be chosen.
        chosen = await on.engine.conversations.select(conversation, summary)
        assert chosen.path[-1].text == "A summary."
        assert await sent(on, conversation) == [f"{SENT_SUMMARY.format(text='A summary.')}\n\nNext?"]
        with pytest.raises(CommandError, match="gone on with the summary"):
            await on.engine.summaries.take_back(conversation, summary)


async def test_a_branch_that_ended_without_its_summary_is_found_without_it() -> None:
    async with stage(["Fine."], ["A summary."], ["Good."]) as on:
        conversation = await begun(on, ())
        await compacted(on, conversation, 0)
        path = (await on.engine.conversations.conversation(conversation)).path
        await on.engine.summaries.take_back(conversation, path[-1].id)
        await ended(await on.engine.edit(conversation, path[0].id, "Changed?"))
        found = await on.engine.conversations.select(conversation, path[0].id)
        assert [turn.role for turn in found.path] == ["user", "assistant"]


async def test_a_new_answer_above_the_summary_gets_the_full_turns() -> None:
    async with stage(["Fine."], ["A summary."], ["Better."]) as on:
        conversation = await begun(on, talk(1))
        await compacted(on, conversation, 0)
        path = (await on.engine.conversations.conversation(conversation)).path
        again = await ended(await on.engine.regenerate(conversation, path[3].id))
        await again.saved.wait()
        told = [turn.text for turn in on.player.requests[-1].turns if turn.role != "system"]
        assert told == ["Question 1?", "Answer 1.", "And now?"]


async def test_calls_stay_with_their_results_and_files_are_told() -> None:
    notes = of_bytes("notes.txt", b"Berth 7 is free.")
    image = of_bytes("plot.png", b"\x89PNG\r\n\x1a\n and so on")
    async with stage(["Fine."], ["Boats."]) as on:
        files = (Turn("user", "See these.", attachments=(notes, image)), Turn("assistant", "I see."))
        conversation = await begun(on, (*CALLS, *files))
        # The third message from the end is within the exchange with the files, which stays whole.
        plan = await on.engine.summaries.plan(conversation, 3, Request())
        assert plan.summarized == SummarizedTurns(4, 3)
        plan = await on.engine.summaries.plan(conversation, 0, Request())
        [part] = plan.parts
        call = 'Assistant:\n[called read with {"path": "harbour.txt"}]\n\nResult of read:\nTwelve boats.'
        assert call in part
        assert "See these.\n\nnotes.txt:\n```\nBerth 7 is free.\n```\n[image: plot.png]" in part


async def test_more_than_the_window_is_summarised_in_steps_and_calls_are_never_parted() -> None:
    small = Model("one/a", context_window=2000, price_in=1.0, price_out=2.0)
    async with stage(["Fine."], ["First part."], ["More parts."], ["All parts."], models=(small,)) as on:
        long = (Turn("user", "Listen. " + "word " * 700), Turn("assistant", "I listen."))
        conversation = await begun(on, (*long, *CALLS, *CALLS))
        plan = await on.engine.summaries.plan(conversation, 2, Request())
        assert len(plan.parts) == 3
        for part in plan.parts:
            assert part.count("[called read") == part.count("Result of read:")
        assert plan.tokens > 1000
        assert plan.price is not None
        assert plan.price > plan.tokens / 1_000_000
        summary = await written(on, plan)
        assert summary.text == "All parts."
        prompts = [request.turns[0].text for request in on.player.requests[-3:]]
        assert "First part." not in prompts[0]
        assert "Summary of what came before:\nFirst part." in prompts[1]
        assert "Summary of what came before:\nMore parts." in prompts[2]
        assert summary.usage is not None
        assert summary.usage.completion_tokens == 3


async def test_without_a_number_what_no_longer_fits_is_summarised() -> None:
    small = Model("one/a", context_window=2000)
    async with stage(["Fine."], ["Early things."], ["Good."], models=(small,)) as on:
        turns = [
            turn for n in range(1, 12) for turn in (Turn("user", f"q{n} " + "word " * 150), Turn("assistant", f"a{n}"))
        ]
        conversation = await begun(on, tuple(turns))
        left_out = (await on.engine.estimates.context(conversation)).left_out
        plan = await on.engine.summaries.plan(conversation, None, Request())
        # Room for the summary and one more question is made, too.
        assert left_out > 0
        assert plan.summarized.messages // 2 >= left_out
        summary = await written(on, plan)
        await on.engine.summaries.keep(plan.place, summary, summary.text)
        assert (await on.engine.estimates.context(conversation)).left_out == 0
        await sent(on, conversation)
        assert (await on.engine.estimates.context(conversation)).left_out == 0


async def test_what_cannot_be_summarised_is_told() -> None:
    async with stage(["Fine."], ["A summary."]) as on:
        conversation = await begun(on, talk(2))
        with pytest.raises(CommandError, match="All messages still fit"):
            await on.engine.summaries.plan(conversation, None, Request())
        with pytest.raises(CommandError, match="nothing to summarise before these"):
            await on.engine.summaries.plan(conversation, 6, Request())
        await compacted(on, conversation, 2)
        with pytest.raises(CommandError, match="nothing to summarise since the last"):
            await on.engine.summaries.plan(conversation, 2, Request())
        with pytest.raises(ChatTuiError):
            await on.engine.summaries.plan(conversation, 0, Request(model="one/gone"))


async def test_a_failed_or_stopped_summary_changes_nothing() -> None:
    down = Fault(KeyRefused("The key was refused.", "Is it right?"))
    async with stage(["Fine."], [down], ["Half", Pause(60.0)], [" "]) as on:
        conversation = await begun(on, talk(2))
        before = await on.engine.conversations.conversation(conversation)
        plan = await on.engine.summaries.plan(conversation, 0, Request())
        with pytest.raises(CommandError, match="No summary was made"):
            await written(on, plan)
        run = on.engine.summaries.begin(plan)
        with pytest.raises(CommandError, match="Stopped: no summary was made"):
            await stopped_at_once(run)
        with pytest.raises(CommandError, match="No summary was made"):
            await written(on, plan)
        assert await on.engine.conversations.conversation(conversation) == before
        with pytest.raises(CommandError, match="The summary is empty"):
            await on.engine.summaries.keep(plan.place, WrittenSummary("x", "one/a"), " \n")
        await sent(on, conversation)
        with pytest.raises(CommandError, match="gone on meanwhile"):
            await on.engine.summaries.keep(plan.place, WrittenSummary("x", "one/a"), "A summary.")


async def test_what_the_user_never_or_always_sends_stays_so() -> None:
    async with stage(["Fine."], ["A summary."], ["Good."]) as on:
        conversation = await begun(on, talk(3))
        path = (await on.engine.conversations.conversation(conversation)).path
        await on.engine.conversations.keep(conversation, path[0].id, False)
        await on.engine.conversations.keep(conversation, path[2].id, True)
        plan = await compacted(on, conversation, 2)
        assert "Question 1?" not in plan.parts[0]
        told = SENT_SUMMARY.format(text="A summary.")
        assert await sent(on, conversation) == [f"{told}\n\nQuestion 2?", "Answer 2.", "And now?", "Fine.", "Next?"]


async def test_its_cost_counts_once_and_keeps_to_the_budget() -> None:
    paid = Model("one/a", price_in=1000.0, price_out=1000.0)
    config = Config(strategy="quality-first", daily_budget=10.0)
    async with stage(["Fine."], ["A summary."], models=(paid,), config=config) as on:
        conversation = await begun(on, talk(1))
        plan = await on.engine.summaries.plan(conversation, 0, Request())
        summary = await written(on, plan)
        today = (await on.engine.spending(None)).today
        assert summary.cost
        assert plan.price is not None
        kept = await on.engine.summaries.keep(plan.place, summary, summary.text)
        spending = await on.engine.spending(conversation)
        assert spending.today == pytest.approx(today)
        assert spending.conversation == pytest.approx(sum(turn.cost or 0.0 for turn in kept.path))
    poor = replace(config, daily_budget=0.0001)
    async with stage(["Fine."], models=(paid,), config=poor, history=await Store.open(None)) as on:
        answer = await ended(await on.engine.ask(NewConversation(earlier=talk(1)), "And?", Request()))
        await answer.saved.wait()
        plan = await on.engine.summaries.plan(answer.conversation_id, 0, Request(model="one/a"))
        with pytest.raises(CommandError, match="No summary was made"):
            await written(on, plan)


async def test_a_private_conversation_is_summarised_without_being_stored(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "history.db")
    async with stage(["Fine."], ["The secret summary."], ["Good."], history=store) as on:
        conversation = (await on.engine.conversations.begin_private()).id
        await ended(await on.engine.ask(conversation, "A secret?"))
        await compacted(on, conversation, 0)
        assert await sent(on, conversation) == [f"{SENT_SUMMARY.format(text='The secret summary.')}\n\nNext?"]
    assert b"secret" not in on_disk(tmp_path)
