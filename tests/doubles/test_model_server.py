"""The loopback model server keeps its promises, so that what fails elsewhere is not its doing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from tests.doubles.model_scripts import HOSTILE_LINE, Script, asked_for, parsed
from tests.doubles.model_server import ModelServer
from tests.doubles.sample_markdown import tokens
from tests.support.time_limits import in_time, within


def _question(model: str = "sample", text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"model": model, "stream": True, "messages": [{"role": "user", "content": text}], **more}


async def _events(client: httpx.AsyncClient, url: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
        lines = [line async for line in response.aiter_lines() if line.startswith("data: {")]
    return [json.loads(line[6:]) for line in lines]


def _text(told: list[dict[str, Any]], key: str = "content") -> str:
    return "".join(choice["delta"].get(key, "") for event in told for choice in event["choices"])


def test_words_become_a_script() -> None:
    assert parsed("t2000-r200-first250") == Script(tokens=2000, rate=200, first_seconds=0.25)
    assert parsed("error429-retry2") == Script(error=429, retry_after=2)
    assert parsed("nousage-html-length") == Script(usage=False, body="html", finish="length")
    assert parsed("gpt-4") is None


def test_the_question_speaks_before_the_model_id() -> None:
    assert asked_for(_question("t5", "tell me [t7-r9]")) == Script(tokens=7, rate=9)
    assert asked_for(_question("t5", "an [ordinary] question")) == Script(tokens=5)
    assert asked_for(_question("gpt-4", "hello")) is None


def test_the_sample_text_is_the_same_each_time_and_about_four_characters_a_token() -> None:
    text = "".join(tokens(2000))
    assert tokens(500) == tokens(2000)[:500]
    assert 3.5 < len(text) / 2000 < 4.5
    assert all(mark in text for mark in ("## 1.", "\n- **", "```python", "\n| ", "\n> ", "\n1. "))


async def test_a_stream_holds_every_token_usage_and_an_end() -> None:
    body = _question("t300-think20-mark4", stream_options={"include_usage": True})
    async with ModelServer() as server, httpx.AsyncClient() as client:
        told = await _events(client, server.base_url, body)
        again = await _events(client, server.base_url, _question("t3"))
    assert _text(told) == "".join(tokens(300)) + "\n\nFinis4\n"
    assert _text(told, "reasoning_content") == "".join(tokens(20, seed=11))
    assert told[-2]["choices"][0]["finish_reason"] == "stop"
    assert told[-1]["usage"]["completion_tokens"] == 321
    assert _text(again) == "".join(tokens(3))
    assert server.exchanges[0].body == body
    assert server.exchanges[0].closed_by_client is None


@in_time
async def test_a_rate_is_kept_within_a_tenth() -> None:
    async with ModelServer() as server, httpx.AsyncClient() as client:
        start = time.monotonic()
        await _events(client, server.base_url, _question("t100-r200"))
    took = time.monotonic() - start
    assert took > 0.45
    within(took, 0.75)


@in_time
async def test_a_closed_socket_is_noticed_at_once_and_stops_the_stream() -> None:
    async with ModelServer() as server, httpx.AsyncClient() as client:
        async with client.stream(
            "POST", f"{server.base_url}/chat/completions", json=_question("t9999-r100")
        ) as response:
            async for _ in response.aiter_bytes():
                break
            assert server.active_streams == 1
            left = time.monotonic()
        await server.until(lambda: server.active_streams == 0)
    closed = server.exchanges[0].closed_by_client
    assert closed is not None
    within(closed - left, 0.2)
    assert server.exchanges[0].tokens_sent < 100


@pytest.mark.parametrize("words", ["first60000", "connect60000", "stall3", "stall3-keepalive"])
async def test_a_client_that_leaves_while_waiting_is_noticed(words: str) -> None:
    async with ModelServer() as server, httpx.AsyncClient() as client:
        asking = asyncio.create_task(_events(client, server.base_url, _question(words)))
        await server.until(lambda: server.active_streams == 1)
        await asyncio.sleep(0.05)
        asking.cancel()
        await server.until(lambda: server.exchanges[0].closed_by_client is not None)


async def test_errors_carry_status_retry_after_and_a_body() -> None:
    async with ModelServer() as server, httpx.AsyncClient() as client:
        url = f"{server.base_url}/chat/completions"
        limited = await client.post(url, json=_question("error429-retry2"))
        refused = await client.post(url, json=_question("error401-hostile"))
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "2")
    assert refused.status_code == 401
    assert refused.json()["error"]["message"] == HOSTILE_LINE


@pytest.mark.parametrize("words", ["cut5", "cut5-r500"])
async def test_a_cut_stream_breaks_after_its_tokens(words: str) -> None:
    async with ModelServer() as server, httpx.AsyncClient() as client:
        seen = bytearray()
        with pytest.raises(httpx.RemoteProtocolError):
            await _gather(client, f"{server.base_url}/chat/completions", _question(words), seen)
    assert seen.count(b"data: {") == 5
    assert server.exchanges[0].closed_by_client is None


async def _gather(client: httpx.AsyncClient, url: str, body: dict[str, Any], seen: bytearray) -> None:
    async with client.stream("POST", url, json=body) as response:
        async for piece in response.aiter_bytes():
            seen += piece


async def test_odd_bodies_come_as_promised() -> None:
    async with ModelServer() as server, httpx.AsyncClient() as client:
        url = f"{server.base_url}/chat/completions"
        got = {kind: await client.post(url, json=_question(kind)) for kind in ("html", "json", "garbage", "empty")}
        with pytest.raises(httpx.TransportError):
            await client.post(url, json=_question("reset"))
        whole = await client.post(url, json=_question("t9", stream=False))
    assert got["html"].headers["content-type"].startswith("text/html")
    assert got["json"].json()["choices"][0]["message"]["content"]
    assert got["garbage"].content.startswith(b"data: {not json")
    assert got["empty"].content == b""
    assert whole.json()["choices"][0]["message"]["content"] == "".join(tokens(9))


async def test_models_are_listed_and_the_log_is_told() -> None:
    async with ModelServer(scripts={"odd": Script(tokens=2)}) as server, httpx.AsyncClient() as client:
        listed = (await client.get(f"{server.base_url}/models")).json()
        await _events(client, server.base_url, _question("odd"))
        log = (await client.get(server.base_url.removesuffix("/v1") + "/log")).json()
    assert [row["id"] for row in listed["data"]] == ["odd"]
    assert log["active"] == 0
    assert log["exchanges"][0]["tokens_sent"] == 2


def test_it_serves_as_a_process_and_ends_with_stdin() -> None:
    command = [sys.executable, "-m", "tests.doubles.model_server", "--tokens", "4", "--until-eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answer = httpx.post(f"{url}/chat/completions", json=_question("gpt", stream=False), timeout=10)
        process.stdin.close()
        assert process.wait(10) == 0
    assert answer.json()["choices"][0]["message"]["content"] == "".join(tokens(4))
