"""Comparisons and adaptive answers over real sockets and real models: no word lost or crossed, one socket each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from chat_tui.config.schema import Adaptive, Config, LocalModel, ModelRow, Performance, ProviderRow
from chat_tui.core.chunks import Token
from chat_tui.core.request import Request
from chat_tui.engine.answers.comparison import Comparison
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.doubles.sample_markdown import tokens
from tests.support.isolated_engine import ended, engine_with
from tests.support.scripted_engine import chunks_of
from tests.support.scripted_router import owed, text_of
from tests.support.weights import weights_file

__all__ = ["weights_file"]


def served(server: ModelServer, names: Iterable[str], **more: object) -> Config:
    row = ProviderRow("box", server.base_url, models=tuple(names))
    return Config(providers=(row,), performance=Performance(max_concurrent_streams=4), **more)  # type: ignore[arg-type]


async def spoke(comparison: Comparison) -> None:
    """Until each of them has said something."""
    async with asyncio.timeout(10):
        for answer in comparison.answers:
            async for chunk in answer.follow():
                if isinstance(chunk, Token):
                    break


async def test_four_streams_at_once_lose_and_cross_nothing() -> None:
    scripts = {f"m{number}": Script(tokens=200 + number, rate=2000, mark=number) for number in range(4)}
    async with ModelServer(scripts=scripts) as server, engine_with(served(server, scripts)) as engine:
        comparison = await engine.compare(None, "Which?", [f"box/{name}" for name in scripts])
        said = await asyncio.gather(*map(chunks_of, comparison.answers))
        for number, chunks in enumerate(said):
            assert text_of(owed(chunks)) == "".join(tokens(200 + number)) + f"\n\nFinis{number}\n"
        assert sorted(exchange.body["model"] for exchange in server.exchanges) == list(scripts)


async def test_cancel_of_one_closes_exactly_one_socket() -> None:
    scripts = {f"m{number}": Script(tokens=20_000, rate=200) for number in range(4)}
    async with ModelServer(scripts=scripts) as server, engine_with(served(server, scripts)) as engine:
        comparison = await engine.compare(None, "Which?", [f"box/{name}" for name in scripts])
        await spoke(comparison)
        assert server.active_streams == 4
        await comparison.answers[2].cancel()
        await server.until(lambda: server.active_streams == 3)
        closed = [exchange.body["model"] for exchange in server.exchanges if exchange.closed_by_client is not None]
        assert closed == ["m2"]
        await comparison.cancel_all()
        await server.until(lambda: server.active_streams == 0)


async def test_a_cancel_of_an_adaptive_answer_closes_both_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The built-in model would be the cheapest, where its weights are.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    scripts = {name: Script(tokens=20_000, rate=200) for name in ("best", "fast")}
    rows = (ModelRow("box/best", None, 10.0, 10.0, 0.9), ModelRow("box/fast", None, 0.1, 0.1, 0.1))
    told = Adaptive(first_strategy="cost-optimized", first_max_tokens=20_000)
    async with (
        ModelServer(scripts=scripts) as server,
        engine_with(served(server, scripts, models=rows, adaptive=told)) as engine,
    ):
        answer = await engine.ask(None, "Hello?", Request(adaptive=True))
        heard = set[object]()
        async with asyncio.timeout(10):
            async for chunk in answer.follow():
                heard |= {chunk.phase} if isinstance(chunk, Token) else set()
                if len(heard) == 2:
                    break
        assert server.active_streams == 2
        await answer.cancel()
        await server.until(lambda: server.active_streams == 0)
        assert answer.turn.state == "cancelled"
        assert "".join(tokens(20_000)).startswith(answer.turn.text)


@pytest.mark.weights
async def test_two_real_models_answer_side_by_side_and_a_cancel_of_one_lets_the_other_end(weights_file: Path) -> None:
    twin = ModelRow("local/twin", context_window=512, path=str(weights_file))
    config = Config(local=LocalModel(weights=str(weights_file), context_window=512, threads=1), models=(twin,))
    settings = Request(max_tokens=24, temperature=0.0, seed=1)
    async with engine_with(config) as engine:
        names = ["local/smollm2-135m", "local/twin"]
        comparison = await engine.compare(None, "Name three colours.", names, settings)
        async with asyncio.timeout(60):
            await asyncio.gather(*map(ended, comparison.answers))
        for answer, result in zip(comparison.answers, comparison.summary(), strict=True):
            chunks = owed([chunk async for chunk in answer.follow()])
            assert result.state in {"complete", "length"}
            assert text_of(chunks) == answer.turn.text != ""
            # The server counts more tokens than pieces: one without text ends an answer, and a piece may hold several.
            said = sum(isinstance(chunk, Token) for chunk in chunks)
            assert result.tokens is not None
            assert not result.tokens_estimated
            assert 0 < said <= result.tokens <= 24

        # Both are loaded.
        settings = Request(max_tokens=60, temperature=0.0)
        comparison = await engine.compare(None, "Tell me a long story.", names, settings)
        async with asyncio.timeout(60):
            async for chunk in comparison.answers[0].follow():
                if isinstance(chunk, Token):
                    break
            await comparison.answers[0].cancel()
            await ended(comparison.answers[1])
        assert [result.state for result in comparison.summary()] == ["cancelled", "length"]
        assert comparison.summary()[1].tokens == 60
