"""Answers run on whatever becomes of their page, and all tabs agree about them."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser

from chat_tui.providers.scripted_provider import Script
from tests.support.browser_tab import Tab, browser, needs_browser, scripted_tab
from tests.support.scripted_router import Gate
from tests.support.web_site import Site, until

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]

MANY = 9
"""Answers at once: more than a browser has connections to a server."""
TABS = 7
"""More than a browser has connections, too."""


def slow(gate: Gate) -> Script:
    return ["The first ", "words, ", gate, "and **the last**."]


async def second_tab(first: Tab, path: str = "/") -> Tab:
    """Another tab of the same browser."""
    other = Tab(await first.page.context.new_page(), first.url)
    await other.open(path)
    return other


async def state_of_last(web: Site) -> str:
    (row,) = await web.engine.conversations.summaries()
    return (await web.engine.conversations.conversation(row.id)).path[-1].state


async def test_an_answer_survives_a_reload_is_shown_in_all_tabs_and_stopped_from_any(browser: Browser) -> None:
    gates = [Gate(), Gate()]
    async with scripted_tab(browser, slow(gates[0]), slow(gates[1]), ["Said in the terminal."]) as (tab, web):
        await tab.ask("Asked on the page")
        await tab.shows("The first words,")
        await tab.page.reload()
        await tab.page.locator("#stop").wait_for(state="visible")
        await tab.shows("The first words,")
        other = await second_tab(tab)
        await other.shows("running")
        await other.page.click("#list .entry")
        await other.shows("The first words,")
        gates[0].open()
        for each in (tab, other):
            await each.answered()
            await each.shows("and the last.")
            assert await each.page.locator(".turn").count() == 2
            await each.page.locator("#list .running-row").wait_for(state="detached")
        await tab.ask("Once more")
        for each in (tab, other):
            await each.until("document.querySelectorAll('.turn').length === 4")
            await each.page.locator("#stop").wait_for(state="visible")
        await other.page.click("#new")
        await other.page.get_by_role("button", name="Stop the answer in “Asked on the page”").click()
        await tab.shows("stopped")
        await tab.answered()
        assert await state_of_last(web) == "cancelled"
        (row,) = await web.engine.conversations.summaries()
        await web.engine.ask(row.id, "Asked in the terminal")
        await tab.shows("Asked in the terminal", "Said in the terminal.")
        assert await tab.page.locator(".turn").count() == 6
        assert [*tab.errors, *other.errors] == []


async def test_an_answer_goes_on_when_all_tabs_are_closed(browser: Browser) -> None:
    gate = Gate()
    async with scripted_tab(browser, slow(gate)) as (tab, web):
        await tab.ask("Asked on the page")
        await tab.shows("The first words,")
        other = await tab.page.context.new_page()
        await tab.page.close()
        gate.open()
        await until(lambda: not web.state.running())
        assert await state_of_last(web) == "complete"
        await other.goto(tab.url)
        await other.locator("#list .entry").click()
        await other.get_by_text("and the last.").wait_for(state="visible")


async def test_many_answers_run_at_once_and_none_is_cancelled_by_another(browser: Browser) -> None:
    gate = Gate()
    async with scripted_tab(browser, slow(gate)) as (tab, web):
        for number in range(MANY):
            await tab.ask(f"Question {number}")
            await tab.until(f"document.querySelectorAll('.running-row').length === {number + 1}")
            if number < MANY - 1:
                await tab.page.click("#new")
                await tab.answered()
        assert len(web.engine.running()) == MANY
        tabs = [await second_tab(tab) for _ in range(TABS)]
        await tabs[-1].until(f"document.querySelectorAll('.running-row').length === {MANY}")
        # They share one stream, in a worker.
        assert not any("/api/events" in address for each in tabs for address in each.asked)
        gate.open()
        await tab.answered()
        await tab.shows("and the last.")
        async with asyncio.timeout(10):
            while web.state.running():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        rows = await web.engine.conversations.summaries()
        states = [(await web.engine.conversations.conversation(row.id)).path[-1].state for row in rows]
        assert states == ["complete"] * MANY
        assert tab.errors == []
