"""A server that is at work is waited for and not asked again; one where nobody is gives way at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat_tui.config.schema import ErrorHandling, Timeouts
from chat_tui.core.chunks import Error, Metadata, Token, Usage
from chat_tui.core.errors import Unreachable
from chat_tui.providers.dialects import dialect
from chat_tui.providers.http.response_stream import bursts
from chat_tui.providers.http.transport import Transport
from chat_tui.providers.scripted_provider import Fault, Pause, Step
from tests.support.scripted_router import A, B, Rig, all_of, ask, end_of, error_of, text_of, tries
from tests.wire.asking import HELLO, free_port, said
from tests.wire.asking import ask as ask_wire
from tests.wire.home import Home
from tests.wire.raw_server import DONE, Asked, RawServer, event, head, saying, whole

LOADING = whole(b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}', "503 No")


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


# -- time limits -------------------------------------------------------------------------------------------------------


async def test_a_server_at_work_has_a_limit_of_its_own_and_is_asked_once() -> None:
    rig = Rig(a=[Metadata("usage", usage=Usage(3)), Pause(0.3), "ok"])
    limits = Timeouts(first_token_seconds=0.05, working_seconds=20)
    assert text_of(await all_of(rig.router(timeouts=limits).process_stream(ask()))) == "ok"
    assert len(rig.asked) == 1
    silent = Rig(a=[Metadata("usage", usage=Usage(3)), Pause(30)])
    chunks = await all_of(silent.router(timeouts=Timeouts(working_seconds=0.1)).process_stream(ask()))
    told = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
    assert (told.kind, told.retryable, len(silent.asked)) == ("TooSlow", False, 1)
    assert "`working_seconds`" in told.hint


@pytest.mark.parametrize(
    ("script", "setting"),
    [([Pause(30)], "first_token_seconds"), (["a", Pause(30)], "token_seconds")],
)
async def test_a_limit_that_ran_out_is_named(script: list[Step], setting: str) -> None:
    timeouts = Timeouts(first_token_seconds=0.05, token_seconds=0.05)
    router = Rig(a=script).router(timeouts=timeouts, handling=ErrorHandling(retry_attempts=1))
    chunks = await all_of(router.process_stream(ask()))
    assert f"`{setting}`" in next(chunk.error.hint for chunk in chunks if isinstance(chunk, Error))


@pytest.mark.parametrize(
    "sign",
    [
        b": OPENROUTER PROCESSING\n\n",
        b"event: ping\ndata: {}\n\n",
        event(""),
        event("", role="assistant"),
        b"\n",
        b"\n\n",
    ],
)
async def test_pings_and_empty_pieces_are_a_sign_of_work(sign: bytes) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield sign
        yield sign
        yield event("Hello") + event(None, "stop") + DONE

    told = [tuple(burst) async for burst in bursts(pieces(), "text/event-stream", dialect("openai"), ())]
    assert told[0] == ()
    assert told.count(()) == 1
    assert told[1] == (Token("Hello"),)


async def test_a_server_that_pings_is_waited_for_and_asked_once(home: Home) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head("200 OK", "text/event-stream", "connection: close"))
        for _ in range(25):
            writer.write(b": ping\n\n" if asked.connection % 2 else event(""))
            await asyncio.sleep(0.1)
        writer.write(event("Hello") + event(None, "stop") + DONE)
        await writer.drain()
        writer.close()

    async with RawServer(answer) as server:
        home.serve(server.base_url, "tiny", more="")
        home.config.write_text(home.config.read_text() + "\n[timeouts]\nfirst_token_seconds = 1.5\n")
        for number in (1, 2):
            ran = await home.run("ask", "--json", "hello")
            assert (ran.code, len(server.asked)) == (0, number), ran.told()
        home.config.write_text(home.config.read_text() + "working_seconds = 0.3\n")
        ran = await home.run("ask", "--json", "hello")
    assert (ran.code, len(server.asked)) == (1, 3)
    assert "working_seconds" in ran.told()


async def test_a_server_that_has_accepted_the_question_is_asked_once(home: Home) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head("200 OK", "text/event-stream"))
        await asyncio.Event().wait()

    async with RawServer(answer) as server:
        home.serve(server.base_url, "tiny", more="[timeouts]\nfirst_token_seconds = 2\n")
        ran = await home.run("ask", "--json", "hello")
    assert (ran.code, len(server.asked)) == (1, 1)
    assert "no token within 2 s" in ran.told()
    assert [chunk.get("attempt") for chunk in ran.chunks if chunk.get("event") == "waiting"] == [None]


async def test_a_whole_reply_may_take_as_long_as_a_server_at_work(home: Home) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.2)
        writer.write(whole(b'{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}'))

    async with RawServer(answer) as server:
        home.serve(server.base_url, "tiny", more="[timeouts]\nfirst_token_seconds = 0.6\n")
        ran = await home.run("ask", "--no-stream", "hello")
        assert (ran.code, ran.text, len(server.asked)) == (0, "Hello\n", 1), ran.told()


# -- a model that is loaded --------------------------------------------------------------------------------------------


async def test_a_model_that_is_being_loaded_is_waited_for_and_told_once(transport: Transport) -> None:
    async with RawServer(
        saying(LOADING, LOADING, LOADING, whole(event("Hello") + DONE, kind="text/event-stream"))
    ) as server:
        chunks, error = await ask_wire(transport, server.base_url, HELLO)
        assert await said(transport, server.base_url) == "Hello"
    assert error is None
    assert [chunk.event for chunk in chunks if isinstance(chunk, Metadata)].count("loading") == 1
    assert len(server.asked) == 5


async def test_loading_is_waited_for_as_long_as_the_first_token_may_take(home: Home) -> None:
    async with RawServer(saying(LOADING)) as server:
        # Time for the first reply, which says that it is loading, also on a busy machine.
        home.serve(server.base_url, "tiny", more="[timeouts]\nfirst_token_seconds = 3\n")
        ran = await home.run("ask", "--json", "hello")
    error = next(chunk["error"] for chunk in ran.chunks if chunk["type"] == "error")
    assert (ran.code, error["kind"], error["retryable"]) == (1, "TooSlow", False)
    assert "still loading after" in error["title"]
    assert "first_token_seconds" in error["hint"]
    assert [entry["outcome"] for entry in ran.chunks[-1]["route"]["tries"]] == ["TooSlow"]
    assert 2 <= len(server.asked) <= 6


# -- nobody is there ---------------------------------------------------------------------------------------------------


def nobody() -> Unreachable:
    error = Unreachable("one could not be reached.", "Is it running?", provider="one", model="one/a")
    error.unconnected = True
    return error


async def test_a_refused_connection_goes_to_the_next_model_at_once() -> None:
    rig = Rig(a=[Fault(nobody())], b=["ok"])
    handling = ErrorHandling(retry_delay_seconds=15)
    chunks = await all_of(rig.router(A, B, handling=handling).process_stream(ask()))
    assert text_of(chunks) == "ok"
    assert tries(chunks) == [("one/a", "Unreachable"), ("two/b", "answered")]


async def test_where_nobody_else_is_a_refused_connection_is_tried_again() -> None:
    rig = Rig(a=[Fault(nobody())])
    handling = ErrorHandling(retry_delay_seconds=0.01)
    chunks = await all_of(rig.router(handling=handling).process_stream(ask()))
    assert error_of(chunks) == "Unreachable"
    assert len(rig.asked) == handling.retry_attempts


async def test_a_line_that_broke_is_tried_again_before_others() -> None:
    rig = Rig(a=[Fault(Unreachable("Connection lost."))], b=["ok"])
    handling = ErrorHandling(retry_delay_seconds=0.01)
    chunks = await all_of(rig.router(A, B, handling=handling).process_stream(ask()))
    assert end_of(chunks).model == "two/b"
    assert rig.asked == ["one/a"] * 3 + ["two/b"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "no-such-host.invalid"])
async def test_the_wire_tells_where_no_connection_was_made(transport: Transport, host: str) -> None:
    _, error = await ask_wire(transport, f"http://{host}:{free_port()}/v1")
    assert isinstance(error, Unreachable)
    assert error.unconnected


async def test_a_second_provider_answers_at_once_where_the_first_is_not_running(home: Home) -> None:
    reply = whole(event("Hello") + event(None, "stop") + DONE, kind="text/event-stream")
    async with RawServer(saying(reply)) as server:
        home.config.write_text(
            'model = "off/x"\nfallbacks = ["box/tiny"]\n[error_handling]\nretry_delay_seconds = 30\n'
            f'[[providers]]\nname = "off"\nbase_url = "http://127.0.0.1:{free_port()}/v1"\nmodels = ["x"]\n'
            f'[[providers]]\nname = "box"\nbase_url = {json.dumps(server.base_url)}\nmodels = ["tiny"]\n'
        )
        ran = await home.run("ask", "--json", "hello")
    assert ran.code == 0, ran.told()
    assert [entry["model"] for entry in ran.chunks[-1]["route"]["tries"]] == ["off/x", "box/tiny"]
