"""Four streams of 500 tokens a second beside one: tokens lost, CPU per token. `python -m tests.benchmarks.comparing`

Through the engine, with its store in memory, against a loopback server in a process of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from statistics import median

from chat_tui.config.schema import Config, Performance, ProviderRow
from chat_tui.core.chunks import Token
from chat_tui.core.request import Request
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from tests.benchmarks.subjects import ServerProcess
from tests.support.isolated_engine import engine_with

TOKENS, RATE, STREAMS, ROUNDS = 2_000, 500, 4, 3
NAMES = [f"box/t{TOKENS}-r{RATE}-mark{number}" for number in range(STREAMS)]


async def _read(answer: Answer) -> int:
    """As a face that writes does it; gives the tokens that came."""
    count = 0
    async for chunks in answer.batches(tokens=4, hold_bytes=8192):
        count += sum(isinstance(chunk, Token) for chunk in chunks)
    return count


async def _measured(engine: Engine, streams: int) -> tuple[float, int, int]:
    """CPU of this process in microseconds per token, tokens that did not come, texts with another's mark."""
    begun = time.process_time()
    if streams == 1:
        answers: tuple[Answer, ...] = (await engine.ask(None, "Which?", Request(model=NAMES[0])),)
    else:
        answers = (await engine.compare(None, "Which?", NAMES[:streams])).answers
    counts = await asyncio.gather(*map(_read, answers))
    spent = time.process_time() - begun
    whole = TOKENS + 1
    crossed = sum(not answer.text.endswith(f"Finis{number}\n") for number, answer in enumerate(answers))
    return spent / sum(counts) * 1e6, streams * whole - sum(counts), crossed


async def _run(url: str) -> None:
    row = ProviderRow("box", url, models=tuple(name.partition("/")[2] for name in NAMES))
    config = Config(providers=(row,), performance=Performance(max_concurrent_streams=STREAMS))
    async with engine_with(config) as engine:
        await _measured(engine, STREAMS)
        spent: dict[int, list[float]] = {1: [], STREAMS: []}
        lost = crossed = 0
        for _ in range(ROUNDS):
            for streams, figures in spent.items():
                cpu, missing, wrong = await _measured(engine, streams)
                figures.append(cpu)
                lost, crossed = lost + missing, crossed + wrong
    one, many = median(spent[1]), median(spent[STREAMS])
    sys.stdout.write(
        f"{STREAMS} x {RATE} tokens/s: {many:.0f} µs CPU a token; one stream: {one:.0f} µs; ratio {many / one:.2f}"
        f" (<= 1.2); tokens lost {lost}, crossed {crossed}\n"
    )


def main() -> None:
    """Run and print."""
    server = ServerProcess()
    try:
        asyncio.run(_run(server.url))
    finally:
        server.close()


if __name__ == "__main__":
    main()
