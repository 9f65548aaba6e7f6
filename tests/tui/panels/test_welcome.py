"""The first start tells what was found and what to try, once."""

from __future__ import annotations

from pathlib import Path

from chat_tui.core.models import LOCAL_MODEL, SCRIPTED_MODEL, Model, ModelStatus
from chat_tui.tui.panels.welcome import Welcome, found_lines
from chat_tui.tui.widgets import ui_state
from chat_tui.tui.widgets.styled_lines import text_of
from chat_tui.tui.widgets.ui_state import UiState
from tests.doubles.scripted_chat import scripted_chat

BUILT_IN = ModelStatus(Model(LOCAL_MODEL, 2048, 0.0, 0.0, 0.1, local=True))
DEMO = ModelStatus(Model(SCRIPTED_MODEL, selectable=False), state="demo")
LLAMA = ModelStatus(Model("ollama/llama3", local=True))
QWEN = ModelStatus(Model("ollama/qwen", local=True))
OFFERED = ModelStatus(Model("openai/gpt-5"), state="found, not used")
SILENT = ModelStatus(Model("box/?", selectable=False), state="does not answer", usable=False)


def test_what_is_ready_stands_before_what_was_only_found() -> None:
    told = text_of(found_lines([OFFERED, SILENT, DEMO, LLAMA, QWEN, BUILT_IN])).split("\n")
    assert [line.split("  ")[0] for line in told] == ["● built-in model", "● ollama", "○ openai", "! box"]
    assert "ready, on this machine" in told[0]
    assert "2 models, on this machine" in told[1]
    assert "set in the shell; choose it to use it" in told[2]
    assert "does not answer" in told[3]


def test_a_model_that_is_being_fetched_is_told_so() -> None:
    told = text_of(found_lines([ModelStatus(BUILT_IN.model, state="fetching")]))
    assert "is downloading…" in told


def test_a_built_in_model_for_which_there_is_no_build_is_not_called_ready() -> None:
    told = text_of(found_lines([ModelStatus(BUILT_IN.model, state="no build", usable=False)]))
    assert told.startswith("! built-in model")
    assert "ready" not in told


def test_names_from_servers_carry_no_control_characters_and_many_are_counted() -> None:
    many = [ModelStatus(Model(f"server{number}\x1b[31m/x", local=True)) for number in range(9)]
    lines = found_lines([BUILT_IN, *many])
    assert len(lines) == 4
    assert "7 others" in text_of(lines)
    assert "\x1b" not in text_of(lines)


async def test_the_first_start_tells_what_was_found_until_the_first_question(tmp_path: Path) -> None:
    file = tmp_path / "screen.json"
    async with scripted_chat(kept_in=file, size=(60, 20)) as chat:
        await chat.shows("Found", "built-in model", "shelf", "What can you do?", "show all keys")
        welcome = chat.chat.query_one(Welcome)
        assert len(welcome.lines(welcome.size.width)) <= welcome.size.height
        await chat.ask("hello")
        await chat.answered()
        await chat.until(lambda: ui_state.read(file) == UiState(welcomed=True))
        await chat.pilot.press("ctrl+n")
        await chat.shows("Ask anything", "next strategy")
        assert "Found" not in chat.shown(welcome)
    async with scripted_chat(kept_in=file) as chat:
        await chat.shows("Ask anything", "next strategy")
        assert "Found" not in chat.shown()


def test_a_server_of_another_account_is_told_as_such() -> None:
    stranger = ModelStatus(Model("vllm/tiny", local=True), state="found, not yours")
    assert "vllm" in text_of(found_lines([stranger]))
    assert "on this machine, under another account; choose it to use it" in text_of(found_lines([stranger]))
