"""Keys act in the order in which they came, one by one or in one piece."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual._xterm_parser import XTermParser
from textual.message import Message
from textual.widgets import Input

from chat_tui.core.errors import Rejected
from chat_tui.providers.scripted_provider import Fault, Pause
from chat_tui.tui.terminal.input_splitter import InputSplitter
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.scripted_router import Gate

ALT_ENTER, LEFT, RIGHT, UP, DOWN = "\x1b\r", "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"
BACKSPACE, DELETE, HOME, END, WORD_BACK, SELECT_LEFT = "\x7f", "\x1b[3~", "\x1b[H", "\x1b[F", "\x17", "\x1b[1;2D"
ENTER, NEW_LINE, NEW_CONVERSATION, FAMILY = "\r", "\n", "\x0e", "👨\u200d👩\u200d👧"
PASTE_END = "\x1b[201~"
TEXT = ("a", "b", " ", "漢", FAMILY, "é", f"\x1b[200~pasted words{PASTE_END}", "\x1b[0;;20170:22825:22825u")
EDITS = (BACKSPACE, DELETE, LEFT, RIGHT, HOME, END, WORD_BACK, SELECT_LEFT)


def input_events(text: str) -> list[Message]:
    """What the driver makes of these bytes, read in one piece; behind a paste there is a pause, else what follows could
    be a part of it."""
    splitter, parser, pieces = InputSplitter(), XTermParser(), list[str | Message]()
    for part in re.split(f"(?<={re.escape(PASTE_END)})", text):
        pieces += [*splitter.feed(part), *splitter.silence()]
    return [event for piece in pieces for event in (parser.feed(piece) if isinstance(piece, str) else [piece])]


async def send(chat: ScriptedChat, text: str) -> None:
    """Type all of it at once."""
    for event in input_events(text):
        event.set_sender(chat.app)
        chat.app.post_message(event)


async def settled(chat: ScriptedChat) -> None:
    """Wait until all keys have acted and nothing is asked any more."""
    await chat.pilot.pause()
    await chat.until(lambda: not chat.app._key_order.is_busy and chat.app._message_queue.empty())
    await chat.until(lambda: not chat.chat.conversation.is_busy and not chat.chat.waiting.queue)
    await chat.until(lambda: not chat.engine.running())
    await chat.pilot.pause()


def asked(chat: ScriptedChat) -> list[str]:
    """The questions, in the order in which they were sent."""
    return [request.turns[-1].text for request in chat.provider.requests]


def answers(count: int) -> list[list[str]]:
    return [[f"Answer {number}."] for number in range(count)]


async def test_three_questions_in_one_piece_are_asked_one_after_another_and_the_rest_stays() -> None:
    async with scripted_chat(*answers(3)) as chat:
        await send(chat, "one\rtwo\rthree\rrest")
        await chat.until(lambda: len(chat.provider.requests) == 3)
        await settled(chat)
        assert asked(chat) == ["one", "two", "three"]
        assert [turn.text for turn in chat.chat.conversation.turns if turn.role == "user"] == ["one", "two", "three"]
        assert chat.chat.prompt.text == "rest"


async def test_questions_that_are_sent_before_the_engine_is_open_are_asked_in_order() -> None:
    async with scripted_chat(*answers(3), opened=False) as chat:
        assert chat.chat.session.engine is None
        await send(chat, "one\rtwo\rthree\rrest")
        await chat.until(lambda: chat.chat.session.engine is not None)
        await chat.until(lambda: len(chat.provider.requests) == 3)
        await settled(chat)
        assert asked(chat) == ["one", "two", "three"]
        assert chat.chat.prompt.text == "rest"


async def test_questions_wait_for_a_slow_answer_and_come_back_where_it_fails() -> None:
    gate = Gate()
    async with scripted_chat(["Slow", gate], ["Quick."]) as chat:
        await send(chat, "one\rtwo\r")
        await chat.shows("Queued: two")
        gate.open()
        await settled(chat)
        assert asked(chat) == ["one", "two"]
    gate = Gate()
    async with scripted_chat([gate, Fault(Rejected("no"))]) as chat:
        await send(chat, "one\rtwo\rthree\rrest")
        await chat.until(lambda: chat.chat.prompt.text == "rest")
        gate.open()
        await chat.until(lambda: chat.chat.prompt.text == "two\n\nthree\n\nrest")
        assert set(asked(chat)) == {"one"}


async def test_a_question_and_a_new_conversation_in_one_piece() -> None:
    async with scripted_chat(*answers(3)) as chat:
        await send(chat, f"one\rtwo\r{NEW_CONVERSATION}three\r{NEW_CONVERSATION}rest")
        await chat.until(lambda: len(chat.provider.requests) == 3)
        await settled(chat)
        assert sorted(asked(chat)) == ["one", "three", "two"]
        assert chat.chat.conversation.turns == []
        assert chat.chat.prompt.text == "rest"
        summaries = await chat.engine.conversations.summaries(10)
        paths = [(await chat.engine.conversations.conversation(summary.id)).path for summary in summaries]
        users = [[turn.text for turn in path if turn.role == "user"] for path in paths]
        assert sorted(users) == [["one", "two"], ["three"]]


async def test_a_new_conversation_before_the_engine_is_open_keeps_what_is_unsent() -> None:
    async with scripted_chat(*answers(2), opened=False) as chat:
        await send(chat, f"one\rrest{NEW_CONVERSATION}")
        await chat.until(lambda: len(chat.provider.requests) == 1)
        await settled(chat)
        assert asked(chat) == ["one"]
        assert chat.chat.conversation.turns == []
        # It goes along, unless the question had begun a conversation whose draft it is.
        (summary,) = await chat.engine.conversations.summaries(10)
        assert "rest" in (chat.chat.prompt.text, await chat.engine.drafts.load(summary.id))


@pytest.mark.parametrize("command", ["/info", "/thinking nonsense"])
async def test_what_is_typed_behind_a_command_stays(command: str) -> None:
    async with scripted_chat() as chat:
        await send(chat, f"{command}\r")
        await settled(chat)
        await send(chat, "text")
        await settled(chat)
        singly = chat.chat.prompt.text
    async with scripted_chat() as chat:
        await send(chat, f"{command}\rtext")
        await settled(chat)
        assert chat.chat.prompt.text == singly
        assert chat.chat.prompt.text.endswith("text")


KITTY_ESC = "\x1b[27u"


@pytest.mark.parametrize("opener", ["/model\r", "/history\r", "\x1bOS"])
async def test_letters_behind_a_key_that_waits_for_the_engine_go_into_what_it_opens(opener: str) -> None:
    async with scripted_chat(opened=False, open_seconds=0.6) as chat:
        await send(chat, f"{opener}abc")
        await chat.until(lambda: chat.chat.session.engine is not None)
        await settled(chat)
        focused = chat.app.focused
        assert isinstance(focused, Input)
        assert focused.value == "abc"
        assert chat.chat.prompt.text == ""


@pytest.mark.parametrize(
    ("keys", "words", "value"),
    [
        (f"a\x0fb{KITTY_ESC}c", "ac", None),
        (f"a\x12b{BACKSPACE}{KITTY_ESC}c", "ac", None),
        (f"a\x10b{LEFT}c", "a", "cb"),
        (f"a\x0fqqqz{BACKSPACE}ab", "a", "qqqab"),
        (f"a\x12qqqz{BACKSPACE}ab", "a", "qqqab"),
        (f"a\x0c\x0c/qqqz{BACKSPACE}ab", "a", "qqqab"),
        (f"one{ENTER}{NEW_LINE}\x06qqqz{BACKSPACE}ab", "\n", "qqqab"),
    ],
)
async def test_keys_in_one_piece_go_where_each_of_them_belongs(keys: str, words: str, value: str | None) -> None:
    async with scripted_chat(size=(145, 36)) as chat:
        await send(chat, keys)
        await settled(chat)
        assert chat.chat.prompt.text == words
        focused = chat.app.focused
        assert (focused.value if isinstance(focused, Input) else None) == value


async def outcome(chat: ScriptedChat) -> tuple[object, ...]:
    """All that the keys have changed."""
    focused = chat.app.focused
    prompt = chat.chat.prompt
    value = (focused.value, focused.selection) if isinstance(focused, Input) else None
    conversations = []
    for summary in await chat.engine.conversations.summaries(100):
        path = (await chat.engine.conversations.conversation(summary.id)).path
        conversations.append([turn.text for turn in path if turn.role == "user"])
    rows = getattr(chat.app.screen, "_rows", None)
    return (
        type(chat.app.screen).__name__,
        type(focused).__name__,
        value,
        rows.cursor if rows is not None else None,
        prompt.text,
        prompt.selection,
        sorted(conversations),
        [turn.text for turn in chat.chat.conversation.turns if turn.role == "user"],
    )


async def played(pieces: Sequence[str]) -> tuple[object, ...]:
    async with scripted_chat(*answers(20)) as chat:
        for piece in pieces:
            await send(chat, piece)
            await settled(chat)
        return await outcome(chat)


def bundled(keys: Sequence[str], chance: random.Random) -> list[str]:
    """The keys in pieces of any size."""
    pieces, rest = [], list(keys)
    while rest:
        size = chance.randint(1, len(rest))
        pieces.append("".join(rest[:size]))
        del rest[:size]
    return pieces


@pytest.mark.parametrize("seed", range(6))
async def test_keys_in_the_prompt_mean_the_same_in_pieces_of_any_size(seed: int) -> None:
    chance = random.Random(seed)
    keys = chance.choices((*TEXT, *EDITS, ALT_ENTER, NEW_LINE, ENTER, NEW_CONVERSATION), k=25)
    expected = await played(keys)
    assert await played(["".join(keys)]) == expected
    assert await played(bundled(keys, chance)) == expected


@pytest.mark.parametrize("place", ["history", "palette", "models", "find", "rename"])
@pytest.mark.parametrize("seed", range(2))
async def test_keys_in_other_inputs_mean_the_same_in_pieces_of_any_size(place: str, seed: int) -> None:
    chance = random.Random(seed)
    keys = chance.choices(("a", "e", "o", " ", BACKSPACE, LEFT, HOME, END, DELETE, UP, DOWN, WORD_BACK), k=20)

    async def played(pieces: Sequence[str]) -> tuple[object, ...]:
        async with scripted_chat(*answers(2)) as chat:
            before = {"find": "one\r", "rename": "one\r"}.get(place, "")
            await send(chat, before)
            await settled(chat)
            for piece in pieces:
                await send(chat, piece)
                await settled(chat)
            return await outcome(chat)

    opener = {"history": "\x12", "palette": "\x10", "models": "\x0f", "find": "\x06", "rename": "\x0c\x1bOS"}[place]
    expected = await played([*re.split("(?=\x1b)", opener), *keys])
    assert expected[1] != "Prompt"
    assert await played([opener + "".join(keys)]) == expected
    assert await played([opener, *bundled(keys, chance)]) == expected


async def test_questions_that_wait_behind_the_first_one_survive_a_crash(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(["Once", Pause(60)], file=file) as chat:
        await send(chat, "one\rtwo\rthree\r")
        await chat.shows("Once", "Queued: two three")
        id = chat.chat.session.conversation_id
        assert id is not None

        async with asyncio.timeout(20):
            while await chat.engine.places.get(f"words that wait {id}") != "two\n\nthree":
                await chat.pilot.pause(0.01)
    async with scripted_chat(file=file) as chat:
        await chat.until(lambda: chat.chat.prompt.text == "two\n\nthree")
