"""`chat-tui ask` with a question that its model's window may not hold, as a process; and with nobody who reads."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from tests.providers.http.test_backpressure import LEAD, Flood
from tests.support.time_limits import TooLate, in_time
from tests.wire.dialects import good
from tests.wire.home import QUICK, Home, send_signal
from tests.wire.raw_server import Asked, RawServer, whole

LONG = "some words " * 6000


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def ollama(home: Home, server: RawServer) -> None:
    home.config.write_text(
        f'{QUICK}\n[[providers]]\nname = "box"\nbase_url = "http://127.0.0.1:{server.port}"\n'
        'dialect = "ollama"\nmodels = ["tiny"]\n'
    )


@in_time
@pytest.mark.parametrize("tells", [True, False])
async def test_a_long_question_to_a_named_model_is_told_where_it_does_not_fit(home: Home, tells: bool) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.line.startswith("POST /api/chat"):
            writer.write(good("ollama"))
        elif not tells:
            await asyncio.Event().wait()
        else:
            writer.write(whole(json.dumps({"parameters": "num_ctx 4096"}).encode()))

    async with RawServer(answer) as server:
        ollama(home, server)
        ran = await home.run("ask", "--model", "box/tiny", stdin=LONG.encode())
        assert ran.code == 0
        told = "do not fit the context window of 4,096" in ran.told()
        if tells and not told and len(server.asked) > 1:
            raise TooLate("the server was asked for its window, and told it too late")
        assert told == tells
        asked = len(server.asked)
        assert asked > 1
        ran = await home.run("ask", "--model", "box/tiny", "hello")
        assert ran.code == 0
        chats = [asked.line for asked in server.asked[asked:] if asked.line.startswith("POST /api/chat")]
        assert len(chats) == 1
        assert server.asked[asked].line == chats[0]


@pytest.mark.parametrize("options", [(), ("--json",)])
async def test_an_answer_that_nobody_reads_is_held_at_the_server(home: Home, options: tuple[str, ...]) -> None:
    flood = Flood()
    async with RawServer(flood.answer) as server:
        home.serve(server.base_url, "m")
        process = await home.start("ask", "--no-save", *options, "hello")
        pipe = process.stdout._transport  # type: ignore[union-attr]
        pipe.pause_reading()
        await server.until(lambda: bool(server.asked), 20)
        assert await flood.at_rest(1.0) < LEAD
        send_signal(process, signal.SIGKILL)
        pipe.resume_reading()
        await process.communicate()
