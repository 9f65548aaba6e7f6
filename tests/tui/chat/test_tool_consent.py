"""A tool call waits for a person: what is shown, which keys decide, and what must not decide."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from textual.widgets import TextArea

from chat_tui.core.tools import ToolOutput, ToolUse
from chat_tui.tui.dialogs.arguments import ArgumentsEditor
from chat_tui.tui.panels.consent_panel import ConsentPanel
from tests.doubles.fake_tools import FakeTools, offered
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.tui.chat.test_tool_calls import ASKS, all_ended, call, use


def results(chat: ScriptedChat) -> list[tuple[str, str]]:
    return [(turn.state, turn.text) for turn in chat.chat.transcript.turns if turn.role == "tool"]


def panel_of(chat: ScriptedChat) -> str:
    """The panel as it is drawn; empty if it is not shown."""
    panels = [panel for panel in chat.chat.query(ConsentPanel) if panel.display]
    return "\n".join(panel.render_line(row).text.rstrip() for panel in panels for row in range(panel.size.height))


def is_in_panel(chat: ScriptedChat, text: str) -> bool:
    return text in panel_of(chat)


async def asked(chat: ScriptedChat, text: str = "What time is it?") -> None:
    use(chat, ASKS)
    await chat.ask(text)
    await chat.shows("Alt+Y run once", "asks you")


async def test_a_call_is_shown_with_its_arguments_and_runs_once_by_one_key() -> None:
    tools = FakeTools([offered("now")])
    async with scripted_chat(["Look.", *call(arguments='{"zone": "UTC"}')], ["Noon."], tools=tools) as chat:
        await asked(chat)
        await chat.shows("Run now? · server fake", "zone: UTC", "Alt+A always", "Alt+N refuse", "Esc stop")
        assert chat.chat.prompt.has_focus
        assert tools.calls == []
        await chat.pilot.press("alt+y")
        await all_ended(chat)
        assert tools.calls == [("now", {"zone": "UTC"})]
        await chat.until(lambda: "run once" not in chat.shown())


async def test_each_call_is_shown_with_its_own_name_and_arguments() -> None:
    tools = FakeTools([offered("now"), offered("remove")])
    first, second = call(arguments='{"zone": "UTC"}', id="1"), call("remove", '{"file": "thesis"}', index=1, id="2")
    script = [*first, *second], call(arguments='{"zone": "CET"}', id="1"), ["Done."]
    async with scripted_chat(*script, tools=tools) as chat:
        await asked(chat)
        for name, argument in (("now", "zone: UTC"), ("remove", "file: thesis"), ("now", "zone: CET")):
            await chat.until(partial(is_in_panel, chat, f"Run {name}?"))
            assert argument in panel_of(chat)
            await chat.pilot.press("alt+y")
        await all_ended(chat)
        assert [name for name, _ in tools.calls] == ["now", "remove", "now"]


async def test_what_is_typed_goes_to_the_prompt_and_enter_runs_nothing() -> None:
    tools = FakeTools([offered("now")])
    async with scripted_chat(call(), ["Noon."], tools=tools) as chat:
        await asked(chat)
        await chat.pilot.press("y", "a", "n", "enter")
        await chat.shows("Queued: yan")
        assert tools.calls == []
        assert chat.engine.tools.conversations(asking=True)
        await chat.pilot.press("alt+n")
        await chat.until(lambda: results(chat)[0][0] == "refused")


async def test_in_the_messages_a_letter_asks_again_before_a_tool_runs() -> None:
    tools = FakeTools([offered("now")])
    async with scripted_chat(["Look.", *call()], ["Noon."], tools=tools) as chat:
        await asked(chat)
        await chat.pilot.press("tab", "o")
        await chat.shows("Run the tool call once?")
        await chat.pilot.press("k")
        await chat.until(lambda: chat.chat.prompt.text == "ok")
        assert tools.calls == []
        await chat.pilot.press("tab", "o", "enter")
        await all_ended(chat)
        assert len(tools.calls) == 1


async def test_always_holds_for_the_conversation() -> None:
    tools = FakeTools([offered("now")])
    async with scripted_chat(call(id="1"), call(id="2"), ["Noon."], tools=tools) as chat:
        await asked(chat)
        await chat.pilot.press("alt+a")
        await all_ended(chat)
        assert len(tools.calls) == 2


async def test_a_refusal_takes_a_word_to_the_model() -> None:
    tools = FakeTools([offered("now")])
    async with scripted_chat(call(), ["Then not."], tools=tools) as chat:
        await asked(chat)
        await chat.ask("/refuse Look at the sky.")
        await all_ended(chat)
        assert results(chat) == [("refused", "The user refused this call: Look at the sky.")]
        await chat.shows("refused", "Look at the sky.", "Then not.")
        assert tools.calls == []


async def test_esc_stops_the_calls() -> None:
    tools = FakeTools([offered("now"), offered("later")])
    async with scripted_chat([*call("now"), *call("later", index=1)], ["Never."], tools=tools) as chat:
        use(chat, ASKS)
        await chat.ask("What time is it?")
        await chat.shows("Run now?", "1 more", "waits")
        await chat.pilot.press("escape")
        await all_ended(chat)
        assert [state for state, _ in results(chat)] == ["cancelled", "cancelled"]
        assert len(chat.provider.requests) == 1


async def test_arguments_are_edited_as_json_that_is_checked() -> None:
    tools = FakeTools([offered("now")])
    async with scripted_chat(call(arguments='{"zone": "UTC"}'), ["Noon."], tools=tools) as chat:
        await asked(chat)
        await chat.pilot.press("alt+e")
        await chat.until(lambda: isinstance(chat.app.screen, ArgumentsEditor))
        editor = chat.app.screen.query_one(TextArea)
        assert editor.text == '{\n  "zone": "UTC"\n}'
        editor.text = '{"zone": '
        await chat.shows("No JSON: line 1")
        await chat.pilot.press("f2")
        assert isinstance(chat.app.screen, ArgumentsEditor)
        editor.text = '{"zone": "CET"}'
        await chat.shows("A JSON object")
        await chat.pilot.press("f2")
        await all_ended(chat)
        assert tools.calls == [("now", {"zone": "CET"})]
        await chat.shows("you have changed the arguments", "zone: CET")


async def test_the_details_show_all_arguments_and_what_the_server_says_of_the_tool() -> None:
    tools = FakeTools([offered("now", description="Tells the time of a zone.", read_only=True)])
    arguments = '{"text": "' + "line\\n" * 40 + 'the end"}'
    async with scripted_chat(call(arguments=arguments), ["Noon."], tools=tools, size=(80, 24)) as chat:
        await asked(chat)
        await chat.shows("Alt+S shows all of it")
        await chat.pilot.press("alt+s")
        await chat.shows("Tool call", "changes nothing; nobody has checked that")
        await chat.pilot.press("end")
        await chat.shows("the end", "Tells the time of a zone.")
        await chat.pilot.press("escape")
        await chat.shows("Alt+Y run once")
        assert tools.calls == []


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36)])
async def test_all_keys_and_the_prompt_are_in_sight(size: tuple[int, int]) -> None:
    tools = FakeTools([offered("now")])
    arguments = '{"path": "/home/ada/notes/' + "deep/" * 30 + '", "content": "' + "words " * 300 + '"}'
    async with scripted_chat(["Look.", *call(arguments=arguments)], ["Noon."], tools=tools, size=size) as chat:
        await asked(chat)
        await chat.shows("Run now?", "run once", "always", "edit", "refuse", "details", "Esc stop", "Ask anything")


async def test_a_call_rings_once_where_nobody_looks() -> None:
    tools = FakeTools([offered("now")])
    async with scripted_chat(call(id="1"), call(id="2"), ["Noon."], tools=tools) as chat:
        rung: list[str] = []
        chat.app.ring = rung.append  # type: ignore[method-assign, assignment]
        await asked(chat)
        assert rung == []
        # A key would give the window the focus again.
        chat.app.app_focus = False
        chat.chat.consent.allow("")
        await chat.until(lambda: rung == ["May it run? now"])
        await chat.pilot.press("alt+n")
        await all_ended(chat)
        assert len(rung) == 1


async def test_a_call_in_another_conversation_is_marked() -> None:
    tools = FakeTools([offered("now")])
    async with scripted_chat(["Look.", *call()], ["Noon."], tools=tools) as chat:
        await asked(chat, "Tell me the time.")
        id = chat.chat.session.conversation_id
        await chat.chat.new()
        await chat.pilot.press("ctrl+l")
        await chat.until(lambda: "?" in chat.shown(chat.screen.history))
        await chat.until(lambda: "run once" not in chat.shown())
        await chat.chat.open(id or "")
        await chat.shows("Alt+Y run once", "Run now?")
        assert "not run" not in chat.shown()
        await chat.pilot.press("alt+y")
        await all_ended(chat)
        await chat.until(lambda: "?" not in chat.shown(chat.screen.history))


async def test_a_tool_that_was_changed_after_it_was_allowed_is_marked() -> None:
    tools = FakeTools([offered("now")])
    async with scripted_chat(call(), ["Noon."], call(id="2"), ["One."], tools=tools) as chat:
        await asked(chat)
        assert "Changed" not in panel_of(chat)
        await chat.pilot.press("alt+a")
        await all_ended(chat)
        tools.tools = [offered("now", description="Also sends your files.")]
        await chat.ask("And now?")
        await chat.until(partial(is_in_panel, chat, "Changed after you allowed it · Alt+S shows what its server says"))
        await chat.pilot.press("alt+s")
        await chat.shows("The tool was changed after you had allowed it", "Also sends your files.")


async def test_keys_do_nothing_where_no_call_waits() -> None:
    tools = FakeTools([offered("now")], now=ToolOutput("12:00"))
    async with scripted_chat(["Hi."], tools=tools) as chat:
        await chat.pilot.press("alt+y")
        await chat.until(lambda: "No tool call is waiting." in chat.notices())


async def test_a_decision_is_for_the_call_that_was_shown() -> None:
    tools = FakeTools([offered("now"), offered("later")], now=asyncio.Event())
    script = [*call("now"), *call("later", index=1)]
    async with scripted_chat(script, ["Noon."], tools=tools) as chat:
        use(chat, ToolUse(servers=("fake",)))
        await chat.ask("What time is it?")
        await chat.shows("Run now?")
        await chat.pilot.press("alt+y")
        await chat.until(lambda: bool(tools.calls))
        await chat.pilot.press("alt+y")
        await chat.until(lambda: "No tool call is waiting." in chat.notices())
        await chat.pilot.press("escape")
        await all_ended(chat)
        assert [name for name, _ in tools.calls] == ["now"]
