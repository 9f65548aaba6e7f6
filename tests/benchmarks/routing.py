"""The router alone: looking at prompts, choosing, its CPU beside bare httpx and json, 1,000 streams at once, and a soak
of 2,000 requests.

`python -m tests.benchmarks.routing` prints them; `--only` names one.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from statistics import median

import httpx
import msgspec

from chat_tui.core.chunks import Chunk, End, Timings, Token
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.providers.endpoint import Endpoint
from chat_tui.providers.http.transport import Transport
from chat_tui.routing.policy import RoutingPolicy
from chat_tui.routing.ranking.prompt_features import features_of
from chat_tui.routing.ranking.strategies import names
from chat_tui.routing.router import Router
from tests.benchmarks.subjects import ServerProcess
from tests.support.soak_run import soak

TOKENS = 20_000
REQUESTS, SHORT, MODELS = 100, 20, 100
"""Short answers, their tokens, and the models that each is chosen from."""
STREAMS, STREAM_TOKENS = 1_000, 50
MODEL = Model("box/sample")
PROMPTS = (
    "Write a python function that sorts a list",
    "thanks!",
    "Prove that there are infinitely many primes congruent to 3 mod 4. " * 60,
    "İ" * 4000,
    " ".join(map(chr, range(0x4E00, 0x5600))),
)


HOSTILE = (
    *(
        "_",
        "1 + 1 + ",
        "1 ",
        "=1+1 ",
        "1+1\n",
        "漢字",
        "か な ",
        "é ",
        "😀 ",
        "(",
        "a(",
        "[",
        "?",
        "::",
        "</a",
        "$a",
        "\n",
    ),
    *(
        "\"'",
        "class ",
        "class. (",
        "var ",
        "trade-",
        "A. ",
        "(A) x\n",
        "a b ",
        "\ud800 ",
        "\x00",
        "α β ",
        "م ر ",
        "ก ข ",
    ),
    *(
        "가 나 ",
        "что это за ",
        "a一b丁",
        "a 一 ",
        "prové né ",
        "1一 ",
        "def class import return ( ",
        "SELECT a b; ",
        "why is ",
    ),
    *("write a b c d e f g h i j k l email ", "'a' \"b\" "),
)
"""Each is repeated to 4,000 characters."""


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def looking() -> None:
    """CPU of the look at a prompt of 4,000 characters, for the kinds of text that take longest."""
    rows = []
    for text in (*(kind * 4000 for kind in HOSTILE), *PROMPTS[2:]):
        spent = []
        for _ in range(200):
            begun = time.process_time()
            features_of(Request(prompt=text[:4000]))
            spent.append((time.process_time() - begun) * 1000)
        rows.append((median(spent), sorted(spent)[len(spent) * 99 // 100], text[:20]))
    for middle, most, text in sorted(rows, reverse=True)[:5]:
        say(f"looking at {len(rows)} kinds of text, among the slowest {text!r}: median {middle:.2f} ms, p99 {most:.2f}")


def choosing() -> None:
    """CPU of each strategy among 500 models, from the question to the plan, whatever was asked."""
    models = [
        Model(f"p{n % 20}/m{n}", 8_000 * n, n, n, n % 100 / 100, {"code": n % 90 / 100, "zh": 0.5}) for n in range(500)
    ]
    router = Router(models, Wire("http://127.0.0.1:9").open_stream)
    for model in models[::2]:
        router.health.note_answer(model.name, Timings(0.5, 2, 50), "code")
        router.health.note_verdict(model.name, 1.0, "math")
    for limit in (None, 0.001):
        for name in names():
            spent = []
            for prompt in PROMPTS * 80:
                begun = time.process_time()
                router.plan(Request(prompt=prompt, strategy=name, max_price=limit))
                spent.append((time.process_time() - begun) * 1000)
            told = f"median {median(spent):.2f} ms, p99 {sorted(spent)[len(spent) * 99 // 100]:.2f}"
            say(f"choosing among 500 models, {name}{' with a price limit' if limit else ''}: {told}")


class Wire:
    """The router's seam to the server."""

    def __init__(self, base_url: str) -> None:
        self.transport = Transport()
        self._line = Endpoint(Provider("box", base_url=base_url))

    def open_stream(
        self, model: Model, request: Request
    ) -> AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]:
        return aclosing(self.transport.stream(self._line, model, request))


async def _bare(base_url: str, requests: int, tokens: int) -> int:
    body = {"model": "sample", "stream": True, "messages": [{"role": "user", "content": f"[t{tokens}]"}]}
    count = 0
    async with httpx.AsyncClient(timeout=None) as client:
        for _ in range(requests):
            async with client.stream("POST", f"{base_url}/chat/completions", json=body) as reply:
                async for line in reply.aiter_lines():
                    if line.startswith("data: {"):
                        choices = json.loads(line[6:])["choices"]
                        count += bool(choices and choices[0]["delta"].get("content"))
    return count


