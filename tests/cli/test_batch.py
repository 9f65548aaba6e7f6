"""`chat-tui batch` as people and scripts run it: prompts in, results out, an exit code."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.doubles.sample_markdown import tokens
from tests.wire.home import Home, kept, send_signal
from tests.wire.raw_server import RawServer, chunked, event, saying

FIELDS = {"index", "id", "prompt", "response", "model", "state", "usage", "timings", "cost", "error"}
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def written(home: Home, *lines: str, name: str = "prompts.txt") -> str:
    (home.folder / name).write_text("".join(f"{line}\n" for line in lines))
    return str(home.folder / name)


def out(home: Home) -> Path:
    return home.folder / "results.jsonl"


def forget(home: Home) -> None:
    out(home).unlink()


def left(home: Home) -> list[str]:
    """Everything that stands beside the results."""
    return sorted(path.name for path in home.folder.glob("results*"))


def results(home: Home) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out(home).read_text().splitlines()]


def asked(server: ModelServer) -> list[str]:
    return [exchange.body["messages"][-1]["content"] for exchange in server.exchanges]


# -- results -----------------------------------------------------------------------------------------------------------


async def test_results_stand_in_the_order_of_the_prompts_whoever_is_first(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    prompts = written(home, "slow [t2-first400]", "", "two", "   ", "three", "four")
    ran = await home.run("batch", prompts, "--out", str(out(home)))
    assert ran.code == 0
    rows = results(home)
    assert [row["index"] for row in rows] == [0, 1, 2, 3]
    assert [row["prompt"] for row in rows] == ["slow [t2-first400]", "two", "three", "four"]
    assert [row["response"] for row in rows] == ["".join(tokens(2)), *["".join(tokens(3))] * 3]
    assert all(set(row) == FIELDS for row in rows)
    assert {(row["model"], row["state"], row["error"]) for row in rows} == {("box/t3", "complete", None)}
    assert rows[1]["usage"]["completion_tokens"] == 3
    assert rows[0]["timings"]["ttft_seconds"] >= 0.4
    assert left(home) == ["results.jsonl"]
    assert "4 done" in ran.told()
    assert await kept(home) == []


async def test_a_line_of_json_has_settings_of_its_own_and_carries_the_rest_along(
    home: Home, server: ModelServer
) -> None:
    home.serve(server.base_url, "t3", "t4")
    row = {"prompt": "hi", "id": "a", "model": "box/t4", "system": "Be short.", "max_tokens": 9, "temperature": 0.5}
    prompts = written(home, json.dumps({**row, "label": {"n": 1.10}}), '"plain"', name="p.jsonl")
    ran = await home.run("batch", prompts, "--system", "Be kind.", "--concurrency", "1")
    assert ran.code == 0
    first, second = ran.chunks
    assert (first["id"], first["model"], first["label"], first["response"]) == (
        "a",
        "box/t4",
        {"n": 1.1},
        "".join(tokens(4)),
    )
    assert set(second) == FIELDS
    one, two = (exchange.body for exchange in server.exchanges)
    assert [message["content"] for message in one["messages"]] == ["Be short.", "hi"]
    assert [message["content"] for message in two["messages"]] == ["Be kind.", "plain"]
    assert (one["max_tokens"], one["temperature"]) == (9, 0.5)


async def test_standard_input_is_json_where_it_begins_so(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    ran = await home.run("batch", "-", stdin=b'{"prompt": "one"}\n"two"\n')
    assert [chunk["prompt"] for chunk in ran.chunks] == ["one", "two"]
    ran = await home.run("batch", "-", stdin=b'{"no": "prompt"}\ntwo')
    assert [chunk["prompt"] for chunk in ran.chunks] == ['{"no": "prompt"}', "two"]


async def test_lines_that_are_no_prompts_are_told_with_their_line_and_fail(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    lines = ['{"prompt": "one"}', "", "nope", '{"prompt": 3}', '{"prompt": ""}', '{"prompt": "x", "model": "odd"}']
    ran = await home.run("batch", written(home, *lines, name="p.jsonl"), "--json")
    *rows, summary = ran.chunks
    assert ran.code == 1
    assert [row["state"] for row in rows] == ["complete", *["failed"] * 4]
    assert {row["error"]["kind"] for row in rows[1:]} == {"MalformedPrompt"}
    assert [re.findall(r"Line (\d)", row["error"]["title"])[0] for row in rows[1:]] == ["3", "4", "5", "6"]
    assert "4 of 5 failed" in ran.told()
    assert (summary["type"], summary["done"], summary["failed"]) == ("summary", 5, 4)


async def test_a_huge_line_fails_and_the_others_are_answered(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    ran = await home.run("batch", "-", stdin=b"one\n" + b"x" * (17 * 1024 * 1024) + b"\nthree")
    rows = ran.chunks
    assert [row["state"] for row in rows] == ["complete", "failed", "complete"]
    assert "longer than 16 MB" in rows[1]["error"]["title"]


async def test_what_a_model_or_a_file_says_does_not_reach_the_terminal_as_control(
    home: Home, server: ModelServer
) -> None:
    home.serve(server.base_url, "hostile")
    ran = await home.run("batch", "-", stdin="a\x1b[2Jb\x9b31m\n[error400-hostile]\x1b]0;owned\x07".encode())
    assert not CONTROLS.search(ran.text)
    assert not CONTROLS.search(ran.told())


async def test_no_more_run_at_once_than_is_said_and_than_the_provider_takes(home: Home, server: ModelServer) -> None:
    for limit, concurrency, most in ((3, 2, 2), (2, 6, 2)):
        home.serve(server.base_url, "t2-first80", more=f"[performance]\nmax_concurrent_streams = {limit}\n")
        running: list[int] = []
        watching = asyncio.ensure_future(watched(server, running))
        await home.run("batch", "-", "--concurrency", str(concurrency), stdin=b"a\nb\nc\nd\ne\nf\n")
        watching.cancel()
        assert max(running) == most


async def watched(server: ModelServer, running: list[int]) -> None:
    while True:
        running.append(server.active_streams)
        await asyncio.sleep(0.005)


async def test_the_days_budget_holds(home: Home, server: ModelServer) -> None:
    priced = "[[models]]\nname = 'box/t40'\nprice_in = 0.0\nprice_out = 100.0\n"
    home.serve(server.base_url, "t40", more="daily_budget = 0.02\n" + priced)
    ran = await home.run("batch", "-", "--concurrency", "1", stdin=b"word\n" * 9)
    states = [row["state"] for row in ran.chunks]
    assert ran.code == 1
    assert states == sorted(states)
    assert 1 < states.count("complete") + states.count("length") < 9
    spent = sum(row["cost"] or 0 for row in ran.chunks)
    assert 0 < spent <= 0.02
    assert "daily budget of $0.02" in ran.chunks[-1]["error"]["title"]
    # The next process knows what was paid.
    ran = await home.run("batch", "-", stdin=b"word\n")
    assert "daily budget of $0.02" in ran.chunks[0]["error"]["title"]
    # One that saves nothing does, too.
    ran = await home.run("batch", "-", "--private", stdin=b"word\n")
    assert "daily budget of $0.02" in ran.chunks[0]["error"]["title"]
    ran = await home.run("--private", "ask", "--json", "word")
    assert "daily budget of $0.02" in ran.told()


async def test_a_list_of_models_is_asked_for_where_none_is_named(home: Home) -> None:
    async with ModelServer(models=("t4",)) as server:
        home.serve(server.base_url, more="[[models]]\nname = 'box/t4'\nquality = 1.0\n")
        ran = await home.run("batch", "-", "--strategy", "quality-first", stdin=b"one\ntwo\n")
        assert [row["model"] for row in ran.chunks] == ["box/t4"] * 2
        assert server.requests.count("GET /v1/models") == 1


async def test_nothing_to_ask_is_said(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    ran = await home.run("batch", "-", stdin=b"\n\n")
    assert (ran.code, ran.text, ran.told()) == (0, "", "chat-tui: the file contains no prompts.\n")
    ran = await home.run("batch", str(home.folder), "--out", str(out(home)))
    assert (ran.code, left(home)) == (2, [])
    prompts = written(home, "one")
    ran = await home.run("batch", prompts, "--out", prompts)
    assert (ran.code, lines_of(home.folder / "prompts.txt")) == (2, 1)
    assert "names the prompts file itself" in ran.told()


# -- endings -----------------------------------------------------------------------------------------------------------


async def test_all_are_answered_though_one_in_twenty_fails(home: Home) -> None:
    async with ModelServer(fails=0.05) as server:
        quick = "[error_handling]\nretry_delay_seconds = 0.01\n"
        home.serve(server.base_url, "t5", more=quick)
        prompts = written(home, *(f"prompt {n}" for n in range(200)))
        ran = await home.run("batch", prompts, "--out", str(out(home)), "--concurrency", "6", "--json")
        assert ran.code == 0
        assert [row["prompt"] for row in results(home)] == [f"prompt {n}" for n in range(200)]
        assert {row["response"] for row in results(home)} == {"".join(tokens(5))}
        assert ran.chunks[0]["retries"] == len(server.exchanges) - 200 > 0


async def test_failures_are_listed_and_only_they_are_asked_again(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    prompts = written(home, *(f"{n} [error400]" for n in range(22)), "well")
    ran = await home.run("batch", prompts, "--out", str(out(home)))
    assert ran.code == 1
    assert "22 of 23 failed" in ran.told()
    assert ran.told().count("scripted error 400") == 20
    assert "and 2 more" in ran.told()
    listed = [int(line.partition(":")[0]) for line in ran.told().splitlines() if "scripted error" in line]
    assert listed == sorted(listed)
    # Their lines may be mended; the one that was answered is not asked again.
    written(home, *(f"{n} mended" for n in range(21)), "21 [error400]", "well")
    server.exchanges.clear()
    ran = await home.run("batch", prompts, "--out", str(out(home)), "--retry-failed")
    assert ran.code == 1
    assert "1 of 23 failed" in ran.told()
    assert sorted(asked(server)) == sorted([*(f"{n} mended" for n in range(21)), "21 [error400]"])
    assert [row["index"] for row in results(home)] == list(range(23))
    assert [row["state"] for row in results(home)] == [*["complete"] * 21, "failed", "complete"]
    assert left(home) == ["results.jsonl"]


async def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    prompts = written(home, "one", "two [t5-stall2]", "three", "four")
    for sent in (signal.SIGINT, signal.SIGTERM):
        process = await home.start("batch", prompts, "--out", str(out(home)), "--concurrency", "2")
        await server.until(lambda: server.active_streams == 1 and asked(server).count("four") == 1)
        await until_lines(out(home).with_name("results.jsonl.journal"), 2)
        send_signal(process, sent)
        _, err = await process.communicate()
        assert process.returncode == 130
        assert b"stopped; 3 of 4 are done" in err or sent == signal.SIGTERM
        assert b"run the same command to resume" in err
        if sent == signal.SIGINT:
            assert [row["index"] for row in results(home)] == [0]
            forget(home)
            server.exchanges.clear()
    ran = await home.run("batch", written(home, "one", "two [t5]", "three", "four"), "--out", str(out(home)))
    assert (ran.code, [row["prompt"] for row in results(home)]) == (0, ["one", "two [t5]", "three", "four"])
    assert asked(server).count("three") == 1


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


async def until_lines(path: Path, count: int) -> None:
    async with asyncio.timeout(10):
        while lines_of(path) < count:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.01)


async def test_a_server_that_comes_back_loses_no_prompt(home: Home) -> None:
    async with ModelServer(Script(error=503)) as server:
        home.serve(server.base_url, "sample", more="[error_handling]\nretry_attempts = 2\nretry_delay_seconds = 0.2\n")
        process = await home.start("batch", written(home, "one", "two"), "--out", str(out(home)), "--concurrency", "1")
        # More than the router's own tries of one prompt.
        await server.until(lambda: len(server.exchanges) > 4, 20)
        server._script = Script(tokens=3)
        await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert [row["state"] for row in results(home)] == ["complete", "complete"]


async def test_a_pipe_that_says_nothing_more_does_not_hold_it(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    process = await home.start("batch", "-", stdin=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"one\nhalf a li")
    # What is there is answered before the pipe has ended.
    assert json.loads(await asyncio.wait_for(process.stdout.readline(), 10))["prompt"] == "one"
    send_signal(process, signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 130
    assert asked(server) == ["one"]


async def test_nobody_reading_on_ends_it_without_a_word(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3-first20")
    prompts = written(home, *(f"prompt {n}" for n in range(500)))
    ran = await home.shell(f'chat-tui batch "{prompts}" | head -2')
    assert [json.loads(line)["index"] for line in ran.text.splitlines()] == [0, 1]
    assert ran.told() == ""
    assert len(server.exchanges) < 100


@pytest.mark.parametrize(("text", "code"), [("I would rather not.", 0), ("", 1), (" \n", 1)])
async def test_a_refusal_without_any_text_is_a_failure(home: Home, text: str, code: int) -> None:
    replies = saying(chunked(event(text, "content_filter")), chunked(event("ok", "stop")))
    async with RawServer(replies) as server:
        home.serve(server.base_url, "tiny")
        prompts = written(home, "one")
        ran = await home.run("batch", prompts, "--out", str(out(home)), "--json")
        assert (ran.code, ran.chunks[-1]["failed"], results(home)[0]["state"]) == (code, code, "refused")
        assert ("0: The model refused to answer." in ran.told()) == bool(code)
        # A run that goes on counts it again, and the failed ones can be asked once more.
        again = await home.run("batch", prompts, "--out", str(out(home)))
        assert again.code == code
        mended = await home.run("batch", prompts, "--out", str(out(home)), "--retry-failed")
    assert (mended.code, results(home)[0]["state"]) == (0, "complete" if code else "refused")
