"""Two real llama.cpp servers with one model: when one is killed in the middle of an answer, its part stays."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from chat_tui.config.schema import Config, ErrorHandling, ProviderRow
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Chunk, End, Metadata, Token
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import Rejected
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.local import server_worker
from chat_tui.local.server_worker import ChildConfig, ChildReport
from chat_tui.providers.endpoint import Endpoint
from chat_tui.providers.http.transport import Transport
from tests.support.isolated_engine import ended, engine_with, standing
from tests.support.weights import weights_file
from tests.wire.home import send_signal

__all__ = ["weights_file"]

KEY = "the-replicas-own-key-1"
DOT = b64decode(b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
"""An image of one pixel."""


@asynccontextmanager
async def llama_cpp(file: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A llama.cpp server on loopback: its address and its process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", server_worker.__file__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(ChildConfig(str(file), KEY, "smollm2", 1024, 1)) + b"\n")
        async with asyncio.timeout(60):
            report = msgspec.json.decode(await process.stdout.readline(), type=ChildReport)
        assert report.ready, report
        yield f"http://127.0.0.1:{report.port}/v1", process
    finally:
        send_signal(process, signal.SIGKILL)
        await process.wait()


@pytest.mark.weights
async def test_a_replica_that_is_killed_mid_stream_costs_no_word_and_the_other_goes_on(
    weights_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWIN_KEY", KEY)
    async with AsyncExitStack() as stack:
        (one, first), (other, second) = [await stack.enter_async_context(llama_cpp(weights_file)) for _ in range(2)]
        row = ProviderRow("twin", base_urls=(one, other), api_key_env="TWIN_KEY", models=("smollm2",))
        engine = await stack.enter_async_context(
            engine_with(Config(providers=(row,)), environ={"TWIN_KEY": os.environ["TWIN_KEY"]})
        )
        answer = await engine.ask(None, "Count from 1 to 200.", Request(model="twin/smollm2", max_tokens=300))
        said, where, end = "", "", None
        async for chunk in answer.follow():
            if isinstance(chunk, Metadata) and chunk.event == "waiting":
                where = chunk.reason
            elif isinstance(chunk, Token):
                said += chunk.token
                if chunk.index == 5:
                    dying = first if where in one else second
                    os.kill(dying.pid, signal.SIGKILL)
            elif isinstance(chunk, End):
                end = chunk
        assert end is not None
        assert end.state == "broken"
        assert said
        assert answer.turn.text == said

        settings = Request(model="twin/smollm2", max_tokens=8)
        again = await engine.ask(answer.conversation_id, "Go on.", settings)
        chunks = [chunk async for chunk in again.follow()]
        assert again.turn.state in {"complete", "length"}
        asked = [chunk.reason for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "waiting"]
        assert asked != [where]
        assert len(asked) == 1
        await ended(again)


@pytest.mark.weights
async def test_an_answer_goes_on_by_itself_on_the_other_replica_with_its_seam_told(weights_file: Path) -> None:
    async with AsyncExitStack() as stack:
        (one, first), (other, second) = [await stack.enter_async_context(llama_cpp(weights_file)) for _ in range(2)]
        row = ProviderRow("twin", base_urls=(one, other), api_key_env="TWIN_KEY", models=("smollm2",))
        config = Config(providers=(row,), on_break="continue", error_handling=ErrorHandling(retry_delay_seconds=0.05))
        engine = await stack.enter_async_context(engine_with(config, environ={"TWIN_KEY": KEY}))
        answer = await engine.ask(None, "Tell me a story.", Request(model="twin/smollm2", max_tokens=40))
        said, asked, seams, killed = "", [], 0, False
        async for chunk in answer.follow():
            if isinstance(chunk, Metadata):
                asked += [chunk.reason] if chunk.event == "waiting" else []
                seams += chunk.event == "seam"
            elif isinstance(chunk, Token):
                said += chunk.token
                if chunk.index == 5 and not killed:
                    killed = True
                    os.kill((first if asked[-1] in one else second).pid, signal.SIGKILL)
        assert answer.turn.state in {"complete", "length"}
        assert seams == 1
        assert len(set(asked)) == 2
        assert answer.turn.text == said


@pytest.mark.weights
async def test_a_real_server_tells_its_window_and_that_it_does_not_see(weights_file: Path) -> None:
    async with AsyncExitStack() as stack:
        url, _ = await stack.enter_async_context(llama_cpp(weights_file))
        row = ProviderRow("box", url, api_key_env="BOX_KEY")
        engine = await stack.enter_async_context(engine_with(Config(providers=(row,)), environ={"BOX_KEY": KEY}))
        await engine.models.discover()
        found = standing(engine, "box/smollm2")
        assert found is not None
        assert (found.model.context_window, found.model.images, found.model.server) == (1024, False, "llama.cpp")

        transport = Transport()
        stack.push_async_callback(transport.close)
        line = Endpoint(Provider("box", base_url=url), KEY)
        image = Attachment("dot.png", "image/png", DOT)
        look = Request(turns=(Turn("user", "What is it?", attachments=(image,)),), max_tokens=4)

        async def said(model: Model, request: Request) -> list[Chunk]:
            async with aclosing(transport.stream(line, model, request)) as bursts:
                return [chunk async for burst in bursts for chunk in burst]

        with pytest.raises(Rejected, match="does not accept images"):
            await said(Model("box/smollm2"), look)
        # With and without knowing whose server it is, the beginning of an answer goes on.
        for model in (Model("box/smollm2"), Model("box/smollm2", server="llama.cpp")):
            cut = Request(turns=(Turn("user", "Count."), Turn("assistant", "1, 2,")), max_tokens=4, thinking="low")
            chunks = await said(model, cut)
            assert isinstance(chunks[-1], End)
            assert any(isinstance(chunk, Token) for chunk in chunks)