async def _routed(base_url: str, requests: int, tokens: int) -> int:
    wire = Wire(base_url)
    # None is better or cheaper than the first, so that it is chosen.
    others = [Model(f"box/other{number}", 8_000, 5.0, 20.0, 0.4) for number in range(MODELS - 1)]
    router = Router(
        [msgspec.structs.replace(MODEL, quality=0.9, price_in=0.1, price_out=0.4), *others], wire.open_stream
    )
    count = 0
    for _ in range(requests):
        async with router.process_stream(Request(prompt=f"[t{tokens}]")) as stream:
            count += sum([isinstance(chunk, Token) async for chunk in stream])
    await wire.transport.close()
    return count


def overhead(server: ServerProcess) -> None:
    """CPU of this process for one long answer and for many short ones, in turn, the least of seven rounds."""
    for requests, tokens in ((1, TOKENS), (REQUESTS, SHORT)):
        spent: dict[str, list[float]] = {"bare": [], "router": []}
        for _ in range(7):
            for name, read in (("bare", _bare), ("router", _routed)):
                begun = time.process_time()
                count = asyncio.run(read(server.url, requests, tokens))
                spent[name].append(time.process_time() - begun)
                if count != requests * tokens:
                    say(f"{name}: {count} tokens came, not {requests * tokens}")
        bare, ours = min(spent["bare"]), min(spent["router"])
        each = f"{(ours - bare) / tokens * 1e6:+.1f} µs a token" if requests == 1 else f"{ours / bare:.2f} times"
        told = f"httpx+json {bare / requests * 1000:.2f} ms, router {ours / requests * 1000:.2f} ms, {each}"
        say(f"an answer of {tokens:,} tokens, chosen from {MODELS} models: {told}")


async def _many(base_url: str) -> list[str]:
    wire = Wire(base_url)
    router = Router([MODEL], wire.open_stream, settings=RoutingPolicy(streams_default=STREAMS))

    async def one() -> str:
        async with router.process_stream(Request(prompt=f"[t{STREAM_TOKENS}]", model=MODEL.name)) as stream:
            chunks = [chunk async for chunk in stream]
        end = chunks[-1]
        text = "".join(chunk.token for chunk in chunks if isinstance(chunk, Token))
        return text if isinstance(end, End) and end.state == "complete" else f"{end}"

    before = len(asyncio.all_tasks())
    texts = await asyncio.gather(*(one() for _ in range(STREAMS)))
    await wire.transport.close()
    await asyncio.sleep(0.1)
    if len(asyncio.all_tasks()) != before:
        say(f"{len(asyncio.all_tasks()) - before} tasks are left")
    return texts


def concurrent(server: ServerProcess) -> None:
    """1,000 streams at once, four rounds: what is lost, and what is left behind."""
    memory = []
    for number in range(4):
        begun = time.perf_counter()
        texts = asyncio.run(_many(server.url))
        took = time.perf_counter() - begun
        gc.collect()
        memory.append(_resident_megabytes())
        open_files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else -1
        say(
            f"{STREAMS:,} streams of {STREAM_TOKENS} tokens, round {number + 1}: {took:.1f} s, different texts"
            f" {len(set(texts))} (1 is right), {open_files} open files, {memory[-1]:.0f} MB"
        )
        if len(set(texts)) != 1:
            say(min(set(texts), key=texts.count)[:500])


def _resident_megabytes() -> float:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return 0.0


def soaking() -> None:
    """2,000 requests with random faults."""
    for on_break in (False, True):
        begun = time.perf_counter()
        soaked = asyncio.run(soak(1000, seed=7 + on_break, on_break=on_break))
        say(f"soak of 1,000 (on_break {'continue' if on_break else 'keep'}): {time.perf_counter() - begun:.1f} s")
        say(f"  endings {dict(soaked.states)}, without one: {len(soaked.wrong)}")
        say(f"  tries {dict(soaked.outcomes)}")
        left = f"sockets {soaked.sockets}, tasks {soaked.tasks}, running {soaked.running}"
        say(f"  left behind: {left}; health back to normal: {soaked.healed}")


def main() -> None:
    """Run and print."""
    served: dict[str, Callable[[ServerProcess], None]] = {"overhead": overhead, "concurrent": concurrent}
    alone: dict[str, Callable[[], None]] = {"looking": looking, "choosing": choosing, "soaking": soaking}
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.routing", description=__doc__)
    options.add_argument("--only", action="append", choices=(*alone, *served))
    wanted = options.parse_args().only or (*alone, *served)
    for name in wanted:
        if name in alone:
            alone[name]()
            continue
        server = ServerProcess()
        try:
            served[name](server)
        finally:
            server.close()


if __name__ == "__main__":
    main()
