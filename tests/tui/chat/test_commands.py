"""The slash commands: what is typed, and what the screen does with it."""

from __future__ import annotations

import pytest

import chat_tui.tui.chat.commands.command_line  # noqa: F401  It registers the commands.
from chat_tui.core.errors import CommandError
from chat_tui.core.settings.preset import Preset, Variable
from chat_tui.core.text.control_characters import clean
from chat_tui.providers.scripted_provider import Pause
from chat_tui.tui.actions import slash_commands
from chat_tui.tui.actions.slash_commands import CommandCall, CompletionSources, parse
from chat_tui.tui.dialogs.help import HelpScreen
from chat_tui.tui.history.rows import excerpt
from chat_tui.tui.history.screen import HistoryScreen
from tests.doubles.scripted_chat import scripted_chat

NO_SOURCES = CompletionSources(list, list, list, list, list)


def completed(typed: str) -> list[str]:
    return [text for text, _ in slash_commands.completions(typed, NO_SOURCES)]


@pytest.mark.parametrize("typed", ["/clear", "  /CLEAR  ", "/Clear\n", "\t/cLeAr"])
def test_a_command_is_taken_trimmed_and_in_any_case(typed: str) -> None:
    assert parse(typed) == CommandCall("clear")


def test_what_follows_a_command_keeps_its_case() -> None:
    assert parse("/System  You are Bob. ") == CommandCall("system", "You are Bob.")


@pytest.mark.parametrize(("typed", "sent"), [("//etc", "/etc"), (" hello ", " hello "), ("a /clear", "a /clear")])
def test_words_are_sent_and_two_slashes_send_one(typed: str, sent: str) -> None:
    assert parse(typed) == sent


