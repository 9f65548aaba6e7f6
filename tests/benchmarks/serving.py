"""`chat-tui serve` under many clients, beside the same clients at the model itself.

`python -m tests.benchmarks.serving`: 500 clients read server-sent events, then 500 read WebSockets, each a stream of
tokens from a loopback model. Told are tokens that did not come, memory per client, CPU per token, and how much later
than the model says it each token arrives; then what the OpenAI-compatible API adds to a request, and to a token. Model,
server and clients are processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.benchmarks.subjects import ServerProcess, environment, fresh_home

Way = Literal["direct", "sse", "ws", "openai"]
TOKEN = "benchmark"
_SAYS: dict[Way, bytes] = {
    "direct": b'"content": "',
    "sse": b'{"type":"token"',
    "ws": b'{"type":"token"',
    "openai": b'"content":"',
}
"""What stands once in each token's event."""
_ENDS: dict[Way, bytes] = {
    "direct": b"[DONE]",
    "sse": b'{"type":"end"',
    "ws": b'{"type":"complete"',
    "openai": b"[DONE]",
}
REQUESTS, LONG = 200, 20_000


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


@dataclass
class Client(asyncio.Protocol):
    """One client that looks for tokens in what comes, and for nothing else."""

    way: Way
    opening: list[bytes]
    """What it says: at once, and behind the first answer."""
    arrivals: list[float] = field(default_factory=list)
    began: float = 0.0
    _rest: bytes = b""
    _transport: asyncio.Transport | None = None

    def __post_init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.began = time.monotonic()
        transport.write(self.opening.pop(0))

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        now = time.monotonic()
        if self.opening:
            self._transport.write(self.opening.pop(0))
        data = self._rest + data
        said, ends = _SAYS[self.way], _ENDS[self.way]
        self.arrivals += [now] * data.count(said)
        if ends in data:
            self.finish()
        # Less than a whole mark, so that none is counted twice.
        self._rest = data[max(data.rfind(said) + 1, len(data) - len(said) + 1, 0) :]

    def connection_lost(self, exc: Exception | None) -> None:
        self.finish()

    def finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        if self._transport is not None:
            self._transport.close()


def post(way: Way, prompt: str, model: str) -> list[bytes]:
    """What a client says, on the wire."""
    head = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    if way == "ws":
        key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + "A" * 22
        text = json.dumps({"type": "generate", "prompt": prompt}).encode()
        return [
            f"GET /ws HTTP/1.1\r\n{head}{key}==\r\n\r\n".encode(),
            bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text,
        ]
    body: dict[str, Any] = {"prompt": prompt}
    if way in ("direct", "openai"):
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": prompt}]}
    raw = json.dumps(body).encode()
    path = "/stream" if way == "sse" else "/v1/chat/completions"
    return [f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw]


async def read(way: Way, url: str, prompt: str, model: str = "box/sample", after: float = 0) -> Client:
    """One client, from so many seconds on to its end."""
    await asyncio.sleep(after)
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    model = model if way == "openai" else model.partition("/")[2]
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(way, post(way, prompt, model)), place.hostname, place.port)
    await client.done
    return client


