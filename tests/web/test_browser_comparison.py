"""Models compared side by side on the page."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from chat_tui.providers.scripted_provider import Script
from tests.support.browser_tab import Tab, browser, needs_browser, scripted_tab
from tests.support.scripted_router import Gate

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]


async def open_choice(tab: Tab) -> None:
    """Open the choice of models to compare."""
    await tab.page.click("#model-button")
    await tab.page.click("#models-compare")


async def choose(tab: Tab) -> None:
    """Choose two models for the next question."""
    await open_choice(tab)
    for name in ("shelf/fast", "shelf/deep"):
        await tab.page.get_by_label(name).check()
    await tab.page.locator("#compare-dialog .primary").click()
    await tab.shows("fast, deep")


async def test_models_answer_side_by_side_through_a_reload_and_one_is_kept(browser: Browser) -> None:
    first, second = Gate(), Gate()
    scripts: list[Script] = [["**One** ", first, "whole."], ["Two ", second, "whole."], ["Three."]]
    async with scripted_tab(browser, *scripts) as (tab, web):
        page = tab.page
        # Fewer than two models are no comparison.
        await open_choice(tab)
        await tab.shows("Select at least 2 models")
        assert await page.locator("#compare-dialog .primary").is_disabled()
        await page.keyboard.press("Escape")
        await choose(tab)
        # The choice of one model stays, and what was chosen survives a reload.
        assert await page.locator("#choice").input_value() == "s/balanced"
        await page.reload()
        await tab.shows("fast, deep")
        await tab.ask("Count")
        await tab.shows("One", "Two")
        assert await page.locator(".column .who b").all_inner_texts() == ["fast", "deep"]
        assert await page.locator("#compare-bar").is_hidden()
        await page.reload()
        await tab.shows("2 of 2 running", "One", "Two")
        other = Tab(await page.context.new_page(), tab.url)
        await other.page.goto(page.url)
        await other.shows("2 of 2 running", "One", "Two")
        # Each is stopped by itself, in any tab, and goes on to its end.
        await other.page.get_by_label("Stop the answer of shelf/deep").click()
        await tab.shows("1 of 2 running", "stopped")
        first.open()
        for each in (tab, other):
            await each.shows("One whole.", "Keep one answer; the others stay beside it")
            await each.answered()
        assert await page.locator(".column strong").all_inner_texts() == ["One"]
        await page.reload()
        await tab.shows("One whole.", "Two", "stopped")
        await page.get_by_label("Keep the answer of shelf/deep").click()
        for each in (tab, other):
            await each.until("!document.querySelector('.comparison')")
            await each.shows("Two", "2/2")
        (row,) = await web.engine.conversations.summaries()
        kept = (await web.engine.conversations.conversation(row.id)).path[-1]
        assert (kept.text, kept.verdict) == ("Two ", True)
        # The next question goes to one model again.
        await tab.ask("And then?")
        await tab.shows("Three.")
        await tab.answered()
        assert await page.locator(".turn").count() == 4
        # On a phone one column after the other is swiped to.
        await page.set_viewport_size({"width": 390, "height": 800})
        await choose(tab)
        await tab.ask("Once more")
        await tab.until("document.querySelectorAll('.column .primary:not([hidden])').length === 2")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert await tab.until("((box) => box.scrollWidth > box.clientWidth)(document.querySelector('.columns'))")
        await tab.harmless()
        await other.harmless()
