"""The page in a real browser: asking, stopping, finding again, by mouse, keyboard and thumb."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser

from chat_tui.config.schema import Config
from chat_tui.core.chunks import Token
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import KeyRefused, Overloaded
from chat_tui.history.queries import writes
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Fault, Pause, Script
from tests.doubles.fake_engine import ANSWER
from tests.doubles.scripted_web import scripted_opener
from tests.support.browser_tab import browser, needs_browser, scripted_tab, tab
from tests.support.scripted_router import Gate
from tests.support.turn_paths import turns_in_a_row
from tests.support.web_site import site

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]

WAITING: Script = ["The first ", "words. ", Pause(60), "Never seen."]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


async def test_tokens_are_seen_as_they_come_and_the_part_is_kept_when_stopped(browser: Browser) -> None:
    async with scripted_tab(browser, WAITING) as (tab, web):
        await tab.ask("Tell me something long")
        await tab.shows("The first words.")
        assert await tab.page.locator("#stop").is_visible()
        assert await tab.page.title() == "answering · Tell me something long"
        await tab.page.keyboard.press("Escape")
        await tab.answered()
        await tab.shows("stopped")
        async with asyncio.timeout(20):
            while web.engine.running():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await tab.page.reload()
        await tab.shows("The first words.", "stopped")
        await tab.lists("Tell me something long")
        assert tab.errors == []


async def test_an_answer_is_rendered_with_its_figures_and_its_code_can_be_copied(browser: Browser) -> None:
    async with scripted_tab(browser, [f"{word} " for word in ANSWER.split(" ")]) as (tab, web):
        await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=web.url)
        await tab.ask("How do I read a file?")
        await tab.answered()
        assert await tab.page.locator(".assistant table td").all_inner_texts() == [
            "for line in text",
            "one line",
            "text.readlines()",
            "the whole file",
        ]
        assert await tab.page.locator("pre .k").first.inner_text() == "from"
        assert "tokens" in await tab.page.locator(".figures").inner_text()
        await tab.page.click(".copy-code")
        code = await tab.page.evaluate("navigator.clipboard.readText()")
        assert code.startswith("from pathlib import Path\n\ndef lines")
        await tab.page.click("[aria-label='Copy the answer']")
        assert (await tab.page.evaluate("navigator.clipboard.readText()")).strip() == ANSWER
        await tab.harmless()


async def test_a_streamed_answer_looks_as_it_does_when_it_is_opened_again(browser: Browser) -> None:
    lines = [f"x{number} = '{number}'" if number % 3 else "" for number in range(1, 61)]
    code = "```py\n" + "\n".join([*lines[:-1], "x"]) + "\n```\n\n"
    rows = "| a | b |\n|---|--:|\n" + "".join(f"| {number} | *b* |\n" for number in range(400))
    items = "".join(f"{number}. item\n" for number in range(1, 50))
    text = "\n\n".join([ANSWER, code, rows, items, "words of a very long paragraph " * 300, r"$\frac{1}{2}$"])
    script: Script = [step for at in range(0, len(text), 400) for step in (text[at : at + 400], Pause(0.02))]
    async with scripted_tab(browser, script) as (tab, _):
        await tab.ask("All kinds")
        await tab.answered()
        streamed = await tab.page.locator(".assistant .text").inner_html()
        await tab.page.reload()
        await tab.shows("All kinds")
        # The last of many blocks follow the first.
        await tab.until(f"document.querySelector('.assistant .text')?.innerHTML === {json.dumps(streamed)}")
        counts = [await tab.page.locator(f".text > {kind}").count() for kind in (".code", ".table", "ol", "p")]
        assert counts == [2, 3, 1, 4]
        # Of a very long table, parts that are out of sight are not laid out.
        assert await tab.page.locator(".table").evaluate_all(
            "tables => tables.map((table) => getComputedStyle(table).contentVisibility)"
        ) == ["visible", "auto", "visible"]
        assert "paragraph words of" in await tab.page.locator(".text > p").nth(2).inner_text()
        fraction = tab.page.locator(".text math mfrac")
        assert await fraction.evaluate("({namespaceURI}) => namespaceURI") == "http://www.w3.org/1998/Math/MathML"
        over, under = [await part.bounding_box() for part in await fraction.locator("> mn").all()]
        assert over is not None
        assert under is not None
        assert over["y"] + over["height"] / 2 < under["y"]
        # A long block of code is made of boxes, and has neither more nor fewer lines for that.
        long = tab.page.locator(".text pre code").last
        assert await long.locator(".part").count() > 2
        assert await long.inner_text() == code.removeprefix("```py\n").removesuffix("\n```\n\n")
        line, height = await long.evaluate(
            "(code) => [parseFloat(getComputedStyle(code).lineHeight), code.offsetHeight]"
        )
        assert round(height / line) == 60
        assert tab.errors == []


async def test_an_answer_is_shown_when_it_is_complete_if_one_wants_that(browser: Browser) -> None:
    async with scripted_tab(browser, ["All ", "of **it**."]) as (tab, _):
        await tab.switch("whole")
        await tab.ask("Whole, please")
        await tab.shows("All of it.")
        await tab.answered()
        assert await tab.page.locator(".assistant").count() == 1
        await tab.ask("And again")
        await tab.until("document.querySelectorAll('.assistant .text strong').length === 2")


async def test_the_saved_conversations_are_searched_opened_and_gone_on_in(browser: Browser) -> None:
    async with scripted_tab(browser, ["Three hearts. H**ÉA**RTS, hea\u0301rts"], ["Two humps."], ["Blue hearts."]) as (
        tab,
        web,
    ):
        for question in ("About the octopus", "About the camel"):
            await tab.page.click("#new")
            await tab.ask(question)
            await tab.answered()
        await tab.lists("About the camel", "About the octopus")
        await tab.page.fill("#search", "hearts")
        await tab.until("document.querySelector('#list mark')?.textContent === 'hearts'")
        await tab.shows("1 message in 1 conversation")
        await tab.page.fill("#search", "squid")
        await tab.shows("No message or title contains all of “squid”.")
        await tab.page.fill("#search", "hearts")
        await tab.page.click("#list .entry")
        await tab.page.locator(".assistant", has_text="Three hearts.").wait_for()
        marked = "[...(CSS.highlights.get('found') ?? [])].map(String).join()"
        await tab.until(f"{marked} === 'hearts,HÉARTS,hea\u0301rts'")
        await tab.page.fill("#search", "")
        await tab.page.keyboard.press("Escape")
        await tab.until(f"{marked} === ''")
        await tab.ask("And its blood?")
        await tab.shows("Blue hearts.")
        await tab.answered()
        await tab.lists("About the octopus", "About the camel")
        await tab.page.go_back()
        await tab.shows("Two humps.")
        assert len(await web.engine.conversations.summaries()) == 2


async def test_a_conversation_is_renamed_and_a_deleted_one_brought_back(browser: Browser) -> None:
    async with scripted_tab(browser, ["Yes."]) as (tab, _):
        await tab.ask("Question")
        await tab.answered()
        await tab.page.click("#menu-button")
        await tab.page.click("#rename")
        await tab.page.fill("#title-field", "A better title")
        await tab.page.keyboard.press("Enter")
        await tab.lists("A better title")
        await tab.page.click("#menu-button")
        await tab.page.click("#delete")
        await tab.shows("No conversations yet.")
        await tab.page.click("#toast button")
        await tab.lists("A better title")
        await tab.shows("Yes.")


async def test_a_row_of_the_list_has_a_menu_and_keys(browser: Browser) -> None:
    async with scripted_tab(browser, ["Yes."]) as (tab, web):
        for question in ("First", "Second", "Third"):
            await tab.page.click("#new")
            await tab.ask(question)
            await tab.answered()
        await tab.lists("Third", "Second", "First")
        await tab.page.hover(".entry[title='Second']")
        await tab.page.get_by_role("button", name="Menu of “Second”").click()
        await tab.page.locator("#row-menu").get_by_text("Pin").click()
        await tab.lists("Second", "Third", "First")
        await tab.until("document.activeElement.title === 'Second'")
        await tab.page.keyboard.press("F2")
        await tab.page.fill("#title-field", "Renamed")
        await tab.page.keyboard.press("Enter")
        await tab.lists("Renamed", "Third", "First")
        # The open conversation stays as it is while others change.
        assert await tab.page.inner_text("#title") == "Third"
        await tab.page.focus(".entry[title='Renamed']")
        await tab.page.keyboard.press("Delete")
        await tab.lists("Third", "First")
        await tab.until("document.activeElement.title === 'Third'")
        await tab.page.keyboard.press("ArrowDown")
        await tab.until("document.activeElement.title === 'First'")
        await tab.page.click("#toast button")
        await tab.lists("Renamed", "Third", "First")
        assert await tab.page.inner_text("#title") == "Third"
        await tab.page.fill("#search", "first")
        await tab.shows("1 message in 1 conversation")
        await tab.page.focus(".entry[title='First']")
        await tab.page.keyboard.press("Delete")
        await tab.shows("No message or title contains all of “first”.")
        await tab.until("document.activeElement.id === 'search'")
        assert [row.title for row in await web.engine.conversations.summaries()] == ["Renamed", "Third"]
        assert tab.errors == []


async def test_deleted_conversations_are_restored_or_deleted_for_good(browser: Browser) -> None:
    async with scripted_tab(browser, ["Yes."]) as (tab, web):
        for question in ("First", "Second"):
            await tab.ask(question)
            await tab.answered()
            await tab.page.click("#menu-button")
            await tab.page.click("#delete")
            await tab.shows("No conversations yet.")
        await tab.page.get_by_role("button", name="Deleted (2)").click()
        await tab.shows("Second", "30 days left", "Empty: delete all for good")
        await tab.page.get_by_role("button", name="Delete “Second” for good").click()
        await tab.page.keyboard.press("Escape")
        await tab.page.get_by_role("button", name="Delete “Second” for good").click()
        await tab.page.get_by_role("button", name="Delete for good", exact=True).last.click()
        await tab.until("document.querySelectorAll('#list .deleted').length === 1")
        assert await web.engine.conversations.deletion.count() == 1
        await tab.page.get_by_role("button", name="Restore “First”").click()
        await tab.lists("First")
        await tab.shows("Yes.")
        assert tab.errors == []


async def test_the_place_that_is_read_holds_while_text_comes(browser: Browser) -> None:
    gate, long = Gate(), [f"Paragraph {number}.\n\n" for number in range(60)]
    async with scripted_tab(browser, [*long[:40], gate, *long[40:]]) as (tab, _):
        await tab.ask("Go on and on")
        await tab.until("document.querySelector('#scroll').scrollTop > 200")
        # A slow trackpad scrolls by few pixels; going to the end takes it again.
        place = "document.querySelector('#scroll')"
        await tab.until(f"({place}.scrollTop -= 2, !document.querySelector('#to-end').hidden)")
        await tab.until(f"({place}.scrollTop = 1e6, document.querySelector('#to-end').hidden)")
        # A finished block stays the same element, with what is selected in it.
        await tab.page.evaluate("getSelection().selectAllChildren(document.querySelector('.assistant .text p'))")
        # Text that still comes before the gate may move to the end first.
        await tab.until("(document.querySelector('#scroll').scrollTop = 60, !document.querySelector('#to-end').hidden)")
        gate.open()
        await tab.answered()
        await tab.page.locator("#to-end").wait_for(state="visible")
        assert await tab.page.evaluate("document.querySelector('#scroll').scrollTop") == 60
        assert await tab.page.evaluate("getSelection().toString()") == "Paragraph 0."
        await tab.page.click("#to-end")
        assert await tab.until(
            "(({scrollTop, scrollHeight, clientHeight}) => scrollHeight - scrollTop - clientHeight < 2)"
            "(document.querySelector('#scroll'))"
        )


async def test_all_of_it_can_be_done_by_keyboard(browser: Browser) -> None:
    async with scripted_tab(browser, ["One."], WAITING) as (tab, _):
        press, active = tab.page.keyboard.press, "document.activeElement.id"
        assert await tab.page.evaluate(active) == "prompt"
        while await tab.page.evaluate(active) != "skip":
            await press("Shift+Tab")
        await press("Enter")
        assert await tab.page.evaluate(active) == "prompt"
        await tab.page.keyboard.type("First line")
        await press("Shift+Enter")
        await tab.page.keyboard.type("second line")
        await press("Enter")
        await tab.answered()
        assert await tab.page.locator(".user").inner_text() == "First line\nsecond line"
        assert await tab.page.evaluate(active) == "prompt"
        await tab.page.keyboard.type("More")
        await press("Enter")
        await tab.shows("The first words.")
        await press("Escape")
        await tab.answered()
        await press("Control+k")
        await tab.page.keyboard.type("first")
        await tab.until("!!document.querySelector('#list mark')")
        await press("ArrowDown")
        assert await tab.page.evaluate("document.activeElement.className") == "entry"
        await press("Enter")
        await tab.shows("stopped")
        reached = set()
        for _step in range(30):
            await press("Tab")
            reached.add(await tab.page.evaluate(active))
        assert {"new", "search", "menu-button", "theme", "prompt", "model-button", "settings-button", "send"} <= reached


async def test_enter_that_ends_a_word_of_an_input_method_does_not_send(browser: Browser) -> None:
    async with scripted_tab(browser, ["Yes."]) as (tab, _):
        await tab.page.fill("#prompt", "にほん")
        await tab.page.evaluate(
            "document.querySelector('#prompt').dispatchEvent("
            "new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
        )
        assert await tab.page.locator(".turn").count() == 0
        await tab.page.press("#prompt", "Enter")
        await tab.answered()
        assert await tab.page.locator(".user").inner_text() == "にほん"


async def test_on_a_phone_the_list_is_a_drawer_and_nothing_is_wider_than_the_screen(browser: Browser) -> None:
    wide = "| " + " | ".join(["a wide column"] * 12) + " |\n|" + "-|" * 12 + "\n\n```\n" + "x" * 300 + "\n```\n"
    async with scripted_tab(browser, [wide + "unbroken" * 60], **PHONE) as (tab, _):
        # Its keyboard has no other key for a new line: the button sends.
        await tab.page.locator("#prompt").press_sequentially("Something")
        await tab.page.keyboard.press("Enter")
        assert await tab.page.locator("#prompt").input_value() == "Something\n"
        assert await tab.page.evaluate("document.querySelector('#prompt').enterKeyHint") == "enter"
        await tab.ask("Something wide\n" + "that was pasted\n" * 40)
        await tab.answered()
        # A long question is folded.
        said = tab.page.locator(".user .said")
        lines = "(said) => said.clientHeight / parseFloat(getComputedStyle(said).lineHeight)"
        assert await said.evaluate(lines) < 14
        await tab.page.get_by_role("button", name="Show more").tap()
        assert await said.evaluate(lines) > 40
        assert await tab.page.get_by_role("button", name="Show less").get_attribute("aria-expanded") == "true"
        assert await tab.page.evaluate("document.documentElement.scrollWidth") == 390
        assert await tab.page.evaluate("document.querySelector('#scroll').scrollWidth") <= 390
        assert not await tab.page.locator("#new").is_visible()
        await tab.page.tap("#open-drawer")
        await tab.page.locator("#new").wait_for(state="visible")
        assert await tab.page.evaluate("document.querySelector('main').inert")
        await tab.page.tap("#list .entry")
        await tab.page.locator("#new").wait_for(state="hidden")
        sizes = await tab.page.evaluate(
            "[...document.querySelectorAll('input, textarea, select')].map((each) => getComputedStyle(each).fontSize)"
        )
        assert set(sizes) == {"16px"}
        heights = [
            await tab.page.evaluate(f"document.querySelector('{id}').offsetHeight") for id in ("#send", "#model-button")
        ]
        assert min(heights) >= 40


@pytest.mark.parametrize(("scheme", "ground"), [("dark", "rgb(23, 22, 31)"), ("light", "rgb(251, 248, 241)")])
async def test_the_colours_are_the_systems_until_others_are_chosen(browser: Browser, scheme: str, ground: str) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    async with scripted_tab(browser, ["Yes."], color_scheme=scheme) as (tab, _):
        assert await tab.page.evaluate(colour) == ground
        await tab.page.click("#theme")
        assert await tab.page.evaluate(colour) == "rgb(23, 22, 31)"
        await tab.page.click("#theme")
        await tab.page.reload()
        assert await tab.page.evaluate(colour) == "rgb(251, 248, 241)"


async def test_what_the_router_does_is_told_as_it_happens(browser: Browser) -> None:
    refused = KeyRefused("shelf/deep does not take the key.", "Mend the key.", provider="shelf")
    broken = Overloaded("The server has broken off.", "Ask again in a moment.", provider="shelf")
    scripts: list[Script] = [[Fault(refused)], ["Hello."], [Token("Hm.", "thinking"), "Half", Fault(broken)]]
    async with scripted_tab(browser, *scripts) as (tab, _):
        await tab.ask("Prove that there are infinitely many primes.")
        await tab.shows("Hello.", "Trying shelf/fast instead")
        await tab.answered()
        await tab.ask("And now?")
        await tab.shows("The server has broken off.", "Ask again in a moment.", "connection lost")
        assert await tab.said() == "Half"
        await tab.page.click("summary:visible")
        await tab.shows("Hm.")
        assert tab.errors == []


async def test_a_model_or_strategy_is_chosen_and_remembered(browser: Browser) -> None:
    async with scripted_tab(browser, ["Yes."]) as (tab, web):
        await tab.choose("shelf/fast")
        await tab.page.reload()
        await tab.until("document.querySelector('#choice').value === 'm/shelf/fast'")
        await tab.ask("Who?")
        await tab.answered()
        assert await tab.page.locator(".who b").inner_text() == "fast"
        # A conversation goes on with its own, and new ones with what was chosen last here.
        await web.events(prompt="Asked elsewhere", model="shelf/deep")
        await tab.lists("Asked elsewhere", "Who?")
        for click, value in (("#list .entry", "m/shelf/deep"), ("#new", "m/shelf/fast")):
            await tab.page.click(click)
            await tab.until(f"document.querySelector('#choice').value === '{value}'")
        await tab.page.click("#list .entry")
        await tab.until("document.querySelector('#choice').value === 'm/shelf/deep'")
        await tab.page.reload()
        await tab.until("document.querySelector('#choice').value === 'm/shelf/deep'")
        await tab.choose("balanced")
        await tab.page.click("#new")
        await tab.until("document.querySelector('#choice').value === 's/balanced'")


async def test_below_yesterday_a_row_tells_the_hour(browser: Browser) -> None:
    async with scripted_tab(browser, ["Hello."]) as (on, _):
        await on.ask("hi")
        await on.answered()
        await on.page.clock.set_fixed_time(datetime.now().astimezone() + timedelta(days=1))
        await on.page.reload()
        await on.lists("hi")
        said = await on.page.locator("#list").inner_text()
        assert "Yesterday" in said
        assert "yesterday" not in said


async def test_long_conversations_and_lists_are_loaded_by_scrolling(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    store = await Store.open(file)
    for number in range(150):
        await store.write(writes.add_conversation, Conversation(f"c{number}", title=f"Number {number}"))
    path = turns_in_a_row([f"text {number} {'zebra' * (number == 41)}" for number in range(400)])
    await store.write(writes.add_conversation, Conversation("long", title="Long", path=path))
    empty = (Turn("user", "Why?", id="e0"), Turn("assistant", "", id="e1", parent="e0", state="empty"))
    await store.write(writes.add_conversation, Conversation("empty", path=empty))
    await store.close()
    shown = "[...document.querySelectorAll('[data-turn]')].map((each) => each.dataset.turn)"
    opener = scripted_opener(["The end."], file=file)
    async with site(Config(), opener=opener) as web, tab(browser, web.url) as on:
        await on.open()
        await on.until(
            "(document.querySelector('#list').scrollTop = 1e9, document.querySelectorAll('.entry').length > 150)"
        )
        assert sum("/api/conversations?" in address for address in on.asked) >= 3
        await on.page.fill("#search", "zebra")
        await on.page.locator("#list mark").first.wait_for()
        await on.page.click("#list .entry")
        await on.page.locator(".reached").wait_for()
        # What comes before it is loaded above, and the place is kept.
        await on.until(f"{shown}[0] === 't0' || document.querySelector('#scroll').scrollTop > 1500")
        top = await on.page.evaluate("document.querySelector('.reached').getBoundingClientRect().top")
        assert abs(top - await on.page.evaluate("document.querySelector('#scroll').getBoundingClientRect().top")) < 60
        assert await on.page.evaluate(f"{shown}.at(-1)") != "t399"
        assert not any("turn=" in address and "limit=" not in address for address in on.asked)
        # The whole of it is reached by scrolling, in order and each turn once.
        down = "document.querySelector('#scroll').scrollTop = 1e9"
        await on.until(f"({down}, {shown}.at(-1) === 't399')")
        loaded = await on.page.evaluate(shown)
        assert loaded == [f"t{number}" for number in range(400)][-len(loaded) :]
        # A question that is asked from the middle follows the last turn.
        await on.page.click("#list .entry")
        await on.page.locator(".reached").wait_for()
        await on.ask("And now?")
        await on.answered()
        await on.shows("The end.")
        await on.until(f"{shown}.length > 30 && {shown}.at(-3) === 't399'")
        await on.page.evaluate("location.hash = '#c=empty'")
        await on.shows("The answer is empty.")
        assert on.errors == []


async def test_details_are_folded_until_their_summary_is_clicked(browser: Browser) -> None:
    inner = "<details>\n<summary>Why</summary>\n\nBecause.\n</details>"
    text = f"Before.\n\n<details>\n<summary>The solution</summary>\n\nIt is 42.\n\n{inner}\n\n- a\n</details>\n\nAfter."
    script: Script = [step for at in range(0, len(text), 20) for step in (text[at : at + 20], Pause(0.02))]
    async with scripted_tab(browser, script) as (tab, _):
        await tab.ask("How?")
        await tab.answered()
        await tab.shows("Before.", "The solution", "After.")
        answer = tab.page.locator(".assistant .text")
        assert await answer.locator("> *").evaluate_all("nodes => nodes.map((node) => node.tagName)") == [
            "P",
            "DETAILS",
            "P",
        ]
        assert not await answer.get_by_text("It is 42.").is_visible()
        await answer.get_by_text("The solution").click()
        assert await answer.get_by_text("It is 42.").is_visible()
        assert not await answer.get_by_text("Because.").is_visible()
        await answer.get_by_text("Why", exact=True).click()
        assert await answer.get_by_text("Because.").is_visible()
        assert await answer.locator("details > details").count() == 1
        await tab.page.reload()
        await tab.shows("The solution")
        assert await answer.locator("details > details").count() == 1
        await tab.harmless()
