"""`--schema` of `ask` and `batch`: the answer is JSON of that shape, or asked for again once."""

from __future__ import annotations

import json

import pytest

from tests.wire.home import Home, kept
from tests.wire.raw_server import DONE, RawServer, chunked, event, saying

GOOD = '{"name": "Ada", "age": 36}'
FIELDS = "name, age int"


def reply(text: str) -> bytes:
    return chunked(event(text), event(None, "stop"), DONE)


async def test_the_checked_json_is_written(home: Home) -> None:
    async with RawServer(saying(reply(f"```json\n{GOOD}\n```"))) as server:
        home.serve(f"http://127.0.0.1:{server.port}/v1", "m")
        ran = await home.run("ask", "--schema", FIELDS, "Who wrote the first program?")
    assert (ran.code, ran.text, ran.told()) == (0, GOOD + "\n", "")
    sent = server.asked[0].json["response_format"]
    assert sent["json_schema"]["schema"]["required"] == ["name", "age"]


async def test_a_miss_is_asked_again_once_with_the_fault(home: Home) -> None:
    async with RawServer(saying(reply("Ada, 36"), reply(GOOD))) as server:
        home.serve(f"http://127.0.0.1:{server.port}/v1", "m")
        ran = await home.run("ask", "--schema", FIELDS, "Who?")
    assert (ran.code, ran.text) == (0, GOOD + "\n")
    assert "The answer is not JSON" in ran.told()
    again = server.asked[1].json["messages"]
    assert [message["role"] for message in again[-3:]] == ["user", "assistant", "user"]
    assert "The answer is not JSON" in again[-1]["content"]
    assert [turn.text for turn in await kept(home)][1::2] == ["Ada, 36", GOOD]


async def test_two_misses_are_an_error(home: Home) -> None:
    async with RawServer(saying(reply('{"name": "Ada"}'))) as server:
        home.serve(f"http://127.0.0.1:{server.port}/v1", "m")
        ran = await home.run("ask", "--schema", FIELDS, "Who?")
    assert (ran.code, ran.text) == (1, "")
    assert "'age' is a required property" in ran.told()
    assert len(server.asked) == 2


async def test_chunks_are_written_as_they_come_and_a_miss_is_exit_1(home: Home) -> None:
    async with RawServer(saying(reply("{}"))) as server:
        home.serve(f"http://127.0.0.1:{server.port}/v1", "m")
        ran = await home.run("ask", "--json", "--schema", FIELDS, "Who?")
    assert ran.code == 1
    assert ran.chunks[-1]["type"] == "end"
    assert len(server.asked) == 1


@pytest.mark.parametrize("schema", ["age date", "none.json", '{"$ref": "#/nowhere"}'])
@pytest.mark.parametrize("command", ["ask", "batch"])
async def test_a_schema_that_cannot_be_used_is_wrong_usage(home: Home, command: str, schema: str) -> None:
    ran = await home.run(command, "--schema", schema, "-")
    assert ran.code == 2
    assert "schema" in ran.told() or "not a file" in ran.told()


async def test_a_batch_checks_each_answer(home: Home) -> None:
    async with RawServer(saying(reply(GOOD), reply("no"), reply(f"```\n{GOOD}\n```"), reply("no"))) as server:
        home.serve(f"http://127.0.0.1:{server.port}/v1", "m")
        ran = await home.run("batch", "--schema", FIELDS, "--concurrency", "1", "-", stdin=b"one\ntwo\nthree\n")
    assert ran.code == 1
    rows = ran.chunks
    assert [row["response"] for row in rows] == [GOOD, GOOD, "no"]
    assert [row["state"] for row in rows] == ["complete", "complete", "failed"]
    assert rows[2]["error"]["kind"] == "SchemaMismatch"
    assert "The answer is not JSON" in json.dumps(rows[2]["error"])
