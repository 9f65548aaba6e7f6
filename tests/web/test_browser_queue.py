"""Pausing an answer on the page, what is sent while it grows, and summaries."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.support.browser_tab import browser, needs_browser, scripted_tab
from tests.support.scripted_router import Gate
from tests.web.test_browser_live import second_tab, slow

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]


async def test_an_answer_is_paused_and_resumed_in_any_tab(browser: Browser) -> None:
    gate = Gate()
    async with scripted_tab(browser, slow(gate)) as (tab, _):
        await tab.ask("Hi")
        await tab.shows("The first words,")
        await tab.page.click("#pause-button")
        await tab.shows("paused")
        other = await second_tab(tab)
        await tab.page.reload()
        await other.page.click("#list .entry")
        for each in (tab, other):
            await each.until("document.querySelector('#pause-button:not([hidden])')?.title.startsWith('Resume')")
            await each.until("document.querySelector('#live').textContent.startsWith('paused')")
        gate.open()
        await other.page.keyboard.press("Control+.")
        for each in (tab, other):
            await each.answered()
            await each.shows("and the last.")
            assert await each.page.locator("#pause-button").is_hidden()
        assert [*tab.errors, *other.errors] == []
