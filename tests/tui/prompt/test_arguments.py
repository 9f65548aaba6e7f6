"""What follows a slash command is offered as it is typed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import chat_tui.tui.chat.commands.command_line  # noqa: F401  It registers the commands.
from chat_tui.core.models import Model, ModelStatus
from chat_tui.core.settings.preset import Preset, Variable
from chat_tui.core.text.control_characters import clean_line
from chat_tui.tui.actions.slash_commands import CompletionSources, completions
from tests.doubles.scripted_chat import scripted_chat

PRESETS = (
    Preset(name="code", description="writes code"),
    Preset(name="translate", variables={"language": Variable(choices=("German", "Greek"), help="into it")}),
)
KNOWN = CompletionSources(
    models=lambda: [
        ModelStatus(Model("shelf/fast", 8000, 0.1, 0.4)),
        ModelStatus(Model("local/tiny", 8000, local=True)),
    ],
    strategies=lambda: ("balanced", "cheap"),
    themes=lambda: ("dusk", "paper"),
    titles=lambda: ("Rivers of Europe", clean_line("On rivers\x1b[31m")),
    presets=lambda: PRESETS,
)


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("/model ", ["/model shelf/fast", "/model local/tiny"]),
        ("/retry tin", ["/retry local/tiny"]),
        ("/strategy c", ["/strategy cheap", "/strategy balanced"]),
        ("/theme pa", ["/theme paper"]),
        ("/open rivers", ["/open Rivers of Europe", "/open On rivers"]),
        ("/compare shelf/fast,", ["/compare shelf/fast,local/tiny"]),
        ("/adaptive o", ["/adaptive on", "/adaptive off"]),
        ("/preset ", ["/preset code", "/preset translate", "/preset none"]),
        ("/preset co", ["/preset code"]),
        ("/preset translate g", ["/preset translate German", "/preset translate Greek"]),
        ("/preset translate language=", ["/preset translate language=German", "/preset translate language=Greek"]),
        ("/preset code ", []),
        ("/set temp", ["/set temperature "]),
        ("/set temperature 0", ["/set temperature 0", "/set temperature 0.3", "/set temperature 0.7"]),
        ("/set max-tokens 5", ["/set max_tokens 500"]),
        ("/set def", ["/set default"]),
        ("/set nothing ", []),
        ("/thinking h", ["/thinking high"]),
        ("/max-tokens d", ["/max-tokens default"]),
        ("/model", ["/model "]),
        ("/help x", []),
    ],
)
def test_the_choices_of_a_command_are_offered_best_first(typed: str, texts: list[str]) -> None:
    assert [text for text, _ in completions(typed, KNOWN)][: len(texts) or None] == texts


async def test_a_conversation_is_opened_by_its_title() -> None:
    async with scripted_chat() as chat:
        await chat.ask("rivers of Europe")
        await chat.answered()
        first = chat.chat.session.conversation_id
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: chat.chat.session.conversation_id is None)
        await chat.pilot.press(*"/open riv")
        await chat.shows("/open rivers of Europe")
        await chat.pilot.press("tab", "enter")
        await chat.until(lambda: chat.chat.session.conversation_id == first)
        await chat.ask("/open no such thing")
        await chat.until(lambda: "No conversation is titled" in chat.notices())


async def test_the_path_behind_attach_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my notes.md").write_text("x")
    monkeypatch.chdir(tmp_path)
    async with scripted_chat() as chat:
        await chat.pilot.press(*"/attach not")
        await chat.until(lambda: chat.chat.completions.is_open)
        await chat.pilot.press("tab")
        assert chat.chat.prompt.text == '/attach "my notes.md"'
        await chat.pilot.press("enter")
        await chat.shows("+ my notes.md")


async def test_each_built_in_strategy_says_what_it_prefers() -> None:
    async with scripted_chat() as chat:
        named = chat.engine.models.strategies()
    rows = completions("/strategy ", msgspec.structs.replace(KNOWN, strategies=lambda: (*named, "mine")))
    assert [text for text, help in rows if not help] == ["/strategy mine"]
