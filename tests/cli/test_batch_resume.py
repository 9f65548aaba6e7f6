"""A batch that is killed, and goes on: nothing is lost, nothing is asked twice, nothing is mixed up."""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections import Counter
from pathlib import Path

from tests.doubles.model_server import ModelServer
from tests.wire.home import Home, send_signal

COUNT, CONCURRENCY, KILLS = 60, 4, 3


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def written(home: Home, *lines: str) -> str:
    (home.folder / "prompts.txt").write_text("".join(f"{line}\n" for line in lines))
    return str(home.folder / "prompts.txt")


async def test_what_is_done_is_not_asked_again_after_a_kill(home: Home) -> None:
    chance, out = random.Random(2), home.folder / "results.jsonl"
    async with ModelServer(fails=0.05) as server:
        home.serve(server.base_url, "t3", more="[error_handling]\nretry_delay_seconds = 0.01\n")
        prompts = [f"prompt {n} [t3-first{chance.choice((1, 30, 120))}]" for n in range(COUNT)]
        arguments = ("batch", written(home, *prompts), "--out", str(out), "--concurrency", str(CONCURRENCY))
        for kill in range(1, KILLS + 1):
            process = await home.start(*arguments)
            await server.until(lambda kill=kill: len(server.exchanges) >= kill * 15, 20)  # type: ignore[misc]
            await asyncio.sleep(chance.uniform(0, 0.05))
            send_signal(process, signal.SIGKILL)
            await process.communicate()
            assert len(lines_of(out)) < COUNT
        ran = await home.run(*arguments)
        assert ran.code == 0, ran.told()
        rows = [json.loads(line) for line in lines_of(out)]
        assert [(row["index"], row["prompt"]) for row in rows] == list(enumerate(prompts))
        assert {row["state"] for row in rows} == {"complete"}
        # A script that the server has changed is a failure, which is asked again.
        well = [exchange for exchange in server.exchanges if not exchange.script.error and exchange.script.cut is None]
        asked = Counter(exchange.body["messages"][-1]["content"] for exchange in well)
        assert set(asked) == set(prompts)
        assert sum(asked.values()) - COUNT <= KILLS * CONCURRENCY


async def test_prompts_that_have_changed_are_told_and_nothing_is_touched(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    out = home.folder / "results.jsonl"
    ran = await home.run("batch", written(home, "one", "two"), "--out", str(out))
    before = lines_of(out)
    server.exchanges.clear()
    for prompts, told in ((("one", "other"), "has changed at line 2"), (("one",), "has fewer prompts")):
        ran = await home.run("batch", written(home, *prompts), "--out", str(out))
        assert (ran.code, lines_of(out), server.exchanges) == (2, before, [])
        assert told in ran.told()
    # More at the end are new ones.
    ran = await home.run("batch", written(home, "one", "two", "three"), "--out", str(out))
    assert (ran.code, len(server.exchanges), len(lines_of(out))) == (0, 1, 3)


async def test_a_full_disk_is_told_and_what_is_there_is_kept(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    prompts, out = written(home, *(f"prompt {n}" for n in range(40))), home.folder / "results.jsonl"
    # Python takes a byte-code file that was cut at the limit for a whole one.
    home.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    ran = await home.shell(f'ulimit -f 4; trap "" XFSZ; chat-tui batch "{prompts}" --out "{out}"')
    assert ran.code == 1
    assert "cannot be written" in ran.told()
    assert "run the same command to resume" in ran.told()
    assert 0 < len(lines_of(out)) < 40
    ran = await home.run("batch", prompts, "--out", str(out))
    assert (ran.code, len(lines_of(out))) == (0, 40)
