"""The settings menu of the page in a real Chromium, and private conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Dialog, Route

from chat_tui.config.memory.user_memory import UserMemory
from chat_tui.config.schema import Config, RequestDefaults
from chat_tui.core.settings.conversation_settings import ConversationSettings, decode_settings
from chat_tui.core.settings.preset import decode_preset
from chat_tui.engine.conversations.memory import Memory
from chat_tui.providers.scripted_provider import Pause, Script
from tests.doubles.scripted_web import scripted_opener
from tests.support.browser_tab import Tab, browser, needs_browser, tab
from tests.support.web_site import Site, site, until
from tests.web.test_browser_files import DROP

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]
USUAL = Config(strategy="balanced", system_prompt="Be kind.", request=RequestDefaults(max_tokens=500))


@asynccontextmanager
async def usual_tab(
    browser: Browser, *scripts: Script, memory: Memory | None = None
) -> AsyncIterator[tuple[Tab, Site]]:
    opener = scripted_opener(*scripts, config=USUAL, memory=memory)
    async with site(USUAL, opener=opener) as web, tab(browser, web.url) as on:
        await on.open()
        await on.until("document.querySelectorAll('#setting-preset option').length > 4")
        yield on, web


async def marked(on: Tab, words: str) -> None:
    """Wait until the button says this."""
    await on.page.locator(f"#settings-button[aria-label='Settings: {words}']").wait_for(state="visible")


async def everything_kept(on: Tab) -> str:
    """What the browser keeps of the page."""
    kept = await on.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    return str(kept)


async def write(on: Tab, field: str, text: str) -> None:
    await on.page.fill(f"#setting-{field}", text)
    await on.page.press(f"#setting-{field}", "Tab")


async def without_thinking(route: Route) -> None:
    """Let the fast model be one that does not think."""
    reply = await route.fetch()
    said = await reply.json()
    for model in said["models"]:
        model["thinking"] = model["name"] != "shelf/fast"
    await route.fulfill(response=reply, json=said)


async def test_the_settings_of_a_new_conversation_are_kept_until_it_begins(browser: Browser, tmp_path: Path) -> None:
    user = UserMemory(tmp_path / "memory.md")
    user.add("I like metric units.")
    async with usual_tab(browser, ["Bon."], memory=Memory(user=user)) as (on, web):
        await marked(on, "as usual")
        await on.page.click("#settings-button")
        assert await on.page.get_attribute("#setting-system", "placeholder") == "Be kind."
        assert await on.page.get_attribute("#setting-length", "placeholder") == "500"
        await on.page.select_option("#setting-preset", "translate")
        await on.page.fill("#variable-language", "French")
        await write(on, "temperature", "9")
        await on.shows("The temperature must be a number from 0 to 2.")
        await write(on, "temperature", "0.4")
        await on.page.locator("#settings-fault").wait_for(state="hidden")
        await on.page.uncheck("#setting-memory")
        assert not await on.page.locator("#memory").is_visible()
        await marked(on, "Translate · French, temp 0.4, memory off")
        await on.page.reload()
        await marked(on, "Translate · French, temp 0.4, memory off")
        await on.ask("Good")
        await on.answered()
        (row,) = await web.engine.conversations.summaries()
        stored = await web.engine.conversations.conversation(row.id)
        preset = decode_preset(stored.preset)
        assert preset is not None
        assert preset.words() == "Translate · French"
        assert decode_settings(stored.settings) == ConversationSettings(temperature=0.4, memory=False)
        await on.page.click("#new")
        await marked(on, "as usual")
        await on.harmless()


async def test_the_settings_of_a_conversation_are_shared_with_other_faces(browser: Browser) -> None:
    async with usual_tab(browser, ["Oui.", Pause(60)]) as (on, web):
        await on.ask("Yes")
        await on.shows("Oui.")
        (row,) = await web.engine.conversations.summaries()
        # Also while an answer runs here.
        await web.engine.conversations.set_settings(row.id, ConversationSettings(1.5, max_tokens=50, seed=7))
        await marked(on, "temp 1.5, max 50, seed 7")
        await on.page.click("#stop")
        await on.answered()
        await on.page.click("#settings-button")
        await on.shows("Also set, in the terminal: seed 7")
        await on.page.fill("#setting-system", "Be short.")
        await on.page.keyboard.press("Escape")
        await marked(on, "own system prompt, temp 1.5, max 50, seed 7")
        assert (await web.engine.conversations.conversation(row.id)).system_prompt == "Be short."
        await on.page.click("#settings-button")
        await on.page.click("#settings-reset")
        await marked(on, "as usual")
        reset = await web.engine.conversations.conversation(row.id)
        assert (reset.preset, reset.settings, reset.system_prompt) == ("", "", None)
        await on.page.keyboard.press("Escape")
        await on.switch("adaptive")
        await marked(on, "adaptive on")
        await on.choose("speed-priority")
        await marked(on, "as usual")
        await on.page.route("**/api/models", without_thinking)
        await on.page.reload()
        await on.until("document.querySelector('#setting-thinking').disabled === false")
        await on.choose("shelf/fast")
        await on.until("document.querySelector('#setting-thinking').disabled")
        await on.harmless()


async def attach_then_be_private(on: Tab, web: Site) -> None:
    """Attach a file and make the conversation private: the file leaves the server's disk."""
    await on.page.evaluate(DROP, [["whisper.md"], ""])
    await on.page.locator("#attachments [data-state=ready]").wait_for()
    files = web.state.uploads.folder
    assert files is not None
    assert list(files.iterdir())
    await on.switch("private")
    await until(lambda: not list(files.iterdir()))


