"""Choosing a model in the list, within the chat."""

from __future__ import annotations

import pytest

from chat_tui.core.models import LOCAL_MODEL
from chat_tui.core.settings.preferred_models import ModelPreferences
from chat_tui.engine.engine import Engine
from chat_tui.tui.panels.model_picker import ModelListPanel
from chat_tui.tui.widgets.row_list import RowList
from tests.doubles.scripted_chat import DEEP, FAST, ScriptedChat, scripted_chat


async def opened(chat: ScriptedChat) -> str:
    """Open the list; what its rows show."""
    await chat.pilot.press("ctrl+o")
    await chat.until(lambda: chat.screen.picker.is_open)
    await chat.pilot.pause()
    return chat.shown(chat.screen.picker.query_one(RowList))


async def kept(engine: Engine, key: str) -> list[str]:
    """The models that the store holds there."""
    return (await engine.places.get(key)).splitlines()


async def test_enter_without_a_move_changes_nothing() -> None:
    async with scripted_chat() as chat:
        await opened(chat)
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.chat.prompt.has_focus)
        assert chat.screen.models.settings().model is None
        chat.screen.models.choose(DEEP.name, "balanced")
        await opened(chat)
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.chat.prompt.has_focus)
        assert chat.screen.models.settings().model == DEEP.name
        assert not list(chat.app._notifications)


async def test_favourites_and_recent_models_are_kept() -> None:
    async with scripted_chat() as chat:
        await chat.ask(f"/model {DEEP.name}")
        await chat.until(lambda: f"{DEEP.name} answers from now on" in chat.notices())
        assert f"▌ {DEEP.name}" in await opened(chat)
        await chat.pilot.press("f5")
        await chat.until(lambda: f"▌★{DEEP.name}" in chat.shown(chat.screen.picker.query_one(RowList)))
        assert await kept(chat.engine, "favourite models") == [DEEP.name]
        assert await kept(chat.engine, "recent models") == [DEEP.name]
        await chat.pilot.press("f5")
        await chat.until(lambda: "★" not in chat.shown(chat.screen.picker.query_one(RowList)))
        assert await kept(chat.engine, "favourite models") == []


async def test_favourites_that_the_web_page_sets_are_shown_and_kept() -> None:
    async with scripted_chat() as chat:
        await ModelPreferences().set_favourite(chat.engine.places, FAST.name, favourite=True)
        await opened(chat)
        await chat.until(lambda: f"★{FAST.name}" in chat.shown(chat.screen.picker.query_one(RowList)))
        await ModelPreferences().set_favourite(chat.engine.places, FAST.name, favourite=False)
        await ModelPreferences().set_favourite(chat.engine.places, DEEP.name, favourite=True)
        chat.screen.models.toggle_favourite(LOCAL_MODEL)
        await chat.until(lambda: f"★{DEEP.name}" in chat.shown(chat.screen.picker.query_one(RowList)))
        assert await kept(chat.engine, "favourite models") == [DEEP.name, LOCAL_MODEL]


async def test_auto_is_first_and_takes_a_fixed_model_back() -> None:
    async with scripted_chat() as chat:
        chat.screen.models.choose(DEEP.name, "balanced")
        assert (await opened(chat)).splitlines()[0].strip().startswith("Auto (balanced)")
        await chat.pilot.press("ctrl+home", "enter")
        await chat.until(lambda: chat.screen.models.settings().model is None)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
async def test_the_open_list_leaves_no_edge_of_the_chat_beside_it(width: int) -> None:
    async with scripted_chat(size=(width, 40)) as chat:
        await opened(chat)
        panel = chat.app.screen.query_one(ModelListPanel)
        chat_area = chat.chat.region
        assert panel.region.x <= chat_area.x
        assert panel.region.right >= chat_area.right
        assert chat.app.screen.region.contains_region(panel.region)
