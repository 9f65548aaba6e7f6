"""A real headless Chromium for the web page. Without one, its tests are skipped, or fail if `required` says so."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from chat_tui.config.schema import Config
from chat_tui.providers.scripted_provider import Script
from tests.doubles.scripted_web import scripted_opener
from tests.support.web_site import TOKEN, Site, site

REQUIRED = "CHAT_TUI_BROWSER"
"""With the value `required`, tests fail on a machine without a browser."""
SECONDS = 10.0
READY = "#choice option"
"""An element that is there when the page is ready."""
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OFF = (
    # Chromium takes the last list only: these are Playwright's.
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    # Each window would load two pages for the list below its address, which takes as long as all else that it does.
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
)
"""Features of Chromium that tests do without."""
WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) => {
  window.violations.push(`${violatedDirective} ${blockedURI} ${sample}`);
});
"""


def chromium() -> str:
    """The browser's path, from the variable CHROMIUM or the usual places; empty if there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), "")


def without_browser() -> str:
    """Why browser tests are skipped; empty if they run."""
    if chromium() or os.environ.get(REQUIRED) == "required":
        return ""
    return f"no Chromium is here: install one, or name it in CHROMIUM ({REQUIRED}=required makes this a failure)"


needs_browser = pytest.mark.skipif(bool(without_browser()), reason=without_browser())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for the tests of a file."""
    assert chromium(), f"{REQUIRED} says that there is a Chromium, and there is none"
    async with async_playwright() as driver:
        # The sandbox cannot be had by root.
        options = [f"--disable-features={','.join(_OFF)}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        running = await driver.chromium.launch(executable_path=chromium(), args=options)
        try:
            yield running
        finally:
            await running.close()


class Tab:
    """A page in its own browser window, and the errors that occurred in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.errors: list[str] = []
        self.asked: list[str] = []
        """Addresses of all requests."""
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: self.asked.append(request.url))

    async def open(self, path: str = f"/#token={TOKEN}") -> None:
        """Open the page and wait until it is ready."""
        await self.page.goto(self.url + path)
        await self.page.locator(READY).first.wait_for(state="attached")

    async def ask(self, text: str, *, button: str = "#send") -> None:
        """Type a question and press a button."""
        await self.page.fill("#prompt", text)
        await self.page.click(button)

    async def switch(self, setting: str) -> None:
        """Turn a switch of the settings menu, such as `whole`."""
        await self.page.click("#settings-button")
        await self.page.click(f"#setting-{setting}")
        await self.page.keyboard.press("Escape")

    async def choose(self, name: str) -> None:
        """Choose a model or a strategy by its whole name in the list."""
        await self.page.click("#model-button")
        await self.page.fill("#models-search", name)
        await self.page.locator(".pick", has=self.page.get_by_text(name, exact=True)).click()

    async def answered(self) -> None:
        """Wait until no answer is running."""
        await self.page.locator("#send").wait_for(state="visible")

    async def said(self) -> str:
        """The text of the last answer."""
        return await self.page.locator(".assistant .text").last.inner_text()

    async def shows(self, *texts: str) -> None:
        """Wait until the page shows all these texts."""
        for text in texts:
            await self.page.get_by_text(text).first.wait_for(state="visible")

    async def until(self, script: str, seconds: float = SECONDS) -> Any:
        """Wait until a script returns a true value, and return it."""
        # Not by wait_for_function, whose polling the page's policy forbids.
        async with asyncio.timeout(seconds):
            while not (said := await self.page.evaluate(script)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return said

    async def lists(self, *titles: str) -> None:
        """Wait until the list holds these titles in this order."""
        shown = "[...document.querySelectorAll('#list .entry b')].map((each) => each.textContent).join('|')"
        await self.until(f"{shown} === {json.dumps('|'.join(titles))}")

    async def harmless(self) -> None:
        """Check that no foreign script or request ran or was attempted."""
        violations = await self.page.evaluate("window.violations")
        assert violations == [], violations
        assert self.errors == [], self.errors
        await self.unhurt()

    async def unhurt(self) -> None:
        """Check that no foreign script or request ran; attempts are allowed."""
        assert await self.page.evaluate("window.hit") is None
        assert all(address.startswith((f"{self.url}/", "data:", f"blob:{self.url}/")) for address in self.asked), (
            self.asked
        )


@asynccontextmanager
async def tab(browser: Browser, url: str, **options: Any) -> AsyncIterator[Tab]:
    """A tab in a new window without stored state."""
    context: BrowserContext = await browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(SECONDS * 1000)
    await context.add_init_script(WATCH)
    try:
        yield Tab(await context.new_page(), url)
    finally:
        await context.close()


@asynccontextmanager
async def scripted_tab(browser: Browser, *scripts: Script, **options: Any) -> AsyncIterator[tuple[Tab, Site]]:
    """The page, open, over models that play these scripts."""
    opener: Callable[[], Any] = scripted_opener(*scripts)
    async with site(Config(), opener=opener) as web, tab(browser, web.url, **options) as opened:
        await opened.open()
        yield opened, web