@dataclass
class Serve:
    """`chat-tui serve`, and what it has used."""

    process: subprocess.Popen[str]
    url: str

    def megabytes(self) -> float:
        """Resident now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def cpu_seconds(self) -> float:
        """Used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(home: Path, model_url: str) -> Iterator[Serve]:
    """`chat-tui serve` over this model, with its usual limits but the provider's streams."""
    (home / "config.toml").write_text(
        'model = "box/sample"\n[web]\naccess_log = false\n[[providers]]\nname = "box"\nmax_concurrent_streams = 2000\n'
        f'base_url = "{model_url}"\nmodels = ["sample"]\n'
    )
    told = {**environment(home, model_url), "CHAT_TUI_TOKEN": TOKEN}
    command = [sys.executable, "-m", "chat_tui", "serve", "--port", "0"]
    process = subprocess.Popen(command, env=told, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Serve(process, process.stdout.readline().partition("/#")[0])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def starts(model_url: str) -> dict[int, float]:
    """When the model said the first token, by the mark in its script."""
    with urllib.request.urlopen(model_url.removesuffix("/v1") + "/log", timeout=30) as response:
        exchanges = json.load(response)["exchanges"]
    urllib.request.urlopen(
        urllib.request.Request(model_url.removesuffix("/v1") + "/log/clear", method="POST"), timeout=30
    ).close()
    return {each["mark"]: each["first_token"] for each in exchanges if each["mark"] is not None}


async def crowd(way: Way, url: str, model_url: str, given: argparse.Namespace, serve: Serve | None) -> None:
    """So many clients at once; says their figures."""
    before, used = (serve.megabytes(), serve.cpu_seconds()) if serve else (0.0, 0.0)
    whole = given.tokens + 1
    prompts = [f"[t{given.tokens}-r{given.rate}-mark{number}]" for number in range(given.clients)]
    pause = given.ramp / given.clients
    reading = [
        asyncio.ensure_future(read(way, url, prompt, after=place * pause)) for place, prompt in enumerate(prompts)
    ]
    most = before
    while any(not each.done() for each in reading):
        await asyncio.wait(reading, timeout=0.5)
        most = max(most, serve.megabytes() if serve else 0.0)
    clients = [each.result() for each in reading]
    began = starts(model_url)
    late = [
        arrival - began[number] - place / given.rate
        for number, client in enumerate(clients)
        for place, arrival in enumerate(client.arrivals)
        if number in began
    ]
    first = [client.arrivals[0] - client.began for client in clients if client.arrivals]
    lost = given.clients * whole - sum(len(client.arrivals) for client in clients)
    line = f"{way:>6}: {given.clients} clients, {len(late):,} tokens, lost {lost}; a token is late by"
    line += f" p50 {percentile(late, 0.5) * 1e3:.1f} ms, p99 {percentile(late, 0.99) * 1e3:.1f} ms;"
    line += f" first token after {median(first):.2f} s (p99 {percentile(first, 0.99):.2f} s)"
    if serve:
        cpu = (serve.cpu_seconds() - used) / max(1, len(late)) * 1e6
        line += f"; {(most - before) / given.clients * 1024:.0f} kB a client, {cpu:.0f} µs CPU a token"
    say(line)


async def openai_api(urls: dict[Way, str]) -> None:
    """What the OpenAI-compatible API adds to a request and to a token."""
    requests: dict[Way, list[float]] = {"direct": [], "openai": []}
    tokens: dict[Way, list[float]] = {"direct": [], "openai": []}
    for number in range(REQUESTS):
        for way, taken in requests.items():
            client = await read(way, urls[way], "[t1]")
            if number >= REQUESTS // 10:
                taken.append(client.arrivals[0] - client.began)
    for _ in range(3):
        for way, taken in tokens.items():
            client = await read(way, urls[way], f"[t{LONG}]")
            assert len(client.arrivals) == LONG
            taken.append((client.arrivals[-1] - client.began) / LONG)
    for unit, scale, figures in (("ms a request", 1e3, requests), ("µs a token", 1e6, tokens)):
        direct, ours = (median(figures[way]) * scale for way in ("direct", "openai"))
        say(f"openai: {ours:.1f} {unit}, directly {direct:.1f}: adds {ours - direct:.1f}")


async def measure(given: argparse.Namespace) -> None:
    """All of it."""
    model = ServerProcess()
    try:
        with fresh_home() as home, serving(home, model.url) as serve:
            urls: dict[Way, str] = {"direct": model.url, "sse": serve.url, "ws": serve.url, "openai": serve.url}
            await read("sse", serve.url, "[t1]")
            starts(model.url)
            ways: list[Way] = ["direct", "sse", "ws"]
            for way in ways:
                await crowd(way, urls[way], model.url, given, None if way == "direct" else serve)
            await openai_api(urls)
    finally:
        model.close()


def main() -> None:
    """Read the command line and measure."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.serving", description=__doc__)
    options.add_argument("--clients", type=int, default=500)
    options.add_argument("--tokens", type=int, default=60)
    options.add_argument("--rate", type=int, default=2, help="tokens a second of each stream")
    options.add_argument("--ramp", type=float, default=15, metavar="SECONDS", help="in which the clients come")
    asyncio.run(measure(options.parse_args()))


if __name__ == "__main__":
    main()
