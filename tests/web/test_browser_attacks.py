"""The page against those who would use it: without the token, from other pages, by what a model says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Route

from chat_tui.config.schema import Config, Web
from chat_tui.core.chunks import Token
from chat_tui.core.errors import Overloaded
from chat_tui.providers.scripted_provider import Fault, Script
from tests.doubles.scripted_web import scripted_opener
from tests.support.browser_tab import Tab, browser, needs_browser, scripted_tab, tab
from tests.support.page_attacks import ATTACKS
from tests.support.reverse_proxy import reverse_proxy
from tests.support.web_site import TOKEN, site

__all__ = ["browser"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_browser]

_FOREIGN_PAGE = """<!doctype html><title>elsewhere</title>
<form id="form" method="post" enctype="text/plain" target="frame"><input name='{"prompt":"form"' value='"}'></form>
<iframe name="frame" id="frame"></iframe><iframe id="framed"></iframe>
<script>
const [url, token] = %s;
const got = [];
const told = (name, work) => work.then((said) => got.push(`${name} ${said}`), () => got.push(`${name} nothing`));
const headers = {"Content-Type": "application/json", Authorization: `Bearer ${token}`};
const body = JSON.stringify({prompt: "from elsewhere"});
const socket = () => new Promise((done, failed) => {
  const line = new WebSocket(url.replace("http", "ws") + "/ws");
  line.onopen = () => line.send(JSON.stringify({type: "auth", token}));
  line.onmessage = (message) => done(message.data);
  line.onclose = line.onerror = failed;
});
const framed = () => new Promise((done, failed) => {
  const frame = document.getElementById("framed");
  frame.onload = () => { try { frame.contentWindow.document; failed(); } catch { failed(); } };
  frame.src = url + "/";
});
document.getElementById("form").action = url + "/generate";
document.getElementById("form").submit();
Promise.all([
  told("stream", fetch(url + "/stream", {method: "POST", headers, body}).then((reply) => reply.text())),
  told("generate", fetch(url + "/generate", {method: "POST", headers, body}).then((reply) => reply.text())),
  told("list", fetch(url + "/api/conversations", {headers}).then((reply) => reply.text())),
  told("page", fetch(url + "/").then((reply) => reply.text())),
  told("simple", fetch(url + "/stream", {method: "POST", mode: "no-cors", body}).then((reply) => reply.type)),
  told("socket", socket()),
  told("framed", framed()),
]).then(() => { window.got = got; });
</script>"""


@asynccontextmanager
async def foreign_page(url: str, token: str) -> AsyncIterator[str]:
    """A page of somebody else's on a port of its own, which knows everything; its address."""
    html = (_FOREIGN_PAGE % json.dumps([url, token])).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n" % len(html))
        writer.write(b"connection: close\r\n\r\n" + html)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_a_page_from_elsewhere_gets_nothing_even_with_the_token(browser: Browser) -> None:
    async with (
        site(Config(), opener=scripted_opener(["Secret."])) as web,
        foreign_page(web.url, TOKEN) as address,
        tab(browser, web.url) as opened,
    ):
        await opened.page.goto(address)
        got = await opened.until("window.got")
        assert sorted(got) == [
            "framed nothing",
            "generate nothing",
            "list nothing",
            "page nothing",
            "simple nothing",
            "socket nothing",
            "stream nothing",
        ]
        frames = [frame for frame in opened.page.frames if frame is not opened.page.main_frame]
        texts = [await frame.evaluate("document.body?.innerText ?? ''") for frame in frames]
        assert not any("Secret" in text or "chat-tui" in text for text in texts)
        assert await web.engine.conversations.summaries() == []


