"""The input of one line."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from chat_tui.tui.widgets.line_input import LineInput
from tests.support.prompt_app import press


class OneLine(App[None]):
    def compose(self) -> ComposeResult:
        yield LineInput()


@pytest.mark.parametrize("one", ["👨\u200d👩\u200d👧", "🇩🇪", "👍🏽", "❤\ufe0f\u200d🔥", "e\u0301"])
async def test_a_composed_character_is_one_step(one: str) -> None:
    async with OneLine().run_test() as pilot:
        line = pilot.app.query_one(LineInput)
        for step in (f"a{one}b{one}", ["left", "left", "left"], "x", ["right"], ["backspace"], ["right"], ["delete"]):
            await press(pilot, *step)
        assert line.value == "axb"
        await press(pilot, *one)
        await press(pilot, "shift+left")
        await press(pilot, "c")
        await press(pilot, "left")
        await press(pilot, "shift+right")
        assert line.value == "axbc"
        assert line.selected_text == "c"
        await press(pilot, "right", "right", "home")
        assert line.cursor_position == 0
