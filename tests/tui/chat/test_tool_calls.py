"""The tool calls of an answer, as a person sees them grow in the conversation."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chat_tui.core.chunks import ToolCallDelta
from chat_tui.core.errors import CommandError
from chat_tui.core.settings.conversation_settings import ConversationSettings
from chat_tui.core.tools import ToolOutput, ToolUse
from chat_tui.providers.scripted_provider import Step
from tests.doubles.fake_tools import FakeTools, offered
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

FREE = ToolUse(servers=("fake",), allow=("fake.*",))
ASKS = ToolUse(servers=("fake",))


def call(name: str = "now", arguments: str = "{}", id: str = "", index: int = 0) -> list[Step]:
    id = id or f"call-{name}-{index}"
    return [
        ToolCallDelta(index, "start", id, name),
        ToolCallDelta(index, "arguments", id, arguments=arguments),
        ToolCallDelta(index, "end", id, name, arguments),
    ]


def use(chat: ScriptedChat, use: ToolUse = FREE) -> None:
    chat.chat.session.own_settings = ConversationSettings(tools=use)


def roles(chat: ScriptedChat) -> list[str]:
    return [turn.role for turn in chat.chat.transcript.turns]


async def all_ended(chat: ScriptedChat) -> None:
    await chat.until(lambda: chat.chat.conversation.answer is not None and not chat.chat.conversation.is_busy)
    await chat.answered()


async def test_the_conversation_grows_by_calls_results_and_the_next_answer() -> None:
    tools = FakeTools([offered("now")], now=ToolOutput("12:00\nUTC\nMonday\nNovember\n2026"))
    script = ["Let me look.", *call(arguments='{"zone": "UTC", "precise": true}')]
    async with scripted_chat(script, ["It is noon."], tools=tools) as chat:
        use(chat)
        await chat.ask("What time is it?")
        await all_ended(chat)
        assert roles(chat) == ["user", "assistant", "tool", "assistant"]
        await chat.shows("Let me look.", "now · fake", "done", "zone: UTC", "precise: true", "It is noon.")
        await chat.shows("result from fake · 5 lines", "12:00", "Monday")
        assert "November" not in chat.shown()
        path = (await chat.engine.conversations.conversation(chat.chat.session.conversation_id or "")).path
        assert [turn.id for turn in path] == [turn.id for turn in chat.chat.transcript.turns]


async def test_a_reopened_conversation_looks_the_same(tmp_path: Path) -> None:
    tools = FakeTools([offered("now")], now=ToolOutput("12:00"))
    async with scripted_chat(["Look.", *call()], ["Noon."], tools=tools, file=tmp_path / "history.db") as chat:
        use(chat)
        await chat.ask("What time is it?")
        await all_ended(chat)
        id, before = chat.chat.session.conversation_id, chat.shown(chat.chat.transcript)
        assert id is not None
        await chat.chat.new()
        chat.engine.conversations.cache._open.clear()
        await chat.chat.open(id)
        await chat.until(lambda: chat.shown(chat.chat.transcript) == before)


async def test_a_call_runs_for_seconds_and_esc_stops_it_and_nothing_else() -> None:
    tools = FakeTools([offered("now")], now=asyncio.Event())
    async with scripted_chat(["Look.", *call()], ["Never."], tools=tools) as chat:
        use(chat)
        await chat.ask("What time is it?")
        await chat.shows("running · 1 s", "running a tool")
        assert chat.chat.conversation.is_busy
        chat.chat.prompt.insert("half a")
        await chat.pilot.press("escape")
        await all_ended(chat)
        await chat.shows("stopped", "It may have had an effect.")
        assert tools.cancelled == ["now"]
        assert chat.chat.prompt.draft == "half a"
        assert roles(chat) == ["user", "assistant", "tool"]


async def test_after_a_stop_the_answer_can_go_on_with_the_results() -> None:
    tools = FakeTools([offered("now")], now=asyncio.Event())
    async with scripted_chat(["Look.", *call()], ["Then I guess: noon."], tools=tools) as chat:
        use(chat)
        await chat.ask("What time is it?")
        await chat.shows("running ·")
        await chat.pilot.press("escape")
        await all_ended(chat)
        await chat.shows("stopped")
        await chat.ask("/continue")
        await chat.shows("Then I guess: noon.")
        await all_ended(chat)
        assert roles(chat) == ["user", "assistant", "tool", "assistant"]
        assert len(tools.calls) == 1


async def test_leaving_the_conversation_stops_no_call_and_coming_back_shows_it() -> None:
    answer = asyncio.Event()
    tools = FakeTools([offered("now")], now=answer)
    async with scripted_chat(["Look.", *call()], ["Noon."], tools=tools) as chat:
        use(chat)
        await chat.ask("What time is it?")
        await chat.shows("running ·")
        id = chat.chat.session.conversation_id
        assert id is not None
        await chat.chat.new()
        await chat.until(lambda: "running ·" not in chat.shown())
        assert id in chat.engine.tools
        await chat.chat.open(id)
        await chat.shows("Look.", "running ·")
        assert chat.chat.conversation.is_busy
        answer.set()
        await all_ended(chat)
        await chat.shows("Noon.", "result of now")
        assert roles(chat) == ["user", "assistant", "tool", "assistant"]


async def test_a_question_waits_for_the_whole_answer_and_comes_back_where_it_was_stopped() -> None:
    tools = FakeTools([offered("now")], now=asyncio.Event())
    async with scripted_chat(["Look.", *call()], ["Never."], tools=tools) as chat:
        use(chat)
        await chat.ask("What time is it?")
        await chat.shows("running ·")
        await chat.ask("And tomorrow?")
        await chat.shows("Queued")
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.chat.prompt.draft == "And tomorrow?")
        assert len(chat.provider.requests) == 1


async def test_the_end_of_the_program_ends_a_call(tmp_path: Path) -> None:
    tools = FakeTools([offered("now")], now=asyncio.Event())
    async with scripted_chat(["Look.", *call()], ["Never."], tools=tools, file=tmp_path / "history.db") as chat:
        use(chat)
        await chat.ask("What time is it?")
        await chat.shows("running ·")
        await chat.pilot.press("ctrl+q")
        await chat.until(lambda: not chat.app.is_running)
    assert tools.is_closed
    assert tools.cancelled == ["now"]


async def test_a_result_is_never_markdown_and_unfolds_by_a_key() -> None:
    text = "# Not a heading\n**stars** stay\n/clear @file\n" + "\n".join(f"line {number}" for number in range(9))
    tools = FakeTools([offered("now")], now=ToolOutput(text))
    async with scripted_chat(call(), ["Done."], tools=tools) as chat:
        use(chat)
        await chat.ask("What time is it?")
        await all_ended(chat)
        await chat.shows("# Not a heading", "**stars** stay", "/clear @file", "12 lines · Tab")
        assert "line 3" not in chat.shown()
        await chat.pilot.press("tab", "up", "t")
        await chat.shows("t hides it", "line 8", "**stars** stay")
        await chat.pilot.press("t")
        await chat.until(lambda: "line 8" not in chat.shown())


async def test_time_and_tokens_count_all_steps() -> None:
    tools = FakeTools([offered("now")], now=ToolOutput("12:00"))
    async with scripted_chat(["a ", "b ", *call()], ["c ", "d ", "e"], tools=tools) as chat:
        use(chat)
        await chat.ask("What time is it?")
        await all_ended(chat)
        await chat.until(lambda: chat.figure("Tokens out") == "5")
        id = chat.chat.session.conversation_id
        await chat.chat.new()
        await chat.chat.open(id or "")
        await chat.until(lambda: chat.figure("Tokens out") == "5")


async def test_regenerate_copy_and_edit_know_the_calls() -> None:
    tools = FakeTools([offered("now")], now=ToolOutput("12:00"))
    async with scripted_chat(["Look.", *call()], ["Noon."], ["High noon."], ["Edited."], tools=tools) as chat:
        use(chat)
        await chat.ask("What time is it?")
        await all_ended(chat)
        assert chat.chat.transcript.viewport.copy_text() == "Noon."
        chat.screen._answers.regenerate(None)
        await chat.shows("High noon.", "‹2/2›")
        await all_ended(chat)
        assert roles(chat) == ["user", "assistant", "tool", "assistant"]
        chat.chat.action_edit()
        await chat.pilot.press("enter")
        await chat.shows("Edited.")
        await all_ended(chat)
        assert roles(chat) == ["user", "assistant"]


async def test_no_other_version_comes_into_view_while_a_call_waits() -> None:
    tools = FakeTools([offered("now")])
    async with scripted_chat(["one"], ["Look.", *call()], ["Noon."], tools=tools) as chat:
        use(chat, ASKS)
        await chat.ask("What time is it?")
        await chat.answered()
        await chat.ask("/retry")
        await chat.until(lambda: chat.chat.conversation.round is not None and chat.chat.conversation.round.asked)
        await chat.ask("/undo")
        await chat.until(lambda: "An answer is still running there." in chat.notices())
        id = chat.chat.session.conversation_id or ""
        path = (await chat.engine.conversations.conversation(id)).path
        other, _ = await chat.engine.conversations.siblings(id, path[1].id)
        with pytest.raises(CommandError, match="on another branch"):
            await chat.screen.upkeep.open(id, other.id)
        await chat.ask("/allow")
        await all_ended(chat)
        await chat.shows("Noon.")
        assert roles(chat) == ["user", "assistant", "tool", "assistant"]
