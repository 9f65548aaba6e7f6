"""A better title, from a model that costs nothing and only where the setting allows it."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from chat_tui.config.schema import Config
from chat_tui.core.chunks import ToolCallDelta
from chat_tui.core.errors import Unreachable
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import ToolUse
from chat_tui.engine.answers.titles import title_in, title_model
from chat_tui.engine.tools.steps import last_of
from chat_tui.providers.scripted_provider import Fault, Pause, Script, Step
from tests.doubles.fake_tools import FakeTools, offered
from tests.support.scripted_engine import ended, stage
from tests.support.scripted_router import Rig

ON = Config(strategy="quality-first", titles="model", titles_model="one/a")
CUT = Fault(Unreachable("Connection lost."))


async def titled(config: Config, *scripts: Script, rename: str = "") -> str:
    """The title after the first answer has ended and the background is quiet."""
    async with stage(*scripts, config=config) as on:
        answer = await ended(await on.engine.ask(None, "What is a monad, and why?"))
        if rename:
            await on.engine.conversations.rename(answer.conversation_id, rename)
        await answer.saved.wait()
        async with asyncio.timeout(20):
            await on.engine._answers.wait()
            await on.engine.titles.wait()
        return (await on.engine.conversations.conversation(answer.conversation_id)).title


async def test_the_first_question_is_the_title_at_once_and_by_default() -> None:
    assert await titled(Config(strategy="quality-first"), ["An answer."], ["Monads"]) == "What is a monad, and why?"


async def test_a_model_makes_it_better_where_the_setting_allows() -> None:
    assert await titled(ON, ["An answer."], ['"Monads Explained."\nmore']) == "Monads Explained"


async def test_a_title_given_by_hand_stays() -> None:
    assert await titled(ON, ["An answer."], ["Monads"], rename="Mine") == "Mine"


async def test_an_answer_with_tool_calls_before_it_gets_a_title_of_its_own() -> None:
    calls: list[Step] = [
        "Let me look.",
        ToolCallDelta(0, "start", "c", "now"),
        ToolCallDelta(0, "arguments", "c", arguments="{}"),
        ToolCallDelta(0, "end", "c", "now", "{}"),
    ]
    tools = FakeTools([offered("now")])
    async with stage(calls, ["A monoid."], ["Monads"], config=ON, tools=tools) as on:
        use = ToolUse(servers=("fake",), allow=("fake.*",))
        answer = await on.engine.ask(None, "What is a monad?", Request(tool_use=use))
        last = await last_of(answer)
        await last.saved.wait()
        async with asyncio.timeout(20):
            await on.engine._answers.wait()
            await on.engine.titles.wait()
        assert (await on.engine.conversations.conversation(answer.conversation_id)).title == "Monads"
        assert "A monoid." in on.player.requests[-1].turns[-1].text


async def test_a_model_that_fails_or_says_too_much_changes_nothing() -> None:
    assert await titled(ON, ["An answer."], [CUT], [CUT], [CUT]) == "What is a monad, and why?"
    assert await titled(ON, ["An answer."], ["word " * 40]) == "What is a monad, and why?"


async def test_a_conversation_that_is_gone_meanwhile_is_not_told_of() -> None:
    async with stage(["An answer."], [Pause(0.05), "Monads"], config=ON) as on:
        answer = await ended(await on.engine.ask(None, "What is a monad, and why?"))
        await answer.saved.wait()
        await on.engine.delete(answer.conversation_id)
        await on.engine._answers.wait()
        await on.engine.titles.wait()
        assert not on.told


def test_a_paid_model_is_never_taken_unasked() -> None:
    paid = Model("hosted/paid", price_in=1.0, price_out=1.0, quality=0.9)
    unknown = Model("hosted/unknown", quality=0.9)
    free = Model("hosted/free", price_in=0.0, price_out=0.0, quality=0.2)
    own = Model("local/own", price_in=0.0, price_out=0.0, quality=0.1, local=True)
    absent = Model("local/absent", price_in=0.0, price_out=0.0, quality=0.1, local=True, to_be_fetched=True)
    assert title_model(Rig().router(paid, unknown), local=False) is None
    assert title_model(Rig().router(paid, unknown, free), local=False) == free
    assert title_model(Rig().router(paid, free, own), local=True) == own
    assert title_model(Rig().router(paid, free, absent), local=True) is None


@pytest.mark.parametrize(
    ("reply", "title"),
    [
        ("Monads", "Monads"),
        ("\n\n## **Title: Monads.**\nrest", "Title: Monads"),
        ("Title: “Die Monade”", "Die Monade"),
        ("\x1b[2JMonads", "Monads"),
        ("", ""),
        ("   \n", ""),
    ],
)
def test_a_title_is_one_clean_line(reply: str, title: str) -> None:
    assert title_in(reply) == title


@pytest.mark.parametrize(
    ("models", "titles", "offered"),
    [
        ([Model("local/qwen3-4b", local=True, price_in=0.0, price_out=0.0)], "question", "local/qwen3-4b"),
        ([Model("local/qwen3-4b", local=True, price_in=0.0, price_out=0.0)], "model", ""),
        ([Model("local/smollm2-135m", local=True, price_in=0.0, price_out=0.0)], "question", ""),
        ([Model("cloud/free", price_in=0.0, price_out=0.0)], "question", ""),
    ],
)
async def test_titles_by_a_model_are_offered_where_a_free_local_one_is_able_to(
    models: list[Model], titles: Literal["question", "model"], offered: str
) -> None:
    async with stage(config=Config(titles=titles)) as on:
        on.router.models = tuple(models)
        assert on.engine.titles.offer() == offered
