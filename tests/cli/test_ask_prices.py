"""What an answer cost, through the installed program: cached tokens, prices in a list, the server's own figure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.wire.home import Home
from tests.wire.raw_server import RawServer, chunked, saying, whole

MODEL = """
[[models]]
name = "box/tiny"
price_in = 2.0
price_out = 10.0
price_cached = 0.2
"""


def reply(usage: dict[str, Any]) -> bytes:
    events: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": usage},
    ]
    return chunked(*(f"data: {json.dumps(event)}\n\n".encode() for event in events), b"data: [DONE]\n\n")


async def asked(home: Home, server: RawServer, config: str) -> dict[str, Any]:
    home.serve(server.base_url, "tiny")
    home.config.write_text(home.config.read_text() + config)
    ran = await home.run("ask", "--json", "hello")
    assert ran.code == 0, ran.told()
    end: dict[str, Any] = ran.chunks[-1]
    return end


async def test_cached_tokens_cost_a_tenth(home: Home) -> None:
    usage = {"prompt_tokens": 100_000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 99_000}}
    async with RawServer(saying(reply(usage))) as server:
        end = await asked(home, server, MODEL)
    assert end["cost"] == pytest.approx((1000 * 2 + 99_000 * 0.2 + 100 * 10) / 1e6)
    assert end["usage"]["saved"] == pytest.approx(99_000 * 1.8 / 1e6)


async def test_what_the_server_has_charged_wins(home: Home) -> None:
    async with RawServer(saying(reply({"prompt_tokens": 10, "completion_tokens": 1, "cost": 0.25}))) as server:
        end = await asked(home, server, MODEL)
        shown = await home.run("history", "show", "1", "--json")
    assert end["cost"] == end["usage"]["cost"] == 0.25
    assert '"cost":0.25' in shown.text


async def test_prices_of_a_list_count(home: Home) -> None:
    row = {"id": "tiny", "pricing": {"prompt": "0.000001", "completion": "0.000004", "input_cache_read": "0.0000001"}}
    listing = whole(json.dumps({"data": [row]}).encode())
    usage = {"prompt_tokens": 1000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 500}}
    async with RawServer(saying(listing, reply(usage))) as server:
        home.serve(server.base_url)
        ran = await home.run("ask", "--json", "hello")
    assert ran.code == 0, ran.told()
    assert ran.chunks[-1]["cost"] == pytest.approx((500 * 1 + 500 * 0.1 + 10 * 4) / 1e6)


async def test_a_gateway_on_this_machine_costs_what_its_provider_costs(home: Home) -> None:
    usage = {"prompt_tokens": 100_000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 99_000}}
    async with RawServer(saying(reply(usage))) as server:
        home.serve(server.base_url, "gpt-4o-mini")
        home.config.write_text(home.config.read_text().replace('"box"', '"openai"').replace("box/", "openai/"))
        first = await home.run("ask", "--json", "hello")
        second = await home.run("ask", "--json", "hello")
    assert first.code == second.code == 0, second.told()
    # The first answer is there before the prices are, and waits for them.
    assert first.chunks[-1]["cost"] == pytest.approx(second.chunks[-1]["cost"])
    assert first.chunks[-1]["usage"]["saved"] > 0.0
    assert second.chunks[-1]["cost"] > 0.0
    assert second.chunks[-1]["usage"]["saved"] > 0.0


async def test_the_first_answer_of_all_counts_for_the_daily_budget(home: Home) -> None:
    async with RawServer(saying(reply({"prompt_tokens": 1_000_000, "completion_tokens": 100}))) as server:
        home.serve(server.base_url, "gpt-4o-mini")
        config = home.config.read_text().replace('"box"', '"openai"').replace("box/", "openai/")
        home.config.write_text(f"daily_budget = 0.05\n{config}")
        first = await home.run("ask", "--json", "hello")
        second = await home.run("ask", "--json", "hello")
    assert first.chunks[-1]["cost"] > 0.05
    assert (second.code, len(server.asked)) == (1, 1), second.told()
    assert "daily budget of $0.05 is used up" in second.told()
    assert "would cost about" in second.told()
