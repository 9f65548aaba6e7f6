"""Files on the page: picked, pasted and dropped, with their tokens and price, shown with the question in every tab."""

from __future__ import annotations

import asyncio
import struct
import zlib
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.async_api import Browser, FilePayload, Route

from chat_tui.config.schema import Config
from chat_tui.core.attachments.attachment import FILES_LIMIT, TEXT_LIMIT
from tests.doubles.scripted_chat import DEEP, FAST
from tests.doubles.scripted_web import scripted_opener
from tests.support.browser_tab import Tab, browser, needs_browser, scripted_tab, tab
from tests.support.web_site import Site, site

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]

DROP = """
async ([names, folder]) => {
  const carried = new DataTransfer();
  for (const name of names) carried.items.add(new File([`text of ${name}`], name, {type: "text/plain"}));
  const event = (kind) => dispatchEvent(new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
  event("dragenter");
  const shown = !document.getElementById("drop-target").hidden;
  const taken = !event("dragover");
  if (folder) DataTransferItem.prototype.webkitGetAsEntry = function () {
    return {name: this.getAsFile().name, isDirectory: this.getAsFile().name === folder};
  };
  event("drop");
  return [shown, taken, document.getElementById("drop-target").hidden];
}
"""
DROP_PHOTO = """
(content) => {
  const carried = new DataTransfer();
  carried.items.add(new File([Uint8Array.from(content), new Uint8Array(20_000_001)], "photo.png", {type: "image/png"}));
  dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}));
}
"""
PASTE = """
([content, type, text]) => {
  const carried = new DataTransfer();
  if (content) carried.items.add(new File([Uint8Array.from(content)], "image.png", {type}));
  if (text) carried.setData("text/plain", text);
  const field = document.getElementById("prompt");
  field.focus();
  field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: carried, bubbles: true, cancelable: true}));
}
"""


