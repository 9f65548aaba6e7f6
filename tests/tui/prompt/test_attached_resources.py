"""Resources of tool servers that go along with a question, as `@server:uri`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chat_tui.core.attachments.attachment import TEXT, Attachment, spoken_text
from chat_tui.core.errors import AttachmentRefused, ToolFailed
from chat_tui.core.settings.conversation_settings import ConversationSettings
from chat_tui.core.tools import ServerResource, ToolServerStatus, ToolUse
from chat_tui.tui.chat.tools.server_resources import resource_rows, resource_uri
from tests.doubles.fake_tools import FakeTools
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

NOTES = ServerResource("memo://notes", "notes", "My notes", media_type="text/plain", size_bytes=16)
DAY = ServerResource("memo://day/{day}", "day", is_template=True)
CONTENT = Attachment("box:memo://notes", TEXT, b"rivers and lakes", size_bytes=16)
IMAGE = Attachment("box:memo://dot", "image/png", b"\x89PNG\r\n\x1a\n", size_bytes=8)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTools:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.md").write_text("a file")
    tools = FakeTools([])
    tools.resources["box"] = (NOTES, DAY)
    tools.contents["memo://notes"] = CONTENT
    tools.contents["memo://dot"] = IMAGE
    tools.contents["memo://large"] = ToolFailed("box:memo://large is larger than 2 MB, the limit for a text.", "")
    return tools


def switch_on(chat: ScriptedChat) -> None:
    chat.chat.session.own_settings = ConversationSettings(tools=ToolUse(servers=("box",)))


async def attached(chat: ScriptedChat, *names: str) -> None:
    await chat.until(lambda: [going.name for going in chat.chat.files._going if going.files] == list(names))


async def test_a_resource_is_completed_after_the_files_and_sent_as_an_attachment(
    tools: FakeTools, tmp_path: Path
) -> None:
    tools.listing = asyncio.Event()
    async with scripted_chat(tools=tools, file=tmp_path / "history.db") as chat:
        prompt = chat.chat.prompt
        await chat.pilot.press(*"@not")
        await chat.shows("@notes.md")
        assert tools.listed == []
        prompt.clear_draft()
        switch_on(chat)
        # The server is started in the background; files are offered meanwhile.
        await chat.pilot.press(*"@notes")
        await chat.until(lambda: tools.listed == [("box",)])
        await chat.shows("@notes.md")
        assert "@box:" not in chat.shown()
        tools.listing.set()
        await chat.shows("@notes.md", "@box:memo://notes", "My notes · text/plain · 16 B")
        await chat.pilot.press("down", "enter")
        assert prompt.text == "@box:memo://notes "
        await attached(chat, "box:memo://notes")
        await chat.shows("+ box:memo://notes", "16 B ·", "tokens", "≈")
        assert tools.calls == [("box:memo://notes", {})]
        await chat.ask("What is in it?")
        await chat.answered()
        # It was fetched once, and is saved with the question.
        assert tools.calls == [("box:memo://notes", {})]
        stored = await chat.engine.conversations.conversation(chat.chat.session.conversation_id or "")
        assert [(file.name, file.size_bytes) for file in stored.path[0].attachments] == [("box:memo://notes", 16)]
        assert "rivers and lakes" in spoken_text(chat.provider.requests[-1].spoken()[-1])
        await chat.shows("+ box:memo://notes · 16 B")


async def test_a_name_that_is_typed_is_read_when_it_is_finished_and_errors_are_told(tools: FakeTools) -> None:
    async with scripted_chat(tools=tools) as chat:
        switch_on(chat)
        await chat.pilot.press(*"see @box:memo://dot")
        await chat.pilot.press("escape", "space")
        await attached(chat, "box:memo://dot")
        assert tools.calls == [("box:memo://dot", {})]
        await chat.pilot.press(*"and @box:notes ")
        # A name means the resource that has it.
        await attached(chat, "box:memo://dot", "box:notes")
        assert tools.calls[1:] == [("box:memo://notes", {})]
        chat.chat.prompt.clear_draft()
        await attached(chat)
        await chat.pilot.press(*"see @box:memo://large ")
        await chat.shows("box:memo://large is larger than 2 MB, the limit for a text.")
        await chat.pilot.press("enter")
        await chat.until(lambda: "box:memo://large is larger than 2 MB" in chat.notices())
        await chat.until(lambda: chat.chat.prompt.text == "see @box:memo://large ")
        assert not chat.chat.transcript.turns
        chat.chat.prompt.clear_draft()
        await chat.pilot.press(*"see @box:nothing ")
        await chat.shows("box has no resource nothing.")
        # The server is off: just words.
        chat.chat.prompt.clear_draft()
        chat.chat.session.own_settings = ConversationSettings()
        await chat.pilot.press(*"see @box:memo://notes", "enter")
        await chat.answered()
        assert chat.chat.conversation.answer is not None
        assert chat.chat.conversation.answer.question.attachments == ()


async def test_a_resource_stays_with_the_draft_of_its_conversation(tools: FakeTools, tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(["hello"], tools=tools, file=file) as chat:
        await chat.ask("hi")
        await chat.answered()
        await chat.chat.session.set_own_settings(ConversationSettings(tools=ToolUse(servers=("box",))))
        await chat.pilot.press(*"see @box:memo://notes ")
        await attached(chat, "box:memo://notes")
    async with scripted_chat(tools=tools, file=file) as chat:
        await attached(chat, "box:memo://notes")
        assert chat.chat.prompt.text == "see @box:memo://notes "


def test_rows_are_those_that_can_be_written_with_the_best_first() -> None:
    blanks = ServerResource("memo://a b", "blanks")
    resources = (ServerResource('memo://"', "quote"), blanks, NOTES, DAY)
    status = ToolServerStatus("box", resources=resources)
    rows = resource_rows("@box:memo://", [status])
    assert [row.text for row in rows] == ['@"box:memo://a b" ', "@box:memo://notes ", "@box:memo://day/"]
    assert rows[-1].help == "day · memo://day/{day}"
    assert [row.text for row in resource_rows("@my not", [status])] == ["@box:memo://notes "]
    many = ToolServerStatus("box", resources=tuple(ServerResource(f"memo://{n}") for n in range(2000)))
    assert len(resource_rows("@", [many])) == 50


def test_a_text_means_a_uri_or_the_name_of_a_resource() -> None:
    status = ToolServerStatus("box", resources=(ServerResource("memo://1", "memo://notes"), NOTES, DAY))
    for text, uri in {
        "memo://notes": "memo://notes",
        "NOTES": "memo://notes",
        "my notes": "memo://notes",
        "notes.": "memo://notes",
        "memo://day/monday": "memo://day/monday",
    }.items():
        assert resource_uri(status, text) == uri
    for text in ("day", ""):
        with pytest.raises(AttachmentRefused, match="box has no resource"):
            resource_uri(status, text)
