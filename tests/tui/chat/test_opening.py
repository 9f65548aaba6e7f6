"""`chat-tui QUESTION`, `-c` and `open`: what the screen begins with."""

from __future__ import annotations

from pathlib import Path

from chat_tui.core.request import Request
from chat_tui.tui.chat.screen.opening import Opening
from chat_tui.tui.history.screen import HistoryScreen
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat


async def with_history(file: Path) -> None:
    async with scripted_chat(["Pour water over it."], ["Steep it."], file=file) as chat:
        for question, model in (("How to make coffee", "shelf/deep"), ("How to make tea", "shelf/fast")):
            answer = await chat.engine.ask(None, question, Request(model=model))
            await answer.saved.wait()


def asked(chat: ScriptedChat) -> list[str]:
    return [turn.text for turn in chat.chat.transcript.turns if turn.role == "user"]


async def test_a_question_is_asked_as_soon_as_the_engine_is_open(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Tea is a drink.")
    opening = Opening(question="What is it?", files=(str(file),), system_prompt="Be short.")
    async with scripted_chat(["A drink."], opening=opening) as chat:
        await chat.shows("What is it?", "A drink.", "notes.txt")
        await chat.answered()
        request = chat.provider.requests[-1]
        assert request.turns[0].text == "Be short."
        assert [each.name for each in request.turns[1].attachments] == ["notes.txt"]


async def test_a_question_attaches_the_files_that_it_names_and_leaves_the_draft_alone(tmp_path: Path) -> None:
    for name in ("notes.txt", "other.txt"):
        (tmp_path / name).write_text("Tea is a drink.")
    history = tmp_path / "history.db"
    async with scripted_chat(file=history) as chat:
        await chat.pilot.press(*f"later @{tmp_path}/other.txt ")
        await chat.until(lambda: chat.chat.files.attachments)
        await chat.chat.session.save_draft()
    question = f"What is in @{tmp_path}/notes.txt? Ask a@b.example and @nobody."
    async with scripted_chat(["A drink."], file=history, opening=Opening(question=question)) as chat:
        await chat.answered()
        turn = chat.provider.requests[-1].turns[-1]
        assert (turn.text, [each.name for each in turn.attachments]) == (question, ["notes.txt"])
        assert chat.chat.prompt.draft == f"later @{tmp_path}/other.txt "
        chat.chat.files.follow()
        await chat.until(lambda: [each.name for each in chat.chat.files.attachments] == ["other.txt"])


async def test_the_last_conversation_goes_on_with_its_model(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    await with_history(file)
    opening = Opening(question="Which?", conversation="last")
    async with scripted_chat(["Green or black."], file=file, opening=opening) as chat:
        await chat.shows("How to make tea", "Green or black.")
        await chat.answered()
        assert asked(chat) == ["How to make tea", "Which?"]
        assert chat.screen.models.model == "shelf/fast"
        assert "model shelf/fast" in chat.notices()


async def test_a_conversation_is_opened_by_words_of_its_title(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    await with_history(file)
    async with scripted_chat(file=file, opening=Opening(conversation="coffee", keeps_model=True)) as chat:
        await chat.shows("Pour water over it.")
        assert chat.screen.models.model is None


async def test_words_of_no_title_are_searched_for(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    await with_history(file)
    async with scripted_chat(file=file, opening=Opening(conversation="steep", searches=True)) as chat:
        await chat.until(lambda: isinstance(chat.app.screen, HistoryScreen))
        await chat.shows("steep", "Steep it.")


async def test_a_question_for_a_conversation_that_is_not_there_stays_in_the_prompt() -> None:
    async with scripted_chat(opening=Opening(question="Which?", conversation="last")) as chat:
        await chat.until(lambda: "There are no conversations yet" in chat.notices())
        await chat.until(lambda: chat.chat.prompt.text == "Which?")
        assert asked(chat) == []
