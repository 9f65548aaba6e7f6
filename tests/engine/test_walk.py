"""How far it is from a question to the socket, and from the socket to the answer's log: each hop must be worth it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import chat_tui
from chat_tui.config.schema import Config, ProviderRow
from chat_tui.core.errors import ChatTuiError
from chat_tui.engine.engine import Engine
from chat_tui.tui.app import ChatApp
from tests.doubles.model_server import ModelServer
from tests.support.isolated_engine import ended, engine_with

PACKAGE = Path(chat_tui.__file__).parent
MOST_FRAMES = 9
"""From `Engine.ask` to the client's `send`."""
MOST_FRAMES_FROM_ENTER = 14
"""From the key in the prompt to the client's `send`."""
MOST_GENERATORS = 6
"""That a token passes from the socket's bytes to the answer's log, `Stream` included."""


class Walks(logging.Handler):
    """Notes our own functions that are being run when the HTTP library tells of a step, outermost first.

    Where a task was begun by our functions, these come before its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.walks: dict[str, list[CodeType]] = {}
        self._begun_by: dict[asyncio.Task[Any], list[CodeType]] = {}

    def task(self, loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
        """A task factory that notes who begins each task."""
        task = asyncio.Task(work, loop=loop, **more)
        self._begun_by[task] = self._walk(sys._getframe(1))
        return task

    def emit(self, record: logging.LogRecord) -> None:
        self.walks.setdefault(record.getMessage().split()[0], self._walk(sys._getframe()))

    def _walk(self, frame: FrameType | None) -> list[CodeType]:
        found = []
        while frame is not None:
            code = frame.f_code
            if Path(code.co_filename).is_relative_to(PACKAGE):
                found.append(code)
            elif code.co_name == "send" and "httpx" in code.co_filename:
                # What our connection pool adds comes after it.
                found.clear()
            frame = frame.f_back
        task = asyncio.current_task()
        return [*(self._begun_by.get(task, ()) if task else ()), *reversed(found)]


@contextmanager
def watched() -> Iterator[Walks]:
    walks, loop, log = Walks(), asyncio.get_running_loop(), logging.getLogger("httpcore")
    level, propagates = log.level, log.propagate
    log.addHandler(walks)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    loop.set_task_factory(walks.task)
    try:
        yield walks
    finally:
        loop.set_task_factory(None)
        log.removeHandler(walks)
        log.setLevel(level)
        log.propagate = propagates


def shown(walk: list[CodeType]) -> str:
    return "\n".join(f"{Path(code.co_filename).relative_to(PACKAGE)} {code.co_qualname}" for code in walk)


async def test_each_hop_between_a_question_and_the_socket_is_worth_it() -> None:
    async with ModelServer() as server:
        config = Config(model="box/sample", providers=(ProviderRow("box", server.base_url, models=("sample",)),))
        async with engine_with(config) as engine:
            with watched() as walks:
                answer = await ended_answer(engine.ask(None, "[t5]"))
    assert answer == "complete"
    sent = walks.walks["send_request_headers.started"]
    assert [code.co_qualname for code in sent[:1]] == ["Engine.ask"]
    assert len(sent) <= MOST_FRAMES, shown(sent)
    read = walks.walks["receive_response_body.started"]
    generators = [code for code in read if code.co_flags & inspect.CO_ASYNC_GENERATOR]
    assert 1 < len(generators) < MOST_GENERATORS, shown(read)


async def test_each_hop_between_enter_and_the_socket_is_worth_it() -> None:
    async with ModelServer() as server:
        config = Config(model="box/sample", providers=(ProviderRow("box", server.base_url, models=("sample",)),))
        async with engine_with(config) as engine:

            async def opened(tell: Callable[[ChatTuiError], None]) -> Engine:
                return engine

            app = ChatApp(config, opened, open_seconds=0.001)
            async with app.run_test() as pilot:
                while app.engine is None:
                    await pilot.pause(0.01)
                await pilot.press(*"[t5]")
                with watched() as walks:
                    await pilot.press("enter")
                    while "send_request_headers.started" not in walks.walks:
                        await pilot.pause(0.01)
    sent = walks.walks["send_request_headers.started"]
    assert [code.co_name for code in sent[:2]] == ["_on_key", "action_send"], shown(sent)
    assert len(sent) <= MOST_FRAMES_FROM_ENTER, shown(sent)


async def ended_answer(asked: Coroutine[Any, Any, Any]) -> str:
    answer = await asked
    await ended(answer)
    return str(answer.turn.state)
