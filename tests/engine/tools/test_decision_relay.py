"""Decisions about tool calls, between processes that share a store."""

from __future__ import annotations

import asyncio

import pytest

from chat_tui.core.conversation import Conversation, Turn, now
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.tools import ToolCall, ToolResult
from chat_tui.engine.answers.tool_round import CallStatus, RunCall, StopCalls, ToolRound
from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.engine.conversations.places import Places
from chat_tui.engine.tools.decision_relay import (
    DecisionRelay,
    Sent,
    SentDecision,
    apply_decision,
    has_open_call,
)
from chat_tui.history.store import Store


def ignore(error: ChatTuiError) -> None:
    raise error


async def test_a_decision_that_nobody_takes_is_withdrawn() -> None:
    places = Places(await Store.open(None), ErrorReports(ignore))
    assert not await DecisionRelay(places, poll_seconds=0.01, reply_seconds=0.05).send("a", "call", RunCall())
    assert await places.get("tool decision a") == ""


async def test_of_two_decisions_at_once_the_last_one_counts() -> None:
    places = Places(await Store.open(None), ErrorReports(ignore))
    round = ToolRound([CallStatus(ToolCall("call", "now"), None)])
    waiting = asyncio.ensure_future(round.ask(0))
    await asyncio.sleep(0)
    relay = DecisionRelay(places, poll_seconds=0.01, reply_seconds=20)
    first = asyncio.ensure_future(relay.send("a", "call", RunCall()))
    while not await places.get("tool decision a"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    second = asyncio.ensure_future(relay.send("a", "call", RunCall(arguments={"x": 1})))
    assert not await first

    async def take(_: str, sent: Sent) -> bool:
        assert isinstance(sent, SentDecision)
        return apply_decision([round], sent.call, sent.decision)

    await relay.take({"b"}, take)
    assert not waiting.done()
    while not second.done():
        await relay.take({"a"}, take)
        await asyncio.sleep(0.01)
    assert await second
    assert await waiting == RunCall(arguments={"x": 1})


def test_a_stop_does_not_reach_a_round_that_has_ended() -> None:
    round = ToolRound([CallStatus(ToolCall("call", "now"), None)])
    assert apply_decision([round], "call", StopCalls())
    round.end()
    assert not apply_decision([round], "call", StopCalls())


@pytest.mark.parametrize(("state", "open"), [("streaming", True), ("complete", False)])
def test_a_call_is_open_until_its_result_has_ended(state: str, open: bool) -> None:
    answer = Turn("assistant", "", calls=(ToolCall("a", "now"), ToolCall("b", "now")))
    result = Turn("tool", "", state=state, result=ToolResult("a", "now"))  # type: ignore[arg-type]
    conversation = Conversation("c", "", created=now(), updated=now(), path=(answer, result))
    assert has_open_call(conversation, "a") == open
    assert has_open_call(conversation, "b")
    assert not has_open_call(conversation, "x")
    assert not has_open_call(Conversation("c", "", created=now(), updated=now()), "a")
