"""Who may come in: Host, Origin, token; and what every answer carries."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from chat_tui.config.schema import Config, Web
from chat_tui.core.errors import ConfigError
from chat_tui.web import create_app
from chat_tui.web.middleware.access import bearer_token, host_is_ours, origin_is_ours
from chat_tui.web.server import bind_socket
from tests.doubles.model_server import ModelServer
from tests.support.web_site import TOKEN, Site, box, site

OURS = "https://chat.example.com"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:3000",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.9.9.9:1",
        "[::1]",
        "[::1]:3000",
        "named.example:8",
    ],
)
def test_a_host_of_ours_is_let_in_at_any_port(host: str) -> None:
    assert host_is_ours(host, {"named.example"})


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "::1",
        "localhost:",
        "a@localhost",
        "localhost:80:80",
        "localhost/x",
        "localhost\t",
        " localhost",
        "0x7f000001",
        "2130706433",
        "[::1",
        "localhost.",
        "*",
    ],
)
def test_any_other_host_is_not(host: str) -> None:
    assert not host_is_ours(host, {"named.example"}, "192.168.1.5")


def test_the_address_that_a_connection_came_to_is_ours_but_no_name_for_it() -> None:
    assert host_is_ours("192.168.1.5:3000", (), "192.168.1.5")
    assert not host_is_ours("box.lan:3000", (), "box.lan")


@pytest.mark.parametrize(
    ("origin", "scheme", "host"),
    [
        ("http://localhost:3000", "http", "localhost:3000"),
        ("http://LOCALHOST:3000", "ws", "localhost:3000"),
        ("https://chat.example", "wss", "chat.example:443"),
        ("http://127.0.0.1:80", "http", "127.0.0.1"),
        (OURS, "http", "localhost:3000"),
    ],
)
def test_our_own_origin_and_named_ones_may_ask(origin: str, scheme: str, host: str) -> None:
    assert origin_is_ours(origin, scheme, host, {OURS})


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost",
        "http://localhost:3001",
        "https://localhost:3000",
        "file://",
        "http://localhost:3000/",
        "http://localhost:3000.evil.example",
        "http://a@localhost:3000",
        f"{OURS}:8443",
        f"{OURS}.",
    ],
)
def test_no_other_origin_may(origin: str) -> None:
    assert not origin_is_ours(origin, "http", "localhost:3000", {OURS})


@pytest.mark.parametrize(("given", "ours"), [(f"Bearer {TOKEN}", True), (f"bearer   {TOKEN} ", True)])
@pytest.mark.parametrize(
    "wrong", [[], ["Bearer"], ["Bearer "], [TOKEN], [f"Basic {TOKEN}"], [f"Bearer {TOKEN}x"], ["Bearer é"], ["a", "b"]]
)
def test_only_the_token_is_the_token(given: str, ours: bool, wrong: list[str]) -> None:
    assert (bearer_token([given]) == TOKEN) is ours
    assert bearer_token(wrong) != TOKEN
    assert bearer_token([given, given]) is None


async def test_strangers_are_refused_before_their_token_is_looked_at(server: ModelServer) -> None:
    async with site(box(server.base_url, "t2")) as web:

        async def status(path: str = "/stream", method: str = "POST", **headers: str) -> int:
            reply = await web.client.request(method, path, json={"prompt": "Hi"}, headers=headers)
            assert "access-control-allow-origin" not in reply.headers
            assert reply.headers["referrer-policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
            return reply.status_code

        assert await status(Host="evil.example") == 403
        assert await status(Host="evil.example", Origin="http://evil.example") == 403
        assert await status(Origin="http://evil.example") == 403
        assert await status(Origin="null") == 403
        assert await status(Origin="http://evil.example", Authorization="") == 403
        assert await status("/", "GET", Host="evil.example") == 403
        assert await status("/nothing", "GET", Authorization="") == 401
        assert await status("/openapi.json", "GET", Authorization="Bearer wrong") == 401
        assert await status("/ws", "GET", Authorization="") == 401
        assert await status(Origin=web.url) == 200
        assert await status(method="OPTIONS", Origin="http://evil.example", Access_Control_Request_Method="POST") == 403
    assert len(server.exchanges) == 1


async def test_pages_of_a_named_origin_may_ask_and_read(server: ModelServer) -> None:
    config = replace(box(server.base_url, "t2"), web=Web(origins=(OURS,)))
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with site(config) as web:
        may = await web.client.options("/stream", headers={**preflight, "Origin": OURS, "Authorization": ""})
        reply = await web.client.post("/generate", json={"prompt": "Hi"}, headers={"Origin": OURS})
        refused = await web.client.post("/generate", headers={"Origin": OURS, "Authorization": "Bearer wrong"})
    assert may.status_code == 204
    assert "authorization" in may.headers["access-control-allow-headers"]
    assert "POST" in may.headers["access-control-allow-methods"]
    for answer in (may, reply, refused):
        assert answer.headers["access-control-allow-origin"] == OURS
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers
    assert (reply.status_code, refused.status_code) == (200, 401)


async def test_the_browser_clients_of_openai_and_anthropic_may_send_their_headers(server: ModelServer) -> None:
    config = replace(box(server.base_url, "t2"), web=Web(origins=(OURS,)))
    wanted = "authorization,x-stainless-lang,x-stainless-retry-count,anthropic-version,x-evil,x-stainless-é"
    preflight: Any = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": wanted.encode("latin-1"),
    }
    async with site(config) as web:
        may = await web.client.options("/v1/chat/completions", headers={**preflight, "Origin": OURS})
        reply = await web.client.post(
            "/v1/chat/completions",
            json={"messages": [{"role": "user", "content": "Hi"}]},
            headers={"Origin": OURS, "x-stainless-lang": "js"},
        )
    allowed = may.headers["access-control-allow-headers"].split(", ")
    assert {"x-stainless-lang", "x-stainless-retry-count", "anthropic-version", "x-api-key"} < set(allowed)
    assert not {"x-evil", "x-stainless-é"} & set(allowed)
    assert "x-chat-tui-route" in reply.headers["access-control-expose-headers"]
    assert (may.status_code, reply.status_code) == (204, 200)


async def test_errors_have_the_shape_of_their_door(server: ModelServer) -> None:
    async with site(box(server.base_url, "t2")) as web:
        missing = await web.client.get("/nothing")
        openai = await web.client.get("/v1/nothing", headers={"Authorization": "Bearer wrong"})
        method = await web.client.get("/stream")
    assert (missing.status_code, method.status_code) == (404, 405)
    assert set(missing.json()) == {"success", "error"}
    assert openai.json()["error"]["code"] == "invalid_api_key"


def test_a_token_that_no_header_can_carry_is_told() -> None:
    with pytest.raises(ConfigError, match="ASCII"):
        create_app(Config(), token="two words")


def test_without_a_token_one_is_made_and_told_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CHAT_TUI_TOKEN", raising=False)
    create_app(Config())
    create_app(Config())
    out, err = capsys.readouterr()
    told = [line.split()[-1] for line in err.splitlines() if "the token is" in line]
    assert not out
    assert len(set(told)) == 2
    assert all(len(token) >= 43 for token in told)


def test_a_token_that_is_soon_guessed_is_not_taken_where_others_can_guess() -> None:
    with pytest.raises(ConfigError, match="fewer than 12"):
        bind_socket("0.0.0.0", 0, "a", 600)
    bind_socket("127.0.0.1", 0, "a", 600).close()
    bind_socket("0.0.0.0", 0, "chosen-by-me", 600).close()


async def told_status(web: Site, line: str, *headers: str) -> bytes:
    """The status that a request without a body is told."""
    reader, writer = await asyncio.open_connection(*web.url.removeprefix("http://").split(":"))
    bearer = f"Authorization: Bearer {TOKEN}"
    writer.write("\r\n".join((f"{line} HTTP/1.1", bearer, "Connection: close", *headers, "\r\n")).encode())
    told = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return told.split(b" ", 2)[1]


async def test_a_request_that_names_us_in_its_first_line_is_looked_at_like_others(server: ModelServer) -> None:
    async with site(box(server.base_url, "t2")) as web:
        assert await told_status(web, f"GET {web.url}/health?x=1", "Host: whoever.example") == b"200"
        assert await told_status(web, f"GET {web.url.upper()}", "Host: localhost") == b"200"
        assert await told_status(web, "GET http://evil.example/health", "Host: localhost") == b"403"
        assert await told_status(web, "GET http:///health", "Host: localhost") == b"403"


async def test_what_is_asked_in_a_way_that_is_not_served_is_told_in_plain_words(server: ModelServer) -> None:
    async with site(box(server.base_url, "t2")) as web:
        packed = await web.client.post("/generate", content=b"x", headers={"Content-Encoding": "gzip"})
        plain = await web.client.get("/ws")
        unknown = await web.client.post("/v1/files", json={})
        listed = await web.client.get("/v1/models/")
        large = ("Host: localhost", "Content-Length: 99999999", "Expect: 100-continue")
        refused = await told_status(web, "POST /generate", *large)
    assert (packed.status_code, plain.status_code, plain.headers["upgrade"]) == (415, 426, "websocket")
    assert "/v1/chat/completions" in unknown.json()["error"]["message"]
    assert (unknown.status_code, refused) == (404, b"413")
    assert listed.json()["object"] == "list"
