"""What an address may send before it has shown the token: little, and not often."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from chat_tui.config.schema import Config, Web
from chat_tui.web.errors import ApiError
from chat_tui.web.middleware.connections import HANDSHAKE_BYTES, HARD_LIMIT, UnauthenticatedConnections
from chat_tui.web.ops.rates import network_of
from chat_tui.web.sign_in.token_check import CHECKS, WRONG_PER_MINUTE, TokenCheck
from tests.doubles.scripted_web import scripted_opener
from tests.support.web_site import BEARER, TOKEN, site, until

LONG = "x" * 32
SHORT = "a-short-token"


async def guess(check: TokenCheck, *clients: str) -> list[bool | int]:
    """What each client's wrong token is told: False, or the status of the refusal."""

    async def one(client: str) -> bool | int:
        try:
            return await check.is_right(client, "wrong")
        except ApiError as refusal:
            return refusal.status

    return [await one(client) for client in clients]


async def test_wrong_tokens_of_an_address_are_slowed_down_and_those_of_others_are_not() -> None:
    check = TokenCheck(LONG, clock=lambda: 0.0)
    told = await guess(check, *["10.0.0.1"] * (WRONG_PER_MINUTE + 5))
    assert told == [False] * WRONG_PER_MINUTE + [429] * 5
    assert await guess(check, "10.0.0.2") == [False]
    # The token cannot be guessed: whoever has it is let in at once, behind the same proxy too.
    assert await check.is_right("10.0.0.1", LONG)


async def test_a_token_that_can_be_guessed_is_looked_at_a_few_times_a_second() -> None:
    check = TokenCheck(SHORT, delay_seconds=0.05, clock=lambda: 0.0)
    await guess(check, *["10.0.0.1"] * WRONG_PER_MINUTE)
    told = [asyncio.create_task(guess(check, "10.0.0.1")) for _ in range(CHECKS + 5)]
    await asyncio.sleep(0)
    assert [each.result() for each in told if each.done()] == [[429]] * 5
    assert [await each for each in told] == [[429]] * (CHECKS + 5)
    # Whoever has the token waits for a turn, and is let in.
    assert await check.is_right("10.0.0.1", SHORT)
    assert not check._checking


def test_the_addresses_of_one_ipv6_network_are_one_client() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") == "10.0.0.1"
    assert network_of("fe80::1%eth0") == network_of("fe80::2")
    assert network_of("testclient") == "testclient"


async def test_requests_without_the_token_are_bounded_and_those_with_it_are_not() -> None:
    config = Config(web=Web(unauthenticated_per_minute=3))
    async with site(config, opener=scripted_opener()) as web, httpx.AsyncClient(base_url=web.url) as stranger:
        signed_in = await stranger.post("/api/sign-in", headers=BEARER)
        stranger.cookies.clear()
        told = [(await stranger.get(path)).status_code for path in ("/", "/", "/health", "/", "/health")]
        assert (await web.client.get("/health")).status_code == 200
        known = {"Cookie": signed_in.headers["set-cookie"].partition(";")[0]}
        assert (await stranger.get("/", headers=known)).status_code == 200
        proof = {**known, "X-Chat-Tui-Proof": signed_in.json()["proof"]}
        assert (await stranger.get("/health", headers=proof)).status_code == 200
    assert told == [200, 200, 401, 429, 429]


async def test_connections_without_the_token_are_bounded() -> None:
    config = Config(web=Web(unauthenticated_connections=2))
    async with site(config, opener=scripted_opener()) as web, AsyncExitStack() as stack:
        with_token = await stack.enter_async_context(connect(web.ws_url, additional_headers=BEARER, proxy=None))
        host, port = web.url.removeprefix("http://").split(":")
        lines = [await asyncio.open_connection(host, int(port)) for _ in range(2 * HARD_LIMIT + 1)]
        for _, writer in lines:
            stack.callback(writer.close)
        await until(lambda: sum(is_closed(reader) for reader, _ in lines) == len(lines) - 2)
        await (await with_token.ping())


def is_closed(reader: asyncio.StreamReader) -> bool:
    return reader.at_eof() or reader.exception() is not None


async def test_connections_are_closed_at_once_beyond_ten_times_the_limit() -> None:
    counted = UnauthenticatedConnections(1)
    transports = [FakeTransport() for _ in range(HARD_LIMIT + 1)]
    for transport in transports:
        counted.open(transport)
    assert [transport.is_aborted for transport in transports] == [False] * HARD_LIMIT + [True]
    proxied = UnauthenticatedConnections(1, ("10.0.0.1",))
    others = [FakeTransport() for _ in range(HARD_LIMIT + 1)]
    for transport in others:
        proxied.open(transport)
    assert not any(transport.is_aborted for transport in others)


def test_a_connection_is_counted_once() -> None:
    counted = UnauthenticatedConnections(5)
    transport = FakeTransport()
    one, two = counted.open(transport), counted.open(transport)
    one.admit()
    one.settle()
    assert counted.count("10.0.0.1") == 1
    two.settle()
    assert counted.count("10.0.0.1") == 0
    assert not counted._counts


class FakeTransport(asyncio.Transport):
    is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("10.0.0.1", 5) if name == "peername" else default


async def test_a_websocket_without_the_token_may_send_a_small_message_only() -> None:
    async with site(Config(), opener=scripted_opener()) as web:
        async with connect(web.ws_url, compression=None, proxy=None) as line:
            await line.send("x" * (HANDSHAKE_BYTES + 1))
            with pytest.raises(ConnectionClosed) as closed:
                await line.recv()
        async with connect(web.ws_url, compression=None, proxy=None) as line:
            await line.send(f'{{"type":"auth","token":"{TOKEN}"}}')
            assert "connected" in str(await line.recv())
            await line.send("x" * (HANDSHAKE_BYTES + 1))
            assert "not valid JSON" in str(await line.recv())
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_wrong_tokens_on_websockets_are_slowed_down_too() -> None:
    # A twentieth of the requests may have a wrong token.
    async with site(Config(web=Web(unauthenticated_per_minute=20)), opener=scripted_opener()) as web:
        assert await guess(web.state.token_check, "127.0.0.1", "127.0.0.1") == [False, 429]
        async with connect(web.ws_url, compression=None, proxy=None) as line:
            await line.send('{"type":"auth","token":"guess"}')
            assert "Too many wrong tokens" in str(await line.recv())
