"""Asking again on the page, the versions that this makes, and what else can be done with a conversation."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from chat_tui.core.errors import Overloaded
from chat_tui.core.request import Request
from chat_tui.engine.answers.summarizer import WrittenSummary
from chat_tui.providers.scripted_provider import Fault, Pause
from tests.support.browser_tab import browser, needs_browser, scripted_tab

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]


async def test_an_answer_is_asked_for_anew_and_a_question_in_other_words_and_all_versions_can_be_seen(
    browser: Browser,
) -> None:
    async with scripted_tab(browser, ["One."], ["Two."], ["Three."], ["Four."]) as (tab, web):
        await tab.ask("Count")
        await tab.answered()
        await tab.ask("And then?")
        await tab.shows("Two.")
        await tab.answered()
        await tab.page.locator(".again").first.click()
        await tab.shows("Three.", "2/2")
        await tab.answered()
        assert await tab.page.locator(".turn").count() == 2
        await tab.page.get_by_title("Previous version").click()
        await tab.shows("One.", "Two.", "1/2")
        await tab.page.locator(".user .tool.edit").last.click(force=True)
        await tab.page.keyboard.press("ControlOrMeta+a")
        await tab.page.keyboard.type("And before?")
        await tab.page.keyboard.press("Enter")
        await tab.shows("Four.")
        await tab.answered()
        assert await tab.page.locator(".said").all_inner_texts() == ["Count", "And before?"]
        await tab.page.locator(".user").last.get_by_title("Previous version").click()
        await tab.shows("And then?", "Two.")
        (row,) = await web.engine.conversations.summaries()
        assert [turn.text for turn in (await web.engine.conversations.conversation(row.id)).path][1::2] == [
            "One.",
            "Two.",
        ]
        await tab.harmless()
        # A summary that was made in the terminal is a row of its own, neither an answer nor a question.
        plan = await web.engine.summaries.plan(row.id, 2, Request())
        text = "**Counting**, so far."
        await web.engine.summaries.keep(plan.place, WrittenSummary(text, plan.model), text)
        await tab.page.reload()
        await tab.shows("Summary of 2 earlier messages", "Two.")
        assert await tab.page.locator(".turn").evaluate_all("turns => turns.map((turn) => turn.className)") == [
            *["turn user", "turn assistant"] * 2,
            "turn summary",
        ]
        assert not await tab.page.locator(".summary .text").is_visible()
        await tab.page.locator(".summary summary").click()
        await tab.shows("Counting, so far.")
        assert await tab.page.locator(".summary strong").all_inner_texts() == ["Counting"]
        await tab.harmless()


async def test_an_answer_that_is_not_shown_yet_is_stopped_kept_and_continued(browser: Browser) -> None:
    async with scripted_tab(browser, ["Half ", Pause(60)], ["and half."]) as (tab, web):
        await tab.switch("whole")
        await tab.ask("All of it")
        await tab.until("document.querySelector('.assistant .text').textContent.includes('Half')")
        assert not await tab.page.locator(".assistant .text").is_visible()
        await tab.page.keyboard.press("Escape")
        await tab.shows("Half", "stopped")
        await tab.page.get_by_text("Continue").click()
        await tab.shows("Half and half.")
        await tab.answered()
        assert len(await web.engine.conversations.summaries()) == 1


async def test_a_broken_answer_offers_what_can_be_done_next(browser: Browser) -> None:
    fault = Fault(Overloaded("The server has broken off.", "Ask again in a moment.", provider="shelf"))
    async with scripted_tab(browser, ["Half", fault], ["Whole."]) as (tab, web):
        await tab.ask("Once")
        await tab.shows("The server has broken off.", "Continue")
        await tab.page.get_by_text("Ask again", exact=True).click()
        await tab.shows("Whole.", "2/2")
        await tab.answered()
        assert not await tab.page.get_by_text("Continue").is_visible()
        # What one thinks of it is kept, and what the terminal thinks is shown; a second press takes it back.
        good, bad = tab.page.get_by_title("Rate as good"), tab.page.get_by_title("Rate as bad")
        await good.click()
        await tab.page.reload()
        await tab.until("document.querySelector('.tool.good')?.getAttribute('aria-pressed') === 'true'")
        (row,) = await web.engine.conversations.summaries()
        web.engine.judge((await web.engine.conversations.conversation(row.id)).path[-1], False)
        await tab.until("document.querySelector('.tool.bad').getAttribute('aria-pressed') === 'true'")
        await bad.click()
        await tab.until("document.querySelector('.tool.bad').getAttribute('aria-pressed') === 'false'")
        # Why this model, in the words of the terminal.
        await tab.page.get_by_title("Why this model").click()
        await tab.shows("Candidates", "Tries", "What other strategies would have picked")
        assert (await tab.page.locator("#why-report .answered").inner_text()).endswith("answered, chosen by balanced")
        await tab.page.keyboard.press("Escape")
        await tab.until("document.activeElement.title === 'Why this model'")
        await tab.harmless()


async def test_a_conversation_is_pinned_and_downloaded_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    async with scripted_tab(browser, ["**One**."]) as (tab, web):
        await tab.ask("What / is it?")
        await tab.answered()
        await tab.page.focus("#menu-button")
        for key in ("Enter", "Tab", "Tab", "Tab", "Enter"):
            await tab.page.keyboard.press(key)
        await tab.until("document.querySelector('#list h2')?.textContent === 'Pinned'")
        assert (await web.engine.conversations.summaries())[0].pinned
        await tab.page.click("#menu-button")
        async with tab.page.expect_download() as started:
            await tab.page.click("#save-markdown")
        file = await started.value
        assert file.suggested_filename == "What is it.md"
        await file.save_as(tmp_path / "saved.md")
        assert "**One**." in (tmp_path / "saved.md").read_text("utf-8")
        assert tab.errors == []
