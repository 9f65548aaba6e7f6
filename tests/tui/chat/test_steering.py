"""New words while an answer streams: they wait for its end, or steer it."""

from __future__ import annotations

from pathlib import Path

from chat_tui.core.errors import Rejected
from chat_tui.providers.scripted import Fault, Pause
from chat_tui.tui.prompt.prompt import Prompt
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.scripted_router import Gate

OFFER = "Tab steer"


async def streaming(chat: ScriptedChat, text: str = "Once upon") -> None:
    """A story has begun."""
    await chat.ask("Tell a story.")
    await chat.shows(text)
    await chat.until(lambda: not chat.chat.session.visit.is_asking)


def said(chat: ScriptedChat) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in chat.chat.conversation.turns]


async def steered(chat: ScriptedChat, text: str) -> None:
    await chat.ask(text)
    await chat.shows(OFFER)
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


async def test_a_second_enter_lets_the_words_wait_and_they_are_asked_when_the_answer_has_ended() -> None:
    gate = Gate()
    async with scripted_chat(["Once upon", gate, " a time."], ["Another one."], ["Short."]) as chat:
        await streaming(chat)
        await chat.ask("And another.")
        await chat.shows(OFFER)
        await chat.pilot.press("enter")
        await chat.shows("Queued: And another.")
        await chat.ask("A short one.")
        await chat.pilot.press("enter")
        await chat.shows("Queued: And another. A short one.")
        gate.open()
        await chat.shows("Another one.", "Short.")
        assert [text for role, text in said(chat) if role == "user"] == [
            "Tell a story.",
            "And another.",
            "A short one.",
        ]
        assert "Queued" not in chat.shown()


async def test_what_is_told_late_of_words_that_were_typed_before_takes_no_offer_back() -> None:
    async with scripted_chat(["Once upon", Pause(60)]) as chat:
        await streaming(chat)
        await chat.ask("And another.")
        await chat.shows(OFFER)
        chat.chat.prompt.post_message(Prompt.Edited("And anot"))
        await chat.pilot.pause()
        await chat.pilot.press("enter")
        await chat.shows("Queued: And another.")


async def test_esc_and_more_words_take_the_offer_back_and_the_answer_runs_on() -> None:
    gate = Gate()
    async with scripted_chat(["Once upon", gate, " a time."]) as chat:
        await streaming(chat)
        await chat.ask("And")
        await chat.shows(OFFER)
        await chat.pilot.press("escape")
        await chat.until(lambda: OFFER not in chat.shown())
        assert chat.chat.conversation.is_busy
        await chat.pilot.press("enter")
        await chat.shows(OFFER)
        await chat.pilot.press("x")
        await chat.until(lambda: OFFER not in chat.shown())
        assert chat.chat.prompt.text == "Andx"
        gate.open()
        await chat.answered()


async def test_up_brings_waiting_words_back_and_so_does_an_answer_that_was_cancelled_or_fails() -> None:
    for end in ("up", "escape", "fail"):
        failing = [Fault(Rejected("no"))] if end == "fail" else [" a time."]
        gate = Gate()
        async with scripted_chat(["Once upon", gate, *failing]) as chat:
            await streaming(chat)
            await chat.ask("And another.")
            await chat.pilot.press("enter")
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
        await chat.pilot.press("enter")
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
        await chat.pilot.press("enter")
        await chat.shows("Queued:")
    async with scripted_chat(file=tmp_path / "history.db") as chat:
        await chat.until(lambda: chat.chat.prompt.text == "And another.")
