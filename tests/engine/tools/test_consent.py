"""Consents to tool calls: how they are kept, and taken back."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import (
    ConversationSettings,
    NewConversation,
    decode_settings,
    encode_settings,
)
from chat_tui.core.tools import CONSENTS_LIMIT, GivenConsent, ToolUse
from chat_tui.engine.answers.tool_round import RefuseCall, RunCall
from chat_tui.engine.tools.consent import with_consent
from chat_tui.engine.tools.steps import last_of
from tests.doubles.fake_tools import FakeTools, offered
from tests.engine.tools.test_loop import ASKS, call, round_of
from tests.support.scripted_engine import stage
from tests.support.scripted_router import until


async def test_a_consent_that_is_taken_back_is_asked_for_again_even_in_the_same_round() -> None:
    gate = asyncio.Event()
    tools = FakeTools([offered("now")], now=gate)
    async with stage([*call("now", id="a"), *call("now", index=1, id="b")], ["Done."], tools=tools) as on:
        conversation = NewConversation(settings=ConversationSettings(tools=ASKS))
        first = await on.engine.ask(conversation, "Hi", Request(model="one/a"))
        round = await round_of(first)
        await until(lambda: round.asked)
        assert round.decide("a", RunCall(always=True))
        await until(lambda: tools.calls)
        stored = decode_settings((await on.engine.conversations.conversation(first.conversation_id)).settings)
        assert stored.tools is not None
        assert [(consent.tool, consent.host) for consent in stored.tools.consents] == [("fake.now", "")]
        await on.engine.tools.take_back(first.conversation_id, stored.tools.consents)
        gate.set()
        await until(lambda: round.asked)
        assert round.decide("b", RefuseCall())
        await last_of(first)
        assert len(tools.calls) == 1


def test_a_conversation_keeps_the_last_hundred_consents_each_once() -> None:
    use = ToolUse()
    for number in [*range(CONSENTS_LIMIT + 20), CONSENTS_LIMIT]:
        use = with_consent(use, GivenConsent("web.fetch", "x" * 64, f"{number}.example"))
    assert len(use.consents) == CONSENTS_LIMIT
    assert use.consents[-1].host == f"{CONSENTS_LIMIT}.example"
    settings = ConversationSettings(tools=replace(use, off=tuple(f"web.tool-number-{n}" for n in range(300))))
    assert decode_settings(encode_settings(settings)) == settings
