"""The page beside other faces over the same history: another tab, the terminal, a model that gives titles."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, Route

from chat_tui.providers.scripted_provider import Script
from tests.support.browser_tab import SECONDS, browser, needs_browser, scripted_tab
from tests.support.scripted_router import Gate
from tests.support.web_site import TOKEN

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]


def slow(gate: Gate) -> Script:
    """An answer of which the last part comes when the gate is opened."""
    return ["The first ", "words, ", gate, "and **the last**."]


async def test_an_answer_that_runs_elsewhere_is_followed_to_its_end(browser: Browser) -> None:
    gate = Gate()
    async with scripted_tab(browser, slow(gate)) as (tab, web):
        answer = await web.engine.ask(None, "Asked in the terminal")
        await tab.page.goto(f"{web.url}/#token={TOKEN}")
        await tab.page.reload()
        await tab.page.click("#list .entry")
        await tab.shows("The first words,")
        await tab.page.locator("#stop").wait_for(state="visible")
        gate.open()
        await tab.shows("and the last.")
        await answer.saved.wait()
        await tab.until("!document.querySelector('.assistant .state').checkVisibility()")
        assert await tab.page.locator(".assistant").count() == 1
        assert tab.errors == []


async def test_a_question_that_is_refused_is_not_lost_and_leaves_the_other_alone(browser: Browser) -> None:
    gate = Gate()
    async with scripted_tab(browser, slow(gate)) as (tab, web):
        answer = await web.engine.ask(None, "Asked in the terminal")
        # The page does not know that it runs. A worker's requests could not be held up here.
        await tab.page.add_init_script("delete window.SharedWorker")
        await tab.page.route("**/api/events*", lambda route: route.abort())
        await tab.page.reload()
        await tab.shows("The server cannot be reached.")
        await tab.page.click("#list .entry")
        await tab.shows("still being written")
        await tab.ask("And this?")
        await tab.shows("An answer is running in this conversation.")
        assert await tab.page.input_value("#prompt") == "And this?"
        await tab.page.unroute("**/api/events*")
        await tab.page.locator("#stop").wait_for(state="visible")
        gate.open()
        await tab.answered()
        await tab.shows("and the last.")
        assert answer.turn.state == "complete"
        await tab.until("document.querySelector('#offline').hidden")


async def test_the_title_is_the_one_that_the_history_has(browser: Browser) -> None:
    words = "Please explain what a terminal multiplexer does and then give one small example"
    async with scripted_tab(browser, ["Fine."]) as (tab, web):
        await tab.ask(words)
        await tab.answered()
        title = "Please explain what a terminal multiplexer does and then…"
        assert await tab.page.inner_text("#title") == title
        await tab.lists(title)
        (row,) = await web.engine.conversations.summaries()
        await web.engine.conversations.rename(row.id, "Multiplexers")
        await tab.lists("Multiplexers")
        await tab.until("document.querySelector('#title').textContent === 'Multiplexers'")


async def test_the_search_can_be_reached_by_its_key_on_a_narrow_screen(browser: Browser) -> None:
    async with scripted_tab(browser, ["Fine."], viewport={"width": 390, "height": 844}) as (tab, _):
        await tab.page.keyboard.press("Control+k")
        await tab.page.keyboard.type("words")
        assert await tab.page.input_value("#search") == "words"


async def test_an_answer_goes_on_when_its_conversation_is_left_and_is_there_when_one_comes_back(
    browser: Browser,
) -> None:
    gate = Gate()
    async with scripted_tab(browser, slow(gate)) as (tab, web):
        await tab.ask("Asked on the page")
        await tab.shows("The first words,")
        await tab.page.click("#new")
        await tab.until("document.querySelector('#stop').hidden")
        assert len(web.engine.running()) == 1
        await tab.page.click("#list .entry")
        await tab.until("!document.querySelector('#stop').hidden")
        await tab.shows("The first words,")
        gate.open()
        await tab.answered()
        await tab.shows("and the last.")
        assert await tab.page.locator(".assistant").count() == 1
        (row,) = await web.engine.conversations.summaries()
        assert (await web.engine.conversations.conversation(row.id)).path[-1].state == "complete"
        assert tab.errors == []


async def test_what_changes_while_the_page_fetches_is_neither_lost_nor_replaced_by_what_was_before(
    browser: Browser,
) -> None:
    async with scripted_tab(browser, ["One."], ["Two."], ["Three."]) as (tab, web):
        await tab.ask("Count")
        await tab.answered()
        (row,) = await web.engine.conversations.summaries()
        fetched, release = asyncio.Event(), asyncio.Event()

        async def hold(route: Route) -> None:
            response = await route.fetch()
            fetched.set()
            await release.wait()
            await route.fulfill(response=response)

        await tab.page.route("**/api/conversations/*", hold, times=1)
        await (await web.engine.ask(row.id, "And then?")).saved.wait()
        async with asyncio.timeout(SECONDS):
            await fetched.wait()
        # The page has heard of the next answer, too, when it fetches its list.
        async with tab.page.expect_request("**/api/conversations?*"):
            await (await web.engine.ask(row.id, "And at last?")).saved.wait()
        release.set()
        await tab.shows("One.", "Two.", "Three.")
        assert await tab.page.locator(".turn").count() == 6
        assert tab.errors == []
