"""The engine: asks, answers, remembers, and goes on when the store does not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from chat_tui.config.schema import Config, ContextSettings, ProviderRow, RequestDefaults
from chat_tui.core.errors import ConversationNotFound, HistoryError, KeyRefused
from chat_tui.core.models import LOCAL_MODEL, Model
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.usage.spending import Spending
from chat_tui.engine.conversations.cache import OPEN_CONVERSATIONS
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Fault, Pause, Script
from tests.doubles.fake_store import FakeStore
from tests.support.scripted_engine import Stage, chunks_of, ended, stage
from tests.support.scripted_router import A, end_of, endless, slowly, text_of, until


def sent(on: Stage, index: int = -1) -> list[tuple[str, str]]:
    """Roles and texts of what a model was asked."""
    return [(turn.role, turn.text) for turn in on.player.requests[index].turns]


# -- asking -----------------------------------------------------------------------------------------------------------


async def test_the_question_is_stored_before_the_request_goes_out() -> None:
    class Watching(FakeStore):
        async def note(self, name: str, what: str = "") -> None:
            if name in {"add_conversation", "add_user", "add_assistant"}:
                assert on.rig.asked == []
            await super().note(name, what)

    history = await Watching.open(None)
    history.seconds = 0.01
    async with stage(history=history) as on:
        answer = await on.engine.ask(None, "Hello?")
        assert history.names() == ["add_conversation", "add_user"]
        await ended(answer)
    assert history.names() == ["add_conversation", "add_user", "add_assistant", "finish", "set_place", "close"]
    assert ("add_user", "Hello?") in history.calls


async def test_the_models_are_planned_once_when_the_question_is_asked() -> None:
    async with stage(["Hello."]) as on:
        answer = await on.engine.ask(None, "Hello?")
        planned = answer.turn.model
        on.router.models = [model for model in on.router.models if model.name != planned]
        assert on.engine.models.first_choice("quality-first") != planned
        await ended(answer)
        assert answer.turn.model == planned
        assert answer.route is not None
        assert [attempt.model for attempt in answer.route.tries] == [planned]


async def test_the_next_request_holds_the_former_exchanges() -> None:
    async with stage(["First."], ["Second."]) as on:
        first = await ended(await on.engine.ask(None, "One?"))
        second = await ended(await on.engine.ask(first.conversation_id, "Two?"))
        assert second.conversation_id == first.conversation_id
        assert sent(on) == [
            ("system", Config().system_prompt),
            ("user", "One?"),
            ("assistant", "First."),
            ("user", "Two?"),
        ]
        conversation = await on.engine.conversations.conversation(first.conversation_id)
        assert [turn.text for turn in conversation.path] == ["One?", "First.", "Two?", "Second."]
        parents = [turn.parent for turn in conversation.path]
        assert parents == [None, *(turn.id for turn in conversation.path[:-1])]
        assert conversation.title == "One?"


async def test_a_failed_and_a_cancelled_answer_do_not_spoil_the_next_request() -> None:
    scripts: list[Script] = [[Fault(KeyRefused("x"))], [Pause(30)], ["part ", Pause(30)], ["Good."]]
    async with stage(*scripts) as on:
        first = await ended(await on.engine.ask(None, "One?", Request(fallback=False)))
        assert first.turn.state == "failed"
        for text in ("Two?", "Three?"):
            answer = await on.engine.ask(first.conversation_id, text)
            await until(lambda: on.rig.open)
            await asyncio.sleep(0.05)
            await answer.cancel()
            assert (await ended(answer)).turn.state == "cancelled"
        assert (await ended(await on.engine.ask(first.conversation_id, "Four?"))).text == "Good."
        assert sent(on)[1:] == [("user", "Three?"), ("assistant", "part "), ("user", "Four?")]


async def test_a_conversation_may_have_a_system_prompt_of_its_own() -> None:
    async with stage() as on:
        first = await ended(await on.engine.ask(NewConversation(system_prompt="Be brief."), "One?"))
        assert sent(on)[0] == ("system", "Be brief.")
        await on.engine.conversations.set_system_prompt(first.conversation_id, "Be long.")
        await ended(await on.engine.ask(first.conversation_id, "Two?"))
        assert sent(on)[0] == ("system", "Be long.")
        await on.engine.conversations.set_system_prompt(first.conversation_id, "  ")
        await ended(await on.engine.ask(first.conversation_id, "Three?"))
        assert sent(on)[0] == ("user", "One?")
        await on.engine.conversations.set_system_prompt(first.conversation_id, None)
        await ended(await on.engine.ask(first.conversation_id, "Four?"))
        assert sent(on)[0] == ("system", Config().system_prompt)


async def test_the_configs_settings_fill_what_the_request_leaves_open() -> None:
    defaults = RequestDefaults(max_tokens=50, temperature=0.5, top_p=0.9, stop=("END",), seed=7)
    config = Config(request=defaults, strategy="balanced", model="one/a", memory=ContextSettings(), fallback=False)
    async with stage(config=config) as on:
        await ended(await on.engine.ask(None, "Hi"))
        asked = on.player.requests[-1]
        assert (asked.max_tokens, asked.temperature, asked.top_p) == (50, 0.5, 0.9)
        assert (asked.stop, asked.seed, asked.model, asked.fallback) == (("END",), 7, "one/a", False)
        own = Request(max_tokens=9, temperature=0.0, seed=0, stop=("X",), timeout_seconds=5)
        await ended(await on.engine.ask(None, "Hi", own))
        asked = on.player.requests[-1]
        assert (asked.max_tokens, asked.temperature, asked.top_p) == (9, 0.0, 0.9)
        assert (asked.stop, asked.seed, asked.timeout_seconds) == (("X",), 0, 5)


async def test_a_strategy_that_is_named_sets_the_configs_model_aside() -> None:
    async with stage(config=Config(model="two/b", strategy="quality-first")) as on:
        assert (await ended(await on.engine.ask(None, "Hi"))).turn.model == "two/b"
        named = await ended(await on.engine.ask(None, "Hi", Request(strategy="quality-first")))
        assert (named.turn.model, named.turn.strategy) == ("one/a", "quality-first")
        fixed = await ended(await on.engine.ask(None, "Hi", Request(model="two/b", strategy="balanced")))
        assert (fixed.turn.model, fixed.turn.strategy) == ("two/b", "fixed")


async def test_a_model_that_is_named_is_admitted_first() -> None:
    async with stage() as on:
        answer = await ended(await on.engine.ask(None, "Hi", Request(model="new/model")))
        assert on.backend.calls == ["admit new/model"]
        assert answer.turn.state == "failed"
        assert answer.turn.error is not None
        assert answer.turn.error.kind == "NoModel"


async def test_control_sequences_in_a_question_are_taken_out() -> None:
    async with stage() as on:
        answer = await ended(await on.engine.ask(None, "\n a\x1b]52;c;eA==\x07b\r\n\n"))
        assert answer.question.text == " ab"


async def test_a_large_question_is_cleaned_as_a_small_one_is_and_lets_others_run_meanwhile() -> None:
    turns, text = 0, ("\x1b]52;c;eA==\x07word\r\n\ud83d\ude00" * 40_000) + "end\x1b["
    async with stage() as on:

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        running = asyncio.create_task(others())
        answer = await ended(await on.engine.ask(None, text))
        running.cancel()
    assert answer.question.text == "word\n😀" * 40_000 + "end["
    assert turns >= len(text) // 16_384


# -- several at once --------------------------------------------------------------------------------------------------


async def test_two_conversations_are_answered_side_by_side() -> None:
    async with stage(slowly("a", "b", seconds=0.05), slowly("c", "d", seconds=0.05)) as on:
        first, second = await asyncio.gather(on.engine.ask(None, "One?"), on.engine.ask(None, "Two?"))
        assert first.conversation_id != second.conversation_id
        assert list(on.engine.running(first.conversation_id)) == [first]
        assert set(on.engine.running()) == {first, second}
        texts = sorted(text_of(chunks) for chunks in await asyncio.gather(chunks_of(first), chunks_of(second)))
        assert texts == ["ab", "cd"]
        assert list(on.engine.running()) == []


async def test_two_questions_at_once_in_one_conversation_are_both_kept() -> None:
    history = await FakeStore.open(None)
    async with stage(history=history) as on:
        first = await ended(await on.engine.ask(None, "One?"))
        history.seconds = 0.02
        ids = [first.conversation_id] * 2
        second, third = await asyncio.gather(*(on.engine.ask(id, text) for id, text in zip(ids, "ab", strict=True)))
        assert third.question.parent == second.turn.id
        await ended(second)
        await ended(third)
        path = (await on.engine.conversations.conversation(first.conversation_id)).path
        assert [turn.text for turn in path] == ["One?", "Hello.", "a", "Hello.", "b", "Hello."]


async def test_a_conversation_whose_answer_runs_or_is_not_saved_yet_stays_in_memory() -> None:
    history = await FakeStore.open(None)
    async with stage(endless(), ["Hello."], history=history) as on:
        running = await on.engine.ask(None, "Long?")
        for number in range(OPEN_CONVERSATIONS + 3):
            await ended(await on.engine.ask(None, f"{number}?"))
        assert "changed_conversation" not in history.names()
        conversation = await on.engine.conversations.conversation(running.conversation_id)
        assert conversation.path[-1].state == "streaming"
        assert "changed_conversation" not in history.names()
        assert len(on.engine.conversations.cache._open) <= OPEN_CONVERSATIONS + 1
        history.seconds = 0.1
        await running.cancel()
        await ended(running)
        assert (await on.engine.conversations.conversation(running.conversation_id)).path[-1].state == "cancelled"


async def test_a_conversation_that_grew_while_it_was_read_is_not_set_back() -> None:
    history = await FakeStore.open(None)
    async with stage(history=history) as on:
        first = await ended(await on.engine.ask(None, "One?"))
        on.engine.conversations.cache._open.clear()
        history.seconds = 0.02
        reading = asyncio.create_task(slow_read(on, first.conversation_id))
        asked = await on.engine.ask(first.conversation_id, "Two?")
        await reading
        assert (await on.engine.conversations.conversation(first.conversation_id)).path[-1].id == asked.turn.id


async def slow_read(on: Stage, conversation_id: str) -> None:
    await asyncio.sleep(0.01)
    await on.engine.conversations.conversation(conversation_id)


# -- the store --------------------------------------------------------------------------------------------------------


async def test_what_was_said_is_there_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with stage(["First."], history=await Store.open(file)) as on:
        asked = await ended(await on.engine.ask(None, "One?"))
        await on.engine.drafts.save(None, "half a thought")
        await on.engine.places.set("open", asked.conversation_id)
    async with stage(["Second."], history=await Store.open(file)) as on:
        assert await on.engine.places.get("open") == asked.conversation_id
        assert await on.engine.drafts.load(None) == "half a thought"
        assert await on.engine.drafts.prompts() == ["One?"]
        assert [summary.title for summary in await on.engine.conversations.summaries()] == ["One?"]
        route = await on.engine.conversations.route(asked.turn.id)
        assert route is not None
        assert route.tries[0].outcome == "answered"
        await ended(await on.engine.ask(asked.conversation_id, "Two?"))
        assert [text for _, text in sent(on)][1:] == ["One?", "First.", "Two?"]
        assert on.told == []


async def test_a_store_that_fails_does_not_stop_the_answer_and_is_told_once() -> None:
    async with stage(slowly("still ", "here", seconds=0.15), history=await FakeStore.failing("all")) as on:
        first = await ended(await on.engine.ask(None, "One?"))
        assert first.text == "still here"
        await ended(await on.engine.ask(first.conversation_id, "Two?"))
        assert [text for role, text in sent(on) if role == "assistant"] == ["still here"]
        assert await on.engine.drafts.prompts() == []
        # What is only in memory is listed all the same.
        assert [summary.title for summary in await on.engine.conversations.summaries()] == ["One?"]
        assert await on.engine.drafts.load("x") == ""
        assert await on.engine.places.get("x") == ""
        assert await on.engine.conversations.route("x") is None
        await on.engine.drafts.save("x", "y")
        await on.engine.places.set("x", "y")
        await on.engine.conversations.set_system_prompt(first.conversation_id, "z")
    assert [error.title for error in on.told] == ["The disk is full."]


async def test_each_trouble_of_the_store_is_told() -> None:
    history = await FakeStore.failing("append_deltas")
    async with stage(slowly("a", "b", seconds=0.25), ["ok"], history=history) as on:
        await ended(await on.engine.ask(None, "One?"))
        history.fails, history.error = ("add_user",), HistoryError("Locked.")
        await ended(await on.engine.ask(None, "Two?"))
        assert [error.title for error in on.told] == ["The disk is full.", "Locked."]


async def test_a_conversation_that_is_not_there_is_told_to_the_asker() -> None:
    async with stage() as on:
        with pytest.raises(ConversationNotFound):
            await on.engine.ask("nowhere", "Hi")
        with pytest.raises(ConversationNotFound):
            await on.engine.conversations.conversation("nowhere")
        await ended(await on.engine.ask(None, "Hi"))


async def test_closing_lets_go_of_the_store_even_where_the_supply_fails() -> None:
    history = await FakeStore.open(None)
    async with stage(history=history) as on:
        closing = on.backend.close

        async def fails() -> None:
            await closing()
            raise OSError("no")

        on.engine._backend.close = fails  # type: ignore[method-assign]
        with pytest.raises(OSError, match="no"):
            await on.engine.close()
        on.engine._backend.close = closing  # type: ignore[method-assign]
    assert "close" in history.names()


async def test_closing_ends_all_that_runs() -> None:
    async with stage(endless()) as on:
        answers = [await on.engine.ask(None, str(number)) for number in range(5)]
        await until(lambda: on.rig.open)
    assert [end_of(await chunks_of(answer)).state for answer in answers] == ["cancelled"] * 5


# -- models -----------------------------------------------------------------------------------------------------------


async def test_warming_loads_what_the_next_question_will_need() -> None:
    async with stage() as on:
        await on.engine.models.warm()
        await on.engine.models.warm(model="two/b")
        await on.engine.models.warm(model="no/where")
        await on.engine.models.discover()
        assert on.backend.calls == ["warm one/a", "warm two/b", "discover"]
        assert [standing.model.name for standing in on.engine.models.status()] == ["one/a"]
        assert on.engine.models.strategies()[0] == "quality-first"


BUILT_IN = Model(LOCAL_MODEL, to_be_fetched=True)
BOX = Config(providers=(ProviderRow("x", "http://x"),))


@pytest.mark.parametrize(
    ("config", "models", "model", "ready", "wanted"),
    [
        (Config(), [BUILT_IN], None, False, True),
        (Config(), [BUILT_IN], None, True, False),
        (Config(), [BUILT_IN], "ollama/qwen", False, False),
        (Config(), [BUILT_IN, A], None, False, False),
        (Config(), [BUILT_IN, A], LOCAL_MODEL, False, True),
        (Config(), [BUILT_IN, msgspec.structs.replace(A, selectable=False)], None, False, True),
        (BOX, [BUILT_IN], LOCAL_MODEL, False, True),
        (BOX, [BUILT_IN], None, False, False),
    ],
)
@pytest.mark.parametrize("strategy", ["balanced", "round-robin", "speed-priority", "cost-optimized"])
async def test_weights_are_wanted_where_the_built_in_model_would_answer(
    config: Config, models: list[Model], model: str | None, ready: bool, wanted: bool, strategy: str
) -> None:
    async with stage(config=config, weights=ready, models=models) as on:
        assert on.engine.models.needs_download(model, strategy) is wanted


async def test_a_choice_is_taken_back_by_model_or_by_provider_also_after_a_restart(tmp_path: Path) -> None:
    async with stage(history=await Store.open(tmp_path / "store.db")) as on:
        for name in ("offered/x", "offered/y", "offered/z"):
            await on.engine.models.use(name)
        assert await on.engine.models.forget("offered/x") == ["offered/x"]
        assert await on.engine.models.forget("offered/x") == []
    async with stage(history=await Store.open(tmp_path / "store.db")) as on:
        await on.engine.models.recall()
        assert await on.engine.models.forget("offered") == ["offered/y", "offered/z"]
        assert on.backend.calls == ["take offered/y", "take offered/z", "drop offered/y", "drop offered/z"]
        assert await on.engine.models.chosen_models() == []


async def test_an_offered_model_that_was_chosen_is_in_use_after_a_restart(tmp_path: Path) -> None:
    async with stage(history=await Store.open(tmp_path / "store.db")) as on:
        await on.engine.models.use("one/a")
        await on.engine.models.use("offered/x")
        await on.engine.models.use("offered/y")
        await on.engine.models.use("offered/x")
        assert on.backend.calls == ["take offered/x", "take offered/y", "take offered/x"]
    async with stage(history=await Store.open(tmp_path / "store.db")) as on:
        await on.engine.models.recall()
        assert on.backend.calls == ["take offered/x", "take offered/y"]


# -- what was spent ----------------------------------------------------------------------------------------------------


PRICED = msgspec.structs.replace(A, price_in=1.0, price_out=5.0)


async def test_what_was_spent_is_told_for_the_conversation_and_for_the_day() -> None:
    async with stage(
        ["one"], ["two"], models=[PRICED], config=Config(strategy="quality-first", daily_budget=5.0)
    ) as on:
        assert await on.engine.spending(None) == Spending(None, 0.0, 5.0)
        first = await ended(await on.engine.ask(None, "a"))
        await first.saved.wait()
        second = await ended(await on.engine.ask(None, "b"))
        await second.saved.wait()
        spent = await on.engine.spending(first.conversation_id)
        assert spent.conversation == first.turn.cost
        assert first.turn.cost
        assert spent.today == pytest.approx((first.turn.cost or 0) + (second.turn.cost or 0))


async def test_what_private_conversations_cost_counts_for_the_day() -> None:
    async with stage(["one"], models=[PRICED]) as on:
        private = await on.engine.conversations.begin_private()
        answer = await ended(await on.engine.ask(private.id, "a"))
        await answer.saved.wait()
        spent = await on.engine.spending(private.id)
        assert answer.turn.cost
        assert (spent.conversation, spent.today) == (answer.turn.cost, answer.turn.cost)
