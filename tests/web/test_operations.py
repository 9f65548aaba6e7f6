"""What whoever runs the web face sees of it: `/health`, `/metrics`, the access log."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from chat_tui import __version__
from chat_tui.config.schema import Config, Web
from chat_tui.engine.engine import Engine
from chat_tui.web.ops.access_log import WAITING, AccessLog
from chat_tui.web.ops.metrics import MODELS, Metrics
from chat_tui.web.server import bind_socket
from tests.doubles.fake_store import FakeStore
from tests.doubles.model_server import ModelServer
from tests.support.scripted_engine import stage
from tests.support.web_site import TOKEN, Site, box, site


async def counted(web: Site) -> dict[str, float]:
    """Every counter that is not 0, as `name{label="value",…}`."""
    reply = await web.client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    return {
        f"{sample.name}{{{','.join(f'{key}={value}' for key, value in sorted(sample.labels.items()))}}}": sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
        if sample.value
    }


async def test_health_tells_what_runs_and_503_when_it_is_stopping(server: ModelServer) -> None:
    async with site(box(server.base_url, "t5000-r50")) as web:
        stream = asyncio.create_task(web.events(prompt="Hi"))
        await server.until(lambda: server.active_streams == 1)
        reply = await web.client.get("/health")
        assert reply.status_code == 200
        told = reply.json()
        assert (told["status"], told["version"], told["running"]) == ("ok", __version__, 1)
        assert told["models"] >= 1
        web.state.stopping = True
        reply = await web.client.get("/health")
        assert (reply.status_code, reply.json()["status"]) == (503, "stopping")
        stream.cancel()
        await asyncio.wait([stream])


async def test_metrics_count_requests_answers_tokens_and_what_failed(server: ModelServer) -> None:
    config = box(server.base_url, "t20-think5", "error400")
    async with site(config) as web:
        await web.events(prompt="Hi")
        await web.post("/v1/chat/completions", model="box/error400", messages=[{"role": "user", "content": "Hi"}])
        await web.client.get("/made/up?secret=1")
        await web.client.get("/health", headers={"Authorization": "Bearer wrong"})
        # An answer is counted when it is saved, which its reader does not wait for.
        async with asyncio.timeout(10):
            while (told := await counted(web)).get("chat_tui_answer_seconds_count{}") != 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert told["chat_tui_requests_total{method=POST,route=/stream,status=200}"] == 1
    assert told["chat_tui_requests_total{method=POST,route=/v1/chat/completions,status=400}"] == 1
    assert told["chat_tui_requests_total{method=GET,route=none,status=404}"] == 1
    assert told["chat_tui_requests_total{method=GET,route=none,status=401}"] == 1
    assert told["chat_tui_answers_total{model=box/t20-think5,state=complete}"] == 1
    assert told["chat_tui_answers_total{model=box/error400,state=failed}"] == 1
    assert told["chat_tui_errors_total{kind=Rejected}"] == 1
    assert told["chat_tui_tokens_total{kind=completion,model=box/t20-think5}"] >= 20
    assert told["chat_tui_first_token_seconds_count{}"] == 1
    assert not any("secret" in name or "made" in name for name in told)


async def test_a_client_that_leaves_is_counted_and_nothing_runs_any_more(server: ModelServer) -> None:
    async with site(box(server.base_url, "t5000-r100")) as web:
        stream = asyncio.create_task(web.events(prompt="Hi"))
        await server.until(lambda: server.active_streams == 1)
        assert (await counted(web))["chat_tui_answers_running{}"] == 1
        stream.cancel()
        await server.until(lambda: not server.active_streams)
        async with asyncio.timeout(20):
            while "chat_tui_answers_running{}" in (told := await counted(web)):
                pass
        assert told["chat_tui_clients_gone_total{}"] == 1
        assert told["chat_tui_answers_total{model=box/t5000-r100,state=cancelled}"] == 1


async def test_a_websocket_that_closes_with_a_request_is_counted_and_noted_without_words(
    server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    async with site(box(server.base_url, "t5000-r100")) as web:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with connect(web.ws_url, additional_headers=headers) as client:
            await client.recv()
            await client.send('{"type":"generate","prompt":"in-the-message"}')
            await server.until(lambda: server.active_streams == 1)
        await server.until(lambda: not server.active_streams)
        async with asyncio.timeout(20):
            while "chat_tui_requests_total{method=GET,route=/ws,status=101}" not in (told := await counted(web)):
                pass
    assert told["chat_tui_clients_gone_total{}"] == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if "/ws" in line]
    assert " WS /ws 101 " in line
    assert "in-the-message" not in line


def test_models_are_told_apart_only_up_to_a_bound() -> None:
    metrics = Metrics()
    names = {metrics.label_of(f"box/{number}") for number in range(MODELS + 50)}
    assert len(names) == MODELS + 1
    assert metrics.label_of("box/0") == "box/0"


async def test_workers_count_together(tmp_path: Path) -> None:
    """In processes of their own: how it counts is decided when the library is loaded."""
    script = (
        "import sys; from chat_tui.web.ops.metrics import Metrics; m = Metrics(); "
        "m.count_request('/stream', 'POST', 200); "
        "sys.stdout.write(m.text('')[0].decode()); m.close()"
    )
    folder = tmp_path / "counters"
    for so_far in (1.0, 2.0):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script),
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert f'chat_tui_requests_total{{method="POST",route="/stream",status="200"}} {so_far}' in out.decode()


async def test_the_access_log_tells_each_request_and_never_what_was_said(
    server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    async with site(box(server.base_url, "t5")) as web:
        await web.post("/stream?prompt=in-the-query", prompt="in-the-body")
        await web.client.get("/a/path/of/their/own%1b]0;owned")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert " 127.0.0.1 POST /stream 200 " in lines[0]
    assert lines[0].endswith(" ms")
    assert " 127.0.0.1 GET none 404 " in lines[1]
    assert not any(word in line for line in lines for word in ("query", "body", "own", "\x1b"))


async def test_the_access_log_can_be_turned_off(server: ModelServer, capsys: pytest.CaptureFixture[str]) -> None:
    config: Config = replace(box(server.base_url, "t5"), web=Web(access_log=False))
    async with site(config) as web:
        await web.client.get("/health")
    assert not capsys.readouterr().err


def test_a_stderr_that_nobody_reads_holds_nobody_up() -> None:
    stuck, told = threading.Event(), list[str]()

    def write(line: str) -> None:
        stuck.wait(10)
        told.append(line)

    log = AccessLog(write)
    for number in range(WAITING + 100):
        log.write(str(number))
    stuck.set()
    log.close()
    assert len(told) > WAITING
    assert told[-1] in {"(99 lines were lost)\n", "(100 lines were lost)\n"}


async def test_a_fault_of_ours_is_told_like_other_errors() -> None:
    history = await FakeStore.failing("add_conversation", error=RuntimeError("nobody has thought of this"))
    body = {"messages": [{"role": "user", "content": "Hi"}], "store": True}
    async with stage(history=history) as on:

        async def opener() -> Engine:
            return on.engine

        async with site(Config(), opener=opener) as web:
            plain, openais = await web.post("/stream", prompt="Hi"), await web.post("/v1/chat/completions", **body)
    assert (plain.status_code, openais.status_code) == (500, 500)
    assert plain.json()["success"] is False
    assert openais.json()["error"]["type"] == "server_error"
    assert "thought" not in plain.text + openais.text
    assert plain.headers["x-content-type-options"] == "nosniff"


def test_a_small_answer_is_not_held_back_until_the_client_has_spoken() -> None:
    with (
        bind_socket("127.0.0.1", 0, "", 600) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
