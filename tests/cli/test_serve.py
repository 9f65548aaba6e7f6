"""`chat-tui serve` as a process: what it says, how it is stopped, and clients that are killed."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import stat
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.doubles.model_server import ModelServer
from tests.support.weights import weights_file
from tests.wire.home import Home, Process, kept, send_signal

__all__ = ["weights_file"]

SECRET = "SECRET-WORDS"


class Served:
    """A running `chat-tui serve`, and a client with its token."""

    def __init__(self, process: Process, address: str) -> None:
        self.process, self.address = process, address
        self.url, _, token = address.partition("/#token=")
        self.headers = {"Authorization": f"Bearer {token}"}
        self.client = httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=30, trust_env=False)

    async def follow(self, prompt: str) -> AsyncIterator[dict[str, Any]]:
        """The events of a stream as they come."""
        async with self.client.stream("POST", "/stream", json={"prompt": prompt}) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    async def ended(self) -> tuple[int | None, str, str]:
        """Wait for its end; exit code, the rest of stdout, stderr."""
        async with asyncio.timeout(20):
            out, err = await self.process.communicate()
        return self.process.returncode, out.decode(), err.decode()


async def first_line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return (await process.stdout.readline()).decode()


@asynccontextmanager
async def serving(home: Home, *options: str) -> AsyncIterator[Served]:
    process = await home.start("serve", "--port", "0", *options)
    line = await first_line(process)
    assert re.fullmatch(r"http://\S+:\d+(/chat)?/#token=[\w-]+\n", line), line
    served = Served(process, line.strip())
    try:
        async with served.client:
            yield served
    finally:
        if process.returncode is None:
            send_signal(process, signal.SIGKILL)
            await process.wait()


async def error_until(home: Home, line: str, pattern: str) -> tuple[str, Process]:
    """What a line of bash has written to stderr when the pattern appears."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", f'exec "{sys.executable}" -m chat_tui {line}', stderr=PIPE, env=home.environment
    )
    assert process.stderr is not None
    seen = ""
    async with asyncio.timeout(30):
        while not re.search(pattern, seen) and (more := await process.stderr.read(500)):
            seen += more.decode()
    return seen, process


@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
async def test_a_random_token_is_told_on_stderr_where_stdout_takes_nothing(home: Home, output: str) -> None:
    home.serve("http://127.0.0.1:9/v1", "t5")
    told, process = await error_until(home, f"serve --port 0 {output}", r"/#token=[\w-]{20,}\n")
    try:
        match = re.search(r"(http://\S+)/#token=(\S+)", told)
        assert match, told
        async with httpx.AsyncClient(base_url=match[1], trust_env=False) as client:
            assert (await client.get("/health", headers={"Authorization": f"Bearer {match[2]}"})).status_code == 200
    finally:
        send_signal(process, signal.SIGTERM)
        await process.wait()


async def test_a_token_of_the_users_own_is_never_written_to_stderr(home: Home) -> None:
    home.serve("http://127.0.0.1:9/v1", "t5")
    home.environment["CHAT_TUI_TOKEN"] = SECRET
    told, process = await error_until(home, "serve --port 0 >/dev/full", r"http://\S+\n")
    send_signal(process, signal.SIGTERM)
    await process.wait()
    assert "No space left on device" in told
    assert SECRET not in told


async def test_the_first_line_is_the_address_and_no_word_that_was_said_is_written(
    home: Home, server: ModelServer
) -> None:
    home.serve(server.base_url, "t5")
    async with serving(home) as served:
        assert served.url.startswith("http://127.0.0.1:")
        reply = await served.client.post("/generate?q=" + SECRET, json={"prompt": SECRET, "system": SECRET})
        await served.client.get(f"/{SECRET}%1b")
        send_signal(served.process, signal.SIGTERM)
        code, out, err = await served.ended()
    assert reply.json()["success"] is True
    assert (code, out) == (0, "")
    assert SECRET not in err
    assert "\x1b" not in err
    question, answer = await kept(home)
    assert question.text == SECRET
    assert answer.text == reply.json()["response"]


