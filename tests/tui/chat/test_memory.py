"""What a person asks to remember, on the screen: commands, undo, the notes of the folder, and what was sent."""

from __future__ import annotations

from pathlib import Path

from chat_tui.config.memory.folder_notes import FolderMemory
from chat_tui.config.memory.user_memory import UserMemory
from chat_tui.config.schema import Config, ContextSettings
from chat_tui.engine.conversations.memory import Memory
from chat_tui.tui.dialogs.context import ContextScreen
from chat_tui.tui.dialogs.memory import MemoryScreen
from chat_tui.tui.dialogs.route import RouteScreen
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat


def memory_in(folder: Path) -> Memory:
    (folder / "project").mkdir(exist_ok=True)
    return Memory(
        user=UserMemory(folder / "memory.md"),
        folder=FolderMemory(folder / "project", folder / "state" / "decisions.json"),
    )


def system_of(chat: ScriptedChat) -> str:
    return chat.provider.requests[-1].turns[0].text


async def test_what_is_remembered_is_sent_shown_forgotten_and_brought_back(tmp_path: Path) -> None:
    file = tmp_path / "memory.md"
    async with scripted_chat(memory=memory_in(tmp_path)) as chat:
        await chat.ask("/remember")
        await chat.until(lambda: "There is nothing to remember." in chat.notices())
        await chat.pilot.press("ctrl+c")
        await chat.ask("/remember I live  in Bern")
        await chat.until(lambda: "Remembered: I live in Bern" in chat.notices())
        await chat.ask("/remember I live in Bern")
        await chat.until(lambda: "This is remembered already" in chat.notices())
        await chat.ask("Where?")
        await chat.answered()
        assert system_of(chat).endswith("\n- I live in Bern")
        await chat.ask("/why")
        await chat.until(lambda: isinstance(chat.app.screen, RouteScreen))
        await chat.shows("Memory that was sent", "memory.md", "- I live in Bern")
        await chat.pilot.press("escape")
        await chat.ask("/context")
        await chat.until(lambda: isinstance(chat.app.screen, ContextScreen))
        await chat.shows("with system prompt ≈", "· memory.md ≈")
        await chat.pilot.press("escape")

        # One line goes at once; where there are more, a list asks.
        await chat.ask("/undo")
        await chat.until(lambda: "It is no longer remembered" in chat.notices())
        assert file.read_text() == ""
        file.write_text("- a red cat\n- a blue cat\n- a dog\n")
        await chat.ask("/forget dog")
        await chat.until(lambda: "Forgotten: a dog" in chat.notices())
        await chat.ask("/forget cat")
        await chat.shows("Forget which?", "a red cat", "a blue cat", "All 2 lines")
        await chat.pilot.press("down", "enter")
        await chat.until(lambda: "Forgotten: a blue cat" in chat.notices())
        assert file.read_text() == "- a red cat\n"
        for _ in range(2):
            await chat.ask("/undo")
        await chat.until(lambda: file.read_text() == "- a red cat\n- a blue cat\n- a dog\n")
        await chat.ask("/memory")
        await chat.until(lambda: isinstance(chat.app.screen, MemoryScreen))
        await chat.shows("memory.md", "tokens", "- a blue cat")
        await chat.pilot.press("escape")

        await chat.ask("/set memory off")
        await chat.until(lambda: "Memory for this conversation: off" in chat.notices())
        await chat.ask("And now?")
        await chat.answered()
        assert "cat" not in system_of(chat)
        await chat.ask("/remember more")
        await chat.until(lambda: "This conversation is asked without it" in chat.notices())


async def test_notes_of_the_folder_are_offered_and_sent_when_they_are_taken(tmp_path: Path) -> None:
    memory = memory_in(tmp_path)
    (tmp_path / "project" / "AGENTS.md").write_text("Use tabs.\n")
    async with scripted_chat(memory=memory, size=(60, 20)) as chat:
        await chat.until(lambda: "This folder has notes: AGENTS.md" in chat.notices())
        assert "/memory folder on sends it with your questions" in chat.notices()
        await chat.ask("One?")
        await chat.answered()
        assert "tabs" not in system_of(chat)
        await chat.ask("/memory")
        await chat.until(lambda: isinstance(chat.app.screen, MemoryScreen))
        await chat.shows("Nothing is remembered yet", "AGENTS.md", "not sent", "Use tabs.")
        await chat.pilot.press("escape")
        await chat.ask("/memory folder on")
        await chat.until(lambda: "AGENTS.md of this folder is sent with your questions" in chat.notices())
        await chat.ask("Two?")
        await chat.answered()
        assert "Use tabs." in system_of(chat)
        await chat.ask("/memory folder off")
        await chat.until(lambda: "AGENTS.md of this folder is not sent" in chat.notices())
        await chat.ask("/memory no")
        await chat.until(lambda: "/memory does not know “no”." in chat.notices())
        await chat.pilot.press("ctrl+c")
        await chat.ask("Three?")
        await chat.answered()
        assert "Use tabs." not in system_of(chat)
    assert await memory.new_offer() is None


async def test_nothing_is_offered_and_nothing_is_sent_where_it_is_off(tmp_path: Path) -> None:
    memory = memory_in(tmp_path)
    (tmp_path / "project" / "AGENTS.md").write_text("Use tabs.\n")
    config = Config(memory=ContextSettings(enabled=False))
    async with scripted_chat(memory=memory, config=config) as chat:
        await chat.ask("/remember I live in Bern")
        await chat.until(lambda: "It is not sent: `[memory] enabled` is off in the config." in chat.notices())
        await chat.ask("Where?")
        await chat.answered()
        assert "Bern" not in system_of(chat)
        assert "This folder has notes" not in chat.notices()
    # It can still be offered.
    assert await memory.new_offer() is not None
