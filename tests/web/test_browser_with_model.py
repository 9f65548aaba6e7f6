"""`chat-tui serve` with the built-in model, asked by a real browser."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.support.browser_tab import browser, needs_browser, tab
from tests.support.weights import weights_file
from tests.wire.home import Home, kept, send_signal

__all__ = ["browser", "weights_file"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser, pytest.mark.weights]


async def test_the_built_in_model_is_asked_stopped_and_its_conversation_found_again(
    browser: Browser, weights_file: Path, home: Home
) -> None:
    home.config.write_text(f'[local]\nweights = "{weights_file}"\nthreads = 1\n')
    process = await home.start("serve", "--port", "0")
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(20):
        address = (await process.stdout.readline()).decode().strip()
    url, _, fragment = address.partition("/#")
    try:
        async with tab(browser, url) as opened:
            await opened.open(f"/#{fragment}")
            await opened.ask("Tell me a long story about a lighthouse keeper and the sea.")
            length = "document.querySelector('.assistant .text')?.textContent.length"
            seen = await opened.until(f"{length} > 0 && {length}", seconds=30)
            more = await opened.until(f"{length} > {seen} && {length}")
            await opened.until(f"{length} > {more}")
            await opened.page.click("#stop")
            await opened.answered()
            said = await opened.said()
            await opened.page.reload()
            await opened.shows("stopped")
            assert (await opened.said()).startswith(said[:20].rstrip())
            await opened.page.fill("#search", "lighthouse")
            # The answer may be found first, whose words are the model's.
            await opened.until("document.querySelector('#list mark')?.textContent.toLowerCase() === 'lighthouse'")
            assert opened.errors == []
    finally:
        send_signal(process, signal.SIGTERM)
        async with asyncio.timeout(20):
            _, told = await process.communicate()
    assert process.returncode == 0, told
    question, answer = await kept(home)
    assert question.text == "Tell me a long story about a lighthouse keeper and the sea."
    assert answer.state == "cancelled"
    assert answer.model == "local/smollm2-135m"
    assert b"lighthouse" not in told
