"""What a screen holds is freed when it is left, without a collection."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from weakref import ref

from textual.dom import DOMNode
from textual.widgets._toast import ToastRack

from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

OPENED_BY = (
    *("f1", "f4", "f9", "f10", "ctrl+r", "ctrl+p"),
    *("/settings", "/tools", "/stats", "/why", "/deleted", "/diff", "/memory"),
)
"""Keys and commands that open a screen over the chat, in a conversation with two versions of an answer."""


@contextmanager
def no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def are_freed(objects: Sequence[ref[Any]]) -> bool:
    return all(each() is None for each in objects)


async def opened(chat: ScriptedChat, by: str) -> Sequence[ref[DOMNode]]:
    """Open a screen over the chat; the screen and all that is in it but the rack of notices, which is invisible while
    there are none: the layout keeps invisible widgets until the next collection of young objects."""
    await (chat.ask(by) if by.startswith("/") else chat.pilot.press(by))
    await chat.until(lambda: len(chat.app.screen_stack) == 2 and chat.app.screen.is_running)
    nodes = chat.app.screen.walk_children(with_self=True)
    return [ref(node) for node in nodes if not any(isinstance(each, ToastRack) for each in node.ancestors_with_self)]


async def test_every_screen_is_freed_with_all_its_widgets_when_it_is_left(tmp_path: Path) -> None:
    async with scripted_chat(["# One"], ["Two."], file=tmp_path / "history.db") as chat:
        await chat.ask("Why?")
        await chat.answered()
        await chat.ask("/retry")
        await chat.answered()
        with no_collections():
            for by in OPENED_BY:
                nodes = await opened(chat, by)
                await chat.pilot.press("escape")
                await chat.until(partial(are_freed, nodes))


async def test_styles_of_parts_and_workers_are_freed_when_they_are_replaced_or_have_ended() -> None:
    async with scripted_chat() as chat:
        prompt = chat.chat.prompt
        with no_collections():
            before = [ref(styles) for styles in prompt._component_styles.values()]
            chat.app.stylesheet.update(prompt)
            assert before
            await chat.until(partial(are_freed, before))
            worker = ref(chat.app.run_worker(asyncio.sleep(0), group="test"))
            await chat.until(lambda: worker() is None)
