"""Pausing an answer on the page, what is sent while it grows, and summaries."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from chat_tui.providers.scripted_provider import Script
from tests.support.browser_tab import browser, needs_browser, scripted_tab
from tests.support.scripted_router import Gate
from tests.web.test_browser_files import DROP
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


async def test_what_is_sent_while_an_answer_grows_waits_above_the_prompt(browser: Browser) -> None:
    gates = [Gate(), Gate(), Gate()]
    scripts = [slow(gates[0]), ["Two."], ["Three."], slow(gates[1]), slow(gates[2])]
    async with scripted_tab(browser, *scripts) as (tab, _):
        page, items = (
            tab.page,
            "[...document.querySelectorAll('#queue .said')].map((each) => each.textContent).join('|')",
        )
        await tab.ask("One")
        await tab.shows("The first words,")
        for text in ("Three", "Away", "Second"):
            await page.fill("#prompt", text)
            await page.press("#prompt", "Enter")
            await tab.until(f"{items}.endsWith({text!r})")
        await page.reload()
        await tab.until(f"{items} === 'Three|Away|Second'")
        await page.locator("#queue li").nth(2).get_by_title("Send this message earlier").click()
        await tab.until(f"{items} === 'Three|Second|Away'")
        await page.locator("#queue li").nth(1).get_by_title("Send this message earlier").click()
        await tab.until(f"{items} === 'Second|Three|Away'")
        await page.locator("#queue li").nth(2).get_by_title("Remove this message").click()
        await tab.until(f"{items} === 'Second|Three'")
        await page.locator("#queue li").nth(0).get_by_title("Edit this message").click()
        await page.fill("#queue textarea", "Two")
        await page.press("#queue textarea", "Enter")
        await tab.until(f"{items} === 'Two|Three'")
        gates[0].open()
        await tab.shows("Three.")
        await tab.answered()
        said = "[...document.querySelectorAll('.turn.user .said')].map((each) => each.textContent).join('|')"
        await tab.until(f"{said} === 'One|Two|Three'")
        assert await page.locator("#queue").is_hidden()

        # Steering sends at once what waits and what is typed.
        await tab.ask("Four")
        await tab.until("document.querySelectorAll('.turn.user').length === 4")
        await page.fill("#prompt", "Shorter")
        await page.press("#prompt", "Enter")
        await tab.until(f"{items} === 'Shorter'")
        await page.fill("#prompt", "in French")
        await page.press("#prompt", "Control+Enter")
        await tab.until(f"{said}.endsWith('Four|Shorter\\n\\nin French')")
        # What waits for an answer that is stopped goes back to the prompt with its files, before what is typed.
        await page.evaluate(DROP, [["notes.md"], ""])
        await tab.until("document.querySelector('#attachments [data-state=ready]') !== null")
        await page.fill("#prompt", "Never sent")
        await page.press("#prompt", "Enter")
        await tab.until(f"{items} === 'Never sent'")
        await page.locator("#queue li small[title='notes.md']").wait_for()
        await page.locator("#attachments").wait_for(state="hidden")
        await page.fill("#prompt", "typed")
        await page.click("#stop")
        await tab.until("document.querySelector('#prompt').value === 'Never sent\\n\\ntyped'")
        await page.locator("#queue").wait_for(state="hidden")
        await page.locator("#attachments [data-state=ready]", has_text="notes.md").wait_for()
        assert tab.errors == []


async def test_earlier_messages_are_summarised_and_it_is_taken_back(browser: Browser) -> None:
    gate = Gate()
    scripts: list[Script] = [["One."], ["Two."], ["Three."], ["They ", gate, "talked."], ["Nothing."], ["They did."]]
    async with scripted_tab(browser, *scripts) as (tab, web):
        page = tab.page
        for number, question in enumerate(("First", "Second", "Third"), 1):
            await tab.ask(question)
            await tab.until(f"document.querySelectorAll('.turn').length === {2 * number}")
            await tab.answered()
        await page.click("#menu-button")
        await page.click("#summarise")
        # All fits the context window, so some messages are offered to stay.
        await tab.shows("summarises 2 earlier messages", "Nothing is deleted, and you can take it back.")
        assert await page.input_value("#summary-kept") == "4"
        await page.fill("#summary-kept", "2")
        await tab.shows("summarises 4 earlier messages")
        await page.get_by_role("button", name="Summarise", exact=True).last.click()
        await tab.until("document.querySelector('#summary-text').value.startsWith('They')")
        gate.open()
        await page.locator("#summary-dialog").get_by_role("button", name="Keep").wait_for(state="visible")
        await page.fill("#summary-text", "They talked a **lot**.")
        await page.locator("#summary-dialog").get_by_role("button", name="Keep").click()
        await tab.shows("Summary of 4 earlier messages")
        assert await page.locator("#summary-dialog").is_hidden()
        await page.locator(".turn.summary .take-back").press("Enter")
        await page.locator(".turn.summary").wait_for(state="detached")
        (row,) = await web.engine.conversations.summaries()
        assert (await web.engine.conversations.conversation(row.id)).path[-1].text == "Three."
        # What is discarded changes nothing.
        await page.click("#menu-button")
        await page.click("#summarise")
        await tab.shows("summarises 2 earlier messages")
        await page.locator("#summary-dialog").get_by_role("button", name="Summarise").click()
        await page.locator("#summary-dialog").get_by_role("button", name="Discard").click()
        await tab.shows("The summary was discarded. Nothing was changed.")
        assert await page.locator(".turn.summary").count() == 0
        assert tab.errors == []