@pytest.mark.parametrize(("typed", "near"), [("/clera", "/clear"), ("/histroy", "/history"), ("/h", "/help")])
def test_an_unknown_command_names_near_ones(typed: str, near: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(typed)
    assert near in caught.value.hint
    assert "//" in caught.value.hint


@pytest.mark.parametrize("typed", ["/", "/ ", "/\x1b]52;c;aGk=\x07", "/" + "x" * 10_000])
def test_an_odd_command_is_told_in_a_short_clean_line(typed: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(typed)
    told = caught.value.title + caught.value.hint
    assert "\x1b" not in told
    assert len(told) < 400


def test_completion_offers_what_begins_so_first() -> None:
    assert completed("/str")[:1] == ["/strategy "]
    assert [text.strip() for text in completed("/s")][:3] == ["/save", "/search", "/set"]
    assert completed("/EXI") == ["/exit"]
    # Enter runs these: another name in their place would need another Enter.
    assert completed("/new")[0] == "/new"
    assert completed("/q")[0] == "/q"
    assert not completed("//s")
    assert not completed("/system x")


USED = {"theme.choose": 3, "stats.show": 5, "conversation.pin": 1}


def test_the_list_has_names_of_a_few_words_and_the_most_used_first() -> None:
    sources = CompletionSources(list, list, list, list, list, lambda: USED)
    rows = slash_commands.completions("/", sources)
    assert [text.strip() for text, _ in rows[:5]] == ["/stats", "/theme", "/pin", "/clear", "/model"]
    assert dict(rows)["/model "] == "Choose a model"
    assert not [help for _, help in rows if len(help.split()) > 6]
    assert [text.strip() for text, _ in slash_commands.completions("/s", sources)[:2]] == ["/stats", "/save"]


@pytest.mark.parametrize(
    ("typed", "called"),
    [
        ("/new", "clear"),
        ("/q", "exit"),
        ("/quit", "exit"),
        ("/models", "model"),
        ("/regen", "retry"),
        ("/regenerate", "retry"),
        ("/redo", "retry"),
        ("/upload", "attach"),
        ("/keys", "help"),
        ("/title", "rename"),
        ("/fork", "branch"),
        ("/cost", "stats"),
    ],
)
def test_other_names_that_people_type_call_the_command(typed: str, called: str) -> None:
    assert parse(typed) == CommandCall(called)


TRANSLATE = Preset(name="translate", description="Translate as you type.", system_prompt="Translate.")
THEME = Preset(name="theme", description="Not a theme.", system_prompt="Nothing.")


def test_the_name_of_a_preset_is_a_command_unless_a_command_has_that_name() -> None:
    names = ["translate", "theme"]
    assert parse("/translate to=French Hello", names) == CommandCall("preset", "translate to=French Hello")
    assert parse("/Theme paper", names) == CommandCall("theme", "paper")
    with pytest.raises(CommandError):
        parse("/translate French")
    sources = CompletionSources(list, list, list, list, lambda: [TRANSLATE, THEME])
    assert ("/translate ", "Preset: Translate as you type.") in slash_commands.completions("/tr", sources)
    assert ("/theme ", "Preset: Not a theme.") not in slash_commands.completions("/the", sources)


async def test_a_preset_is_used_by_its_name_also_before_the_presets_were_read() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/translate French")
        await chat.until(lambda: chat.chat.session.preset is not None and chat.chat.session.preset.name == "translate")
        await chat.ask("/nosuchpreset x")
        await chat.until(lambda: "Unknown command /nosuchpreset" in chat.notices())
        assert chat.chat.prompt.text == "/nosuchpreset x"


async def test_a_preset_by_its_name_takes_named_values_and_the_text_that_follows() -> None:
    async with scripted_chat(["Bonjour."]) as chat:
        await chat.ask("/translate to=fr Good morning")
        await chat.answered()
        assert chat.chat.session.preset is not None
        assert chat.chat.session.preset.values == {"language": "fr"}
        assert [turn.text for turn in chat.chat.conversation.turns] == ["Good morning", "Bonjour."]
        await chat.ask("/translate langage=fr")
        await chat.until(lambda: "has no variable `langage`" in chat.notices())
        assert "It has: language. Short names: to for language." in chat.notices()
        assert chat.chat.prompt.text == "/translate langage=fr"


def test_the_choices_of_a_named_variable_are_completed() -> None:
    preset = Preset(
        name="say", variables={"tone": "calm", "language": Variable("x", choices=("French",), aliases=("to",))}
    )
    sources = CompletionSources(list, list, list, list, lambda: [preset])
    assert [row for row, _ in slash_commands.completions("/say tone=dry to=f", sources)] == ["/say tone=dry to=French"]
    assert not slash_commands.completions("/say nothing=f", sources)


def test_an_alias_calls_and_completes_its_command() -> None:
    assert parse("/Quit") == CommandCall("exit")
    assert completed("/qui") == ["/exit"]


def test_a_name_is_registered_once() -> None:
    handler = next(known.handler for known in slash_commands.commands() if known.name == "help")
    with pytest.raises(ValueError, match="/help is registered twice"):
        slash_commands.command("help")(handler)
    with pytest.raises(ValueError, match="/nothing is in no row"):
        slash_commands.command("nothing")(handler)


def test_a_model_and_a_strategy_are_taken_by_name_or_told_with_near_ones() -> None:
    known = ["local/smollm2-135m", "shelf/fast"]
    assert slash_commands.chosen_model("shelf/fast", known) == "shelf/fast"
    assert slash_commands.chosen_model("shelf/unlisted", known) == "shelf/unlisted"
    with pytest.raises(CommandError, match=r"Unknown model: shelf-fast") as caught:
        slash_commands.chosen_model("shelf-fast", known)
    assert "shelf/fast" in caught.value.hint
    assert slash_commands.chosen_strategy("Balanced", ["balanced"]) == "balanced"
    with pytest.raises(CommandError):
        slash_commands.chosen_strategy("nope", ["balanced"])


def test_an_excerpt_is_the_first_100_characters() -> None:
    assert excerpt("x" * 100) == "x" * 100
    assert excerpt("x" * 101) == "x" * 100 + "..."
    assert excerpt(clean("a\nb\x1b[2J")) == "a b"


async def test_a_wrong_command_is_told_and_its_words_stay() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/clera now")
        await chat.shows("Unknown command", "Did you mean /clear?")
        assert chat.chat.prompt.text == "/clera now"
        chat.chat.prompt.clear_draft()
        await chat.ask("/model shelf/fats/x y")
        await chat.pilot.pause(0.1)
        chat.chat.prompt.clear_draft()
        await chat.ask("/strategy wrong")
        await chat.until(lambda: "Unknown strategy" in chat.notices())
        assert chat.chat.prompt.text == "/strategy wrong"
        assert not chat.provider.requests


async def test_clear_begins_a_fresh_conversation_and_keeps_the_old_one() -> None:
    async with scripted_chat() as chat:
        await chat.ask("first")
        await chat.answered()
        await chat.ask("/CLEAR ")
        await chat.until(lambda: chat.chat.session.conversation_id is None)
        await chat.until(lambda: chat.chat.welcome.display)
        assert [summary.title for summary in await chat.engine.conversations.summaries()] == ["first"]
        await chat.ask("second")
        await chat.answered()
        assert [turn.text for turn in chat.provider.requests[-1].spoken()][-1] == "second"
        assert "first" not in [turn.text for turn in chat.provider.requests[-1].spoken()]


async def test_history_shows_number_time_and_the_first_100_characters() -> None:
    async with scripted_chat(["b" * 300]) as chat:
        await chat.ask("a" * 150)
        await chat.answered()
        await chat.ask("/history")
        await chat.until(lambda: isinstance(chat.app.screen, HistoryScreen))
        created = chat.chat.conversation.turns[0].created
        assert created is not None
        await chat.shows(f"1. [{created.astimezone():%H:%M:%S}]", "You: " + "a" * 80, "Bot: " + "b" * 80)
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.screen)


async def test_history_says_that_there_is_none_yet() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/history")
        await chat.shows("This conversation is empty")


async def test_history_shows_what_has_come_of_a_running_answer() -> None:
    async with scripted_chat(["Half of it", Pause(60)]) as chat:
        await chat.ask("go")
        await chat.shows("Half of it")
        await chat.pilot.press("ctrl+r")
        await chat.shows("Bot: Half of it")


async def test_system_sets_shows_and_resets_the_system_turn() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/system Answer in rhymes.")
        await chat.until(lambda: "of the next conversation was set" in chat.notices())
        await chat.ask("hello")
        await chat.answered()
        assert chat.provider.requests[-1].turns[0].text == "Answer in rhymes."
        await chat.ask("/system")
        await chat.shows("Answer in rhymes.")
        await chat.ask("/system default")
        await chat.until(lambda: "this conversation was set" in chat.notices())
        await chat.ask("again")
        await chat.until(lambda: len(chat.provider.requests) == 2)
        assert chat.provider.requests[-1].turns[0].text == chat.engine.config.system_prompt
        await chat.answered()


async def test_model_and_strategy_act_at_once() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/model shelf/deep")
        await chat.until(lambda: "shelf/deep" in chat.shown(chat.screen.picker))
        assert "(fixed · Ctrl+T: Auto)" in chat.shown(chat.screen.picker)
        assert "shelf/deep answers from now on Ctrl+T or /auto: back to Auto (balanced)" in chat.notices()
        await chat.ask("/strategy QUALITY-FIRST")
        await chat.until(lambda: "quality-first" in chat.shown(chat.screen.picker))
        await chat.ask("well?")
        await chat.answered()
        assert chat.provider.requests[-1].strategy == "quality-first"
        await chat.ask("/model")
        await chat.until(lambda: chat.screen.picker.is_open)


async def test_help_shows_every_key_and_every_command() -> None:
    async with scripted_chat(size=(120, 260)) as chat:
        await chat.ask("/help")
        await chat.until(lambda: isinstance(chat.app.screen, HelpScreen))
        await chat.shows(
            "Ctrl+O", "Ctrl+J or Shift+Enter", *(f"/{command.name}" for command in slash_commands.commands())
        )
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.screen)


async def test_theme_changes_the_whole_screen_at_once() -> None:
    async with scripted_chat() as chat:
        await chat.ask("hello")
        await chat.answered()
        before = chat.app.export_screenshot()
        await chat.ask("/theme paper")
        await chat.until(lambda: chat.app.theme == "paper")
        await chat.until(lambda: chat.app.export_screenshot() != before)
        ground = chat.app.ink().text
        assert ground
        await chat.ask("/theme no-such")
        await chat.until(lambda: "Unknown theme" in chat.notices())
        await chat.pilot.press("ctrl+c")
        await chat.ask("/theme")
        await chat.shows("dusk", "moss", "paper", "signal")


async def test_exit_ends_with_code_0() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/exit")
        await chat.until(lambda: chat.app.return_code == 0)


async def test_forgetting_what_was_not_chosen_says_so() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/forget")
        await chat.until(lambda: "Found models that you chose none" in chat.notices())
        await chat.ask("/forget shelf/fast")
        await chat.until(
            lambda: "shelf/fast is in no remembered line, and is not a found model that you chose." in chat.notices()
        )
