"""Answers run on whatever becomes of their page, and all tabs agree about them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route

from chat_tui.config.schema import Config
from chat_tui.core.tools import ToolOutput
from chat_tui.providers.scripted_provider import Script
from tests.doubles.fake_tools import FakeTools, offered
from tests.doubles.scripted_web import scripted_opener
from tests.support.browser_tab import Tab, browser, needs_browser, scripted_tab, tab
from tests.support.scripted_router import Gate
from tests.support.web_site import Site, site, until
from tests.web.test_tools import call

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]

MANY = 9
"""Answers at once: more than a browser has connections to a server."""
READ_OUT = """
window.readOut = [];
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) for (const node of addedNodes) window.readOut.push(node.textContent);
}).observe(document.querySelector("#reader"), { childList: true });
"""
"""Keeps what is read out."""
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


async def test_a_page_whose_question_came_to_another_worker_shows_the_answer_and_its_calls(
    browser: Browser, tmp_path: Path
) -> None:
    gate, file = Gate(), tmp_path / "history.db"
    tools = FakeTools([offered("read")], read=ToolOutput("a line"))
    opener = scripted_opener(["Let me ", gate, "look. ", *call("read")], ["It is."], file=file, tools=tools)
    async with (
        site(Config(), opener=opener) as one,
        site(Config(), opener=scripted_opener(["?"], file=file)) as other,
        tab(browser, other.url) as page,
    ):

        async def pass_on(route: Route) -> None:
            asked = {**json.loads(route.request.post_data or "{}"), "tools": ["fake"]}
            reply = await one.post("/api/ask", **asked)
            await route.fulfill(status=reply.status_code, body=reply.text, content_type="application/json")

        await page.page.route("**/api/ask", pass_on)
        await page.open()
        await page.ask("Asked on the page")
        await page.shows("Let me", "running")
        gate.open()
        await page.shows("asks you", "waits for you")
        await page.page.locator(".decide").get_by_role("button", name="Run once").click()
        await page.shows("It is.")
        await page.answered()
        assert await page.page.locator(".turn").count() == 3
        assert len(tools.calls) == 1
        assert page.errors == []


async def test_each_sentence_is_read_out_once_when_it_is_finished(browser: Browser) -> None:
    gates = [Gate(), Gate(), Gate()]
    script: Script = [
        "The first [one](https://a.example).\nThe **sec",
        gates[0],
        "ond** is 3.14 long.\n\n```python\nx = 1\n",
        gates[1],
        "y = 2\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nHalf is $\\frac{1}{2}$. Now",
        gates[2],
        " it ends",
    ]
    said = [
        "The first one.",
        "The second is 3.14 long. Code block, python.",
        "Table, with the columns a and b. Half is 1 over 2.",
        "Now it ends",
    ]
    heard = "window.readOut.join(' ')"
    async with scripted_tab(browser, script) as (tab, _):
        await tab.page.evaluate(READ_OUT)
        await tab.ask("Read to me")
        for number in range(1, 5):
            await tab.until(f"{heard}.endsWith({json.dumps(said[number - 1])})")
            assert await tab.page.evaluate(heard) == " ".join(said[:number])
            if number < 4:
                gates[number - 1].open()
        await tab.answered()
        assert await tab.page.inner_text("#status") == "The answer is complete."
        assert tab.errors == []


async def test_words_are_found_in_messages_that_are_not_loaded(browser: Browser) -> None:
    scripts: list[Script] = [["The **sea** is wide."], *([["Nothing."]] * 18), ["No sea here, only SEA."], ["Yes."]]
    async with scripted_tab(browser, *scripts) as (tab, web):
        first = await web.engine.ask(None, "Begin")
        await first.saved.wait()
        for number in range(19):
            await (await web.engine.ask(first.conversation_id, f"Question {number}")).saved.wait()
        found = await web.client.get(f"/api/conversations/{first.conversation_id}/find", params={"query": "sea"})
        assert len(found.json()["turns"]) == 2
        await tab.page.click("#list .entry")
        await tab.shows("only SEA")
        assert not await tab.page.get_by_text("is wide").count()
        await tab.page.keyboard.press("Control+Shift+F")
        await tab.page.keyboard.type("sea")
        await tab.shows("2 of 2 messages")
        marks = "[...CSS.highlights.get('found')].map(String)"
        await tab.until(f"CSS.highlights.get('found') && {marks}.join() === 'sea,SEA'")
        await tab.page.keyboard.press("Enter")
        await tab.shows("1 of 2 messages", "is wide.")
        await tab.until(f"{marks}.join() === 'sea'")
        await tab.page.keyboard.press("Shift+Enter")
        await tab.shows("2 of 2 messages", "only SEA")
        await tab.page.fill("#find-field", "ocean")
        await tab.shows("not found")
        await tab.page.keyboard.press("Escape")
        await tab.page.locator("#prompt:focus").wait_for()
        await tab.until("document.querySelector('#find').hidden && !CSS.highlights.has('found')")
        await tab.ask("Still there?")
        await tab.shows("Yes.")
        await tab.harmless()
