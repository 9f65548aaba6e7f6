"""The list of models and strategies on the page."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from chat_tui.config.schema import Config
from chat_tui.core.models import Model
from tests.doubles.scripted_chat import DEEP, FAST
from tests.doubles.scripted_web import scripted_opener
from tests.support.browser_tab import browser, needs_browser, scripted_tab
from tests.support.browser_tab import tab as open_tab
from tests.support.web_site import site

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]
OTHERS = [Model(f"router/model-{number}", 32_000, 0.05, 2.5, tools=True) for number in range(300)]
HEADINGS = "[...document.querySelectorAll('#models-list h3')].map((each) => each.textContent)"
ROWS = "[...document.querySelectorAll('.pick b')].map((each) => each.textContent)"


async def test_a_model_is_found_by_keys_and_its_favourites_come_first(browser: Browser) -> None:
    opener = scripted_opener(["Yes."], ["No."], models=[FAST, DEEP, *OTHERS])
    async with site(Config(), opener=opener) as web, open_tab(browser, web.url) as tab:
        await tab.open()
        page = tab.page
        await page.keyboard.press("Control+/")
        await page.locator("#models-search:focus").wait_for()
        assert await page.evaluate(HEADINGS) == ["Strategies · 8", "shelf · 2", "router · 300"]
        assert len(await page.evaluate(ROWS)) == 200
        await page.keyboard.press("Enter")
        await page.locator("#model-button:focus").wait_for()
        assert await page.inner_text("#model-name") == "balanced"
        await page.keyboard.press("Control+/")
        await page.locator("#models-search:focus").wait_for()
        await page.get_by_role("button", name="Show all 311").click()
        assert len(await page.evaluate(ROWS)) == 311
        await page.fill("#models-search", "model-29 router")
        assert (await page.evaluate(ROWS))[0] == "router/model-29"
        await tab.shows("$0.05 in, $2.50 out · 32k context · tools")
        # Right is the star of a row, and Down the next row.
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
            await page.keyboard.press(key)
        await tab.until("document.querySelector('#models-list h3').textContent === 'Favourites · 1'")
        await tab.until("document.activeElement.className === 'star'")
        await page.fill("#models-search", "shelf/fast")
        await page.keyboard.press("Enter")
        await page.locator("#prompt:focus").wait_for()
        assert await page.inner_text("#model-name") == "fast"
        await tab.ask("Who?")
        await tab.answered()
        assert await page.locator(".who b").inner_text() == "fast"
        # Another model for one answer; the choice stays.
        await page.get_by_title("Ask again with another model").click()
        await page.locator("#models-search:focus").wait_for()
        assert await page.evaluate(HEADINGS) == ["Favourites · 1", "Recent · 1", "shelf · 1", "router · 299"]
        await page.fill("#models-search", "deep")
        await page.keyboard.press("Enter")
        await tab.shows("No.", "2/2")
        await tab.answered()
        assert await page.locator(".who b").inner_text() == "deep"
        assert await page.inner_text("#model-name") == "fast"
        assert await web.engine.places.get("recent models") == "shelf/deep\nshelf/fast"
        await tab.harmless()


async def test_a_found_key_is_used_after_one_confirmation(browser: Browser) -> None:
    async with scripted_tab(browser, ["Yes."]) as (tab, web):
        for number in (1, 0, 1):
            await tab.page.click("#model-button")
            await tab.page.locator(f"#model-button[aria-expanded={'true' if number else 'false'}]").wait_for()
            assert await tab.page.locator("#models-menu:popover-open").count() == number
        await tab.shows("A key for Groq was found in $GROQ_API_KEY.")
        await tab.page.get_by_role("button", name="Use it").click()
        await tab.shows("Questions can then be sent to Groq, which charges for them.")
        assert [each.in_use for each in await web.engine.setup.hosted_providers()] == [False] * 3
        await tab.page.get_by_role("button", name="Use Groq").click()
        await tab.shows("Groq is in use: 5 models.")
        await tab.until("!document.querySelector('.found-key')")
        await tab.page.keyboard.press("Escape")
        await tab.page.locator("#model-button:focus, #prompt:focus").wait_for()
        await tab.harmless()
