"""The card of a tool call: what is stored is shown as it is, whatever a model or a tool has written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.tools import ToolCall, ToolResult
from chat_tui.history.records import orphan
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.model.line_model import LineModel
from chat_tui.tui.transcript.model.tool_view import ToolCallView
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.widgets.argument_rows import argument_rows, visible

RENDERER = Renderer(plain_ink())


def turn(text: str = "", *, state: str = "complete", name: str = "now", files: Sequence[Attachment] = ()) -> Turn:
    return Turn(
        "tool",
        text,
        id="t",
        state=state,  # type: ignore[arg-type]
        result=ToolResult("c", name, "fake"),
        attachments=tuple(files),
    )


def lines(view: ToolCallView) -> list[str]:
    return [line.text.rstrip() for part in view.parts() for line in view.render(part, RENDERER)]


def milliseconds(work: Callable[[], object]) -> float:
    """How long it takes, at the best of three times."""
    took = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1000)
    return min(took)


def test_a_card_tells_tool_server_state_arguments_result_and_images() -> None:
    call = ToolCall("c", "now", '{"zone": "UTC", "list": [1, 2]}')
    view = ToolCallView(turn("12:00", files=[Attachment("plot.png", "image/png", b"x" * 2000)]), 40, call=call)
    shown = lines(view)
    assert shown[0].split() == ["now", "·", "fake", "done"]
    assert shown[1:5] == ["  zone: UTC", "  list: [1,2]", "  result from fake", "  12:00"]
    assert shown[5].startswith("+ plot.png · 2.0 kB")


def test_long_arguments_and_results_are_folded_and_unfold() -> None:
    arguments = "{" + ", ".join(f'"a{number}": "{"x" * 100}"' for number in range(9)) + "}"
    view = ToolCallView(turn("\n".join(map(str, range(50)))), 40, call=ToolCall("c", "now", arguments))
    shown = "\n".join(lines(view))
    assert "… 5 more arguments" in shown
    assert "50 lines" in shown
    assert "\n  2\n" in shown
    assert "\n  3\n" not in shown
    view.fold()
    shown = "\n".join(lines(view))
    assert "a8:" in shown
    assert shown.rstrip().endswith("49")


def test_names_arguments_and_results_obey_nobody() -> None:
    call = ToolCall("c", "now", '{"a\\u001b[31m": "\\u202ehidden\\u200b \\u001b]0;title\\u0007"}')
    nasty = "\x1b[2J\u202eevil\u200b [link](javascript:x) <b>bold</b> **stars**"
    view = ToolCallView(turn(visible(nasty), name="n\x1b[1mow\u202e"), 100, call=call)
    for _ in range(2):
        shown = "\n".join(lines(view))
        assert not any(character in shown for character in "\x1b\x07\u202e\u200b")
        assert "a: hidden\\u200b" in shown
        assert "[link](javascript:x) <b>bold</b> **stars**" in shown
        view.fold()


def test_a_result_of_20_mb_blocks_nobody() -> None:
    text = ("y" * 99 + "\n") * 200_000
    view = ToolCallView(turn(text), 80, call=ToolCall("c", "now", '{"a": "' + "x" * 900_000 + '"}'))
    assert milliseconds(lambda: lines(ToolCallView(view.turn, 80, call=view.call))) < 20
    assert any("20.0 MB" in line for line in lines(view))
    view.fold()

    def unfold() -> None:
        view.set_width(80)
        view.parts()

    assert milliseconds(unfold) < 20


def test_a_large_argument_blocks_nobody() -> None:
    arguments = {"a": "x" * 900_000}
    assert milliseconds(lambda: argument_rows(arguments)) < 20
    [row] = argument_rows(arguments)
    assert row.value.endswith("850,000 more characters")


def test_arguments_that_are_no_object_are_shown_raw() -> None:
    assert argument_rows('["a') == [("", '["a')]
    assert argument_rows("") == []
    assert argument_rows({str(number): number for number in range(300)})[-1].value == "… 100 more arguments"
    [row] = argument_rows("x" * 60_000)
    assert row.value.endswith("10,000 more characters")


def test_a_call_whose_program_was_killed_says_that_it_may_have_had_an_effect() -> None:
    view = ToolCallView(orphan(turn(state="streaming")), 80)
    shown = "\n".join(lines(view))
    assert "interrupted" in shown
    assert shown.count("may have had an effect") == 1
    assert "It is not run again by itself." in shown


def test_calls_without_a_result_are_told_below_their_answer() -> None:
    calls = (ToolCall("c", "now"), ToolCall("d", "later"))
    model = LineModel(RENDERER)
    model.replace([Turn("user", "Hi", id="q"), Turn("assistant", "Look.", id="a", calls=calls), turn("12:00")])
    shown = [row.line.text.strip() for row in model.last_rows(50)]
    assert "later · not run" in shown
    assert "now · not run" not in shown
