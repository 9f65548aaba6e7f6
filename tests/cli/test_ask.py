"""`chat-tui ask` as people and scripts run it: a process, its two outputs, its exit code."""

from __future__ import annotations

import asyncio
import re
import signal
from datetime import UTC, datetime

import pytest

from tests.doubles.model_server import ModelServer
from tests.doubles.sample_markdown import tokens
from tests.wire.home import Home, Ran, as_promised, kept, send_signal
from tests.wire.raw_server import RawServer, chunked, event, saying, whole

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


# -- answers -----------------------------------------------------------------------------------------------------------


async def test_the_answer_comes_to_stdout_and_is_kept(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t30")
    ran = await home.run("ask", "what", "is", "it?")
    assert (ran.code, ran.told()) == (0, "")
    assert ran.text == "".join(tokens(30)) + "\n"
    question, answer = await kept(home)
    assert (question.role, question.text) == ("user", "what is it?")
    assert (answer.role, answer.text, answer.state) == ("assistant", "".join(tokens(30)), "complete")
    assert answer.model == "box/t30"


async def test_thinking_stays_out_of_the_plain_answer(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3-think5")
    ran = await home.run("ask", "--no-save", "hello")
    assert ran.text.rstrip("\n") == "".join(tokens(3)).rstrip("\n")


async def test_tokens_come_as_they_are_made(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t200-r50")
    process = await home.start("ask", "--no-save", "hello")
    assert process.stdout is not None
    first = await asyncio.wait_for(process.stdout.read(1), 10)
    assert first
    assert server.active_streams == 1
    send_signal(process, signal.SIGTERM)
    await process.communicate()


async def test_a_list_of_models_is_asked_for_where_none_is_named(home: Home) -> None:
    async with ModelServer(models=("t4",)) as server:
        home.serve(server.base_url, more="[[models]]\nname = 'box/t4'\nquality = 1.0\n")
        ran = await home.run("ask", "--json", "--model", "box/t4", "hello")
        assert ran.code == 0
        assert server.requests == ["POST /v1/chat/completions"]
        ran = await home.run("ask", "--json", "--strategy", "quality-first", "hello")
    assert ran.chunks[0]["model"] == "box/t4"
    assert ran.chunks[0]["strategy"] == "quality-first"
    assert "GET /v1/models" in server.requests


# -- the contract of --json --------------------------------------------------------------------------------------------


async def test_json_gives_a_chunk_a_lineas_promised(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t20-think3")
    ran = await home.run("ask", "--json", "hello")
    as_promised(ran)
    end = ran.chunks[-1]
    assert (ran.code, end["state"], end["finish_reason"]) == (0, "complete", "stop")
    assert (end["model"], end["provider"]) == ("box/t20-think3", "box")
    assert end["usage"]["completion_tokens"] == 23
    text = "".join(c["token"] for c in ran.chunks if c["type"] == "token" and c["kind"] == "text")
    assert text == "".join(tokens(20))
    events = [c["event"] for c in ran.chunks if c["type"] == "metadata"]
    assert events.index("connecting") < events.index("waiting") < events.index("usage")


@pytest.mark.parametrize(
    ("model", "code", "state", "kind"),
    [
        ("error500", 1, "failed", "Overloaded"),
        ("error401", 1, "failed", "KeyRefused"),
        ("error429-retry1", 1, "failed", "RateLimited"),
        ("error404", 1, "failed", "Rejected"),
        ("html", 1, "failed", "Garbled"),
        ("empty", 1, "failed", "Garbled"),
        ("garbage", 1, "failed", "Garbled"),
        ("reset", 1, "failed", "Unreachable"),
        ("t20-cut7", 1, "broken", "Unreachable"),
        ("t20-length", 0, "length", None),
        ("t20-filter", 0, "refused", None),
        ("t20-nodone", 0, "complete", None),
        ("json", 0, "complete", None),
    ],
)
async def test_every_ending_has_its_state_and_its_exit_code(
    home: Home, server: ModelServer, model: str, code: int, state: str, kind: str | None
) -> None:
    home.serve(server.base_url, model)
    ran = await home.run("ask", "--json", "hello")
    as_promised(ran)
    faults = [chunk["error"] for chunk in ran.chunks if chunk["type"] == "error"]
    assert (ran.code, ran.chunks[-1]["state"]) == (code, state)
    assert [fault["kind"] for fault in faults] == ([kind] if kind else [])
    if kind:
        assert [chunk["type"] for chunk in ran.chunks[-2:]] == ["error", "end"]
        assert (faults[0]["provider"], faults[0]["model"]) == ("box", f"box/{model}")
        assert faults[0]["title"] in ran.told()
    _, answer = await kept(home)
    assert answer.state == state


@pytest.mark.parametrize(("text", "code"), [("I would rather", 0), ("", 1)])
async def test_a_refusal_without_any_text_is_no_success(home: Home, text: str, code: int) -> None:
    async with RawServer(saying(chunked(event(text, "content_filter")))) as server:
        home.serve(server.base_url, "tiny")
        ran = await home.run("ask", "hello")
    assert (ran.code, ran.text.strip()) == (code, text)
    assert "refused" in ran.told()


async def test_a_retry_is_told_in_both_outputs(home: Home) -> None:
    replies = saying(whole(b"{}", "503 No", "application/json", "retry-after: 0.1"), chunked(event("ok", "stop")))
    async with RawServer(replies) as server:
        home.serve(server.base_url, "tiny", more="")
        ran = await home.run("ask", "--json", "hello")
    as_promised(ran)
    retry = next(chunk for chunk in ran.chunks if chunk.get("event") == "retry")
    assert (retry["attempt"], retry["of"], retry["delay_seconds"]) == (2, 3, 0.1)
    assert "503" in retry["reason"]
    assert "Retrying 2/3" in ran.told()
    assert [entry["outcome"] for entry in ran.chunks[-1]["route"]["tries"]] == ["Overloaded", "answered"]


async def test_no_stream_gives_one_token_with_the_whole(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t20")
    ran = await home.run("ask", "--json", "--no-stream", "hello")
    as_promised(ran)
    assert [c["token"] for c in ran.chunks if c["type"] == "token"] == ["".join(tokens(20))]
    assert ran.chunks[-1]["timings"]["tokens_per_second"] is None


# -- interrupts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_an_interrupt_keeps_what_came_and_exits_with_130(
    home: Home, server: ModelServer, number: signal.Signals
) -> None:
    home.serve(server.base_url, "t20000-r100")
    process = await home.start("ask", "hello")
    assert process.stdout is not None
    first = await asyncio.wait_for(process.stdout.readexactly(40), 10)
    send_signal(process, number)
    send_signal(process, number)
    out, err = await asyncio.wait_for(process.communicate(), 5)
    assert process.returncode == 130
    assert err.decode() == "[cancelled; what arrived is kept]\n"
    part = (first + out).decode().rstrip("\n")
    _, answer = await kept(home)
    assert answer.state == "cancelled"
    assert answer.text.rstrip("\n") == part
    assert "".join(tokens(20000)).startswith(part)
    await server.until(lambda: server.active_streams == 0)


async def test_an_interrupt_before_the_first_token_still_endsas_promised(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "connect60000")
    process = await home.start("ask", "--json", "hello")
    await server.until(lambda: server.active_streams == 1, 10)
    send_signal(process)
    out, err = await asyncio.wait_for(process.communicate(), 5)
    ran = Ran(process.returncode or 0, out, err)
    as_promised(ran)
    assert (ran.code, ran.chunks[-1]["state"]) == (130, "cancelled")


async def test_an_interrupt_while_servers_are_asked_for_models_ends_at_once(home: Home) -> None:
    async def never(asked: object, writer: object) -> None:
        await asyncio.Event().wait()

    async with RawServer(never) as server:
        home.serve(server.base_url)
        process = await home.start("ask", "--json", "hello")
        await server.until(lambda: bool(server.asked), 10)
        send_signal(process)
        out, err = await asyncio.wait_for(process.communicate(), 3)
    ran = Ran(process.returncode or 0, out, err)
    as_promised(ran)
    assert ran.code == 130


async def test_a_second_interrupt_at_any_time_does_no_harm(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t20000-r100")
    for wait in (0.0, 0.02, 0.06):
        process = await home.start("ask", "--no-save", "hello")
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readexactly(10), 10)
        send_signal(process)
        for _ in range(4):
            await asyncio.sleep(wait)
            if process.returncode is None:
                send_signal(process)
        _, err = await asyncio.wait_for(process.communicate(), 5)
        assert (process.returncode, err.decode()) == (130, "[cancelled; what arrived is kept]\n")


# -- what is asked -----------------------------------------------------------------------------------------------------


async def test_standard_input_is_added_to_the_question(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    await home.run("ask", "what is", "this?", stdin="naïve\nlines\x1b[2J\n".encode())
    await home.run("ask", stdin=b"only piped\n")
    asked = [exchange.body["messages"][-1] for exchange in server.exchanges]
    assert [message["content"] for message in asked] == ["what is this?\n\nnaïve\nlines", "only piped"]
    assert server.exchanges[0].body["messages"][0]["role"] == "system"


@pytest.mark.parametrize("words", [[], [""], ["  ", "\n"], ["\x1b[2J"]])
async def test_an_empty_question_is_wrong_usage(home: Home, words: list[str]) -> None:
    ran = await home.run("ask", *words)
    assert (ran.code, ran.text) == (2, "")
    assert "no question was given" in ran.told()


async def test_the_settings_reach_the_body(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    options = [
        "--max-tokens",
        "7",
        "--temperature",
        "0.5",
        "--top-p",
        "0.9",
        "--seed",
        "42",
        "--stop",
        "A",
        "--stop",
        "B",
    ]
    assert (await home.run("ask", "--no-save", *options, "hello")).code == 0
    assert (await home.run("ask", "--no-save", "hello")).code == 0
    body = server.exchanges[0].body
    told = {name: body.get(name) for name in ("max_tokens", "temperature", "top_p", "seed", "stop")}
    assert told == {"max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 42, "stop": ["A", "B"]}
    assert not set(told) & set(server.exchanges[1].body)


async def test_a_timeout_ends_the_whole_answer(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t20000-r50")
    # On a busy machine the first token may take longer than the first of these.
    for seconds in (0.5, 2.0, 8.0):
        ran = await home.run("ask", "--json", "--timeout", str(seconds), "hello")
        as_promised(ran)
        if ran.chunks[-1]["state"] != "failed":
            break
    assert (ran.code, ran.chunks[-1]["state"]) == (1, "broken")
    assert next(c["error"]["kind"] for c in ran.chunks if c["type"] == "error") == "TooSlow"
    assert seconds - 0.1 < ran.chunks[-1]["timings"]["duration_seconds"] < seconds + 1


@pytest.mark.parametrize(
    "options",
    [
        ["--max-tokens", "0"],
        ["--max-tokens", "1.5"],
        ["--temperature", "-1"],
        ["--temperature", "nan"],
        ["--top-p", "2"],
        ["--timeout", "0"],
        ["--seed", "x"],
        ["--stop", ""],
        ["--strategy", "\x1b[2Jnone"],
        ["--model", "without-a-slash"],
        ["--model", "box/"],
        ["--no-such-option\x1b]0;x\x07"],
    ],
)
async def test_wrong_usage_exits_with_2_before_anything_is_done(home: Home, options: list[str]) -> None:
    ran = await home.run("ask", "hello", *options)
    assert (ran.code, ran.text) == (2, "")
    assert ran.told().strip()
    assert not CONTROLS.search(ran.told())
    assert not home.store.exists()


async def test_a_model_that_is_not_there_is_told_with_near_names(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    ran = await home.run("ask", "--json", "--model", "locl/smollm2-135m", "hello")
    as_promised(ran)
    assert ran.code == 1
    assert ran.chunks[-2]["error"]["kind"] == "NoModel"
    assert "Did you mean local/smollm2-135m?" in ran.told()


# -- where it is kept --------------------------------------------------------------------------------------------------


async def test_no_save_makes_no_file(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5")
    assert (await home.run("ask", "--no-save", "hello")).code == 0
    left = {file.name for file in home.folder.rglob("*") if file.is_file()}
    assert left == {"config.toml"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--private", "ask", "hello"),
        ("ask", "--private", "hello"),
        ("ask", "hello", "--private", "--json"),
        ("--private", "ask", "--private", "hello"),
        ("--private", "compare", "hello", "--models", "box/t5,box/t6"),
        ("compare", "hello", "--models", "box/t5,box/t6", "--private"),
        ("--private", "batch", "-"),
        ("batch", "-", "--private", "--json"),
    ],
)
async def test_private_saves_nothing_wherever_it_stands(
    home: Home, server: ModelServer, arguments: tuple[str, ...]
) -> None:
    home.serve(server.base_url, "t5", "t6")
    ran = await home.run(*arguments, stdin=b"hello\n" if "batch" in arguments else None)
    assert ran.code == 0, ran.told()
    assert server.exchanges
    left = {file.name for file in home.folder.rglob("*") if file.is_file()}
    assert left == {"config.toml"}


@pytest.mark.parametrize(
    "arguments",
    [
        "--private serve --port 0",
        "serve --private",
        "--private history list",
        "history list --private",
        "history --private export --all",
        "--private models list",
        "models list --private",
        "--private auth list",
        "settings --private",
    ],
)
async def test_private_is_refused_where_it_means_nothing(home: Home, arguments: str) -> None:
    ran = await home.run(*arguments.split())
    assert ran.code == 2
    assert "--private cannot be used with" in ran.told()
    assert not ran.out


async def test_a_store_that_cannot_be_used_is_told_and_the_answer_comes(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5")
    assert (await home.run("ask", "hello")).code == 0
    home.store.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    ran = await home.run("ask", "hello")
    assert ran.code == 0
    assert ran.text.rstrip("\n") == "".join(tokens(5)).rstrip("\n")


async def test_dates_and_ids_in_the_store_are_of_now(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5")
    await home.run("ask", "hello")
    question, _ = await kept(home)
    assert question.created is not None
    assert abs((datetime.now(UTC) - question.created).total_seconds()) < 60
