"""Web pages that are attached on the screen: fetched while one types, described, waited for, given up."""

from __future__ import annotations

import asyncio

import pytest

from chat_tui.core.attachments.attached_page import AttachedPage
from chat_tui.core.attachments.attachment import of_bytes
from chat_tui.core.attachments.mentions import mentions, pasted_address
from chat_tui.core.errors import AttachmentRefused
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.tui.prompt.test_attachments import sent

RIVERS = "https://page.example/rivers"
SLOW = "https://page.example/slow"


class PreparedPages:
    """A `PageSource` whose slow page comes when `gate` is set."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked: list[str] = []
        self.cancelled: list[str] = []

    async def fetch(self, address: str) -> AttachedPage:
        self.asked.append(address)
        if address.endswith("/empty"):
            raise AttachmentRefused("page.example: the page has no text.", "Nothing was sent.")
        if address == SLOW:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled.append(address)
                raise
        file = of_bytes(address, b"Title: On rivers\n\n" + b"They run to the sea. " * 100)
        return AttachedPage(file, "On rivers", address, "2019-05-03", ("redirected to other.example", "7 years old"))


async def attached(chat: ScriptedChat, *names: str) -> None:
    await chat.until(lambda: [going.name for going in chat.chat.files._going if going.files] == list(names))


async def test_a_page_is_fetched_when_its_address_is_finished_and_described_before_it_is_sent() -> None:
    pages = PreparedPages()
    async with scripted_chat(pages=pages) as chat:
        await chat.pilot.press(*f"what is in @{RIVERS}")
        await chat.until(lambda: chat.chat.prompt._told.endswith(RIVERS))
        await chat.pilot.pause()
        assert pages.asked == []
        await chat.pilot.press(",", " ")
        await attached(chat, RIVERS)
        await chat.shows(
            "+ On rivers · page.example", "2019-05-03 · 2.1 kB · ≈", "redirected to other.example, 7 years"
        )
        await chat.shows("tokens · ≈$")
        await chat.pilot.press("enter")
        await chat.answered()
        assert sent(chat) == [RIVERS]
        assert pages.asked == [RIVERS]
        await chat.shows(f"+ {RIVERS} · 2.1 kB")


async def test_enter_waits_for_a_page_and_escape_takes_the_message_back() -> None:
    pages = PreparedPages()
    async with scripted_chat(pages=pages) as chat:
        chat.chat.prompt.insert("what is in @")
        chat.chat.prompt.paste(SLOW)
        await chat.until(lambda: pages.asked == [SLOW])
        await chat.pilot.press("enter")
        await chat.shows("fetching · Esc takes your message back")
        assert not chat.chat.prompt.text
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.chat.prompt.text == f"what is in @{SLOW}")
        await chat.shows("not fetched")
        assert pages.cancelled == [SLOW]
        assert chat.chat.conversation.answer is None
        await chat.pilot.press("enter")
        await chat.until(lambda: pages.asked == [SLOW, SLOW])
        pages.gate.set()
        await chat.answered()
        assert sent(chat) == [SLOW]


async def test_a_page_that_cannot_be_attached_is_told_and_keeps_the_message_from_being_sent() -> None:
    async with scripted_chat(pages=PreparedPages()) as chat:
        await chat.pilot.press(*"see @https://page.example/empty ")
        await chat.shows("page.example: the page has no text.")
        await chat.pilot.press("enter")
        await chat.until(lambda: "Nothing was sent." in chat.notices())
        await chat.until(lambda: chat.chat.prompt.text.startswith("see @"))
        assert chat.chat.conversation.answer is None
        await chat.ask("/detach https://page.example/empty")


async def test_a_pasted_address_is_attached_by_tab_and_sent_as_words_by_enter() -> None:
    pages = PreparedPages()
    async with scripted_chat(pages=pages) as chat:
        chat.chat.prompt.paste(RIVERS)
        await chat.shows("attach this page")
        await chat.pilot.press("tab")
        assert chat.chat.prompt.text == f"@{RIVERS} "
        await attached(chat, RIVERS)
        chat.chat.prompt.set_draft("")
        chat.chat.prompt.paste(RIVERS)
        await chat.shows("attach this page")
        await chat.pilot.press("enter")
        await chat.answered()
        assert sent(chat) == []


async def test_attach_takes_an_address_and_a_page_is_not_fetched_twice() -> None:
    pages = PreparedPages()
    async with scripted_chat(pages=pages) as chat:
        await chat.ask(f"/attach {RIVERS}")
        await attached(chat, RIVERS)
        await chat.pilot.press("backspace")
        await attached(chat)
        await chat.ask(f"/attach {RIVERS}")
        await attached(chat, RIVERS)
        assert pages.asked == [RIVERS]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("see @https://a.example/b.", "https://a.example/b"),
        ("(@https://a.example)", ""),
        ("see @https://a.example/b_(c)?", "https://a.example/b_(c)?"),
        ('"quoted" @http://a.example/x?y=1#z, and', "http://a.example/x?y=1#z"),
    ],
)
def test_what_follows_an_address_in_a_sentence_is_no_part_of_it(line: str, path: str) -> None:
    assert [mention.path for mention in mentions(line)] == ([path] if path else [])


@pytest.mark.parametrize(
    ("pasted", "address"),
    [
        (" https://a.example/b ", "https://a.example/b"),
        ("HTTP://a.example", "HTTP://a.example"),
        ("see https://a.example", ""),
        ("https://", ""),
        ("https://a.example/b https://a.example/c", ""),
    ],
)
def test_a_paste_that_is_one_address_is_recognized(pasted: str, address: str) -> None:
    assert pasted_address(pasted) == address
