"""New words while an answer streams: they wait for its end, or steer it."""

from __future__ import annotations

from pathlib import Path

from chat_tui.core.errors import Rejected
from chat_tui.providers.scripted_provider import Fault, Pause
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.scripted_router import Gate

QUEUED = "Up takes it back · Tab steers"


async def streaming(chat: ScriptedChat, text: str = "Once upon") -> None:
    """A story has begun."""
    await chat.ask("Tell a story.")
    await chat.shows(text)
    await chat.until(lambda: not chat.chat.session.visit.is_asking)


def said(chat: ScriptedChat) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in chat.chat.conversation.turns]


async def steered(chat: ScriptedChat, text: str) -> None:
    await chat.ask(text)
    await chat.shows(QUEUED)
    await chat.pilot.press("tab")


async def test_tab_steers_the_part_stays_and_the_next_answer_knows_both() -> None:
    async with scripted_chat(["Once upon a time ", Pause(60)], ["the dragon was kind."]) as chat:
        await streaming(chat)
        first = chat.chat.conversation.answer
        await steered(chat, "Make the dragon kind.")
        await chat.shows("the dragon was kind.")
        await chat.answered()
        assert first is not None
        assert (first.turn.state, first.turn.text) == ("cancelled", "Once upon a time ")
        assert said(chat) == [
            ("user", "Tell a story."),
            ("assistant", "Once upon a time "),
            ("user", "Make the dragon kind."),
            ("assistant", "the dragon was kind."),
        ]
        turns = chat.provider.requests[-1].turns
        assert [turn.role for turn in turns[-3:]] == ["user", "assistant", "user"]
        assert turns[-1].text.startswith("Make the dragon kind.\n\n(You were stopped")
        assert chat.chat.prompt.text == ""


async def test_an_answer_of_which_nothing_had_come_is_steered_by_adding_to_the_question() -> None:
    async with scripted_chat([Pause(60)], ["Once."]) as chat:
        await chat.ask("Tell a story.")
        await chat.until(lambda: chat.chat.conversation.answer is not None and not chat.chat.session.visit.is_asking)
        await steered(chat, "In one word.")
        await chat.shows("Once.")
        assert chat.provider.requests[-1].turns[-1].text == "Tell a story.\n\nIn one word."


async def test_enter_lets_the_words_wait_and_they_are_asked_when_the_answer_has_ended() -> None:
    gate = Gate()
    async with scripted_chat(["Once upon", gate, " a time."], ["Another one."], ["Short."]) as chat:
        await streaming(chat)
        await chat.ask("And another.")
        await chat.shows("Queued: And another.", QUEUED)
        assert chat.chat.prompt.text == ""
        await chat.ask("A short one.")
        await chat.shows("Queued: And another. A")
        gate.open()
        await chat.shows("Another one.", "Short.")
        assert [text for role, text in said(chat) if role == "user"] == [
            "Tell a story.",
            "And another.",
            "A short one.",
        ]
        assert "Queued" not in chat.shown()


async def test_tab_steers_with_what_waits_and_leaves_newer_words_in_the_prompt() -> None:
    async with scripted_chat(["Once upon", Pause(60)], ["Done."]) as chat:
        await streaming(chat)
        await chat.ask("Be brief.")
        await chat.ask("And kind.")
        await chat.pilot.press("w", "tab")
        await chat.shows("Done.")
        await chat.answered()
        assert [text for role, text in said(chat) if role == "user"] == ["Tell a story.", "Be brief.\n\nAnd kind."]
        assert chat.chat.prompt.text == "w"


async def test_tab_before_the_answer_has_begun_says_that_the_words_wait() -> None:
    async with scripted_chat(["Once."], ["Another."], opened=False) as chat:
        chat.chat.prompt.insert("one")
        await chat.pilot.press("enter")
        chat.chat.prompt.insert("two")
        await chat.pilot.press("enter", "tab")
        assert chat.chat.prompt.has_focus
        await chat.shows("Another.")
        assert [text for role, text in said(chat) if role == "user"] == ["one", "two"]


async def test_esc_cancels_the_answer_though_words_wait_and_they_are_in_the_prompt_again() -> None:
    async with scripted_chat(["Once upon", Pause(60)]) as chat:
        await streaming(chat)
        await chat.ask("And")
        await chat.shows(QUEUED)
        await chat.pilot.press("x", "escape")
        await chat.answered()
        await chat.until(lambda: chat.chat.prompt.text == "And\n\nx")
        assert chat.chat.conversation.turns[-1].state == "cancelled"


async def test_words_that_could_not_be_sent_out_of_sight_are_told_of() -> None:
    gate = Gate()
    async with scripted_chat(["Once upon", gate, Fault(Rejected("no"))]) as chat:
        await streaming(chat)
        await chat.ask("And another.")
        await chat.pilot.press("ctrl+n")
        gate.open()
        await chat.until(lambda: "A queued message was not sent" in chat.notices())
        assert "the prompt of “Tell a story.”" in chat.notices()


async def test_up_brings_waiting_words_back_and_so_does_an_answer_that_was_cancelled_or_fails() -> None:
    for end in ("up", "escape", "fail"):
        failing = [Fault(Rejected("no"))] if end == "fail" else [" a time."]
        gate = Gate()
        async with scripted_chat(["Once upon", gate, *failing]) as chat:
            await streaming(chat)
            await chat.ask("And another.")
            await chat.shows("Queued:")
            if end == "fail":
                gate.open()
            else:
                await chat.pilot.press(end)
            await chat.until(lambda: chat.chat.prompt.text == "And another.", 8)
            assert "Queued" not in chat.shown()
            gate.open()
            await chat.answered()
            assert len(chat.chat.conversation.turns) == 2


async def test_words_wait_on_when_another_conversation_is_in_view() -> None:
    gate = Gate()
    async with scripted_chat(["Once upon", gate, " a time."], ["Another one."]) as chat:
        await streaming(chat)
        await chat.ask("And another.")
        await chat.shows("Queued:")
        id, first = chat.chat.session.conversation_id, chat.chat.conversation.answer
        assert id is not None
        assert first is not None
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: "Queued" not in chat.shown())
        gate.open()
        await chat.until(lambda: len(chat.provider.requests) == 2)
        await chat.until(lambda: not chat.engine.running(id))
        await chat.chat.open(id)
        await chat.shows("And another.", "Another one.")
        assert chat.chat.prompt.text == ""


async def test_words_that_waited_when_the_program_ended_are_in_the_prompt_again(tmp_path: Path) -> None:
    async with scripted_chat(["Once upon", Pause(60)], file=tmp_path / "history.db") as chat:
        await streaming(chat)
        await chat.ask("And another.")
        await chat.shows("Queued:")
    async with scripted_chat(file=tmp_path / "history.db") as chat:
        await chat.until(lambda: chat.chat.prompt.text == "And another.")
