"""A reply with thinking, text and several calls means the same in each dialect, wherever the network cuts it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.core.chunks import Chunk, End, Metadata, Token, ToolCallDelta
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import Garbled
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import Tool, ToolCall, ToolResult
from chat_tui.providers.dialects import dialect
from chat_tui.providers.dialects.encoding.replay import write_replay
from chat_tui.providers.http.response_stream import Expectations, bursts

THINKING, TEXT = "Erst überlegen… 🤔", "Ich sehe nach: "
CITY, NUMBERS = {"city": "Zürich 🌦", "note": '"}{\n\u2028'}, {"a": [1, 2], "b": None}
CALLS = [("get_weather", CITY), ("add", NUMBERS), ("now", {})]
TOOLS = ("get_weather", "add", "now")


def sse(*events: object, named: bool = False) -> bytes:
    """Server-sent events, with characters beyond ASCII as they are."""
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if named and isinstance(event, dict) else ""
        text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        lines.append(f"{name}data: {text}\n\n")
    return "".join(lines).encode()


def pieces_of(arguments: object, count: int = 4) -> list[str]:
    text = json.dumps(arguments, ensure_ascii=False)
    size = max(1, len(text) // count)
    return [text[start : start + size] for start in range(0, len(text), size)]


def openai() -> bytes:
    deltas: list[Any] = [{"role": "assistant", "content": ""}, {"reasoning_content": THINKING}, {"content": TEXT}]
    for index, (name, arguments) in enumerate(CALLS):
        function = {"name": name, "arguments": ""}
        deltas.append(
            {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]}
        )
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": each}}]} for each in pieces_of(arguments)]
    events = [{"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}}
    return sse(*events, end, usage, "[DONE]")


def openai_in_text() -> bytes:
    calls = [
        f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments}, ensure_ascii=False)}\n</tool_call>\n"
        for name, arguments in CALLS
    ]
    text = f"<think>{THINKING}</think>\n\n{TEXT}" + "".join(calls)
    deltas = [text[start : start + 25] for start in range(0, len(text), 25)]
    events = [{"model": "m", "choices": [{"index": 0, "delta": {"content": each}}]} for each in deltas]
    return sse(*events, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, "[DONE]")


def anthropic() -> bytes:
    def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {"type": "content_block_start", "index": index, "content_block": start},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]

    events: list[Any] = [
        {"type": "message_start", "message": {"model": "claude-x", "usage": {"input_tokens": 9, "output_tokens": 1}}},
        {"type": "ping"},
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": THINKING},
            {"type": "signature_delta", "signature": "c2ln"},
        ),
        *block(1, {"type": "redacted_thinking", "data": "eHl6"}),
        *block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": TEXT}),
    ]
    for index, (name, arguments) in enumerate(CALLS):
        deltas = [{"type": "input_json_delta", "partial_json": each} for each in ["", *pieces_of(arguments)]]
        events += block(index + 3, {"type": "tool_use", "id": f"call_{index}", "name": name, "input": {}}, *deltas)
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}}
    return sse(*events, end, {"type": "message_stop"}, named=True)


def gemini() -> bytes:
    parts: list[dict[str, Any]] = [{"text": THINKING, "thought": True}, {"text": TEXT, "thoughtSignature": "dGV4dA=="}]
    for index, (name, arguments) in enumerate(CALLS):
        signature = {"thoughtSignature": "c2ln"} if not index else {}
        parts.append({"functionCall": {"id": f"call_{index}", "name": name, "args": arguments}, **signature})
    events = [{"candidates": [{"content": {"parts": [part], "role": "model"}}]} for part in parts]
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 7, "totalTokenCount": 16}
    return sse(*events, {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage, "modelVersion": "gemini-x"})


def ollama() -> bytes:
    calls = [
        {"id": f"call_{index}", "function": {"index": index, "name": name, "arguments": arguments}}
        for index, (name, arguments) in enumerate(CALLS)
    ]
    messages: list[dict[str, Any]] = [
        {"thinking": THINKING},
        {"content": TEXT},
        {"tool_calls": calls[:1]},
        {"tool_calls": calls[1:]},
    ]
    lines = [
        {"model": "m", "message": {"role": "assistant", "content": "", **each}, "done": False} for each in messages
    ]
    end = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    lines.append({**end, "prompt_eval_count": 9, "eval_count": 7})
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


REASONING = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", "summary": []}


def openai_responses() -> bytes:
    def item(place: int, begun: dict[str, Any], whole: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {"type": "response.output_item.added", "output_index": place, "item": begun},
            *({"output_index": place, **delta} for delta in deltas),
            {"type": "response.output_item.done", "output_index": place, "item": whole},
        ]

    message = {"type": "message", "content": [{"type": "output_text", "text": TEXT}]}
    text = {"type": "response.output_text.delta", "content_index": 0, "delta": TEXT}
    events: list[Any] = [
        {"type": "response.created", "response": {"model": "m", "status": "in_progress"}},
        *item(0, REASONING, REASONING, {"type": "response.reasoning_summary_text.delta", "delta": THINKING}),
        *item(1, {"type": "message", "content": []}, message, text),
    ]
    for index, (name, arguments) in enumerate(CALLS):
        begun = {"type": "function_call", "call_id": f"call_{index}", "name": name, "arguments": ""}
        kind = "response.function_call_arguments.delta"
        deltas = [{"type": kind, "delta": each} for each in pieces_of(arguments)]
        whole = {**begun, "arguments": json.dumps(arguments, ensure_ascii=False)}
        events += item(index + 2, begun, whole, *deltas)
    usage = {"input_tokens": 9, "output_tokens": 7, "total_tokens": 16}
    end = {"model": "m", "status": "completed", "error": None, "usage": usage}
    return sse(*events, {"type": "response.completed", "response": end}, named=True)


WIRES = {
    "openai": openai,
    "openai in text": openai_in_text,
    "openai-responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "ollama": ollama,
}


async def come(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def read(name: str, pieces: Sequence[bytes], chunks: list[Chunk] | None = None) -> list[Chunk]:
    """All chunks; they are added to `chunks` as they come."""
    told = [] if chunks is None else chunks
    spoken = name.partition(" ")[0]
    texts = {tool: frozenset({"city"}) for tool in TOOLS} if spoken in ("openai", "ollama") else {}
    expected = Expectations(tools=TOOLS, written_calls=texts)
    kind = "application/x-ndjson" if spoken == "ollama" else "text/event-stream"
    async for burst in bursts(come(pieces), kind, dialect(spoken), (), expected):
        told += burst
    return told


def meaning(chunks: Sequence[Chunk]) -> list[Any]:
    """What the chunks say, whatever the pieces."""
    told: list[Any] = []
    arguments: dict[int, str] = {}
    for chunk in chunks:
        if isinstance(chunk, Token):
            if told and told[-1][0] == chunk.kind:
                told[-1] = (chunk.kind, told[-1][1] + chunk.token)
            else:
                told.append((chunk.kind, chunk.token))
        elif isinstance(chunk, ToolCallDelta) and chunk.stage == "arguments":
            arguments[chunk.index] = arguments.get(chunk.index, "") + chunk.arguments
        elif isinstance(chunk, ToolCallDelta):
            # An id that no server gave is random.
            id = re.sub(r"call_[0-9a-f]{16}", "call", chunk.id)
            told.append((chunk.stage, chunk.index, id, chunk.name, chunk.arguments, chunk.signature))
            assert chunk.stage == "start" or chunk.arguments == arguments.get(chunk.index, "")
        elif isinstance(chunk, Metadata):
            told.append((chunk.event, chunk.reason, chunk.replay))
        elif isinstance(chunk, End):
            told.append(("end", chunk.finish_reason, chunk.state, chunk.usage, chunk.served_model))
    return told


@pytest.mark.parametrize("name", WIRES)
def test_a_reply_means_the_same_wherever_it_is_cut(name: str) -> None:
    wire = WIRES[name]()

    async def read_all() -> None:
        whole = await read(name, [wire])
        expected = meaning(whole)
        cuts = [[wire[:at], wire[at:]] for at in range(1, len(wire))]
        for pieces in ([wire[at : at + 1] for at in range(len(wire))], *cuts):
            assert meaning(await read(name, pieces)) == expected, pieces[0][-40:]
        ends = [chunk for chunk in whole if isinstance(chunk, ToolCallDelta) and chunk.stage == "end"]
        assert [(end.name, json.loads(end.arguments or "{}")) for end in ends] == CALLS
        for kind, text in (("text", TEXT), ("thinking", THINKING)):
            assert "".join(chunk.token for chunk in whole if isinstance(chunk, Token) and chunk.kind == kind) == text
        assert isinstance(whole[-1], End)
        assert whole[-1].state == "complete"
        if name in ("openai", "openai-responses", "anthropic", "gemini"):
            assert [chunk.event for chunk in whole if isinstance(chunk, Metadata)][-1] == "replay"

    asyncio.run(read_all())


@pytest.mark.parametrize("name", WIRES)
def test_a_call_that_was_cut_off_never_ends(name: str) -> None:
    wire = WIRES[name]()

    async def read_beginnings() -> None:
        whole = [each[2:] for each in meaning(await read(name, [wire])) if each[0] == "end" and len(each) == 6]
        for at in range(0, len(wire) - 1, 7):
            chunks: list[Chunk] = []
            with suppress(Garbled):
                await read(name, [wire[:at]], chunks)
            ended = [each[2:] for each in meaning(chunks) if each[0] == "end" and len(each) == 6]
            assert ended == whole[: len(ended)]

    asyncio.run(read_beginnings())


# What a server must get back, by dialect: signed and hidden thinking, signatures, thinking beside calls.
RETURNED: dict[str, list[dict[str, Any]]] = {
    "openai": [{"reasoning_content": THINKING}],
    "openai in text": [],
    "openai-responses": [REASONING],
    "anthropic": [
        {"type": "thinking", "thinking": THINKING, "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eHl6"},
    ],
    "gemini": [{"text": TEXT, "thoughtSignature": "dGV4dA=="}, {"thoughtSignature": "c2ln"}],
    "ollama": [{"thinking": THINKING}],
}


def objects_in(value: Any) -> list[dict[str, Any]]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [*([value] if isinstance(value, dict) else []), *(each for part in inner for each in objects_in(part))]


@pytest.mark.parametrize("name", WIRES)
def test_an_answer_goes_back_with_its_results_as_it_came(name: str) -> None:
    chunks = asyncio.run(read(name, [WIRES[name]()]))
    ends = [chunk for chunk in chunks if isinstance(chunk, ToolCallDelta) and chunk.stage == "end"]
    served = next(chunk.served_model for chunk in chunks if isinstance(chunk, End))
    answer = Turn(
        "assistant",
        TEXT,
        thinking=THINKING,
        model=f"box/{served}",
        calls=tuple(ToolCall(end.id, end.name, end.arguments, end.signature) for end in ends),
        replay=next((chunk.replay for chunk in chunks if isinstance(chunk, Metadata) and chunk.replay), ""),
    )
    results = [Turn("tool", "Ergebnis ✓", result=ToolResult(call.id, call.name)) for call in answer.calls]
    request = Request(turns=(Turn("user", "Los!"), answer, *results), tools=tuple(Tool(tool) for tool in TOOLS))
    spoken = dialect(name.partition(" ")[0])
    body = json.loads(spoken.encode(request, Model(f"box/{served}"), frozenset()).body)
    sent = objects_in(body)
    for wanted in RETURNED[name]:
        assert any(wanted.items() <= each.items() for each in sent), wanted
    text = json.dumps(body, ensure_ascii=False)
    assert text.count("Ergebnis ✓") == len(CALLS)
    # Another model gets the calls and the text only.
    other = json.loads(spoken.encode(request, Model("box/other"), frozenset()).body)
    for wanted in RETURNED[name]:
        assert not any(wanted.items() <= each.items() for each in objects_in(other)), wanted
    assert json.dumps(other, ensure_ascii=False).count("Ergebnis ✓") == len(CALLS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "call", "thinking", "signature", "content"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(["openai", "openai-responses", "anthropic", "gemini"]), JSON)
def test_what_a_store_holds_of_an_answer_may_be_anything(name: str, content: Any) -> None:
    for replay in (write_replay(name, "m", content), json.dumps(content)):
        answer = Turn("assistant", "Wait.", calls=(ToolCall("c", "add"),), replay=replay, model="box/m")
        turns = (Turn("user", "Add."), answer, Turn("tool", "2", result=ToolResult("c", "add")))
        request = Request(turns=turns, tools=(Tool("add"),), thinking="low")
        assert json.loads(dialect(name).encode(request, Model("box/m"), frozenset()).body)