async def test_a_private_conversation_is_lost_when_it_is_left_and_one_is_warned(browser: Browser) -> None:
    async with usual_tab(browser, ["A secret."], ["Again."], ["Last."]) as (on, web):
        address = on.page.url
        await on.page.fill("#prompt", "Whisper")
        await attach_then_be_private(on, web)
        await on.page.click("#settings-button")
        await on.page.fill("#setting-system", "Mum is the word.")
        await on.page.keyboard.press("Escape")
        await marked(on, "private: never saved, own system prompt")
        async with on.page.expect_response("**/api/settings"):
            await on.page.click("#settings-button")
        await on.page.keyboard.press("Escape")
        await marked(on, "private: never saved, own system prompt")
        kept = await everything_kept(on)
        assert "Whisper" not in kept
        assert "Mum" not in kept
        assert "whisper" not in kept
        await on.page.reload()
        await marked(on, "private: never saved")
        await on.shows("Private: never saved.")
        assert await on.page.input_value("#prompt") == ""
        await on.ask("Hush")
        await on.shows("A secret.")
        await on.answered()
        await on.ask("And again")
        await on.shows("Again.")
        await on.answered()
        (id,) = web.state.private.ids()
        assert (await on.page.title(), on.page.url) == ("Private conversation", address)
        await on.shows("No conversations yet.")
        assert "Hush" not in await everything_kept(on)
        await on.page.keyboard.press("Control+Shift+O")
        await on.page.keyboard.press("Control+Shift+O")
        await on.page.click("#leave-dialog button:text-is('Stay')")
        await on.shows("A secret.")
        await on.page.click("#new")
        await on.page.click("#leave-dialog button:text-is('Leave')")
        await on.shows("What would you like to know?")
        await marked(on, "as usual")
        await until(lambda: id not in web.state.private)
        # The page is left, which the browser asks about.
        await on.switch("private")
        await on.ask("Once more")
        await on.shows("Last.")
        await on.answered()
        asked: list[str] = []

        async def leave(dialog: Dialog) -> None:
            asked.append(dialog.type)
            await dialog.accept()

        on.page.on("dialog", leave)
        await on.page.goto("about:blank")
        await until(lambda: not web.state.private.ids())
        assert asked == ["beforeunload"]
        assert await web.engine.conversations.summaries() == []
