"""The way from a comparison to the chat and back: what was read, what hidden names are worth."""

from __future__ import annotations

from chat_tui.config.schema import Config, Display
from tests.doubles.scripted_chat import DEEP, FAST
from tests.support.comparison_screen import compared
from tests.support.scripted_router import endless, slowly

LONG = slowly(*(f"line {number}\n\n" for number in range(200)), seconds=0.0)


async def test_who_comes_back_reads_on_where_it_was_left() -> None:
    async with compared(LONG, LONG, [*LONG[:200], *endless()], size=(120, 30)) as on:
        await on.begin()
        await on.until(lambda: sum(answer.ended for answer in on.comparison.answers) == 2)
        await on.until(lambda: "line 49" in on.comparison.answers[2].text)
        await on.until(lambda: not any(column.text.is_busy for column in on.screen.columns[:2]))
        await on.press("tab", "home", "pagedown", "tab", "home")
        await on.until(lambda: "line 0 " in on.texts()[2] and "line 0 " not in on.texts()[1])
        await on.until(lambda: "line 199" in on.texts()[0] and "line 12 " in on.texts()[1])
        before = on.screen.left
        assert before.places[FAST.name] is None
        await on.press("f4")
        await on.left()
        await on.until(lambda: not on.chat.chat.prompt.disabled)
        await on.press("f4")
        await on.until(lambda: on.is_open)
        await on.until(lambda: on.screen.left == before)
        await on.until(lambda: "line 199" in on.texts()[0] and "line 12 " in on.texts()[1])
        await on.until(lambda: "line 0 " in on.texts()[2])
        assert on.screen.current is on.screen.columns[2]


async def test_hidden_names_are_not_told_by_a_key_pressed_once() -> None:
    async with compared(["from fast"], ["from deep"]) as on:
        await on.begin(blind=True)
        await on.ended()
        await on.press("f4")
        await on.until(lambda: "The chat shows the model names" in on.chat.notices())
        assert on.is_open
        assert not [name for name in (FAST.name, DEEP.name) if name in on.shown() + on.chat.notices()]
        await on.press("f4")
        await on.left()
        await on.until(lambda: f"No answer was chosen: {FAST.name} is shown" in on.chat.notices())


async def test_the_title_runs_until_the_last_of_them_has_ended() -> None:
    async with compared(["from fast"], endless()) as on:
        titles: list[str] = []
        on.chat.app.show_title = titles.append  # type: ignore[method-assign, assignment]
        await on.begin()
        await on.until(lambda: on.comparison.answers[0].saved.is_set())
        await on.grown()
        # The chat has heard of the first end: its list does not show it as running any more.
        await on.until(lambda: not on.chat.chat.conversation.is_busy and len(titles) > 1)
        assert not [title for title in titles if title.startswith("✓")]
        await on.press("escape")
        await on.until(lambda: titles[-1].startswith("✓"))


async def test_an_edited_question_goes_to_several_and_stands_beside_the_one_before() -> None:
    async with compared(["from fast"], ["from deep"]) as on:
        chat = on.chat
        await on.ask("First?")
        await chat.until(lambda: not chat.chat.conversation.is_busy and len(chat.chat.transcript.turns) == 2)
        question, answer = chat.chat.transcript.turns
        await on.ask(f"/compare {' '.join(on.names)}")
        await chat.until(lambda: chat.chat.session.compare_models)
        chat.chat.action_edit()
        await chat.until(lambda: chat.chat.session.edited)
        await on.ask(" Really?")
        await on.until(lambda: on.is_open)
        await on.ended()
        await on.press("2")
        await on.left()
        await chat.until(lambda: chat.chat.transcript.turns[-1].text == "from deep")
        asked, kept = chat.chat.transcript.turns
        assert asked.text == "First? Really?"
        assert not chat.chat.session.edited
        assert not chat.chat.prompt.draft
        whole = await chat.engine.conversations.conversation(chat.chat.session.conversation_id or "")
        assert whole.forks[asked.id] == (question.id, asked.id)
        assert len(whole.forks[kept.id]) == 2
        await chat.engine.conversations.select(whole.id, answer.id)
        assert (await chat.engine.conversations.conversation(whole.id)).path == (question, answer)


async def test_columns_type_as_slowly_as_the_config_says_and_esc_shows_the_rest() -> None:
    slow = Config(display=Display(typing_delay_seconds=10.0))
    async with compared(LONG, LONG, config=slow) as on:
        await on.begin()
        await on.until(lambda: on.comparison.ended and all(column.pace.is_typing for column in on.screen.columns))
        assert not [text for text in on.texts() if "line 9" in text]
        await on.press("escape")
        await on.until(lambda: all("line 199" in text for text in on.texts()))
        assert on.is_open
