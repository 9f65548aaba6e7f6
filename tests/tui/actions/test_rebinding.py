"""Other keys for what the table lists: the new key acts, the old one no longer does, and people are told which."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.widget import Widget

from chat_tui.config.schema import Config
from chat_tui.core.chunks import Token
from chat_tui.core.errors import Rejected
from chat_tui.providers.scripted_provider import Fault, Script
from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.action import Action
from chat_tui.tui.actions.bindings import as_bound
from chat_tui.tui.actions.rebinding import rebind
from chat_tui.tui.actions.table import TABLE
from chat_tui.tui.app import ChatApp
from chat_tui.tui.compare.screen import CompareScreen
from chat_tui.tui.dialogs.help import help_lines
from chat_tui.tui.history.sidebar import ConversationRows
from chat_tui.tui.widgets.row_list import Filter
from tests.doubles.fake_backend import FakeWeights
from tests.doubles.scripted_chat import DEEP, FAST, ScriptedChat, scripted_chat
from tests.support.key_pilot import KeyPilot
from tests.support.prompt_app import PromptApp, app_of, press, prompt_of

FREE = "f20"
"""A key that nothing has."""
PLACES = (
    "everywhere",
    "prompt",
    "transcript",
    "selection",
    "find bar",
    "lists",
    "history list",
    "side by side",
    "model list",
)
SCREENS = {"screens": "/help", "texts": "/help", "comparison": "/diff", "context": "/context", "choice": "/compare"}
"""What opens one that has the keys of a place."""
ASKS = {"answer.regenerate", "code.save"}
"""They act after Enter."""
CAN_BE_REBOUND = [row for row in TABLE if not row.fixed]


class Watched(ChatApp):
    """It notes which actions keys ask for, and carries none of them out while `watching`."""

    watching = False
    asked: list[str]

    async def run_action(self, action: object, *args: object, **options: object) -> bool:
        if not self.watching:
            return await super().run_action(action, *args, **options)  # type: ignore[arg-type]
        self.asked.append(str(action))
        return False


@asynccontextmanager
async def watched() -> AsyncIterator[tuple[ScriptedChat, Watched]]:
    """A chat with one answer, which is listed."""
    chat = ScriptedChat(Config(), (), None, FakeWeights())
    chat.app = app = Watched(chat._config, chat.open_engine)
    chat.pilot = KeyPilot(app)
    async with app.run_test(size=(120, 36)):
        await chat.screen.wait_for_engine()
        await chat.ask("hi")
        await chat.answered()
        await chat.until(lambda: chat.screen.history.under)
        yield chat, app
        await chat.screen.leave()
        await chat.engine.close()


async def stand(chat: ScriptedChat, where: str) -> None:
    """Let keys act there."""
    wanted: Widget = chat.chat.prompt
    if where in ("transcript", "selection"):
        wanted = chat.chat.transcript
    elif where == "find bar":
        wanted = chat.chat.find_bar
        if not wanted.display:
            chat.chat.find_bar.open()
    elif where in ("lists", "history list"):
        wanted = chat.screen.history.query_one(ConversationRows)
    elif where == "model list":
        chat.screen.models.open_models()
        wanted = chat.screen.picker.query_one(Filter)
    elif where == "side by side":
        if not isinstance(chat.app.screen, CompareScreen):
            comparison = await chat.engine.compare(None, "Which?", (FAST.name, DEEP.name))
            await chat.app.push_screen(CompareScreen(comparison))
        assert isinstance(chat.app.screen, CompareScreen)
        wanted = chat.app.screen.columns[0].text
    wanted.focus()
    await chat.until(lambda: wanted.has_focus)
    if where == "selection" and chat.chat.transcript.keyboard.caret is None:
        chat.chat.transcript.begin_selecting()
        await chat.until(lambda: chat.chat.transcript.keyboard.caret is not None)


@pytest.mark.parametrize("key", ["ctrl+e", "ctrl+k", "alt+t"])
async def test_a_key_that_edits_text_does_what_it_is_bound_to(key: str) -> None:
    async with watched() as (chat, app):
        for row in CAN_BE_REBOUND:
            if row.where in ("everywhere", "prompt"):
                await asked(chat, app, row, {row.id: key}, key)
                # Only where the list of completions is open the key closes that first.
                assert app.asked[0] in (row.action, "close_completions", "copy"), row.id
        for command in ("/history", "/theme"):
            app.set_keymap({"screen.close": key})
            chat.chat.prompt.focus()
            await chat.ask(command)
            await chat.until(lambda: isinstance(app.focused, Filter))
            await chat.pilot.press(key)
            await chat.until(lambda: not isinstance(app.focused, Filter))


@pytest.mark.parametrize("where", PLACES)
async def test_a_rebound_key_acts_and_the_key_before_no_longer_does(where: str) -> None:
    rows = [row for row in CAN_BE_REBOUND if row.where == where]
    async with watched() as (chat, app):
        for row in rows:
            assert not row.keys or await asked(chat, app, row, {}, row.keys), row.id
            assert await asked(chat, app, row, {row.id: FREE}, FREE), row.id
            assert not row.keys or not await asked(chat, app, row, {row.id: FREE}, row.keys), row.id


async def asked(chat: ScriptedChat, app: Watched, row: Action, changed: dict[str, str], keys: str) -> bool:
    """Whether any of these keys asks for the row's action."""
    await stand(chat, row.where)
    if row.id == "turn.after":
        # Below the last message the key leads to the prompt.
        chat.chat.transcript.action_previous_turn()
        chat.chat.transcript.action_previous_turn()
    app.set_keymap(changed)
    app.asked, app.watching = [], True
    await press(chat.pilot, *keys.split(","))
    await chat.pilot.acted()
    if row.id in ASKS and chat.chat.transcript.has_focus:
        await press(chat.pilot, "enter")
        await chat.pilot.acted()
    app.watching = False
    return row.action in app.asked


