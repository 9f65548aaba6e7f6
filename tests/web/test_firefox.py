"""The page in a real Firefox: what a day's work needs, and what Firefox does in its own way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from chat_tui.config.schema import Config
from chat_tui.core.tools import ToolOutput
from chat_tui.providers.scripted_provider import Script
from tests.doubles.fake_engine import ANSWER
from tests.doubles.fake_tools import FakeTools, offered
from tests.doubles.scripted_web import scripted_opener
from tests.support.firefox import Firefox, FirefoxTab, firefox, needs_firefox
from tests.support.page_attacks import ATTACKS
from tests.support.scripted_router import Gate
from tests.support.web_site import Site, site
from tests.web.test_tools import call

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_firefox]

FRACTION = r"Half of it is $\frac{1}{2}$."
HEBREW = '* פריט\n\n```python\nx = "שלום"  # הערה\n```'
RIGHT_TO_LEFT = "מחשב מריץ את `print(1)` ואז עוצר."
PLACES = """((paragraph) => {
  const code = paragraph.querySelector("code").firstChild;
  const place = (node, at) => {
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getBoundingClientRect().x;
  };
  const [first, last] = [place(paragraph.firstChild, 0), place(paragraph.lastChild, 5)];
  return { first, last, print: place(code, 0), bracket: place(code, 7) };
})([...document.querySelectorAll(".text > p")].at(-1))"""
"""Where signs of the last paragraph are, from the left."""
DROP = """(async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 5000, height: 40 });
  canvas.getContext("2d").fillRect(0, 0, 5000, 40);
  const photo = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const carried = new DataTransfer();
  carried.items.add(new File([photo, new Uint8Array(20_000_001)], "photo.png", { type: "image/png" }));
  carried.items.add(new File(["One line."], "notes.md"));
  const options = { dataTransfer: carried, bubbles: true, cancelable: true };
  const event = (kind) => dispatchEvent(new DragEvent(kind, options));
  event("dragenter");
  const isShown = !document.getElementById("drop-target").hidden;
  event("drop");
  return isShown;
})()"""
"""Drops a photo that is too large, and a text."""
ACTIVE = "document.activeElement.id"


class _Restarted:
    """A Firefox in which a person signed in, asked a question and closed the browser, and which was started again."""

    def __init__(self, browser: Firefox, url: str, address: str) -> None:
        self.browser, self.url, self.address = browser, url, address


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def restarted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[_Restarted]:
    """One Firefox for the tests of this file."""
    profile = tmp_path_factory.mktemp("profile")
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        async with firefox(profile) as first:
            tab = await first.new_tab(web.url)
            await tab.open()
            await tab.ask("Before")
            await tab.shows("Yes.")
            await tab.answered()
            address = await tab.evaluate("location.hash")
        async with firefox(profile) as again:
            yield _Restarted(again, web.url, address)


@pytest.fixture(scope="module")
def browser(restarted: _Restarted) -> Firefox:
    """The same Firefox, for tests with a server of their own."""
    return restarted.browser


@asynccontextmanager
async def opened(
    browser: Firefox, *scripts: Script, tools: FakeTools | None = None
) -> AsyncIterator[tuple[FirefoxTab, Site]]:
    """The page, open, over models that play these scripts."""
    async with site(Config(), opener=scripted_opener(*scripts, tools=tools)) as web:
        tab = await browser.new_tab(web.url)
        await tab.resize(1280, 800)
        await tab.open()
        yield tab, web
        await tab.close()


async def test_one_stays_signed_in_when_the_browser_is_started_again(restarted: _Restarted) -> None:
    tab = await restarted.browser.new_tab(restarted.url)
    await tab.open(f"/{restarted.address}")
    await tab.shows("Before", "Yes.")
    await tab.ask("After")
    await tab.until("document.querySelectorAll('.assistant').length === 2")
    await tab.answered()
    await tab.harmless()
    await tab.close()


async def test_an_answer_streams_survives_a_reload_and_is_stopped_from_another_tab(browser: Firefox) -> None:
    gates = [Gate(), Gate()]
    scripts: list[Script] = [["The first ", "words, ", gate, "and **the last**."] for gate in gates]
    async with opened(browser, *scripts) as (tab, web):
        await tab.ask("Asked in Firefox")
        await tab.shows("The first words,")
        await tab.visible("#stop")
        await tab.reload()
        await tab.shows("The first words,")
        other = await browser.new_tab(web.url)
        await other.open("/")
        await other.shows("running")
        await other.click("#list .entry")
        await other.shows("The first words,")
        # Both share one stream, in a worker.
        asked = "performance.getEntriesByType('resource').some(({name}) => name.includes('api/events'))"
        assert not await other.evaluate(asked)
        gates[0].open()
        for each in (tab, other):
            await each.until("document.querySelector('.assistant strong')?.textContent === 'the last'")
            await each.answered()
        await tab.ask("Once more")
        await other.until("document.querySelectorAll('.turn').length === 4")
        await other.visible("#stop")
        await other.press("Escape")
        for each in (tab, other):
            await each.shows("stopped")
            await each.answered()
            await each.harmless()
        await other.close()


async def test_an_answer_is_paused_messages_wait_and_earlier_ones_are_summarised(browser: Firefox) -> None:
    gate = Gate()
    scripts: list[Script] = [["The first ", "words, ", gate, "and the last."], ["Two."], ["Three."], ["They talked."]]
    async with opened(browser, *scripts) as (tab, _):
        await tab.ask("One")
        await tab.shows("The first words,")
        await tab.visible("#pause-button")
        await tab.click("#pause-button")
        await tab.until("document.querySelector('#pause-button').title.startsWith('Resume')")
        await tab.click("#prompt")
        for number, text in enumerate(("Two", "Three"), 1):
            await tab.type(text)
            await tab.press("Enter")
            await tab.until(f"document.querySelectorAll('#queue li').length === {number}")
        gate.open()
        await tab.click("#pause-button")
        await tab.until("document.querySelectorAll('.assistant').length === 3")
        await tab.answered()
        await tab.click("#menu-button")
        await tab.click("#summarise")
        await tab.shows("summarises 2 earlier messages")
        await tab.click("#summary-dialog .primary")
        await tab.until("document.querySelector('#summary-text').value === 'They talked.'")
        await tab.until("document.querySelector('#summary-dialog .primary').textContent === 'Keep'")
        await tab.click("#summary-dialog .primary")
        await tab.shows("Summary of 2 earlier messages")
        await tab.evaluate("document.querySelector('.take-back').click()")
        await tab.until("document.querySelector('.turn.summary') === null")
        await tab.harmless()


async def test_files_are_dropped_sent_and_opened(browser: Firefox) -> None:
    async with opened(browser, ["A line."]) as (tab, _):
        assert await tab.evaluate(DROP)
        await tab.until("document.querySelectorAll('#attachments [data-state=ready]').length === 2")
        await tab.shows("20.0 MB made smaller")
        await tab.ask("What is it?")
        await tab.answered()
        for _ in range(2):
            await tab.until("document.querySelector('.turn.user .file.image canvas')?.width > 240")
            await tab.click(".turn.user .file.image")
            await tab.until("document.querySelector('#file-dialog[open] img')?.naturalWidth === 4096")
            await tab.press("Escape")
            await tab.click(".turn.user .file:not(.image)")
            await tab.until("document.querySelector('#file-dialog[open] pre')?.textContent === 'One line.'")
            await tab.press("Escape")
            await tab.reload()
        await tab.harmless()


async def test_an_answer_is_read_copied_and_pasted(browser: Firefox) -> None:
    text = f"{ANSWER}\n\n{FRACTION}\n\n{HEBREW}\n\n{RIGHT_TO_LEFT}\n"
    async with opened(browser, [text[at : at + 40] for at in range(0, len(text), 40)], ["Fine."]) as (tab, _):
        await tab.ask("How do I read a file?")
        await tab.answered()
        over, under = await tab.evaluate(
            "[...document.querySelectorAll('.text math mfrac > mn')].map((part) => part.getBoundingClientRect().y)"
        )
        assert over < under
        assert await tab.evaluate("document.querySelectorAll('.text td').length") == 4
        # A text from right to left begins at the right, and the code in it runs from left to right.
        places = await tab.evaluate(PLACES)
        assert places["first"] > places["last"]
        assert places["print"] < places["bracket"]
        # A list has the direction of its words, and the parts of a line of code keep their order.
        lists = "[...document.querySelectorAll('.text > ul')].map((each) => getComputedStyle(each).direction)"
        assert await tab.evaluate(lists) == ["ltr", "rtl"]
        string, comment = await tab.evaluate(
            "['.s', '.c'].map((kind) => [...document.querySelectorAll(`pre ${kind}`)].at(-1).getBoundingClientRect().x)"
        )
        assert string < comment
        await tab.click(".copy-code")
        await tab.click("#prompt")
        await tab.press("Control+v")
        await tab.until("document.querySelector('#prompt').value.startsWith('from pathlib import Path\\n\\ndef lines')")
        assert await tab.evaluate("document.querySelector('#prompt').offsetHeight") > 100
        await tab.press("Enter")
        await tab.shows("Fine.")
        await tab.answered()
        said = await tab.evaluate("document.querySelectorAll('.turn.user .said')[1].innerText")
        assert said.startswith("from pathlib import Path\n\ndef lines")
        await tab.harmless()


async def test_it_is_done_by_keyboard_and_named_for_screen_readers(browser: Firefox) -> None:
    tools = FakeTools([offered("read")], read=ToolOutput("a line"))
    async with opened(browser, ["Let me look. ", *call("read")], ["It is."], tools=tools) as (tab, _):
        assert await tab.evaluate(ACTIVE) == "prompt"
        for role, name in (("textbox", "Your question"), ("button", "Send"), ("log", "Conversation")):
            assert await tab.named(role, name) == 1, name
        # The popover is opened, used and closed by keys, and the focus returns.
        while await tab.evaluate(ACTIVE) != "tools-button":
            await tab.press("Tab")
        await tab.press("Enter")
        await tab.visible("#tools-menu")
        await tab.press("Tab")
        await tab.press(" ")
        await tab.until("document.querySelector('#tools-list input').checked")
        await tab.press("Escape")
        await tab.until("!document.querySelector('#tools-menu').matches(':popover-open')")
        assert await tab.evaluate(ACTIVE) == "tools-button"
        await tab.press("Escape")
        assert await tab.evaluate(ACTIVE) == "prompt"
        await tab.type("What is in it?")
        await tab.press("Enter")
        await tab.shows("asks you")
        await tab.until("document.querySelector('#status').textContent.startsWith('The model wants to use read')")
        assert await tab.named("group", "Tool call read") == 1
        while not await tab.evaluate("document.activeElement.textContent === 'Run once'"):
            await tab.press("Shift+Tab")
        await tab.press("Enter")
        await tab.shows("It is.")
        await tab.answered()
        await tab.press("Control+k")
        await tab.type("what")
        await tab.until("document.querySelector('#list mark')")
        await tab.press("ArrowDown")
        assert await tab.evaluate("document.activeElement.className") == "entry"
        await tab.press("Enter")
        await tab.until("document.querySelector('.reached')")
        await tab.resize(390, 844)
        await tab.until("document.documentElement.scrollWidth === 390")
        await tab.click("#open-drawer")
        await tab.visible("#new")
        await tab.press("Escape")
        await tab.until("!document.querySelector('#new').checkVisibility({visibilityProperty: true})")
        await tab.harmless()


async def test_the_conversation_is_seen_in_a_low_window_and_above_a_keyboard(browser: Firefox) -> None:
    async with opened(browser, ["Yes. "] * 200) as (tab, _):
        await tab.ask("What is seen?")
        await tab.answered()
        height = "document.querySelector('#app').offsetHeight"
        # As on iOS: the page stays as large as it is.
        await tab.evaluate("Object.defineProperty(visualViewport, 'height', { value: 400, configurable: true }) && 1")
        await tab.evaluate("visualViewport.dispatchEvent(new Event('resize'))")
        assert await tab.evaluate(height) == 400
        await tab.evaluate("delete visualViewport.height")
        await tab.evaluate("visualViewport.dispatchEvent(new Event('resize'))")
        assert await tab.evaluate(height) == 800
        # A window of 1280 by 1024 at 400 %.
        await tab.resize(320, 256)
        await tab.until("document.querySelector('#scroll').clientHeight > 100")
        assert await tab.evaluate("document.documentElement.scrollWidth") == 320
        await tab.harmless()


async def test_what_a_model_says_runs_nothing(browser: Firefox) -> None:
    async with opened(browser, [piece for attack in ATTACKS for piece in (attack, "\n\n")]) as (tab, _):
        await tab.ask("Attack")
        await tab.answered()
        assert await tab.evaluate("window.hit === undefined")
        assert await tab.evaluate("document.querySelectorAll('.text :is(img, svg, script, iframe)').length") == 0
        await tab.harmless()
