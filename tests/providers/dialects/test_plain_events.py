"""Events of plain text are read in one step, and no other event is taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chat_tui.core.chunks import Chunk
from chat_tui.core.errors import ProviderError
from chat_tui.providers.dialects.openai_chat import MISSES, OpenAiParser
from chat_tui.providers.dialects.plain_events import plain_event

PLAIN: dict[str, Any] = {
    "id": "c-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": None, "logprobs": None}],
    "usage": None,
}


def told(events: list[bytes], name: str) -> tuple[list[Chunk], str]:
    """The chunks of a reply, and its error; an event with a name is always read as a whole."""
    parser = OpenAiParser()
    chunks: list[Chunk] = []
    parser.expect_logprobs()
    try:
        for data in events:
            chunks += parser.feed(data, name)
        chunks += parser.close()
    except ProviderError as error:
        chunks += parser.held()
        return chunks, error.title
    return chunks, ""


def event(choice: dict[str, Any], delta: dict[str, Any], **fields: Any) -> bytes:
    usual = PLAIN["choices"][0]
    choices = [{**usual, **choice, "delta": {**usual["delta"], **delta}}]
    return json.dumps({**PLAIN, "choices": choices, **fields}).encode()


VARIED = [
    event({}, {}),
    event({}, {"content": ""}),
    event({}, {"content": None}),
    event({}, {"role": "assistant"}),
    event({}, {"content": "<think>Hm.</think>Yes"}),
    event({}, {"reasoning_content": "Hm."}),
    event({}, {"reasoning_content": None, "tool_calls": None, "refusal": None}),
    event({}, {"refusal": "No."}),
    event({}, {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}),
    event({"text": "older"}, {"content": ""}),
    event({"index": 1}, {}),
    event({"index": "0"}, {}),
    event({"finish_reason": ""}, {}),
    event({"finish_reason": "stop"}, {}),
    event({"finish_reason": "length"}, {"content": ""}),
    event({"logprobs": {"content": [{"token": "x"}]}}, {}),
    event({"error": {"message": "Gone."}}, {}),
    event({"message": {"content": "Hello"}}, {"content": ""}),
    event({}, {}, model="other"),
    event({}, {}, usage={"prompt_tokens": 3, "completion_tokens": 1}),
    event({}, {}, error={"message": "Overloaded.", "code": 529}),
    event({}, {}, object="error", message="Gone."),
    event({}, {}, type="error", message="Gone."),
    event({}, {}, base_resp={"status_code": 1008, "status_msg": "insufficient balance"}),
    event({}, {}, choices=[]),
    event({}, {}, choices=PLAIN["choices"] * 2),
    event({}, {}, x_unknown={"a": [1]}),
    b'{"choices": [{"index": 0, "delta": {"content": "half \\ud83d"}}]}',
    b'{"choices": [{"index": 0, "delta": {"content": NaN}}]}',
    b'{"choices": [{"index": 0, "delta": {"content": "a"}}], "id": NaN}',
    b'{"choices": [{"index": 0, "delta": {"content": "a"}}]} behind',
    b"[DONE]",
    b"{",
]


@given(some.lists(some.sampled_from(VARIED), max_size=8))
def test_an_event_says_the_same_in_one_step_as_when_it_is_looked_at_closely(events: list[bytes]) -> None:
    events = [VARIED[0], *events]
    assert told(events, "") == told(events, "message")


@pytest.mark.parametrize("data", VARIED)
def test_each_event_says_the_same_behind_some_text(data: bytes) -> None:
    events = [VARIED[0], data, VARIED[0]]
    assert told(events, "") == told(events, "message")


def test_text_and_nothing_else_is_plain() -> None:
    assert plain_event(VARIED[0]) is not None
    assert plain_event(event({}, {"reasoning_content": None})) is not None
    assert plain_event(event({}, {"reasoning_content": "Hm."})) is None


def test_text_behind_many_other_events_is_read_too() -> None:
    events = [VARIED[0], *[event({}, {"reasoning_content": "Hm."})] * (MISSES + 5), VARIED[0]]
    assert told(events, "") == told(events, "message")