async def test_the_token_of_the_variable_is_taken_and_told(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5")
    home.environment["CHAT_TUI_TOKEN"] = "chosen-by-me"
    async with serving(home, "--host", "0.0.0.0") as served:
        # An address that other machines can use, if this one has a network.
        assert not served.address.startswith("http://0.0.0.0:")
        assert served.address.endswith("/#token=chosen-by-me")
        assert (await served.client.post("/generate", json={"prompt": "Hi"})).status_code == 200
        send_signal(served.process, signal.SIGTERM)
        _, _, err = await served.ended()
    assert "other machines in the network can open this address" in err
    assert "chosen-by-me" not in err


async def test_a_token_file_keeps_the_token_and_the_sign_ins_over_a_restart(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5")
    home.environment["CHAT_TUI_TOKEN"] = "another-token"
    file = home.folder / "token"
    addresses, statuses = [], []
    proof: dict[str, str] = {}
    for _ in range(2):
        async with serving(home, "--token-file", str(file), "--root-path", "/chat") as served:
            addresses.append(served.address.partition("#")[2])
            assert served.url.endswith("/chat")
            if not proof:
                reply = await served.client.post("/api/sign-in")
                # The port is another one after the restart: cookies have it in their names.
                id = reply.headers["set-cookie"].partition("=")[2].partition(";")[0]
                proof = {"X-Chat-Tui-Proof": reply.json()["proof"]}
            async with httpx.AsyncClient(base_url=served.url, headers=proof, trust_env=False) as browser:
                name = f"chat-tui-{served.url.removesuffix('/chat').rpartition(':')[2]}"
                statuses.append((await browser.get("/health", headers={"Cookie": f"{name}={id}"})).status_code)
            send_signal(served.process, signal.SIGTERM)
            await served.ended()
    assert addresses[0] == addresses[1] == f"token={file.read_text().strip()}"
    assert statuses == [200, 200]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    ran = await home.run("serve", "--port", "0", "--token-file", str(file))
    assert ran.code == 2
    assert f"chmod 600 {file}" in ran.told()
    assert file.read_text().strip() not in ran.told()


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--host", "0.0.0.0"], 2, "CHAT_TUI_TOKEN"),
        (["--host", "::"], 2, "no token"),
        (["--host", "no.such.host.invalid"], 1, "not an address"),
        (["--origin", "*"], 2, "origin"),
        (["--strategy", "coin"], 2, "strategy"),
        (["--port", "70000"], 2, "65535"),
        (["--root-path", "chat"], 2, "such as /chat"),
        (["--root-path", "/v1/x"], 2, "none of the app's own"),
        (["--token-file", "/no/such/folder/token"], 2, "cannot be used for the token"),
    ],
)
async def test_what_cannot_be_served_is_told(home: Home, options: list[str], code: int, told: str) -> None:
    ran = await home.run("serve", "--port", "0", *options)
    assert ran.code == code
    assert told in ran.told()
    assert ran.text == ""


