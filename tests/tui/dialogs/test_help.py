"""The help: what people do most comes first, then every action by topic."""

from __future__ import annotations

from chat_tui.tui.actions.table import TABLE, TOPICS
from chat_tui.tui.dialogs.help import help_lines
from chat_tui.tui.widgets.styled_lines import text_of
from tests.doubles.scripted_chat import scripted_chat


def test_help_begins_with_the_ten_things_that_people_do() -> None:
    lines = [text_of([line]) for line in help_lines({}, 100)]
    assert lines[0] == "Most used"
    assert [line.split("  ")[0] for line in lines[1:11]] == [
        "Enter",
        "Ctrl+J",
        "Esc",
        "Tab r or /retry",
        "Tab e or /edit",
        "Tab Y",
        "Ctrl+O or /model",
        "Ctrl+R or /history",
        "/attach FILE, or @",
        "Ctrl+P",
    ]
    assert not lines[11]
    assert [line for line in lines if line in TOPICS] == list(TOPICS)


def test_help_names_the_keys_that_are_bound_now() -> None:
    told = "\n".join(text_of([line]) for line in help_lines({"models.open": "f20"}, 100))
    assert "F20 or /model" in told
    assert "Ctrl+O" not in told


def test_help_has_every_action() -> None:
    told = " ".join("".join(span.text for span in line) for line in help_lines({}, 400))
    assert not [row.id for row in TABLE if row.description not in told]


def test_what_is_written_in_the_prompt_has_rows_of_its_own() -> None:
    lines = [text_of([line]) for line in help_lines({}, 100)]
    written = ("@FILE", "!COMMAND", "Ctrl+V")
    told = {name: line for line in lines for name in written if line.startswith(f"{name}  ")}
    assert sorted(told) == sorted(written)
    assert "cannot be rebound" not in told["!COMMAND"]


def test_the_keys_of_the_place_come_before_the_topics() -> None:
    lines = [text_of([line]) for line in help_lines({}, 100, "side by side")]
    assert lines[12] == "Keys: side by side"


def test_keys_that_do_not_fit_go_on_in_the_next_row() -> None:
    lines = [text_of([line]) for line in help_lines({}, 56)]
    at = next(place for place, line in enumerate(lines) if line.startswith("Ctrl+J or"))
    assert [line.split("  ")[0] for line in lines[at : at + 3]] == ["Ctrl+J or", "Shift+Enter or", "Alt+Enter"]
    assert not [line for line in lines if "…" in line.split("  ")[0]]


async def test_a_lone_question_mark_in_the_prompt_is_text_and_names_the_key_of_the_help() -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("question_mark")
        await chat.until(lambda: "F1: help" in str(chat.chat.prompt.border_subtitle))
        assert chat.chat.prompt.text == "?"
        await chat.pilot.press("?")
        await chat.until(lambda: "F1" not in str(chat.chat.prompt.border_subtitle))
        assert chat.app.screen is chat.screen


def test_no_row_begins_with_a_dot_and_no_command_is_broken() -> None:
    for width in (58, 76, 98, 110):
        rows = [text_of([line]) for line in help_lines({}, width)]
        assert not [row for row in rows if row.split("  ")[-1].strip().startswith("·")]
