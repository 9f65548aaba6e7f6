"""Web pages that a person attaches: readable text with its date, images, PDFs, and what is told of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from chat_tui.core.attachments.attached_page import AttachedPage
from chat_tui.core.errors import AttachmentRefused
from chat_tui.tools.builtin.attached_pages import AttachedPages
from chat_tui.tools.builtin.page_date import page_date
from chat_tui.tools.builtin.page_reader import PageReader
from tests.core.attachments.test_pdf import pdf
from tests.doubles.page_server import Names, PageServer, loopback, serving

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
WORDS = "<p>" + "Rivers run to the sea. " * 20
ATTACHED = date(2026, 11, 30)


class Site:
    """A server with the attached pages of it."""

    def __init__(self, server: PageServer, names: Names) -> None:
        self.server = server
        self.pages = AttachedPages(PageReader(resolve=names, is_allowed=loopback), today=lambda: ATTACHED)

    def address(self, path: str, host: str = "page.example") -> str:
        return f"http://{host}:{self.server.port}{path}"

    async def fetch(self, path: str) -> AttachedPage:
        return await self.pages.fetch(self.address(path))

    async def refusal(self, path: str) -> str:
        with pytest.raises(AttachmentRefused) as caught:
            await self.fetch(path)
        return caught.value.title


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    names = Names(page_example=["127.0.0.1"], other_example=["127.0.0.1"], inside_example=["10.0.0.1"])
    async with serving() as server:
        yield Site(server, names)


async def test_a_page_is_attached_as_text_with_its_title_address_and_date(site: Site) -> None:
    meta = "<title>Rivers\x1b[31m</title><meta property='article:modified_time' content='2026-05-03T10:00:00Z'>"
    site.server.serve("/rivers", f"<html><head>{meta}</head><body>{WORDS}</body></html>".encode())
    page = await site.fetch("/rivers")
    address = site.address("/rivers")
    assert (page.title, page.date, page.warnings) == ("Rivers", "2026-05-03", ())
    assert (page.file.name, page.file.media_type) == (address, "text/plain")
    lines = page.file.content.decode().splitlines()
    assert lines[:4] == [
        "Title: Rivers",
        f"Address: {address}",
        "Fetched on 2026-11-30; the page is from 2026-05-03.",
        "",
    ]
    assert lines[4].startswith("Rivers run to the sea.")


async def test_a_redirect_to_another_host_an_old_page_and_one_that_needs_scripts_are_told(site: Site) -> None:
    site.server.serve("/old", f"<time datetime='2019-02-01'>{WORDS}".encode())
    site.server.serve("/app", b"<p>Loading</p><script src='app.js'></script>")
    site.server.redirect("/moved", site.address("/old", "other.example"))
    site.server.redirect("/near", "/old")
    assert (await site.fetch("/moved")).warnings == ("redirected to other.example", "7 years old")
    assert (await site.fetch("/near")).warnings == ("7 years old",)
    told = (await site.fetch("/app")).warnings
    assert told == ("little text: the page may need a browser that runs scripts",)


async def test_an_image_and_a_pdf_are_attached_as_what_they_are(site: Site) -> None:
    site.server.serve("/a/cat.png", PNG, "image/png")
    site.server.serve("/a/paper%20one.pdf", pdf("Rivers and lakes"), "application/pdf")
    image = await site.fetch("/a/cat.png")
    assert (image.file.name, image.file.media_type, image.file.content) == ("cat.png", "image/png", PNG)
    paper = await site.fetch("/a/paper%20one.pdf")
    assert paper.title == "paper one.pdf"
    assert "[page 1]\nRivers and lakes" in paper.file.content.decode()


async def test_what_cannot_be_attached_is_refused_with_the_reason(site: Site) -> None:
    site.server.serve("/empty", b"<html><body><script>app()</script><noscript>Enable it</noscript></body></html>")
    site.server.serve("/blank", b"<html><body> </body></html>")
    site.server.serve("/large", b"<p>" + b"0123456789" * 300_000)
    site.server.serve("/huge.png", PNG + b"\0" * 21_000_000, "image/png")
    site.server.serve("/film", b"\0\0\0", "video/mp4")
    site.server.serve("/broken.pdf", b"%PDF-1.7 broken", "application/pdf")
    site.server.redirect("/in", site.address("/secret", "inside.example"))
    assert await site.refusal("/empty") == ("page.example: the page has no text: it needs a browser that runs scripts.")
    assert await site.refusal("/blank") == "page.example: the page has no text."
    assert "the page is larger than 2 MB" in await site.refusal("/large")
    assert "an image of more than 20 MB" in await site.refusal("/huge.png")
    assert "no text (video/mp4)" in await site.refusal("/film")
    assert "it is a damaged PDF" in await site.refusal("/broken.pdf")
    assert "HTTP 404" in await site.refusal("/missing")
    assert "inside.example is on this machine or in a private network" in await site.refusal("/in")
    assert not any("/secret" in request for request in site.server.requests)


@pytest.mark.parametrize(
    ("html", "header", "found"),
    [
        ("<meta name=date content=2020-01-02>", "", "2020-01-02"),
        ("<meta content='2020-01-02T03' itemprop='datePublished'><time datetime=2019-01-01>", "", "2020-01-02"),
        ('{"datePublished": "2018-01-01", "dateModified":"2021-01-01"}', "", "2021-01-01"),
        ("", "Wed, 21 Oct 2015 07:28:00 GMT", "2015-10-21"),
        ("<time datetime='2020-99-99'>", "soon", ""),
        ("<meta " * 100_000, "", ""),
    ],
)
def test_the_date_is_the_page_s_own_or_that_of_the_reply(html: str, header: str, found: str) -> None:
    assert page_date(html, header) == found