async def test_what_a_model_says_runs_nothing_and_loads_nothing(browser: Browser) -> None:
    steps = [step for attack in ATTACKS for step in (attack[: len(attack) // 2], attack[len(attack) // 2 :], "\n\n")]
    hurt = Overloaded("<img src=x onerror=window.hit=1>", "<script>window.hit=1</script>")
    script: Script = [Token(ATTACKS[0] + ATTACKS[1], "thinking"), *steps, Fault(hurt)]
    async with scripted_tab(browser, script) as (opened, _):
        await opened.ask(f"{ATTACKS[1]} {ATTACKS[0]}")
        await opened.shows("connection lost")
        await opened.answered()
        await opened.harmless()
        await opened.page.fill("#search", "onerror")
        await opened.until("!!document.querySelector('#list mark')")
        await opened.page.reload()
        await opened.shows("connection lost")
        for link in await opened.page.locator(".text a").all():
            assert str(await link.get_attribute("href")).startswith(("https://", "http://", "mailto:"))
            assert await link.get_attribute("rel") == "noopener noreferrer nofollow"
        foreign = opened.page.locator(":is(.text, .fault, .thinking, #list .entry) :is(img, svg, script, iframe)")
        assert await foreign.count() == 0
        await opened.harmless()


async def test_even_unsafe_html_from_the_server_would_run_nothing(browser: Browser) -> None:
    async with scripted_tab(browser, ["Fine."]) as (opened, _):
        hostile = json.dumps({"type": "html", "block": 0, "joins": False, "html": "".join(ATTACKS)})
        end = json.dumps({"type": "end", "metadata": {"state": "complete"}})
        start = json.dumps({"type": "start", "metadata": {"conversationId": "c", "model": "m/m", "strategy": ""}})
        events = f"[{start}, {hostile}, {end}]"

        async def send(route: Route) -> None:
            follow = parse_qs(urlsplit(route.request.url).query).get("follow", [""])[0]
            batch = f'{{"type": "answer", "conversation": "{follow}", "follow": 0, "at": "a~-1~0", "events": {events}}}'
            told = ['{"type": "ready"}', *([batch] if follow and "~" not in follow else [])]
            lines = "".join(f"data: {event}\n\n" for event in told)
            await route.fulfill(body=lines, content_type="text/event-stream")

        await opened.page.add_init_script("delete window.SharedWorker")
        await opened.page.route("**/api/events*", send)
        await opened.page.reload()
        await opened.ask("Hello")
        await opened.answered()
        assert "window.hit" in await opened.said()
        assert await opened.page.locator(".text :is(img, svg, script, iframe, style, form, input)").count() == 0
        hrefs = "[...document.querySelectorAll('.text [href]')].map((each) => each.getAttribute('href'))"
        assert all(href.startswith(("https://", "http://", "mailto:")) for href in await opened.page.evaluate(hrefs))
        await opened.unhurt()


async def test_the_token_leaves_the_address_and_all_tabs_of_the_browser_stay_signed_in(browser: Browser) -> None:
    async with scripted_tab(browser, ["Yes."]) as (opened, web):
        context = opened.page.context
        assert opened.page.url == f"{web.url}/"
        await opened.page.reload()
        await opened.ask("Still here?")
        await opened.shows("Yes.")
        await opened.lists("Still here?")
        kept = "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href, document.title])"
        assert TOKEN not in await opened.page.evaluate(kept)
        (cookie,) = await context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], TOKEN in cookie["value"]) == (True, "Strict", False)
        async with context.expect_page() as opening:
            await opened.page.click("#list .entry", button="middle")
        other = Tab(await opening.value, web.url)
        await other.page.bring_to_front()
        await other.shows("Yes.")
        await other.page.click("#sign-out")
        await other.page.click("#sign-out-dialog [value=everywhere]")
        await other.shows("You are signed out.")
        # The other tabs of the browser notice.
        await opened.page.bring_to_front()
        await opened.page.locator("#locked").wait_for(state="visible")
        assert await context.cookies() == []
        await opened.page.fill("#token", TOKEN)
        await opened.page.keyboard.press("Enter")
        await opened.page.locator("#list .entry").wait_for()
        await other.shows("Yes.")
        # A wrong token in an old link does not end the sign-in, and one that another program ends does.
        await opened.page.goto(f"{web.url}/#token=an-old-one")
        await opened.page.locator("#toast").get_by_text("This token is not valid.").wait_for(state="visible")
        await opened.shows("What would you like to know?")
        # No page is open that could notice it before.
        await other.page.close()
        await opened.page.goto("about:blank")
        await web.state.sign_ins.end_all()
        await opened.page.goto(web.url)
        await opened.shows("You are not signed in any more.")


async def test_without_the_token_the_page_says_how_to_get_it_and_takes_it(browser: Browser) -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web, tab(browser, web.url) as opened:
        await opened.page.goto(web.url)
        await opened.shows("Open the address that chat-tui serve prints")
        await opened.page.fill("#token", "a wrong one")
        await opened.page.keyboard.press("Enter")
        await opened.shows("This token is not valid.")
        await opened.page.fill("#token", f"{web.url}/#token={TOKEN}")
        await opened.page.keyboard.press("Enter")
        await opened.shows("What would you like to know?")
        await opened.ask("Hello")
        await opened.shows("Yes.")


async def test_the_page_works_below_a_path_behind_a_proxy(browser: Browser) -> None:
    config = Config(web=Web(proxies=("127.0.0.1",)))
    async with (
        site(config, opener=scripted_opener(["Yes."])) as web,
        reverse_proxy(web.url, "/chat", headers={"X-Forwarded-Prefix": "/chat"}) as url,
        tab(browser, url) as opened,
    ):
        await opened.open()
        await opened.ask("Behind a proxy?")
        await opened.answered()
        await opened.page.goto(f"{url}/")
        await opened.page.click("#list .entry")
        await opened.shows("Yes.")
        assert opened.page.url.startswith(f"{url}/#c=")
        await opened.page.reload()
        await opened.shows("Yes.")
        assert [cookie["path"] for cookie in await opened.page.context.cookies()] == ["/chat/"]
        await opened.harmless()
