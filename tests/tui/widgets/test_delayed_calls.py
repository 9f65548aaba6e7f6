"""A call that is to come later comes, and only while its widget is there."""

from __future__ import annotations

import ast
import asyncio

import pytest
from textual.app import App
from textual.widgets import Static

from chat_tui.config.schema import Config
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.tui.panels.stats_panel import PAUSE_SECONDS
from chat_tui.tui.widgets.delayed_calls import call_after
from tests.architecture.test_layers import modules
from tests.doubles.fake_backend import FakeWeights
from tests.doubles.scripted_chat import ScriptedChat
from tests.support.panels_app import Panels

MOMENT_SECONDS = 1e-9
"""Has passed before a timer has started, as longer delays have when the process had to wait for the processor."""


@pytest.mark.parametrize("seconds", [0, MOMENT_SECONDS, 0.02])
async def test_a_call_comes_even_if_its_time_has_passed_when_the_timer_starts(seconds: float) -> None:
    called = asyncio.Event()
    app = App[None]()
    async with app.run_test():
        call_after(app, seconds, called.set)
        async with asyncio.timeout(20):
            await called.wait()


async def test_a_call_that_is_taken_back_or_whose_widget_has_gone_never_comes() -> None:
    called: list[str] = []
    app = App[None]()
    async with app.run_test() as pilot:
        widget = Static("soon gone")
        await app.mount(widget)
        call_after(widget, 0.02, lambda: called.append("of a widget that has gone"))
        call_after(app, 0.02, lambda: called.append("that was taken back")).cancel()
        await widget.remove()
        await pilot.pause(0.05)
    assert called == []


async def test_the_engine_is_opened_even_if_the_machine_is_busy_at_the_first_paint() -> None:
    chat = ScriptedChat(Config(), (), None, FakeWeights(), open_seconds=MOMENT_SECONDS)
    async with chat.app.run_test():
        async with asyncio.timeout(20):
            engine = await chat.screen.wait_for_engine()
        await engine.close()


async def test_figures_that_come_just_before_the_next_painting_are_painted() -> None:
    now = [100.0]
    app = Panels(clock=lambda: now[0])
    async with app.run_test(size=(120, 40)) as pilot:
        app.stats.show(StreamStats(phase="answering", completion_tokens=41))
        now[0] += PAUSE_SECONDS - MOMENT_SECONDS
        app.stats.show(StreamStats(phase="answering", completion_tokens=42))
        async with asyncio.timeout(20):
            while "42" not in app.seen(app.stats):
                await pilot.pause(0.01)


def test_no_module_uses_textuals_timer_for_one_call() -> None:
    wrong = [
        f"{module}: line {node.lineno}"
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "set_timer"
    ]
    assert not wrong, "use `tui.widgets.delayed_calls.call_after`: " + ", ".join(wrong)