def test_every_place_is_tried() -> None:
    assert {row.where for row in TABLE} == {*PLACES, *SCREENS}


@pytest.mark.parametrize("where", SCREENS)
async def test_a_rebound_key_acts_on_a_screen_over_the_chat_which_names_it(where: str) -> None:
    rows = [row for row in CAN_BE_REBOUND if row.where == where]
    async with watched() as (chat, app):
        await chat.ask("/retry")
        await chat.until(lambda: len(chat.provider.requests) == 2)
        await chat.answered()
        for row in rows:
            app.changed_keys = {row.id: FREE}
            app.set_keymap(app.changed_keys)
            chat.chat.prompt.focus()
            await chat.ask(SCREENS[where])
            await chat.until(lambda: app.screen is not chat.screen)
            if row.id in app.screen.KEYS:  # type: ignore[attr-defined]
                await chat.shows(f"F20 {row.label}")
            app.asked, app.watching = [], True
            await press(chat.pilot, *row.keys.split(","))
            assert row.action not in app.asked, row.id
            await press(chat.pilot, FREE)
            assert row.action in app.asked, row.id
            app.watching = False
            app.pop_screen()
            await chat.until(lambda: app.screen is chat.screen)


def test_help_and_footer_tell_the_rebound_key() -> None:
    for row in CAN_BE_REBOUND:
        good, wrong = rebind({row.id: FREE})
        assert (good, wrong) == ({row.id: FREE}, [])
        told = ["".join(span.text for span in line) for line in help_lines(good, 200)]
        assert [line for line in told if line.startswith("F20 ") and row.description in line], row.id
        assert bindings.footer([row.id], good) == [("F20", row.label)], row.id


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, "Esc stops it, or Ctrl+O."),
        ({"models.open": "f20"}, "Esc stops it, or F20."),
        ({"models.open": "escape", "answer.cancel": "ctrl+o"}, "Ctrl+O stops it, or Esc."),
        ({"question.edit": "x"}, "Esc stops it, or Ctrl+O."),
    ],
)
def test_a_sentence_names_the_keys_that_are_bound(changed: dict[str, str], told: str) -> None:
    assert as_bound("Esc stops it, or Ctrl+O.", changed) == told


async def test_a_notice_names_the_bound_key() -> None:
    async with scripted_chat(config=Config(keys={"history.open": "ctrl+k"})) as chat:
        await chat.pilot.press("ctrl+f")
        await chat.until(lambda: "Ctrl+K searches all conversations." in chat.notices())


