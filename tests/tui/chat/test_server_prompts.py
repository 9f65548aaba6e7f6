"""Prompts of tool servers are slash commands, whose text a person sees in the prompt before it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from chat_tui.config.schema import Config, ToolRow
from chat_tui.core.errors import ToolFailed
from chat_tui.core.settings.conversation_settings import ConversationSettings
from chat_tui.core.tools import PromptArgument, PromptMessage, ServerPrompt, ToolServerStatus, ToolUse
from chat_tui.tui.chat.tools.server_prompts import (
    PromptCommand,
    argument_help,
    argument_values,
    completions,
    draft_text,
    prompt_commands,
)
from tests.doubles.fake_tools import FakeTools
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

CITY = PromptArgument("city", "The city.", is_required=True)
UNIT = PromptArgument("unit name", "Of the temperature.")
WEATHER = ServerPrompt("Weather report", "Asks for the weather.", arguments=(CITY, UNIT))


def tools_with(*prompts: ServerPrompt, **messages: list[PromptMessage] | ToolFailed) -> FakeTools:
    tools = FakeTools([])
    tools.prompts["box"] = prompts
    tools.messages.update(messages)
    return tools


def switch_on(chat: ScriptedChat) -> None:
    chat.chat.session.own_settings = ConversationSettings(tools=ToolUse(servers=("box",)))


async def test_a_prompt_is_completed_asked_for_its_arguments_and_inserted_but_not_sent() -> None:
    said = {"Weather report": [PromptMessage("user", "How is the weather in Bonn?")]}
    tools = tools_with(WEATHER, **said)
    tools.listing = asyncio.Event()
    tools.values["city"] = ["Bonn", "Berlin"]
    async with scripted_chat(tools=tools) as chat:
        prompt = chat.chat.prompt
        await chat.pilot.press(*"/box")
        assert tools.listed == []
        prompt.clear_draft()
        switch_on(chat)
        # The server is started in the background; what is known is offered meanwhile.
        await chat.pilot.press("/")
        await chat.until(lambda: tools.listed == [("box",)])
        await chat.shows("/clear", "/model")
        await chat.pilot.press(*"box")
        assert "/box:" not in chat.shown()
        tools.listing.set()
        await chat.shows("/box:weather_report", "Asks for the weather.")
        await chat.pilot.press("enter")
        assert prompt.text == "/box:weather_report "
        await chat.shows("city= [unit_name=] · Asks for the weather.", "city=", "The city.")
        await chat.pilot.press("escape", "enter")
        await chat.until(lambda: "/box:weather_report needs city." in chat.notices())
        assert prompt.text == "/box:weather_report "
        await chat.pilot.press(*"city=")
        await chat.shows("/box:weather_report city=Bonn", "city=Berlin")
        await chat.pilot.press(*"Bo")
        await chat.until(lambda: "city=Berlin" not in chat.shown())
        await chat.shows("/box:weather_report city=Bonn")
        await chat.pilot.press("enter")
        await chat.until(lambda: prompt.text == "/box:weather_report city=Bonn")
        assert tools.completed[0] == ("city", {"city": ""})
        await chat.pilot.press("enter")
        await chat.until(lambda: prompt.text == "How is the weather in Bonn?")
        assert tools.calls == [("box:Weather report", {"city": "Bonn"})]
        await chat.until(lambda: "From box: Weather report" in chat.notices())
        assert chat.chat.conversation.answer is None
        assert tools.listed == [("box",)] * 3
        await chat.pilot.press("enter")
        await chat.answered()
        assert chat.provider.requests[-1].turns[-1].text == "How is the weather in Bonn?"
        # Its table in the config has changed: it is a new server, which has listed nothing.
        tools.is_listed = False
        await chat.pilot.press(*"/box:w")
        await chat.shows("/box:weather_report", "Asks for the weather.")


async def test_text_of_a_server_names_no_files_and_is_no_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.txt").write_text("key")
    text = f"/quit now @secret.txt @{tmp_path}/secret.txt"
    tools = tools_with(ServerPrompt("hello"), ServerPrompt("path"), hello=[PromptMessage("user", text)])
    tools.messages["path"] = [PromptMessage("user", f"{tmp_path}/secret.txt")]
    async with scripted_chat(tools=tools) as chat:
        switch_on(chat)
        # A name that was typed before does not count for what a server writes.
        await chat.pilot.press(*"@secret.txt ")
        await chat.until(lambda: len(chat.chat.files.attachments) == 1)
        chat.chat.prompt.clear_draft()
        await chat.until(lambda: not len(chat.chat.files))
        await chat.ask("/box:hello")
        await chat.until(lambda: chat.chat.prompt.text == f"/{text}")
        await chat.pilot.press("enter")
        await chat.answered()
        assert chat.chat.conversation.answer is not None
        question = chat.chat.conversation.answer.question
        assert (question.text, question.attachments) == (text, ())
        await chat.ask("/box:path")
        await chat.until(lambda: chat.chat.prompt.text == f"/{tmp_path}/secret.txt")
        assert not chat.chat.completions.is_open


async def test_what_goes_wrong_is_told_and_the_command_stays() -> None:
    tools = tools_with(ServerPrompt("hello"), WEATHER, hello=ToolFailed("box did not give hello: no.", ""))
    tools.messages["Weather report"] = []
    config = Config(tools=(ToolRow("far", "far-server"),))
    async with scripted_chat(tools=tools, config=config) as chat:
        switch_on(chat)
        for typed, told in {
            "/box:hello": "box did not give hello: no.",
            "/box:hello x": "/box:hello takes no arguments.",
            "/box:other": "box has no prompt other. It has: /box:hello, /box:weather_report",
            "/box:weather_report town=Bonn": "/box:weather_report has no argument `town`; nothing was inserted.",
            "/box:weather_report Bonn": "The prompt /box:weather_report is empty.",
            "/far:hello": "The tool server far is off in this conversation. /tools switches it on.",
            "/nobody:hello": "Unknown command /nobody:hello; nothing was sent.",
        }.items():
            chat.chat.prompt.clear_draft()
            await chat.ask(typed)
            await chat.until(lambda told=told: told in chat.notices())  # type: ignore[misc]
            await chat.until(lambda typed=typed: chat.chat.prompt.text == typed)  # type: ignore[misc]
        tools.problems["box"] = "The tool server box cannot be used: its program ended with code 1."
        chat.chat.prompt.clear_draft()
        await chat.ask("/box:hello")
        await chat.until(lambda: tools.problems["box"] in chat.notices())


def test_messages_of_a_model_are_told_by_their_roles() -> None:
    talk = [PromptMessage("user", "Hello.\n"), PromptMessage("assistant", "Hello!"), PromptMessage("user", "Go on.")]
    assert draft_text(talk) == "User:\nHello.\n\nAssistant:\nHello!\n\nUser:\nGo on."
    assert draft_text([talk[0], talk[2]]) == "Hello.\n\nGo on."
    assert draft_text([PromptMessage("user", "  /quit")]) == "//quit"
    assert draft_text([PromptMessage("user", " \n")]) == ""


def test_prompts_of_a_hostile_server_hide_nothing() -> None:
    many = tuple(ServerPrompt(f"p{n}") for n in range(500))
    two = ServerPrompt("Two words"), ServerPrompt("two_words")
    status = ToolServerStatus("Box", prompts=(ServerPrompt("/quit"), ServerPrompt("quit"), *two, *many))
    commands = prompt_commands([status])
    assert list(commands)[:4] == ["box:/quit", "box:quit", "box:two_words", "box:p0"]
    assert commands["box:two_words"].prompt is two[0]
    assert len(completions("/", commands)) == 200
    assert completions("/quit", commands)[0] == ("/box:/quit", "a prompt of Box")
    assert completions("/box:two_words ", commands) == []


def test_arguments_are_written_as_those_of_presets() -> None:
    [command] = prompt_commands([ToolServerStatus("box", prompts=(WEATHER,))]).values()
    for typed, values in {
        "New York unit_name=°C": {"city": "New York", "unit name": "°C"},
        "unit_name= city=http://x/?a=b": {"city": "http://x/?a=b"},
    }.items():
        assert argument_values(command, typed) == values
    commands = {command.word: command}
    assert completions("/box:weather_report unit_name=K ci", commands) == [
        ("/box:weather_report unit_name=K city=", "")
    ]
    for typed in ("city=", "city=Bonn ", "Bonn ", "x"):
        assert completions(f"/box:weather_report {typed}", commands) == []
    asked: list[tuple[str, Mapping[str, str]]] = []

    def complete(command: PromptCommand, argument: str, typed: Mapping[str, str]) -> Sequence[str]:
        asked.append((argument, typed))
        return ("New York", "Newcastle")

    for typed, row in {"New": "New York", "unit_name=K city=New Y": "unit_name=K city=New York"}.items():
        assert completions(f"/box:weather_report {typed}", commands, complete)[0][0] == f"/box:weather_report {row}"
    assert completions("/box:weather_report ", commands, complete) == [("/box:weather_report city=", "The city.")]
    assert completions("/box:weather_report c", commands, complete) == [("/box:weather_report city=", "The city.")]
    assert asked == [("city", {"city": "New"}), ("city", {"city": "New Y", "unit name": "K"})]
    assert argument_help("/box:weather_report", commands) == ()
    assert argument_help("/box:weather_report x", commands)[-1] == "city= [unit_name=]"
