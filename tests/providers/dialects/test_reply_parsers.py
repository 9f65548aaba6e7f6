"""What replies of many servers mean: their choices, their thinking, and the words with which they end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chat_tui.core.answers.finish_reasons import is_known, state_of
from chat_tui.core.chunks import Chunk, End, Metadata, State, Token
from chat_tui.core.errors import ChatTuiError, ProviderError
from chat_tui.providers.dialects import dialect


def streamed(name: str, *values: Any, done: bool = True) -> list[Chunk]:
    reading = dialect(name).reading()
    chunks: list[Chunk] = []
    for value in values:
        chunks += reading.feed(json.dumps(value).encode(), "")
    if done and not (chunks and isinstance(chunks[-1], End)):
        chunks += reading.feed(b"[DONE]", "") if name == "openai" else reading.close()
    return chunks


def told(chunks: Sequence[Chunk], kind: str = "text") -> str:
    return "".join(chunk.token for chunk in chunks if isinstance(chunk, Token) and chunk.kind == kind)


def end_of(chunks: Sequence[Chunk]) -> End:
    assert isinstance(chunks[-1], End)
    return chunks[-1]


def choice(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"delta": {"content": text}, "finish_reason": finish, **more}


MISSING: dict[str, Any] = {}
ODD_INDEXES: tuple[Any, ...] = (0, 1, -1, 7, "0", "1", 0.0, 1.0, None, [], {}, True)
INDEXES: list[dict[str, Any]] = [{"index": index} for index in ODD_INDEXES]


@pytest.mark.parametrize("index", [*INDEXES, MISSING])
def test_the_first_choice_counts_whatever_its_index(index: dict[str, Any]) -> None:
    parts = [choice("Hel", **index), choice("lo", **index), choice("", "stop", **index)]
    chunks = streamed("openai", *({"choices": [part]} for part in parts))
    assert (told(chunks), end_of(chunks).finish_reason) == ("Hello", "stop")
    whole = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop", **index}]}
    assert told(dialect("openai").reading().whole(json.dumps(whole).encode())) == "Hello"
    rows = [{"content": {"parts": [{"text": text}]}, **index} for text in ("Hel", "lo")]
    rows[1]["finishReason"] = "STOP"
    assert told(streamed("gemini", *({"candidates": [row]} for row in rows))) == "Hello"


def test_a_choice_is_followed_to_its_end_and_others_are_passed_over() -> None:
    values = [
        {"choices": [choice("He", index=1)]},
        {"choices": [choice("no", index=2), choice("llo", index=1)]},
        {"choices": [choice("no", "length", index=0)]},
        {"choices": [choice("!")]},
        {"choices": [choice("", "stop", index="1")]},
    ]
    chunks = streamed("openai", *values)
    assert (told(chunks), end_of(chunks).finish_reason) == ("Hello!", "stop")
    both = {"choices": [choice("no", index=1), choice("yes", index=0)]}
    assert told(streamed("openai", both)) == "yes"
    two = {"choices": [choice("yes"), choice("no")]}
    assert told(streamed("openai", two)) == "yes"


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning_text": "hm"},
        {"thinking": "hm"},
        {"thinking": {"content": "hm"}},
        {"reasoning_details": [{"type": "reasoning.text", "text": "h"}, {"type": "reasoning.text", "text": "m"}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}, {"type": "reasoning.encrypted"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "x"}]},
        {"reasoning": "hm", "reasoning_details": [{"text": "hm"}]},
        {"reasoning_content": "hm", "reasoning": "hm", "thinking_blocks": [{"thinking": "hm"}]},
        {"reasoning_content": None, "reasoning": "", "reasoning_text": "hm"},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    ],
)
def test_thinking_is_found_under_every_name_and_told_once(delta: dict[str, Any]) -> None:
    last = {"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}]}
    chunks = streamed("openai", {"choices": [{"index": 0, "delta": delta}]}, last)
    assert (told(chunks, "thinking"), told(chunks)) == ("hm", "Hello")
    message = {"content": "Hello", **delta}
    if isinstance(delta.get("content"), list):
        message["content"] = [*delta["content"], {"type": "text", "text": "Hello"}]
    whole = {"choices": [{"message": message, "finish_reason": "stop"}]}
    chunks = list(dialect("openai").reading().whole(json.dumps(whole).encode()))
    assert (told(chunks, "thinking"), told(chunks)) == ("hm", "Hello")


def test_thinking_that_is_sent_once_more_at_the_end_is_told_once() -> None:
    deltas: list[dict[str, Any]] = [{"reasoning": "one "}, {"reasoning": "two"}, {"content": "Hello"}]
    deltas.append({"reasoning_details": [{"text": "one two"}]})
    chunks = streamed("openai", *({"choices": [{"index": 0, "delta": delta}]} for delta in deltas))
    assert told(chunks, "thinking") == "one two"


def test_other_dialects_have_such_fields_too() -> None:
    line = {"message": {"reasoning": "hm", "content": ""}}
    last = {"message": {"content": "Hello"}, "done": True, "done_reason": "stop"}
    assert told(streamed("ollama", line, last), "thinking") == "hm"
    values = [
        {"type": "content_block_delta", "delta": {"thinking": "hm"}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hello"}},
        {"type": "message_stop"},
    ]
    chunks = streamed("anthropic", *values)
    assert (told(chunks, "thinking"), told(chunks)) == ("hm", "Hello")


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("stop", "complete"),
        ("tool_calls", "complete"),
        ("eos_token", "complete"),
        ("something new", "complete"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("model_context_window_exceeded", "length"),
        ("content_filter", "refused"),
        ("SAFETY", "refused"),
        ("sensitive", "refused"),
        ("MODEL_ARMOR", "refused"),
        ("Content-Filter", "refused"),
        ("abort", "broken"),
        ("network_error", "broken"),
        ("error", "broken"),
        ("OTHER", "broken"),
        ("insufficient_system_resource", "broken"),
        ("FinishReason.MAX_TOKENS", "length"),
        ("FINISH_REASON_SAFETY", "refused"),
        ("upstream_error", "broken"),
        ("generation_failed", "broken"),
        ("request_timed_out", "broken"),
        ("output_filtered", "refused"),
        ("policy_violation", "refused"),
        ("max_tokens_reached", "length"),
        ("eos_found", "complete"),
    ],
)
def test_a_finish_reason_means_the_same_in_every_dialect(reason: str, state: State) -> None:
    last = {"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": reason}]}
    assert end_of(streamed("openai", last)).state == state
    assert end_of(streamed("gemini", {"candidates": [{"finishReason": reason}]})).state == state
    delta = {"type": "message_delta", "delta": {"stop_reason": reason}}
    assert end_of(streamed("anthropic", delta, {"type": "message_stop"})).state == state
    line = {"message": {"content": "Hel"}, "done": True, "done_reason": reason}
    assert end_of(streamed("ollama", line)).state == state
    assert end_of(streamed("openai", last)).finish_reason == reason


def test_a_reason_may_be_an_object() -> None:
    last = {"choices": [{"delta": {"content": "Hel"}, "finish_reason": {"type": "length"}}]}
    assert end_of(streamed("openai", last)).state == "length"


def test_an_error_event_that_is_plain_text_is_told() -> None:
    with pytest.raises(ProviderError, match="the disk is full"):
        dialect("openai").reading().feed(b"the disk is full", "error")


def test_a_call_without_a_name_is_told_once() -> None:
    pieces = [{"function": {"arguments": "{"}}, {"function": {"arguments": "}"}}]
    values = [{"choices": [{"delta": {"tool_calls": [piece]}}]} for piece in pieces]
    assert [chunk.tool for chunk in streamed("openai", *values) if isinstance(chunk, Metadata)] == ["?"]


def test_an_unknown_reason_is_shown() -> None:
    assert not is_known("something new")
    assert is_known("")
    assert is_known("STOP")
    assert state_of(" Max Tokens ") == "length"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("openai", [{"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "look"}}]}}]},
                    {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}]}]),
        ("openai", [{"choices": [{"delta": {"function_call": {"name": "look", "arguments": "{}"}}}]}]),
        ("anthropic", [{"type": "content_block_start", "content_block": {"type": "tool_use", "name": "look"}},
                       {"type": "message_stop"}]),
        ("gemini", [{"candidates": [{"content": {"parts": [{"functionCall": {"name": "look"}}]},
                                     "finishReason": "STOP"}]}]),
        ("ollama", [{"message": {"tool_calls": [{"function": {"name": "look"}}]}, "done": True}]),
    ],
)  # fmt: skip
def test_a_call_of_a_tool_is_told_by_its_name(name: str, values: list[Any]) -> None:
    chunks = streamed(name, *values)
    assert [chunk.tool for chunk in chunks if isinstance(chunk, Metadata) and chunk.tool] == ["look"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("openai", [{"model": "served", "choices": [choice("x", "stop")]}]),
        ("anthropic", [{"type": "message_start", "message": {"model": "served"}}, {"type": "message_stop"}]),
        ("gemini", [{"modelVersion": "served", "candidates": [{"finishReason": "STOP"}]}]),
        ("ollama", [{"model": "served", "message": {"content": "x"}, "done": True}]),
    ],
)
def test_who_answers_is_read(name: str, values: list[Any]) -> None:
    assert end_of(streamed(name, *values)).served_model == "served"


@pytest.mark.parametrize(
    "value",
    [
        {"base_resp": {"status_code": 1004, "status_msg": "look here"}},
        {"base_resp": {"status_code": 1004, "status_msg": "look here"}, "choices": None},
        {"code": 1214, "msg": "look here", "success": False},
        {"detail": "look here"},
        {"errors": [{"message": "look here"}]},
        {
            "choices": [
                {"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": {"message": "look here"}}
            ]
        },
    ],
)
def test_an_error_inside_a_reply_tells_its_words(value: dict[str, Any]) -> None:
    errors: list[ChatTuiError] = []
    for read in (dialect("openai").reading().feed, lambda raw, name: dialect("openai").reading().whole(raw)):
        with pytest.raises(ProviderError, match="look here") as caught:
            read(json.dumps(value).encode(), "")
        errors.append(caught.value)
    assert len(errors) == 2


def test_what_came_with_an_error_is_kept() -> None:
    reading = dialect("openai").reading()
    value = {"choices": [{"delta": {"content": "Hel"}, "finish_reason": "error", "error": {"message": "look here"}}]}
    with pytest.raises(ProviderError, match="look here"):
        reading.feed(json.dumps(value).encode(), "")
    assert told(reading.held()) == "Hel"
    assert reading.held() == []


def test_a_choice_that_says_something_is_followed_not_one_that_only_came_first() -> None:
    role, text, end = choice("", index=0), choice("Hello", index=1), choice("", "length", index=0)
    chunks = streamed("openai", *({"choices": [part]} for part in (role, text, end)))
    assert (told(chunks), end_of(chunks).state) == ("Hello", "length")
    rows = [{"index": 0, "content": {"role": "model"}}, {"index": 1, "content": {"parts": [{"text": "Hello"}]}}]
    rows[1]["finishReason"] = "STOP"
    assert told(streamed("gemini", *({"candidates": [row]} for row in rows))) == "Hello"


@pytest.mark.parametrize("done", [True, False])
def test_an_index_that_counts_events_loses_no_text(done: bool) -> None:
    parts = [choice(text, "length" if text == "d" else None, index=index) for index, text in enumerate("abcd")]
    chunks = streamed("openai", *({"choices": [part]} for part in parts), done=False)
    reading = dialect("openai").reading()
    for part in parts:
        reading.feed(json.dumps({"choices": [part]}).encode(), "")
    assert told(chunks) == "a"
    ending = reading.feed(b"[DONE]", "") if done else reading.close()
    assert (told(chunks) + told(ending), end_of(ending).state) == ("abcd", "length")


def test_a_reply_that_breaks_off_keeps_what_other_indexes_held() -> None:
    reading = dialect("openai").reading()
    chunks = [*reading.feed(json.dumps({"choices": [choice("a", index=0)]}).encode(), "")]
    chunks += reading.feed(json.dumps({"choices": [choice("b", index=1)]}).encode(), "")
    assert told([*chunks, *reading.held()]) == "ab"


def test_a_second_choice_behind_or_among_the_first_is_none_of_it() -> None:
    behind = [choice("yes", index=0), choice("", "stop", index=0), choice("no", index=1), choice("", "stop", index=1)]
    among = [choice("y", index=0), choice("no", index=1), choice("es", index=0), choice("no", index=1)]
    for parts in (behind, among):
        assert told(streamed("openai", *({"choices": [part]} for part in parts))) == "yes"


@pytest.mark.parametrize(
    "choices",
    [
        [{"message": {"content": "Hel"}}, {"message": {"content": "lo"}, "finish_reason": "stop"}],
        [{"message": {"content": "Hel"}}, {"message": {"content": "Hello"}}, {"message": {"content": "Hello"}}],
        [{"delta": {"content": "Hel"}}, {"delta": {"content": "lo"}}, {"message": {"content": "Hello"}}],
        [{"delta": {}, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        [{"delta": {"role": "assistant", "content": None}, "message": {"content": "Hello"}}],
        [{"text": "Hel"}, {"text": "lo", "finish_reason": "stop"}, {"text": ""}],
        [{"delta": {"text": "Hel"}}, {"delta": {"text": "lo"}}],
        [{"delta": "Hel"}, {"delta": "lo"}],
        [{"delta": {"content": [{"type": "text", "text": {"value": "Hello", "annotations": []}}]}}],
    ],
)
def test_text_is_found_wherever_a_choice_has_it(choices: list[dict[str, Any]]) -> None:
    assert told(streamed("openai", *({"choices": [row]} for row in choices))) == "Hello"
    if len(choices) == 1:
        assert told(dialect("openai").reading().whole(json.dumps({"choices": choices}).encode())) == "Hello"


def test_text_in_the_form_of_a_neighbouring_endpoint_is_read() -> None:
    generated = streamed("ollama", {"response": "Hel", "done": False}, {"response": "lo", "done": True})
    assert told(generated) == "Hello"
    message = {"type": "message", "content": "Hello", "stop_reason": "end_turn"}
    assert told(dialect("anthropic").reading().whole(json.dumps(message).encode())) == "Hello"