async def test_what_stands_on_the_screen_names_the_bound_keys() -> None:
    keys = {"answer.cancel": "f20", "transcript.fold": "z", "transcript.end": "ctrl+e", "list.choose": "f19"}
    refused = Fault(Rejected("The server refused it.", "Choose another with Ctrl+O."))
    scripts: list[Script] = [[Token("Hm.", "thinking"), "word\n\n" * 60], *[[refused]] * 4]
    config = Config(keys={**keys, "models.open": "f18", "prompt.send": "ctrl+d"})
    async with scripted_chat(*scripts, config=config, size=(80, 24)) as chat:
        await chat.shows("F20 stops it and keeps what")
        await chat.pilot.press("h", "ctrl+d")
        await chat.answered()
        chat.chat.transcript.focus()
        await chat.pilot.press("g")
        await chat.shows("· z shows it", "below · Ctrl+E: jump to latest")
        await chat.pilot.press("e")
        await chat.shows("Ctrl+D sends · F20 cancels" if chat.chat.size.width > 80 else "F20 cancels")
        await chat.pilot.press("f20", "f18")
        await chat.shows("F19 choose · F5 favourite · F20 close")
        await chat.pilot.press("f20")
        chat.chat.prompt.focus()
        await chat.pilot.press("h", "ctrl+d")
        await chat.answered()
        await chat.shows("Choose another with F18.")


@pytest.mark.parametrize("row", [row for row in TABLE if row.fixed], ids=lambda row: row.id)
def test_what_is_fixed_says_why_and_has_no_action(row: Action) -> None:
    assert not row.action
    good, [error] = rebind({row.id: FREE})
    assert good == {}
    assert row.fixed in error.title
    assert "cannot be rebound" in error.title


def test_every_other_row_has_an_action() -> None:
    assert all(row.action for row in CAN_BE_REBOUND)


@pytest.mark.parametrize("keys", [{"prompt.send": "ctrl+s"}, {"prompt.send": "ctrl+s", "prompt.new_line": "enter"}])
async def test_enter_can_make_new_lines_and_another_key_send(keys: dict[str, str]) -> None:
    assert rebind(keys) == (keys, [])
    async with PromptApp().run_test(size=(60, 24)) as pilot:
        pilot.app.set_keymap(keys)
        await press(pilot, "a", "enter", "b", "ctrl+s", "c")
        assert app_of(pilot).asked == ["a\nb"]
        pilot.app.set_keymap({})
        prompt_of(pilot).clear_draft()
        await press(pilot, "a", "ctrl+j", "b", "enter")
        assert app_of(pilot).asked == ["a\nb", "a\nb"]


async def test_enter_and_the_new_line_key_can_change_places() -> None:
    keys = {"prompt.send": "ctrl+j", "prompt.new_line": "enter"}
    assert rebind(keys) == (keys, [])
    async with PromptApp().run_test(size=(60, 24)) as pilot:
        pilot.app.set_keymap(keys)
        await press(pilot, "a", "enter", "b", "ctrl+j")
        assert app_of(pilot).asked == ["a\nb"]


async def test_the_rebound_key_is_on_the_screen_and_sends() -> None:
    async with scripted_chat(config=Config(keys={"prompt.send": "ctrl+s", "prompt.new_line": "enter"})) as chat:
        await chat.shows("Ctrl+S send", "Enter new line")
        await chat.pilot.press("a", "enter", "b", "ctrl+s")
        await chat.answered()
        assert chat.chat.transcript.turns[0].text == "a\nb"


async def test_letters_move_the_caret_where_they_are_bound() -> None:
    async with scripted_chat(config=Config(keys={"selection.right": "l", "selection.left": "h"})) as chat:
        await chat.ask("hi")
        await chat.answered()
        transcript = chat.chat.transcript
        transcript.begin_selecting()
        columns = []
        for key in ("l", "l", "h", "right"):
            await chat.pilot.press(key)
            assert transcript.keyboard.caret is not None
            columns.append(transcript.keyboard.caret.column)
        assert columns == [1, 2, 1, 1]


async def test_a_filter_over_a_list_has_the_lists_keys() -> None:
    async with scripted_chat(config=Config(keys={"list.choose": "f20"})) as chat:
        await chat.pilot.press("ctrl+o")
        await chat.until(lambda: isinstance(chat.app.focused, Filter))
        await chat.pilot.press("enter")
        assert chat.screen.picker.is_open
        await chat.pilot.press("f20")
        await chat.until(lambda: not chat.screen.picker.is_open)


async def test_many_faults_in_keys_are_told_together() -> None:
    faults = {"no.such": "f5", "models.open": "ctrl+nope", "find.open": "ctrl+n", "stats.toggle": "a"}
    async with scripted_chat(config=Config(keys=faults)) as chat:
        notice = next(notice for notice in chat.app._notifications if "[keys]" in notice.title)
    assert "4 entries cannot be used" in notice.title
    for name in faults:
        assert name in notice.message
