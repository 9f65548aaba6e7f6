"""`chat-tui compare` as people and scripts run it: two outputs, an exit code, and what the history keeps."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from chat_tui.history.queries import reads
from chat_tui.history.store import Store
from tests.doubles.model_server import ModelServer
from tests.doubles.sample_markdown import tokens
from tests.wire.home import Home, Ran, as_promised, send_signal
from tests.wire.raw_server import RawServer, chunked, event, saying

FIELDS = {
    "model",
    "state",
    "characters",
    "tokens",
    "tokens_estimated",
    "seconds",
    "ttft_seconds",
    "tokens_per_second",
    "cost",
    "error",
}


def column(ran: Ran, model: str) -> Ran:
    """What was said of one model, as if it had been alone."""
    lines = [line for line in ran.text.splitlines() if json.loads(line).get("model") == model]
    plain = []
    for line in lines:
        chunk = json.loads(line)
        if chunk["type"] in {"token", "error"}:
            del chunk["model"]
        plain.append(json.dumps(chunk))
    return Ran(ran.code, "\n".join(plain).encode(), b"")


def results(ran: Ran) -> list[dict[str, Any]]:
    last = ran.chunks[-1]
    assert last["type"] == "summary"
    assert set(last) == {"type", "results"}
    rows: list[dict[str, Any]] = last["results"]
    assert all(set(row) == FIELDS for row in rows)
    return rows


async def test_json_gives_every_stream_whole_with_its_model_and_a_summary(home: Home, server: ModelServer) -> None:
    names = ["t400", "t300-think5", "t200-r2000"]
    home.serve(server.base_url, *names)
    ran = await home.run("compare", "which?", "--models", ",".join(f"box/{name}" for name in names), "--json")
    assert ran.code == 0
    assert {chunk["model"] for chunk in ran.chunks[:-1]} == {f"box/{name}" for name in names}
    for name, count in zip(names, (400, 300, 200), strict=True):
        alone = column(ran, f"box/{name}")
        as_promised(alone)
        said = [chunk for chunk in alone.chunks if chunk["type"] == "token" and chunk["kind"] == "text"]
        assert "".join(chunk["token"] for chunk in said) == "".join(tokens(count))
    rows = results(ran)
    assert [row["model"] for row in rows] == [f"box/{name}" for name in names]
    assert [row["state"] for row in rows] == ["complete"] * 3
    assert [row["characters"] for row in rows] == [len("".join(tokens(count))) for count in (400, 300, 200)]
    assert [row["tokens"] for row in rows] == [400, 305, 200]


async def test_people_get_each_answer_under_its_name_and_a_table(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t30-first300", "t20")
    ran = await home.run("compare", "--models", "box/t30-first300,box/t20", "which?")
    assert (ran.code, ran.told()) == (0, "")
    slow, quick = "".join(tokens(30)).rstrip("\n"), "".join(tokens(20)).rstrip("\n")
    assert ran.text.startswith(f"## box/t20\n\n{quick}\n\n## box/t30-first300\n\n{slow}\n\n")
    head, *rows = ran.text.rstrip("\n").splitlines()[-3:]
    assert head.split() == ["model", "state", "characters", "tokens", "time", "TTFT", "tokens/s", "cost"]
    assert [row.split()[:2] for row in rows] == [["box/t30-first300", "complete"], ["box/t20", "complete"]]


async def test_all_answers_are_kept_beside_one_another(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t20", "t10")
    await home.run("compare", "--models", "box/t20,box/t10", "which?")
    store = await Store.open(home.store)
    [summary] = await store.read(reads.summaries)
    path = (await store.read(reads.conversation, summary.id)).path
    siblings = await store.read(reads.siblings, path[-1].id)
    await store.close()
    assert [turn.text for turn in path] == ["which?", "".join(tokens(20))]
    assert [(turn.model, turn.state) for turn in siblings] == [("box/t20", "complete"), ("box/t10", "complete")]


@pytest.mark.parametrize(("others", "code"), [("box/t5", 0), ("box/error401", 1)])
async def test_one_that_fails_is_told_and_costs_the_others_nothing(
    home: Home, server: ModelServer, others: str, code: int
) -> None:
    twice = "[error_handling]\nretry_attempts = 2\nretry_delay_seconds = 0\n"
    home.serve(server.base_url, "t5", "error500", "error401", more=twice)
    ran = await home.run("compare", "--json", "--models", f"box/error500,{others}", "which?")
    assert ran.code == code
    failed, other = results(ran)
    assert (failed["state"], failed["tokens"], failed["characters"]) == ("failed", 0, 0)
    assert failed["error"] in ran.told()
    assert "[box/error500: " in ran.told()
    assert other["state"] == ("failed" if code else "complete")


async def test_an_interrupt_cancels_all_and_keeps_the_parts(home: Home, server: ModelServer) -> None:
    names = ["t20000-r100", "t10000-r100"]
    home.serve(server.base_url, *names)
    process = await home.start("compare", "--json", "--models", ",".join(f"box/{name}" for name in names), "which?")
    assert process.stdout is not None
    before, spoke = b"", set[str]()
    async with asyncio.timeout(15):
        while len(spoke) < 2:
            line = await process.stdout.readline()
            before += line
            if json.loads(line)["type"] == "token":
                spoke.add(json.loads(line)["model"])
    send_signal(process)
    out, err = await asyncio.wait_for(process.communicate(), 10)
    ran = Ran(process.returncode or 0, before + out, err)
    assert ran.code == 130
    assert [row["state"] for row in results(ran)] == ["cancelled", "cancelled"]
    await server.until(lambda: server.active_streams == 0)
    store = await Store.open(home.store)
    [summary] = await store.read(reads.summaries)
    path = (await store.read(reads.conversation, summary.id)).path
    siblings = await store.read(reads.siblings, path[-1].id)
    await store.close()
    assert [turn.state for turn in siblings] == ["cancelled", "cancelled"]
    for name, turn in zip(names, siblings, strict=True):
        said = column(ran, f"box/{name}").chunks
        assert turn.text == "".join(chunk["token"] for chunk in said if chunk["type"] == "token")


async def test_whoever_stops_reading_ends_all(home: Home, server: ModelServer) -> None:
    names = ["t20000-r500", "t10000-r500"]
    home.serve(server.base_url, *names)
    ran = await home.shell(f"chat-tui compare --json --models box/{names[0]},box/{names[1]} which? | head -n 50 >&2")
    assert len(ran.err.splitlines()) == 50
    await server.until(lambda: server.active_streams == 0)


async def test_without_models_the_best_two_are_asked(home: Home) -> None:
    async with ModelServer(models=("alpha-t5", "beta-t4")) as server:
        home.serve(server.base_url)
        ran = await home.run("compare", "--json", "which?")
    assert ran.code == 0
    assert len(results(ran)) == 2


async def test_the_price_of_all_is_told_before(home: Home, server: ModelServer) -> None:
    rows = "".join(f"[[models]]\nname = 'box/{name}'\nprice_in = 0.0\nprice_out = 20.0\n" for name in ("t5", "t6"))
    home.serve(server.base_url, "t5", "t6", more=rows)
    ran = await home.run("compare", "--models", "box/t5,box/t6", "which?")
    assert ran.told() == "[≈ $0.02 for all 2 answers]\n"
    assert "$0.00012" in ran.text


@pytest.mark.parametrize("models", ["box/a", "box/a,box/a", "a/1,a/2,a/3,a/4,a/5", "box/a,b"])
async def test_a_wrong_number_of_models_is_wrong_usage(home: Home, server: ModelServer, models: str) -> None:
    home.serve(server.base_url, "t5")
    ran = await home.run("compare", "--models", models, "which?")
    assert (ran.code, ran.text) == (2, "")
    assert ran.told().startswith("chat-tui: ")
    assert server.requests == []


@pytest.mark.parametrize(("text", "code"), [("I would rather not.", 0), ("", 1)])
async def test_refusals_without_any_text_are_no_success(home: Home, text: str, code: int) -> None:
    async with RawServer(saying(chunked(event(text, "content_filter")))) as server:
        home.serve(server.base_url, "one", "two")
        ran = await home.run("compare", "which?", "--models", "box/one,box/two")
    assert ran.code == code
    assert ran.text.count("refused") == 2
