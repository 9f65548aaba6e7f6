"""`!command` in the prompt: the user's command, its output in the prompt; nothing that was not typed is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_tui.core.processes.shell import ShellOutput
from chat_tui.tui.chat.controllers.shell_commands import describe_output
from tests.doubles.scripted_chat import scripted_chat


async def test_the_output_of_a_command_is_put_into_the_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHELL", "/bin/sh")
    async with scripted_chat() as chat:
        await chat.pilot.press(*"!printf '\\033[31mred\\033[0m @x'; pwd")
        await chat.shows("Enter runs this command in your shell")
        await chat.pilot.press("enter")
        shown = f"$ printf '\\033[31mred\\033[0m @x'; pwd\n```\nred @x{tmp_path}\n```\n"
        await chat.until(lambda: chat.chat.prompt.text == shown)
        assert not chat.provider.requests
        await chat.pilot.press(*"why?", "enter")
        await chat.answered()
        assert chat.chat.conversation.answer is not None
        assert chat.chat.conversation.answer.question.text == f"{shown}why?"
        assert not chat.chat.conversation.answer.question.attachments


async def test_escape_stops_a_command_and_keeps_what_it_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHELL", "/bin/sh")
    async with scripted_chat() as chat:
        await chat.pilot.press(*"!echo first; touch ready; sleep 600", "enter")
        await chat.shows("$ echo first; touch ready; sleep 600", "Esc stops it")
        await chat.pilot.press(*"!ls", "enter")
        await chat.until(lambda: "A command is still running" in chat.notices())
        await chat.until((tmp_path / "ready").exists)
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.chat.prompt.text.endswith("[stopped]\n```\nfirst\n```\n!ls"))
        await chat.until(lambda: "Esc stops it" not in chat.shown().replace("Esc stops it and keeps", ""))


async def test_only_what_is_typed_is_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with scripted_chat() as chat:
        for text in ("!touch ran", "![a](b)"):
            chat.chat.prompt.paste(text)
            await chat.pilot.press("enter")
            await chat.answered()
            assert chat.chat.conversation.answer is not None
            assert chat.chat.conversation.answer.question.text == text
        await chat.pilot.press(*" !touch ran", "enter")
        await chat.until(lambda: len(chat.provider.requests) == 3)
        await chat.answered()
    assert not (tmp_path / "ran").exists()


def test_a_command_is_described_with_its_end_and_its_output() -> None:
    assert describe_output("true", ShellOutput("", 0)) == "$ true\n[no output]"
    assert describe_output("x", ShellOutput("a\n```\nb", 2)) == "$ x  [exit code 2]\n````\na\n```\nb\n````"
    assert "[stopped: these are the first 200 kB]" in describe_output("yes", ShellOutput("y", -9, "too much"))
