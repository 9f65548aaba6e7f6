"""The app behind a reverse proxy, and below a path."""

from __future__ import annotations

import json

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import connect

from chat_tui.config.schema import Config, Web
from chat_tui.web.middleware.proxies import PREFIX, PathPrefix, TrustedProxies
from tests.doubles.scripted_web import scripted_opener
from tests.support.reverse_proxy import reverse_proxy
from tests.support.web_site import BEARER, site

PROXY = Web(proxies=("127.0.0.1",))
FORWARDED = {"X-Forwarded-Prefix": "/chat", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}


@pytest.mark.parametrize("strips", [True, False])
@pytest.mark.parametrize("web", [PROXY, Web(root_path="/chat")], ids=["header", "setting"])
async def test_everything_works_below_a_path(web: Web, *, strips: bool) -> None:
    headers = FORWARDED if web is PROXY else {}
    async with (
        site(Config(web=web), opener=scripted_opener(["Yes."])) as served,
        reverse_proxy(served.url, "/chat", strips=strips, headers=headers) as url,
        httpx.AsyncClient() as client,
    ):
        page = await client.get(f"{url}/")
        signed_in = await client.post(f"{url}/api/sign-in", headers=BEARER)
        proof = {"X-Chat-Tui-Proof": signed_in.json()["proof"], "Origin": url.removesuffix("/chat")}
        # httpx sends the cookie for its path only.
        listed = await client.get(f"{url}/api/conversations", headers=proof)
        streamed = await client.post(f"{url}/stream", headers=proof, json={"prompt": "Hi"})
        missing = await client.get(f"{url}/v1/nothing", headers=BEARER)
        described = (await client.get(f"{url}/openapi.json", headers=BEARER)).json()
        async with connect(f"ws{url.removeprefix('http')}/ws", additional_headers=BEARER, proxy=None) as line:
            connected = json.loads(await line.recv())
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Path=/chat/;" in signed_in.headers["set-cookie"]
    assert [listed.status_code, streamed.status_code] == [200, 200]
    assert '"type":"end"' in streamed.text
    assert missing.json()["error"]["type"] == "invalid_request_error"
    assert described["servers"] == [{"url": "/chat"}]
    assert connected["type"] == "connected"


async def test_the_path_itself_leads_to_the_page() -> None:
    async with site(Config(web=Web(root_path="/chat")), opener=scripted_opener()) as served:
        reply = await served.client.get("/chat")
        direct = await served.client.get("/")
    assert (reply.status_code, reply.headers["location"], direct.status_code) == (308, "/chat/", 200)


async def test_headers_of_a_proxy_that_is_not_named_are_not_believed() -> None:
    async with site(Config(), opener=scripted_opener()) as served:
        told = await served.client.post("/api/sign-in", headers={**FORWARDED, "X-Forwarded-Proto": "https"})
    assert "Path=/;" in told.headers["set-cookie"]
    assert "Secure" not in told.headers["set-cookie"]


@pytest.mark.parametrize("prefix", ["chat", "/", "//evil.example", "/a b", "/chat/../x", "/a;Domain=x", "/é"])
async def test_a_prefix_that_is_no_path_is_ignored(prefix: str) -> None:
    async with site(Config(web=PROXY), opener=scripted_opener()) as served:
        headers = {"X-Forwarded-Prefix": prefix.encode()}
        told = await served.client.post("/api/sign-in", headers=headers)  # type: ignore[arg-type]
    assert "Path=/;" in told.headers["set-cookie"]


async def test_clients_behind_a_trusted_proxy_are_told_apart() -> None:
    config = Config(web=Web(proxies=("127.0.0.0/8",), unauthenticated_per_minute=2))
    async with site(config, opener=scripted_opener()) as served, httpx.AsyncClient(base_url=served.url) as client:
        first, second = ({**FORWARDED, "X-Forwarded-For": f"203.0.113.{number}"} for number in (1, 2))
        told = [(await client.get("/", headers=each)).status_code for each in (first, first, first, second)]
        https = {**BEARER, "X-Forwarded-Proto": "https", "Origin": served.url.replace("http:", "https:")}
        secure = (await client.post("/api/sign-in", headers=https)).headers["set-cookie"]
    assert told == [200, 200, 429, 200]
    assert secure.startswith("__Host-chat-tui-")
    assert "; Secure" in secure


@pytest.mark.parametrize(
    ("root_path", "setting", "path", "seen", "prefix"),
    [
        ("", "", "/api/x", "/api/x", ""),
        ("/chat", "", "/chat/api/x", "/api/x", "/chat"),
        ("/chat/", "", "/api/x", "/api/x", "/chat"),
        ("/chat", "/other", "/chat/chat/api/x", "/api/x", "/chat"),
        ("", "/a/b", "/a/b/", "/", "/a/b"),
        ("", "/chat", "/chatter", "/chatter", "/chat"),
    ],
)
async def test_the_path_of_any_server_is_that_of_the_route(
    root_path: str, setting: str, path: str, seen: str, prefix: str
) -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    async def receive() -> Message:
        return {}

    async def send(_: Message) -> None:
        pass

    given = {"type": "http", "path": path, "root_path": root_path, "headers": []}
    await PathPrefix(app, setting)(given, receive, send)
    assert [(scope["path"], scope["root_path"], scope[PREFIX]) for scope in scopes] == [(seen, "", prefix)]


def test_proxies_are_addresses_and_networks() -> None:
    proxies = TrustedProxies(("127.0.0.1", "10.0.0.0/8", "::1"))
    assert all(address in proxies for address in ("127.0.0.1", "10.1.2.3", "::1"))
    assert not any(address in proxies for address in ("127.0.0.2", "", "testclient", "11.0.0.1"))