async def test_a_port_that_is_taken_is_told(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = await home.run("serve", "--port", str(port))
    assert ran.code == 1
    assert f"Port {port}" in ran.told()
    assert "--port" in ran.told()
    assert ran.text == ""


async def test_a_stop_lets_a_running_answer_end(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t60-r100")
    async with serving(home) as served:
        stream = served.follow("Hi")
        await anext(stream)
        send_signal(served.process, signal.SIGTERM)
        events = [event async for event in stream]
        code, out, _ = await served.ended()
    assert (code, out) == (0, "")
    assert [event["type"] for event in events] == [*["token"] * 60, "end"]


async def test_a_second_signal_ends_it_at_once_and_the_part_is_told_and_kept(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5000-r100")
    async with serving(home) as served:
        stream = served.follow("Hi")
        await anext(stream)
        await anext(stream)
        send_signal(served.process)
        async with asyncio.timeout(10):
            while (await served.client.get("/health")).status_code != 503:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        async with served.client.stream("POST", "/stream", json={"prompt": "Hi"}) as refused:
            assert refused.status_code == 503
        began = time.monotonic()
        send_signal(served.process)
        last = [event async for event in stream][-1]
        code, _, _ = await served.ended()
        took = time.monotonic() - began
    assert code == 0
    assert took < 5
    assert (last["type"], last["metadata"]["state"]) == ("end", "cancelled")
    assert [turn.state for turn in await kept(home)] == ["complete", "cancelled"]


CLIENT = """
import json, sys, urllib.request
url, token = sys.argv[1:]
request = urllib.request.Request(url + "/stream", json.dumps({"prompt": "Hi"}).encode(),
    {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
with urllib.request.urlopen(request) as reply:
    for line in reply:
        sys.stdout.write(line.decode()); sys.stdout.flush()
"""


async def test_a_client_that_is_killed_cancels_its_answer(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5000-r100")
    async with serving(home) as served:
        token = served.address.partition("=")[2]
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, served.url, token, stdout=PIPE, env=home.environment
        )
        assert client.stdout is not None
        async with asyncio.timeout(20):
            while b'"token"' not in await client.stdout.readline():
                pass
        killed = time.monotonic()
        send_signal(client, signal.SIGKILL)
        await server.until(lambda: server.exchanges[0].closed_by_client is not None)
        closed = server.exchanges[0].closed_by_client
        await client.wait()
        send_signal(served.process, signal.SIGTERM)
        assert (await served.ended())[0] == 0
    assert closed is not None
    # A tenth of a second, and what a busy machine needs besides.
    assert closed - killed < 3
    assert [turn.state for turn in await kept(home)] == ["complete", "cancelled"]


@pytest.mark.weights
async def test_the_built_in_model_answers_both_ways(home: Home, weights_file: Path) -> None:
    home.config.write_text(f'[local]\nweights = "{weights_file}"\n')
    async with serving(home, "--model", "local/smollm2-135m") as served:
        body = {"prompt": "Say hello.", "maxTokens": 8, "temperature": 0}
        async with served.client.stream("POST", "/stream", json=body) as response:
            lines = [line async for line in response.aiter_lines() if line]
        async with connect(f"ws{served.url[4:]}/ws", additional_headers=served.headers, proxy=None) as line:
            await line.send(json.dumps({"type": "generate", "requestId": "a", **body}))
            said = ""
            async with asyncio.timeout(20):
                while (message := json.loads(await line.recv()))["type"] != "complete":
                    said += message.get("token", "")
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert events[-1]["metadata"]["model"] == message["metadata"]["model"] == "local/smollm2-135m"
    assert events[-1]["metadata"]["usage"]["completionTokens"] == 8
    assert "".join(event.get("token", "") for event in events) == said != ""


async def test_another_server_runs_the_app_with_several_workers(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t20")
    home.environment["CHAT_TUI_TOKEN"] = "shared"
    line = ["-m", "uvicorn", "--factory", "chat_tui.web:create_app", "--workers", "2", "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *line, "--ws", "websockets-sansio", "--root-path", "/chat"),
        stderr=PIPE,
        stdout=PIPE,
        env=home.environment,
    )
    assert process.stderr is not None
    told, ready = "", 0
    try:
        async with asyncio.timeout(40):
            while ready < 2:
                said = (await process.stderr.readline()).decode()
                told += said
                ready += "startup complete" in said
                assert said, told
        address = re.search(r"http://127\.0\.0\.1:\d+", told)
        assert address is not None
        headers = {"Authorization": "Bearer shared"}
        async with httpx.AsyncClient(base_url=address[0], headers=headers, timeout=20, trust_env=False) as client:
            body = {"prompt": "Hi"}
            replies = await asyncio.gather(*(client.post("/generate", json=body) for _ in range(12)))
            stranger = await client.post("/generate", json=body, headers={"Authorization": "Bearer guess"})
            signed_in = await client.post("/api/sign-in")
        # A connection for each request, so that both workers get some.
        once = httpx.Limits(max_keepalive_connections=0)
        cookie = signed_in.headers["set-cookie"].partition(";")[0]
        browser = {"Cookie": cookie, "X-Chat-Tui-Proof": signed_in.json()["proof"]}
        async with httpx.AsyncClient(base_url=address[0], headers=browser, limits=once, trust_env=False) as client:
            known = await asyncio.gather(*(client.get("/chat/api/conversations") for _ in range(12)))
            # The path of --root-path may be removed by the proxy, as here, or not.
            known.append(await client.get("/api/conversations"))
        async with connect(f"ws{address[0][4:]}/ws", additional_headers=headers, proxy=None) as talk:
            assert json.loads(await talk.recv())["type"] == "connected"
    finally:
        send_signal(process, signal.SIGTERM)
        async with asyncio.timeout(20):
            _, err = await process.communicate()
    assert [reply.status_code for reply in replies] == [200] * 12, err.decode()
    assert stranger.status_code == 401
    assert [reply.status_code for reply in known] == [200] * 13
    assert "Path=/chat/;" in signed_in.headers["set-cookie"]
    assert "the token is" not in told
    assert len(await kept(home)) == 24