def png(width: int, height: int) -> bytes:
    """A picture in one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    rows = (b"\0" + b"\xe0\x90\x40" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def payload(name: str, content: bytes, kind: str = "text/plain") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": content}


async def pick(tab: Tab, *files: FilePayload) -> None:
    async with tab.page.expect_file_chooser() as chosen:
        await tab.page.click("#attach")
    await (await chosen.value).set_files(list(files))


ROWS = "[...document.querySelectorAll('#attachments li')].map((row) => row.innerText.replace(/\\n/g, ' '))"
OPENED_WIDTH = (
    "[document.querySelector('#file-dialog img')].map((img) => img?.complete && `${img.naturalWidth || ''}`)[0]"
)
READY = "document.querySelectorAll('#attachments [data-state=ready]').length"


async def rows(tab: Tab, *, ready: int, of: int | None = None) -> list[str]:
    """What the rows of attached files say, when so many are uploaded."""
    count = ready if of is None else of
    await tab.until(f"{READY} === {ready} && document.querySelectorAll('#attachments li').length === {count}")
    found: list[str] = await tab.page.evaluate(ROWS)
    return found


async def test_files_are_picked_pasted_and_dropped_and_stay_with_their_question(browser: Browser) -> None:
    async with scripted_tab(browser, ["A cat."]) as (tab, web):
        page = tab.page
        await pick(tab, payload("cat.png", png(400, 300), "image/png"), payload("nötes.txt", b"One line.\n"))
        found = await rows(tab, ready=2)
        assert found[0].startswith("cat.png ")
        assert found[0].endswith(" · ≈1,000 tokens")
        assert found[1] == "nötes.txt 10 B · ≈23 tokens"
        await tab.until(
            "/^≈1,0\\d\\d tokens · ≈\\$0\\.\\d+$/.test(document.getElementById('attachments-sum').textContent)"
        )
        assert await page.evaluate(DROP, [["a.md", "b.md", "docs"], "docs"]) == [True, True, True]
        await tab.shows("docs is a folder. Drop the files in it instead.")
        await page.evaluate(PASTE, [list(png(20, 20)), "image/png", ""])
        await page.evaluate(PASTE, [list(png(30, 30)), "image/png", ""])
        names = [row.split(" ")[0] for row in await rows(tab, ready=6)]
        assert names == ["cat.png", "nötes.txt", "a.md", "b.md", "clipboard.png", "clipboard-2.png"]
        for name in ("a.md", "clipboard.png", "clipboard-2.png"):
            await page.click(f"[aria-label='Remove {name}']")
        await page.press("#prompt", "Backspace")
        assert [row.split(" ")[0] for row in await rows(tab, ready=2)] == ["cat.png", "nötes.txt"]
        await page.click("#send")
        await tab.shows("Add a question: 2 files are attached.")
        # A reload keeps them.
        await page.reload()
        await rows(tab, ready=2)
        await tab.ask("What is it?")
        await tab.answered()
        assert await page.locator("#attachments").is_hidden()
        await shows_files(tab)
        await page.reload()
        await shows_files(tab)
        # What was sent or removed is not kept.
        assert web.state.uploads.folder is not None
        assert list(web.state.uploads.folder.iterdir()) == []
        await page.locator(".turn.user").hover()
        await page.click(".edit")
        await page.fill(".editor textarea", "What is it, really?")
        await page.keyboard.press("Enter")
        await tab.answered()
        await shows_files(tab)
        await page.reload()
        await tab.shows("What is it, really?")
        await shows_files(tab)
        await tab.harmless()


async def shows_files(tab: Tab) -> None:
    """Check the files of the question: a picture that opens, and a text that can be saved."""
    page = tab.page
    await page.locator(".turn.user .files canvas").wait_for()
    await page.click(".turn.user .file.image")
    assert await tab.until(OPENED_WIDTH) == "400"
    await page.keyboard.press("Escape")
    assert await page.locator("#file-dialog").is_hidden()
    await page.click(".turn.user .file:not(.image)")
    await page.locator("#file-dialog pre", has_text="One line.").wait_for()
    async with page.expect_download() as saved:
        await page.click("#file-dialog button:has-text('Download')")
    assert (await saved.value).suggested_filename == "nötes.txt"
    await page.click("#file-dialog [aria-label=Close]")


async def test_what_is_wrong_with_a_file_is_told_and_the_others_stay(browser: Browser) -> None:
    models = [replace(model, images=False) for model in (FAST, DEEP)]
    async with site(Config(), opener=scripted_opener(["Yes."], models=models)) as web, tab(browser, web.url) as opened:
        await opened.open()
        await check_refusals(opened, web)


async def check_refusals(opened: Tab, web: Site) -> None:
    page = opened.page
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.hit = 1'><script>window.hit = 1</script></svg>"
    wrong = [
        payload("empty.txt", b""),
        payload("long.txt", b"x" * (TEXT_LIMIT + 1)),
        payload("a.zip", b"PK\3\4\0", "application/zip"),
        payload("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
        payload("x\u202egvs.svg", drawing, "image/svg+xml"),
    ]
    await pick(opened, *wrong)
    told = "\n".join(await rows(opened, ready=1, of=5))
    for words in (
        "empty.txt is empty. Attach another file.",
        "long.txt is larger than 2 MB, the limit for a text. Attach a smaller one.",
        "a.zip is neither an image, a PDF nor UTF-8 text.",
        "a.heic is a HEIC image, which models cannot read.",
    ):
        assert words in told
    await opened.ask("Well?")
    await opened.shows("empty.txt is empty. Attach another file. Remove it, then send your question.")
    for name in ("empty.txt", "long.txt", "a.zip", "a.heic"):
        await page.click(f"[aria-label='Remove {name}']")
    await rows(opened, ready=1)
    await page.click("#attachments .file")
    await page.locator("#file-dialog pre", has_text="window.hit = 1").wait_for()
    await page.keyboard.press("Escape")
    await pick(opened, *[payload(f"{number}.txt", b"text") for number in range(50)])
    await opened.shows("You can attach at most 20 files: 31 files left out.")
    await rows(opened, ready=FILES_LIMIT)
    for _ in range(FILES_LIMIT):
        await page.click("#attachments .remove >> nth=0")
    # A picture for a model that takes none: told before, and refused; the question and its picture return.
    await pick(opened, payload("cat.png", png(40, 30), "image/png"))
    await opened.shows("the model does not accept images")
    await opened.ask("What is it?")
    await opened.shows("The current model does not accept images; nothing was sent.")
    assert await page.input_value("#prompt") == "What is it?"
    await rows(opened, ready=1)
    assert not await web.engine.conversations.summaries()
    await opened.unhurt()


async def test_a_question_waits_for_its_files_until_it_is_taken_back(browser: Browser) -> None:
    async with scripted_tab(browser, ["A note."]) as (tab, web):
        page, held = tab.page, asyncio.Event()

        async def hold(route: Route) -> None:
            await held.wait()
            await route.continue_()

        await page.route("**/api/uploads?*", lambda route: route.abort())
        await pick(tab, payload("lost.txt", b"text"))
        await tab.shows("lost.txt is not uploaded: the server cannot be reached.")
        await page.unroute("**/api/uploads?*")
        await page.route("**/api/uploads?*", hold)
        await tab.ask("What is it?")
        await tab.shows("uploading files")
        await page.keyboard.press("Escape")
        await tab.shows("Stopped: nothing was sent.")
        assert await page.input_value("#prompt") == "What is it?"
        assert not await web.engine.conversations.summaries()
        await page.click("#send")
        await tab.shows("uploading files")
        held.set()
        await tab.shows("A note.")
        await tab.answered()
        await page.locator(".turn.user .file", has_text="lost.txt").wait_for()
        # The browser tells of the request that was cut.
        assert all("ERR_FAILED" in error for error in tab.errors), tab.errors


async def test_a_long_paste_is_shown_by_its_size_and_a_large_photo_is_made_smaller(browser: Browser) -> None:
    text = "\n".join(f"line {number}" for number in range(3000))
    async with scripted_tab(browser, ["Long."]) as (tab, web):
        page = tab.page
        shown: dict[str, Any] = {}
        for key, typed in (("first", "Sum up: "), ("second", "Again: ")):
            await page.fill("#prompt", typed)
            await page.evaluate(PASTE, [[], "", text])
            shown[key] = await page.input_value("#prompt")
            if key == "first":
                await page.keyboard.press("Backspace")
                assert await page.input_value("#prompt") == typed
        assert shown["second"] == f"Again: [pasted {len(text) / 1000:.1f} kB, 3,000 lines]"
        await page.reload()
        await tab.until("document.getElementById('prompt').value.startsWith('[pasted')")
        await page.click("#send")
        await tab.answered()
        # A photo that is too large is made smaller.
        await page.evaluate(DROP_PHOTO, list(png(5000, 50)))
        assert (await rows(tab, ready=1))[0].startswith("photo.jpg 20.0 MB made smaller · ")
        await page.click("#attachments .file")
        assert await tab.until(OPENED_WIDTH) == "4096"
        [row] = await web.engine.conversations.summaries()
        asked = (await web.engine.conversations.conversation(row.id)).path[0].text
        assert asked == f"Again: {text}"
