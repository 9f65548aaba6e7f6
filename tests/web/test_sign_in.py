"""Signing in from a browser: a cookie and a proof that count only together."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

from chat_tui.config.schema import Config
from chat_tui.web.sign_in.cookie import ids_in, set_cookie
from chat_tui.web.sign_in.sign_ins import EXPIRY_DAYS, SIGN_INS, SignIns
from tests.doubles.scripted_web import scripted_opener
from tests.support.web_site import TOKEN, Site, site


async def status(web: Site, cookie: str, proof: str, **headers: str) -> int:
    """The status of a request with this cookie and proof and without a token."""
    given = {"Cookie": cookie, "X-Chat-Tui-Proof": proof, **headers}
    sent = {name: value for name, value in given.items() if value}
    async with httpx.AsyncClient(base_url=web.url) as client:
        return (await client.get("/api/conversations", headers=sent)).status_code


async def sign_in(web: Site, **headers: str) -> tuple[str, str, str]:
    """The cookie, the proof and the `Set-Cookie` header of a new sign-in."""
    async with httpx.AsyncClient(base_url=web.url) as client:
        reply = await client.post("/api/sign-in", headers={"Authorization": f"Bearer {TOKEN}", **headers})
    assert reply.status_code == 200
    told = reply.headers["set-cookie"]
    return told.partition(";")[0], reply.json()["proof"], told


async def test_the_token_is_exchanged_for_a_cookie_that_counts_with_its_proof_only() -> None:
    async with site(Config(), opener=scripted_opener()) as web:
        cookie, proof, told = await sign_in(web)
        other, other_proof, _ = await sign_in(web)
        assert await status(web, cookie, proof) == 200
        assert await status(web, cookie, proof, Origin=web.url) == 200
        assert await status(web, cookie, "") == 401
        assert await status(web, "", proof) == 401
        assert await status(web, cookie, other_proof) == 401
        assert await status(web, cookie, proof + "x") == 401
        assert await status(web, cookie, proof, Authorization="Bearer wrong") == 401
        assert await status(web, cookie, proof, Origin="http://localhost:1") == 403
        assert await status(web, cookie, proof, Host="evil.example") == 403
        assert await status(web, f"other=1; {cookie}", proof) == 200
        assert await status(web, f"{other}; {cookie}", proof) == 200
    port = web.url.rpartition(":")[2]
    assert cookie.startswith(f"chat-tui-{port}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(told.split("; "))
    assert "Secure" not in told.split("; ")
    assert TOKEN not in told + proof


async def test_the_token_is_needed_to_sign_in() -> None:
    async with site(Config(), opener=scripted_opener()) as web, httpx.AsyncClient(base_url=web.url) as client:
        replies = [await client.post("/api/sign-in", headers=each) for each in ({}, {"Authorization": "Bearer guess"})]
        out = [await client.delete(path) for path in ("/api/sign-in", "/api/sign-ins")]
    assert [reply.status_code for reply in (*replies, *out)] == [401] * 4
    assert not any("set-cookie" in reply.headers for reply in (*replies, *out))


async def test_a_browser_that_signs_in_again_stays_as_it_was() -> None:
    async with site(Config(), opener=scripted_opener()) as web:
        cookie, proof, _ = await sign_in(web)
        again = await sign_in(web, **{"Cookie": cookie, "X-Chat-Tui-Proof": proof})
        new = await sign_in(web, **{"Cookie": cookie, "X-Chat-Tui-Proof": "wrong"})
    assert again[:2] == (cookie, proof)
    assert new[0] != cookie


async def test_one_browser_is_signed_out_or_all() -> None:
    async with site(Config(), opener=scripted_opener()) as web:
        browsers = [(await sign_in(web))[:2] for _ in range(3)]
        first, second, _ = ({"Cookie": cookie, "X-Chat-Tui-Proof": proof} for cookie, proof in browsers)
        async with httpx.AsyncClient(base_url=web.url) as client:
            one = await client.delete("/api/sign-in", headers=first)
            after_one = [await status(web, *each) for each in browsers]
            all = await client.delete("/api/sign-ins", headers=second)
            after_all = [await status(web, *each) for each in browsers]
        assert (await web.client.delete("/api/sign-in")).status_code == 404
        assert (await web.client.get("/api/conversations")).status_code == 200
    assert (one.status_code, all.status_code) == (204, 204)
    assert "Max-Age=0" in one.headers["set-cookie"]
    assert after_one == [401, 200, 200]
    assert after_all == [401] * 3


async def test_sign_ins_are_shared_by_workers_and_outlive_them(tmp_path: Path) -> None:
    file = tmp_path / "state" / "sign-ins.json"
    one, two = SignIns(TOKEN, file), SignIns(TOKEN, file)
    secrets = await one.begin()
    assert await two.is_valid(*secrets)
    others = await asyncio.gather(*(each.begin() for each in [one, two] * 10))
    assert [await SignIns(TOKEN, file).is_valid(*each) for each in (secrets, *others)] == [True] * 21
    await two.end(secrets.id)
    assert not await SignIns(TOKEN, file).is_valid(*secrets)
    text = file.read_text()
    assert not any(secret in text for each in (secrets, *others) for secret in each)
    assert TOKEN not in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_another_token_ends_them_and_ends_no_others(tmp_path: Path) -> None:
    file = tmp_path / "sign-ins.json"
    secrets = await SignIns(TOKEN, file).begin()
    other = SignIns("another-token", file)
    assert not await other.is_valid(*secrets)
    await other.begin()
    await other.end_all()
    assert await SignIns(TOKEN, file).is_valid(*secrets)


async def test_what_is_not_used_for_a_month_ends(tmp_path: Path) -> None:
    file, day = tmp_path / "sign-ins.json", [20_000]
    sign_ins = SignIns(TOKEN, file, today=lambda: day[0])
    used, unused = await sign_ins.begin(), await sign_ins.begin()
    day[0] += EXPIRY_DAYS
    assert await sign_ins.is_valid(*used)
    day[0] += 1
    assert await SignIns(TOKEN, file, today=lambda: day[0]).is_valid(*used)
    assert not await sign_ins.is_valid(*unused)


async def test_they_are_bounded_and_a_damaged_or_read_only_file_is_survived(tmp_path: Path) -> None:
    sign_ins = SignIns(TOKEN)
    for _ in range(SIGN_INS + 5):
        last = await sign_ins.begin()
    assert len(sign_ins._records) == SIGN_INS
    assert await sign_ins.is_valid(*last)
    file = tmp_path / "sign-ins.json"
    file.write_text("{")
    told: list[Exception] = []
    damaged = SignIns(TOKEN, file, tell=told.append)
    assert await damaged.is_valid(*await damaged.begin())
    (tmp_path / "a-file").write_text("")
    nowhere = SignIns(TOKEN, tmp_path / "a-file" / "sign-ins.json", tell=told.append)
    assert await nowhere.is_valid(*await nowhere.begin())
    assert await nowhere.is_valid(*await nowhere.begin())
    assert len(told) == 2


@pytest.mark.parametrize(
    ("host", "origin", "scheme", "prefix", "name", "is_secure"),
    [
        ("localhost:3000", "http://localhost:3000", "http", "", "chat-tui-3000", False),
        ("[::1]:3000", "", "http", "", "chat-tui-3000", False),
        ("[::1]", "", "http", "", "chat-tui", False),
        ("chat.example.com", "https://chat.example.com", "http", "", "__Host-chat-tui", True),
        ("chat.example.com:8443", "", "https", "", "__Host-chat-tui-8443", True),
        ("chat.example.com", "https://chat.example.com", "http", "/chat", "__Secure-chat-tui", True),
    ],
)
def test_the_name_and_flags_of_the_cookie_fit_the_address(
    host: str, origin: str, scheme: str, prefix: str, name: str, is_secure: bool
) -> None:
    headers = Headers({"host": host, "origin": origin})
    told = set_cookie(headers, scheme, prefix, "abc").split("; ")
    assert told[0] == f"{name}=abc"
    assert f"Path={prefix}/" in told
    assert ("Secure" in told) is is_secure
    assert ids_in(Headers({"host": host, "cookie": f"x=1; {told[0]}; chat-tui-1=no"})) == ["abc"]
