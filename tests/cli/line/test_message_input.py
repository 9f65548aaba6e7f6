"""What a person types in line mode: messages of several lines, the end of the input, Ctrl-C."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chat_tui.cli.line.message_input import PROMPT, PlainInput, read_message
from tests.support.scripted_router import until


@contextmanager
def piped(text: str = "", prompt: str = "") -> Iterator[tuple[PlainInput, int]]:
    """An input that reads a pipe with this text, and the end that more can be written to."""
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    try:
        yield PlainInput(prompt, reader), writer
    finally:
        os.close(writer)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["one"], "one"),
        (["one\\", "two"], "one\ntwo"),
        (['"""', "one", "", "two\\", '"""'], "one\n\ntwo\\"),
        (["one", '"""'], "one"),
        (['"""', "one"], "one"),
        ([], None),
    ],
)
async def test_a_message_is_a_line_or_several(lines: list[str], message: str | None) -> None:
    async def read_line(_: str) -> str | None:
        return lines.pop(0) if lines else None

    assert await read_message(read_line) == message


async def test_the_last_line_needs_no_line_end() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"one\ntwo \xc3\xa9")
    os.close(writer)
    input = PlainInput(descriptor=reader)
    assert [await input.read(), await input.read(), await input.read()] == ["one", "two é", None]


async def test_lines_that_are_there_already_are_not_prompted_for(capsys: pytest.CaptureFixture[str]) -> None:
    with piped('"""\na\nb\nc\n"""\nlater\n', prompt=PROMPT) as (input, _):
        assert await input.read() == "a\nb\nc"
        assert await input.read() == "later"
    assert capsys.readouterr().err == "You: "


async def interrupt(input: PlainInput) -> None:
    """Interrupt once a line is waited for."""
    await until(lambda: input.is_waiting)
    input.interrupt()


async def test_ctrl_c_ends_a_read_and_the_next_line_is_a_message() -> None:
    with piped() as (input, writer):
        interrupting = asyncio.ensure_future(interrupt(input))
        with pytest.raises(KeyboardInterrupt):
            await input.read()
        await interrupting
        os.write(writer, b"two\n")
        assert await input.read() == "two"


async def test_ctrl_c_leaves_a_question_without_an_answer() -> None:
    with piped() as (input, _):
        interrupting = asyncio.ensure_future(interrupt(input))
        assert await input.ask("Run it?") is None
        await interrupting
