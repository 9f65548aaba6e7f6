"""What was pasted never names a file, whatever is typed, deleted or undone behind, before or inside of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from chat_tui.core.attachments.mentions import mentions
from chat_tui.tui.prompt.named_files import TypedCharacters
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.prompt_app import PromptApp, paste, press, prompt_of

Step = str
"""`paste TEXT`, `type TEXT`, or keys."""


@pytest.fixture
async def pilot() -> AsyncIterator[Pilot[None]]:
    async with PromptApp().run_test() as pilot:
        yield pilot


async def done(pilot: Pilot[None], *steps: Step) -> None:
    for step in steps:
        kind, _, text = step.partition(" ")
        if kind == "paste":
            await paste(pilot, text)
        elif kind == "type":
            for letter in text:
                await press(pilot, {" ": "space"}.get(letter, letter))
        elif kind == "draft":
            prompt_of(pilot).set_draft(text)
        else:
            await press(pilot, *step.split())


@pytest.mark.parametrize(
    "steps",
    [
        ("paste see @/etc/passwd x", "backspace", "backspace"),
        ("paste see @/etc/passwd", "backspace"),
        ("paste see @/etc/passwd", "type x", "backspace"),
        ("paste see @/etc/passw", "type d"),
        ("paste @/etc/passwd", "home", "type a", "backspace"),
        ("paste @/etc/passwd", "home", "delete", "type @"),
        ("paste /etc/passwd", "home", "type @", "end", "type x", "backspace"),
        ("type @", "paste /etc/passwd", "type x", "backspace"),
        ("type @/etc", "paste /passwd", "backspace", "type d"),
        ("paste @/etc/passwd", "left left", "type x", "backspace"),
        ("paste @/etc/passwd", "left left", "delete delete", "type wd"),
        ("paste @/etc/passwd x", "backspace", "ctrl+z", "ctrl+y", "backspace"),
        ("paste @/etc/passwd", "shift+home", "backspace", "ctrl+z", "end", "type x", "backspace"),
        ("paste @/etc/passwd", "shift+home", "ctrl+x", "ctrl+v", "backspace"),
        ("draft see @/etc/passwd", "backspace"),
        ("draft see @/etc/passwd", "type x", "backspace"),
        ("paste a\n@/etc/passwd\nb", "up", "end", "type x", "backspace"),
        ("paste a\n@/etc/passwd\nb", "up", "end", "delete"),
        ('paste @"/etc/pass wd', 'type "', "backspace"),
        ("paste x@/etc/passwd", "home", "delete"),
        ("paste x @/etc/passwd", "home", "type hello", "end", "type d"),
    ],
)
async def test_nothing_makes_a_name_of_what_was_pasted(pilot: Pilot[None], steps: tuple[Step, ...]) -> None:
    await done(pilot, *steps)
    assert "@" in prompt_of(pilot).text
    assert prompt_of(pilot).named.paths() == []


@pytest.mark.parametrize(
    ("steps", "names"),
    [
        (("type see @a.txt and",), ["a.txt"]),
        (("type see @a.txtx", "backspace"), ["a.txt"]),
        (("type see @a.txt", "ctrl+z", "ctrl+y"), ["a.txt"]),
        (("type @a.txt", "paste  and @b.txt"), ["a.txt"]),
        (("paste @b.txt and", "type  @a.txt"), ["a.txt"]),
        (("type @a.txt", "home", "paste x\ny "), ["a.txt"]),
        (("type @a.txt", "home", "ctrl+j", "up", "paste @b.txt"), ["a.txt"]),
        (("type @a.txt", "draft ", "draft take @a.txt and @b.txt"), ["a.txt"]),
        (("type @a.txt", "draft ", "draft take @a.txt", "backspace", "type tt"), ["a.txtt"]),
        (("type @a.txt", "paste .old"), []),
    ],
)
async def test_what_was_typed_names_a_file_wherever_it_goes(
    pilot: Pilot[None], steps: tuple[Step, ...], names: list[str]
) -> None:
    await done(pilot, *steps)
    assert prompt_of(pilot).named.paths() == names


async def test_the_list_of_files_does_not_open_for_what_was_pasted(pilot: Pilot[None]) -> None:
    await done(pilot, "paste see @/etc/pass", "backspace")
    assert prompt_of(pilot).completer.range_at_cursor() is None
    await done(pilot, "type  @/etc")
    assert prompt_of(pilot).completer.range_at_cursor() is not None


TEXTS = st.text(st.sampled_from("ab @\n"), max_size=6)


@given(st.lists(st.tuples(TEXTS, st.booleans(), st.integers(0, 20), st.integers(0, 20)), max_size=8))
def test_the_marks_follow_every_edit(edits: list[tuple[str, bool, int, int]]) -> None:
    text, marks = "", ""
    typed = TypedCharacters()
    for inserted, by_hand, one, two in edits:
        begin, end = sorted((min(one, len(text)), min(two, len(text))))
        places = [(text[:at].count("\n"), at - (text[:at].rfind("\n") + 1)) for at in (begin, end)]
        typed.replace(places[0], places[1], inserted.split("\n"), typed=by_hand)
        text = text[:begin] + inserted + text[end:]
        mark = "".join("\n" if letter == "\n" else "t" if by_hand else "p" for letter in inserted)
        marks = marks[:begin] + mark + marks[end:]
    for row, (line, expected) in enumerate(zip(text.split("\n"), marks.split("\n"), strict=True)):
        for column in range(len(line)):
            assert typed.are_typed(row, column, column + 1) == (expected[column] == "t")
        for found in mentions(line):
            assert typed.are_typed(row, found.begin, found.end) == ("p" not in expected[found.begin : found.end])


# -- on the screen -----------------------------------------------------------------------------------------------------


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    file = tmp_path / "notes.md"
    file.write_text("rivers and lakes")
    return file


def sent(chat: ScriptedChat) -> list[str]:
    assert chat.chat.conversation.answer is not None
    return [file.name for file in chat.chat.conversation.answer.question.attachments]


async def test_a_file_that_a_paste_names_is_not_sent_after_a_backspace(notes: Path) -> None:
    async with scripted_chat() as chat:
        chat.chat.prompt.paste(f"do this: @{notes} ")
        await chat.pilot.press("backspace", "enter")
        await chat.answered()
        assert chat.chat.conversation.answer is not None
        assert chat.chat.conversation.answer.question.text == f"do this: @{notes}"
        assert sent(chat) == []
        # The question comes back to be edited, and as an earlier prompt.
        await chat.pilot.press("up", "x", "backspace", "enter")
        await chat.until(lambda: chat.chat.prompt.text == "")
        await chat.answered()
        assert sent(chat) == []


async def test_a_draft_that_comes_back_names_only_what_was_typed(notes: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text("hills")
    async with scripted_chat(file=tmp_path / "history.db") as chat:
        chat.chat.prompt.paste(f"not @{other} but ")
        await chat.pilot.press(*f"@{notes}")
        await chat.until(lambda: [going.name for going in chat.chat.files._going] == ["notes.md"])
        await chat.pilot.press("escape")
    async with scripted_chat(file=tmp_path / "history.db") as chat:
        await chat.until(lambda: [going.name for going in chat.chat.files._going] == ["notes.md"])
        await chat.pilot.press("home", *["right"] * (len(f"not @{other}")), "x", "backspace")
        assert chat.chat.prompt.text == f"not @{other} but @{notes}"
        assert chat.chat.prompt.named.paths() == [str(notes)]
