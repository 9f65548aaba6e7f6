"""The command palette and the other lists to choose from: what counts now first, one row each, nothing by accident."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from chat_tui.config.schema import Config
from chat_tui.providers.scripted_provider import Pause
from chat_tui.tui.chat.screen import command_palette
from chat_tui.tui.dialogs.choice import ChoiceScreen, choice_line
from chat_tui.tui.dialogs.frame import hints
from chat_tui.tui.widgets.host import ListChoice
from chat_tui.tui.widgets.styled_lines import text_of
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.panels_app import EVIL


def first(chat: ScriptedChat) -> str:
    """The first thing that the palette offers."""
    return command_palette.choices(chat.screen)[0].name


@pytest.mark.parametrize("width", [12, 36, 80])
@pytest.mark.parametrize("help", ["", EVIL + "日本" * 40])
def test_a_choice_fits_in_one_row(width: int, help: str) -> None:
    line = choice_line(ListChoice(EVIL + "日本" * 20, print, help=help, note="Ctrl+O"), 10, width)
    assert sum(cell_len(span.text) for span in line) <= width
    assert "\x1b" not in text_of([line])


def test_keys_that_do_not_fit_the_lower_edge_are_left_out_whole() -> None:
    keys = [("Enter", "open"), ("Esc", "close"), ("F4", "rename")]
    assert hints(keys, 80) == "Enter open · Esc close · F4 rename"
    assert hints(keys, 30) == "Enter open · Esc close"
    assert hints(keys, 3) == ""


async def test_the_palette_begins_with_what_counts_now() -> None:
    async with scripted_chat(["one"], ["two", Pause(60)]) as chat:
        assert first(chat) == "Choose a model"
        await chat.ask("go")
        await chat.answered()
        assert first(chat) == "Copy the answer"
        await chat.ask("on")
        await chat.shows("two")
        assert first(chat).startswith("Stop the answer")
        assert len({choice.name for choice in command_palette.choices(chat.screen)}) == len(
            command_palette.choices(chat.screen)
        )


@pytest.mark.parametrize("word", ["stop", "cancel", "abort", "pause"])
async def test_a_word_for_stopping_finds_it_also_while_no_answer_is_running(word: str) -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("ctrl+p", *word)
        await chat.shows("no answer is running")
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.app.screen is chat.screen)
        await chat.shows("No answer is running")


async def test_what_has_neither_a_key_nor_a_slash_command_has_no_note() -> None:
    async with scripted_chat() as chat:
        notes = {choice.name: choice.note for choice in command_palette.choices(chat.screen)}
        assert notes["Add a server"] == notes["Get a better local model"] == ""
        assert notes["System prompt"] == "/system"


async def test_what_was_used_by_its_name_is_found_again_and_kept() -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("ctrl+p", *"tokens", "enter")
        await chat.until(lambda: list(chat.app.kept.used) == ["answer.figures"])
        await chat.ask("/insights")
        await chat.until(lambda: list(chat.app.kept.used) == ["answer.figures", "insights.toggle"])
        recent = [choice.name for choice in command_palette.choices(chat.screen) if choice.group == "Recent"]
        assert recent == ["Insights", "Tokens, speed and cost"]


async def test_words_that_people_use_do_what_they_mean() -> None:
    async with scripted_chat() as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("ctrl+p", *"clear", "enter")
        await chat.until(lambda: chat.chat.session.conversation_id is None)
        assert chat.app.return_code is None
        await chat.pilot.press("ctrl+p", *"dark", "enter")
        await chat.until(lambda: isinstance(chat.app.screen, ChoiceScreen) and "paper" in chat.shown())
        await chat.pilot.press("escape", "ctrl+p", *"login", "enter")
        await chat.shows("More models", "Add a provider", "Get a better local model")
        assert len(await chat.engine.conversations.summaries()) == 1


async def test_a_command_that_needs_words_is_put_into_the_prompt_but_never_over_a_draft() -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("ctrl+p", *"system prompt", "enter")
        await chat.until(lambda: chat.chat.prompt.text == "/system ")
        await chat.pilot.press("X", "ctrl+p", *"attach a file", "enter")
        await chat.until(lambda: "The prompt is not empty" in chat.notices())
        assert chat.chat.prompt.text == "/system X"


async def test_a_theme_is_shown_under_the_cursor_and_esc_takes_it_back() -> None:
    async with scripted_chat(config=Config(theme="fjord")) as chat:
        await chat.ask("/theme")
        await chat.until(lambda: isinstance(chat.app.screen, ChoiceScreen))
        await chat.shows("fjord", "in use", "the terminal's own")
        await chat.pilot.press("down")
        await chat.until(lambda: chat.app.theme == "graphite")
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.theme == "fjord")
        assert chat.app.kept.theme == ""
        await chat.ask("/theme")
        await chat.until(lambda: isinstance(chat.app.screen, ChoiceScreen))
        await chat.pilot.press(*"paper", "enter")
        await chat.until(lambda: chat.app.kept.theme == "paper" and chat.app.theme == "paper")


@pytest.mark.parametrize(("columns", "helps"), [(120, True), (60, False)])
async def test_help_that_would_be_cut_to_a_few_words_is_left_out(columns: int, helps: bool) -> None:
    async with scripted_chat(size=(columns, 30)) as chat:
        await chat.pilot.press("ctrl+p", *"new conversation")
        await chat.shows("New conversation", "Ctrl+N")
        assert ("start a new" in chat.shown()) is helps


async def test_what_may_follow_a_command_from_the_palette_is_offered() -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("ctrl+p", *"temperature", "enter")
        await chat.shows("/temperature", "most predictable")
        await chat.pilot.press(*"0.2", "enter")
        await chat.shows("temp 0.2")


@pytest.mark.parametrize("columns", [80, 120])
async def test_the_list_of_themes_leaves_some_of_the_chat_in_sight(columns: int) -> None:
    async with scripted_chat(size=(columns, 24)) as chat:
        await chat.ask("/theme")
        await chat.until(lambda: isinstance(chat.app.screen, ChoiceScreen))
        frame = chat.app.screen.query_one(".frame")
        await chat.until(lambda: frame.region.right == columns)
        assert frame.region.x >= 24
