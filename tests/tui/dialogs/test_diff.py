"""How two versions of a turn are compared."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from chat_tui.tui.dialogs.diff import DiffScreen, diff_lines
from chat_tui.tui.dialogs.word_diff import WORDS_MOST, DiffPart, differences
from chat_tui.tui.widgets.styled_lines import text_of
from tests.doubles.scripted_chat import scripted_chat


def test_words_that_changed_are_told_and_nothing_else() -> None:
    assert differences("the quick brown fox\njumps", "the quick red fox\njumps") == [
        DiffPart("", "the quick "),
        DiffPart("removed", "brown "),
        DiffPart("added", "red "),
        DiffPart("", "fox\njumps"),
    ]
    assert differences("我喜歡茶", "我喜歡咖啡") == [
        DiffPart("", "我喜歡"),
        DiffPart("removed", "茶"),
        DiffPart("added", "咖啡"),
    ]
    assert differences("**1**", "**2**") == [
        DiffPart("", "**"),
        DiffPart("removed", "1"),
        DiffPart("added", "2"),
        DiffPart("", "**"),
    ]
    assert differences("a a", "a") == [DiffPart("", "a"), DiffPart("removed", " a")]
    assert differences("a b", "a  b") == [DiffPart("", "a  b")]


def test_a_word_that_is_the_same_by_chance_does_not_tear_a_change_apart() -> None:
    pieces = differences("alpha beta of gamma delta", "one two of three four")
    assert [piece.change for piece in pieces] == ["removed", "added"]


@given(st.text("ab \n", max_size=40), st.text("ab \n", max_size=40))
def test_the_new_text_is_whole_and_the_old_one_too_but_for_space(old: str, new: str) -> None:
    pieces = differences(old, new)
    assert "".join(piece.text for piece in pieces if piece.change != "removed") == new
    kept = "".join(piece.text for piece in pieces if piece.change != "added")
    assert "".join(kept.split()) == "".join(old.split())


def test_long_texts_are_compared_in_bounded_time() -> None:
    old = "\n".join(f"line {number} of a long and repeated text" for number in range(20_000))
    new = old.replace("line 70 of", "line seventy of") + "\nand more"
    begun = time.monotonic()
    pieces = differences(old, new)
    assert time.monotonic() - begun < 10
    assert DiffPart("added", "seventy ") in pieces
    assert "".join(piece.text for piece in pieces if piece.change != "removed") == new
    one_line = "word " * (3 * WORDS_MOST)
    assert differences(one_line, one_line + "more")[-1].text.endswith("more")


def test_without_colours_marks_tell_the_changes() -> None:
    lines = diff_lines(differences("one two three", "one 2 three"), 40, marks=True)
    assert text_of(lines) == "one [-two-] {+2+} three"
    assert text_of(diff_lines(differences("a b c", "x y z"), 40, marks=False)) == "a b c x y z"
    assert [span.role for span in diff_lines(differences("a", "b"), 9, marks=False)[0]] == ["removed", "added"]


async def test_d_shows_the_versions_and_left_and_right_choose_which() -> None:
    async with scripted_chat(["the first answer"], ["the second answer"], ["the third answer"]) as chat:
        await chat.ask("/diff")
        await chat.ask("go")
        await chat.answered()
        await chat.ask("/diff")
        await chat.until(lambda: "This message has only one version" in chat.notices())
        for count in (2, 3):
            before = chat.chat.conversation.answer
            await chat.ask("/retry")
            await chat.until(lambda: chat.chat.conversation.answer is not before)  # noqa: B023  # it is called at once
            await chat.answered()
            await chat.shows(f"‹{count}/{count}›")
        chat.chat.transcript.focus()
        await chat.pilot.press("d")
        await chat.until(lambda: isinstance(chat.app.screen, DiffScreen))
        await chat.shows("the second third answer", "- version 2 of 3", "+ version 3 of 3")
        await chat.pilot.press("left")
        await chat.shows("the first third answer", "- version 1 of 3")
        await chat.pilot.press("left", "right", "right")
        await chat.shows("the second third answer")
        await chat.pilot.press("d")
        await chat.until(lambda: chat.app.screen is chat.screen)
