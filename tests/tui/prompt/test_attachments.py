"""Files that go along with a question, on the screen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chat_tui.core.request import Request
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    file = tmp_path / "notes.md"
    file.write_text("rivers and lakes")
    return file


async def listed(chat: ScriptedChat, *names: str) -> None:
    await chat.until(lambda: [going.name for going in chat.chat.files._going if going.files] == list(names))
    await chat.pilot.pause()


def sent(chat: ScriptedChat) -> list[str]:
    assert chat.chat.conversation.answer is not None
    return [file.name for file in chat.chat.conversation.answer.question.attachments]


async def test_an_attached_file_is_listed_sent_once_and_shown_with_its_turn(notes: Path) -> None:
    async with scripted_chat() as chat:
        await chat.ask(f"/attach {notes}")
        await listed(chat, "notes.md")
        await chat.shows("+ notes.md", "16 B", "tokens · ≈$")
        await chat.ask("What is in it?")
        await chat.answered()
        assert sent(chat) == ["notes.md"]
        assert chat.chat.conversation.answer is not None
        assert chat.chat.conversation.answer.question.attachments[0].content == b"rivers and lakes"
        await chat.shows("+ notes.md · 16 B")
        assert not len(chat.chat.files)
        await chat.ask("And now?")
        await chat.until(
            lambda: (
                chat.chat.conversation.answer is not None and chat.chat.conversation.answer.question.text == "And now?"
            )
        )
        assert sent(chat) == []


async def test_enter_with_only_files_says_that_a_question_is_missing(notes: Path, tmp_path: Path) -> None:
    (tmp_path / "more.md").write_text("and seas")
    async with scripted_chat() as chat:
        await chat.pilot.press("enter")
        assert not chat.notices()
        await chat.ask(f"/attach {notes}")
        await listed(chat, "notes.md")
        await chat.pilot.press("enter")
        await chat.until(lambda: "notes.md is attached. Backspace removes it." in chat.notices())
        await chat.ask(f"/attach {tmp_path / 'more.md'}")
        await listed(chat, "notes.md", "more.md")
        await chat.pilot.press("space", "enter")
        await chat.until(lambda: "2 files are attached." in chat.notices())
        assert chat.chat.conversation.answer is None
        assert len(chat.chat.files) == 2


async def test_a_path_that_is_typed_behind_an_at_sign_goes_along_and_goes_with_its_words(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notes.parent)
    async with scripted_chat() as chat:
        await chat.pilot.press(*"see @notes.md ")
        await listed(chat, "notes.md")
        await chat.pilot.press("ctrl+w", "ctrl+w", "ctrl+w")
        await listed(chat)
        chat.chat.prompt.set_draft("")
        await chat.pilot.press(*"see @notes.md")
        await chat.pilot.press("escape", "enter")
        await chat.answered()
        assert sent(chat) == ["notes.md"]
        # What ends the sentence is no part of the name.
        await chat.pilot.press(*"what is in @notes.md?")
        await chat.until(lambda: [going.named for going in chat.chat.files._going if going.files] == ["notes.md?"])
        await listed(chat, "notes.md")
        await chat.pilot.press("enter")
        await chat.answered()
        assert sent(chat) == ["notes.md"]


async def test_what_is_pasted_takes_no_file_along_by_itself(notes: Path) -> None:
    async with scripted_chat() as chat:
        chat.chat.prompt.paste(f"do this: @{notes} now")
        await chat.pilot.press(*" please", "enter")
        await chat.answered()
        assert sent(chat) == []


async def test_a_dropped_file_is_offered_and_taken_by_tab(notes: Path) -> None:
    async with scripted_chat() as chat:
        chat.chat.prompt.paste(str(notes))
        await chat.shows("attach this file")
        await chat.pilot.press("tab")
        assert chat.chat.prompt.text == f"@{notes} "
        await listed(chat, "notes.md")


async def test_enter_sends_a_path_that_was_pasted_among_words_as_it_is(notes: Path) -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press(*"what is ")
        chat.chat.prompt.paste(str(notes))
        await chat.shows("attach this file")
        await chat.pilot.press("enter")
        await chat.answered()
        assert chat.chat.conversation.answer is not None
        assert chat.chat.conversation.answer.question.text == f"what is {notes}"
        assert sent(chat) == []


async def test_backspace_at_the_start_and_detach_take_a_file_off(notes: Path) -> None:
    async with scripted_chat() as chat:
        await chat.ask(f"/attach {notes}")
        await listed(chat, "notes.md")
        await chat.pilot.press("backspace")
        await listed(chat)
        await chat.ask(f"/attach {notes}")
        await listed(chat, "notes.md")
        await chat.ask("/detach notes.md")
        await listed(chat)


async def test_a_file_that_cannot_go_along_is_told_and_nothing_is_sent(notes: Path, tmp_path: Path) -> None:
    (tmp_path / "zip").write_bytes(b"PK\x03\x04\0\0")
    async with scripted_chat() as chat:
        await chat.ask(f"/attach {tmp_path / 'zip'}")
        await chat.until(lambda: "zip is neither an image, a PDF nor UTF-8 text" in chat.notices())
        chat.chat.prompt.clear_draft()
        await chat.ask(f"/attach {notes}")
        await listed(chat, "notes.md")
        os.unlink(notes)
        await chat.ask("What is in it?")
        await chat.until(lambda: "notes.md no longer exists." in chat.notices())
        assert chat.chat.prompt.text == "What is in it?"
        assert chat.chat.conversation.answer is None
        chat.chat.prompt.clear_draft()
        await chat.ask("/detach")
        await chat.until(lambda: not len(chat.chat.files))


async def test_an_image_for_a_model_that_takes_none_is_told_before_it_is_sent(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(PNG)
    async with scripted_chat() as chat:
        for model in chat.backend._models:
            assert model.images is None
        await chat.ask("/model local/smollm2-135m")
        await chat.ask(f"/attach {tmp_path / 'photo.png'}")
        await listed(chat, "photo.png")
        chat.engine._router.models = [
            model if model.name != "local/smollm2-135m" else type(model)(model.name, 2048, images=False, local=True)
            for model in chat.backend._models
        ]
        chat.chat.estimate.refresh()
        await chat.shows("the model does not accept images")
        await chat.ask("What is this?")
        await chat.until(lambda: "takes no images; nothing was sent." in chat.notices())
        assert chat.chat.prompt.text == "What is this?"
        assert [going.name for going in chat.chat.files._going] == ["photo.png"]


async def test_files_stay_with_the_draft_of_their_conversation(notes: Path, tmp_path: Path) -> None:
    async with scripted_chat(file=tmp_path / "history.db") as chat:
        await chat.ask("first")
        await chat.answered()
        await chat.ask(f"/attach {notes}")
        await listed(chat, "notes.md")
        await chat.pilot.press(*"unsent words", "ctrl+n")
        await listed(chat)
        first = chat.engine.conversations
        await chat.chat.open((await first.summaries())[0].id)
        await listed(chat, "notes.md")
    async with scripted_chat(file=tmp_path / "history.db") as chat:
        await listed(chat, "notes.md")
        assert chat.chat.prompt.text == "unsent words"


async def test_a_file_whose_question_the_engine_refuses_is_attached_again(notes: Path) -> None:
    async with scripted_chat(["One."], ["Two."]) as chat:
        await chat.ask("first")
        await chat.answered()
        question = chat.chat.conversation.turns[0]
        chat.chat.action_edit()
        # Another window edits the question meanwhile: this version of it is no longer on the path.
        other = await chat.engine.edit(chat.chat.session.conversation_id or "", question.id, "other words", Request())
        await other.saved.wait()
        await chat.chat.files.attach(str(notes))
        await listed(chat, "notes.md")
        await chat.pilot.press("enter")
        await chat.until(lambda: "This question is not shown" in chat.notices())
        await listed(chat, "notes.md")
