"""A batch over scripted models: how far ahead it goes, what it looks for, how it stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chat_tui.cli.output.progress import bar, batch_progress
from chat_tui.config.schema import Config, ErrorHandling, ToolLimits
from chat_tui.core.chunks import End, ToolCallDelta, Usage
from chat_tui.core.request import Request
from chat_tui.core.tools import OutputFormat, ToolOutput, ToolUse
from chat_tui.engine.batch.ordered_output import OrderedOutput
from chat_tui.engine.batch.prompts import PromptSource
from chat_tui.engine.batch.runner import BatchJob, BatchProgress, BatchRunner
from chat_tui.providers.scripted_provider import Pause, Step
from tests.doubles.fake_tools import FakeTools, offered
from tests.support.scripted_engine import Stage, stage
from tests.support.scripted_router import BUSY, A, until


class Desk:
    """Prompts and results of one batch; `came` is called after each result."""

    def __init__(self, folder: Path, *lines: str) -> None:
        (folder / "prompts.txt").write_text("".join(f"{line}\n" for line in lines))
        self.out = folder / "results.jsonl"
        self.prompts = PromptSource(str(folder / "prompts.txt"))
        self.ledger = OrderedOutput.to_file(self.out)
        self._changed = asyncio.Event()

    def batch(self, on: Stage, job: BatchJob) -> BatchRunner:
        return BatchRunner(on.engine, self.prompts, self.ledger, job, on_result=self._changed.set)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    def close(self) -> list[str]:
        self.prompts.close()
        self.ledger.close()
        return self.out.read_text().splitlines()


def tool_call(id: str = "c1") -> list[Step]:
    return [ToolCallDelta(0, "start", id, "now"), ToolCallDelta(0, "end", id, "now", "{}")]


USE = Request(model="one/a", tool_use=ToolUse(servers=("fake",), only=("fake.*",), allow=("fake.*",), asks=False))
USAGE = Usage(10, 2, 12)


async def run_with_tools(
    tmp_path: Path, *scripts: Sequence[Step], settings: Request = USE, **outputs: ToolOutput
) -> tuple[list[dict[str, Any]], Stage, FakeTools]:
    """The results of a batch with one prompt, what was sent, and what the tools were asked."""
    desk, tools = Desk(tmp_path, "What time is it?"), FakeTools([offered("now")], **outputs)
    priced = replace(A, price_in=1.0, price_out=1.0)
    async with stage(*scripts, tools=tools, models=[priced], config=Config(tool_use=ToolLimits(max_calls=2))) as on:
        batch = desk.batch(on, BatchJob(settings))
        await batch.run()
        assert await on.engine.conversations.summaries() == []
    return [json.loads(line) for line in desk.close()], on, tools


async def test_a_prompt_may_take_several_steps_with_tools(tmp_path: Path) -> None:
    end = End(finish_reason="tool_calls", usage=USAGE)
    steps: list[list[Step]] = [
        ["Let me look.", *tool_call("c1"), end],
        [*tool_call("c2"), end],
        ["It is noon.", End(usage=USAGE)],
    ]
    (row,), on, tools = await run_with_tools(tmp_path, *steps, now=ToolOutput("12:00"))
    assert (row["response"], row["state"], row["error"]) == ("It is noon.", "complete", None)
    assert (row["usage"]["prompt_tokens"], row["usage"]["completion_tokens"]) == (30, 6)
    assert row["cost"] == pytest.approx(36e-6)
    assert tools.calls == [("now", {}), ("now", {})]
    last = on.player.requests[-1]
    assert [turn.role for turn in last.turns if turn.role != "system"] == ["user", *["assistant", "tool"] * 2]
    assert last.turns[-1].text == "12:00"


async def test_a_model_that_calls_beyond_the_limit_fails(tmp_path: Path) -> None:
    steps = [tool_call(f"c{n}") for n in range(4)]
    (row,), on, tools = await run_with_tools(tmp_path, *steps)
    assert (row["state"], row["error"]["kind"]) == ("failed", "ToolFailed")
    assert row["error"]["title"].startswith("The limit of 2 tool calls for one question is reached.")
    assert (len(tools.calls), len(on.player.requests)) == (2, 3)


async def test_a_prompt_is_not_sent_again_by_itself_after_a_tool_ran(tmp_path: Path) -> None:
    (row,), _, tools = await run_with_tools(tmp_path, tool_call(), [BUSY], settings=USE.replace(fallback=False))
    assert (row["state"], row["error"]["retryable"]) == ("failed", True)
    assert tools.calls == [("now", {})]


async def test_an_answer_after_calls_that_misses_the_schema_is_asked_for_with_their_results(tmp_path: Path) -> None:
    settings = USE.replace(output=OutputFormat({"type": "object"}))
    (row,), on, tools = await run_with_tools(tmp_path, tool_call(), ["Noon."], ["{}"], settings=settings)
    assert (row["response"], row["state"]) == ("{}", "complete")
    assert len(tools.calls) == 1
    asked = [turn.role for turn in on.player.requests[-1].turns if turn.role != "system"]
    assert asked == ["user", "assistant", "tool", "assistant", "user"]


async def test_a_batch_that_is_stopped_stops_a_call(tmp_path: Path) -> None:
    desk, tools = Desk(tmp_path, "What time is it?"), FakeTools([offered("now")], now=asyncio.Event())
    async with stage(tool_call(), tools=tools) as on:
        batch = desk.batch(on, BatchJob(USE))
        running = asyncio.ensure_future(batch.run())
        await until(lambda: tools.calls)
        await batch.stop()
        await asyncio.wait_for(running, 20)
        assert tools.cancelled == ["now"]
    assert desk.close() == []


async def test_a_slow_prompt_does_not_let_the_others_run_away(tmp_path: Path) -> None:
    desk = Desk(tmp_path, *(f"prompt {n}" for n in range(20)))
    async with stage(["slow", Pause(60.0)], *[["ok"]] * 20) as on:
        batch = desk.batch(on, BatchJob(concurrency=2, ahead=5))
        running = asyncio.ensure_future(batch.run())
        await desk.until(lambda: batch.progress.asked == 4)
        # Long enough for more to be asked, were they let.
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert (batch.progress.asked, len(on.player.requests)) == (4, 5)
        await batch.stop()
        await asyncio.wait_for(running, 5)
        assert (batch.progress.total, batch.progress.done, batch.fault) == (20, 4, None)
    assert desk.close() == []


async def test_servers_are_asked_for_their_models_once_and_only_where_none_is_named(tmp_path: Path) -> None:
    for model, times in ((None, 1), ("one/a", 0)):
        folder = tmp_path / str(times)
        folder.mkdir()
        desk = Desk(folder, "one", "two", "three")
        async with stage(["ok"]) as on:
            await desk.batch(on, BatchJob(Request(model=model))).run()
            assert on.backend.calls.count("discover") == times
            assert on.backend.calls.count("admit one/a") == (0 if model is None else 3)
        assert len(desk.close()) == 3


async def test_a_stop_ends_the_wait_for_a_server_that_is_away(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "one")
    tries = ErrorHandling().retry_attempts
    config = Config(model="one/a", error_handling=ErrorHandling(retry_delay_seconds=60.0))
    async with stage(*[[BUSY]] * 30, config=config) as on:
        batch = desk.batch(on, BatchJob(concurrency=1))
        running = asyncio.ensure_future(batch.run())
        async with asyncio.timeout(20):
            while len(on.player.requests) < tries or on.rig.open:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await batch.stop()
        await asyncio.wait_for(running, 5)
        assert (batch.progress.done, batch.fault) == (0, None)
    assert desk.close() == []


def test_progress_tells_how_far_it_is_and_how_long_it_will_take() -> None:
    count = BatchProgress(total=1200, before=200, asked=100, failed=3, tokens=5000, begun=10.0)
    assert batch_progress(count, 20.0) == "300/1,200 · 3 failed · 600 prompts/min · 500 tokens/s · 90 s left"
    assert bar(0.25) == "━━━━━───────────────"
    assert batch_progress(BatchProgress(asked=5, begun=0.0), 10.0) == "5 done · 30 prompts/min"
