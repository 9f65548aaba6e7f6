"""Calls that models write as text: every form, cut anywhere, and what only looks like one."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.providers.dialects.parsing.written.call_grammar import WrittenCall
from chat_tui.providers.dialects.parsing.written.written_calls import CANDIDATES_LIMIT, WrittenCalls, may_write_calls

TOOLS = {"add": frozenset[str](), "get_weather": frozenset({"city"}), "now": frozenset[str]()}
ADD = WrittenCall("add", '{"a": 1}')
NOW = WrittenCall("now", "{}")
ROME = WrittenCall("get_weather", '{"city": "Röm", "days": 2}')
ODD = WrittenCall("get_weather", '{"city": "</tool_call> \\"}{[ \\\\"}')
ODD_JSON = '{"city": "</tool_call> \\"}{[ \\\\"}'


def read(pieces: Sequence[str], *, natural: bool = True, marked_only: bool = False) -> list[str | WrittenCall]:
    """What was found, with consecutive texts joined."""
    calls = WrittenCalls(TOOLS, marked_only=marked_only)
    found = [each for piece in pieces for each in calls.feed(piece)]
    found += calls.rest(natural=natural)
    joined: list[str | WrittenCall] = []
    for each in found:
        if isinstance(each, str) and joined and isinstance(joined[-1], str):
            joined[-1] += each
        elif each:
            joined.append(each)
    return joined


FORMS: dict[str, tuple[str, list[str | WrittenCall]]] = {
    "hermes": ('<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>', [ADD]),
    "two hermes": (
        'Wait.\n<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>\n'
        '<tool_call>\n{"arguments": {}, "name": "now"}\n</tool_call>\n',
        ["Wait.\n", ADD, NOW],
    ),
    "hermes without an end": ('<tool_call>{"name": "add", "arguments": {"a": 1}}', [ADD]),
    "hermes with marks inside": (f'<tool_call>{{"name": "get_weather", "arguments": {ODD_JSON}}}</tool_call>', [ODD]),
    "arguments in a string": ('<tool_call>{"name": "add", "arguments": "{\\"a\\": 1}"}</tool_call>', [ADD]),
    "text behind": ('<tool_call>{"name": "now"}</tool_call>\n\nI wait.', [NOW, "I wait."]),
    "granite": ('<|tool_call|>[{"name": "add", "arguments": {"a": 1}}, {"name": "now", "arguments": {}}]', [ADD, NOW]),
    "mistral": ('[TOOL_CALLS][{"name": "add", "arguments": {"a": 1}}, {"name": "now", "arguments": {}}]', [ADD, NOW]),
    "mistral by name": ('[TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]now[CALL_ID]abc123XYZ[ARGS]{}', [ADD, NOW]),
    "mistral without its mark": (' [{"name": "add", "arguments": {"a": 1}}]', [ADD]),
    "python tag": (
        '<|python_tag|>{"name": "add", "parameters": {"a": 1}}; {"name": "now", "parameters": {}}<|eom_id|>',
        [ADD, NOW],
    ),
    "bare": ('{"name": "add", "parameters": {"a": 1}}', [ADD]),
    "several bare": (
        '{"type": "function", "name": "add", "parameters": {"a": 1}};\n{"name":"now","arguments":{}}\n',
        [ADD, NOW],
    ),
    "bare as an api has it": ('{"type": "function", "function": {"name": "add", "parameters": {"a": 1}}}', [ADD]),
    "bare by function": ('{"function": "add", "parameters": {"a": 1}}', [ADD]),
    "fence of json": ('I add.\n```json\n{"name": "add", "arguments": {"a": 1}}\n```\n', ["I add.\n", ADD]),
    "two fences": (
        '```json\n{"name": "add", "arguments": {"a": 1}}\n```\n```\n{"name": "now", "arguments": {}}\n```',
        [ADD, NOW],
    ),
    "fence of calls": ('```tool_call\n{"name": "now"}\n```\nDone.', [NOW, "Done."]),
    "llama's function": ('<function=add>{"a": 1}</function>', [ADD]),
    "qwen3-coder": (
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nRöm\n</parameter>\n<parameter=days>\n2\n</parameter>\n"
        "</function>\n</tool_call>",
        [ROME],
    ),
    "qwen3-coder without its frame": ("<function=now>\n</function>\n</tool_call>", [NOW]),
    "glm": (
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Röm</arg_value>\n<arg_key>days</arg_key>\n"
        "<arg_value>2</arg_value>\n</tool_call>",
        [ROME],
    ),
    "deepseek": (
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n"
        '```json\n{"a": 1}\n```<｜tool▁call▁end｜>\n'
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        [ADD, NOW],
    ),
    "deepseek v3.1": (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>add<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        [ADD],
    ),
    "deepseek v3.2": (
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n'
        '<｜DSML｜parameter name="city" string="true">Röm</｜DSML｜parameter>\n'
        '<｜DSML｜parameter name="days" string="false">2</｜DSML｜parameter>\n'
        "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
        [ROME],
    ),
    "kimi": (
        '<|tool_calls_section_begin|><|tool_call_begin|>functions.add:0<|tool_call_argument_begin|>{"a": 1}'
        "<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{}<|tool_call_end|>"
        "<|tool_calls_section_end|>",
        [ADD, NOW],
    ),
    "gemma": ('I look.\n```tool_code\nget_weather(city="Röm", days=2)\n```', ["I look.\n", ROME]),
    "gemma prints": ('```tool_code\nprint(default_api.get_weather(city="Röm", days=2))\n```\n', [ROME]),
    "gemma's list": ("```tool_code\n[add(a=1),\n now()]\n```", [ADD, NOW]),
    "gemma's lines": ("```tool_code\nadd(a=1)\nprint(now())\n```\nDone.", [ADD, NOW, "Done."]),
    "gemma's values": (
        """```tool_code\nadd(a={'b': [True, false, None, -1.5, "x\\n```"]})\n```""",
        [WrittenCall("add", '{"a": {"b": [true, false, null, -1.5, "x\\n```"]}}')],
    ),
    "functiongemma": (
        "<start_function_call>call:get_weather{city:<escape>Röm<escape>,days:2}<end_function_call>",
        [ROME],
    ),
    "two of functiongemma": (
        "<start_function_call>call:add{a:1}<end_function_call><start_function_call>call:now{}<end_function_call>"
        "<start_function_response>",
        [ADD, NOW],
    ),
    "functiongemma's values": (
        "<start_function_call>call:add{a:{b:[true,null,-1.5,<escape>}],<escape>], c:word}}<end_function_call>",
        [WrittenCall("add", '{"a": {"b": [true, null, -1.5, "}],"], "c": "word"}}')],
    ),
    "harmony behind ThinkingTags": ('<|channel|>commentary to=functions.add<|message|>{"a": 1}<|call|>', [ADD]),
    "minimax": (
        '<minimax:tool_call>\n<invoke name="add">\n<parameter name="a">1</parameter>\n</invoke>\n'
        '<invoke name="now">\n</invoke>\n</minimax:tool_call>',
        [ADD, NOW],
    ),
}
ALIKE = [
    '<tool_call>{"name": "other", "arguments": {}}</tool_call>',
    '<tool_call>{"name": "add", "arguments": [1]}</tool_call>',
    "<tool_call>add it up</tool_call>",
    "Hermes writes `<tool_call>` around JSON.",
    'In a fence:\n```xml\n<tool_call>{"name": "now"}</tool_call>\n```\nSo it is.',
    '{"name": "Ada", "age": 36}',
    '{"name": "add"}',
    '{"name": "add", "arguments": {"a": 1}} is how you call it.',
    '{"name": "add", "arguments": {"a": 1}, "comment": "x"}',
    'Like this:\n```json\n{"name": "add", "arguments": {"a": 1}}\n```\nThat is all.',
    'The call {"name": "add", "arguments": {"a": 1}} is not at the beginning.',
    "```python\nadd(1)\n```",
    "```tool_code\nadd(1)\n```",
    "```tool_code\nprint('add')\n```",
    "```tool_code\nother(a=1)\n```",
    "```tool_code\nadd(a=now())\n```",
    "```tool_code\nadd(a=1); import os\n```",
    "```tool_code\nadd(a=1).read()\n```",
    "```tool_code\nadd(**{})\n```",
    "```tool_code\nadd(a={1, 2})\n```",
    "```tool_code\n" + "[" * 300 + "\n```",
    "Gemma opens ```tool_code and writes add(a=1).",
    "<start_function_call>call:other{}<end_function_call>",
    "<start_function_call>call:add{a:<escape>1}<end_function_call>",
    "<start_function_call>call:add{a:1} or so<end_function_call>",
    "<start_function_call> is FunctionGemma's mark.",
    "````\n```json\n````",
    "[1, 2, 3]",
    "[]",
    "[TOOL_CALLS] is Mistral's mark.",
    "<function=other>{}</function>",
    "a < b and [c] and `d` and ``` e",
    "  { not json",
    "\n\n<|python_tag|>print(1)",
    "<｜tool▁calls▁begin｜>nothing",
    "<tool_call>\n<tool_call>\n<tool_call>",
]


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read_wherever_it_is_cut(name: str) -> None:
    text, expected = FORMS[name]
    assert read([text]) == expected
    assert read(list(text)) == expected
    for at in range(1, len(text)):
        assert read([text[:at], text[at:]]) == expected, text[:at]


@pytest.mark.parametrize("text", ALIKE)
def test_what_only_looks_like_a_call_stays_text_wherever_it_is_cut(text: str) -> None:
    assert read([text]) == [text]
    assert read(list(text)) == [text]
    for at in range(1, len(text)):
        assert read([text[:at], text[at:]]) == [text], text[:at]


@pytest.mark.parametrize("name", FORMS)
def test_a_call_that_was_cut_off_is_text(name: str) -> None:
    text, expected = FORMS[name]
    for at in range(len(text)):
        whole = read([text[:at]], natural=False)
        calls = [each for each in whole if isinstance(each, WrittenCall)]
        assert calls == [each for each in expected if isinstance(each, WrittenCall)][: len(calls)]
        if not calls:
            assert "".join(each for each in whole if isinstance(each, str)) == text[:at]


PARTS = ["<tool_call>", "</tool_call>", '{"name": "add", "arguments": {"a": 1}}', "```json\n", "```", "\n", " ", "text"]
PARTS += [
    "[TOOL_CALLS]",
    "[",
    "]",
    ";",
    "<function=add>",
    "</function>",
    "{}",
    "`",
    "<",
    "{",
    '"',
    "<|eom_id|>",
    "x\ty",
    "```tool_code\n",
    "add(a=1)",
    "<start_function_call>call:add",
    "<end_function_call>",
]


@given(st.lists(st.sampled_from(PARTS), max_size=12), st.data())
def test_a_cut_changes_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    whole = read([text])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    pieces = [text[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(pieces) == whole
    assert read(list(text)) == whole


def test_ordinary_text_is_not_held_back() -> None:
    calls = WrittenCalls(TOOLS)
    for word in ("Hello", " world", ", 1 < 2", " and a [link]", " done.\n"):
        assert list(calls.feed(word)) == [word]
    assert list(calls.feed("a <b")) == ["a <b"]
    assert list(calls.feed("<tool")) == []
    assert list(calls.feed("box")) == ["<toolbox"]


def test_a_name_that_is_no_tool_is_told_at_once() -> None:
    calls = WrittenCalls(TOOLS)
    assert list(calls.feed('<tool_call>{"name": "x')) == ["<tool_call>", '{"name": "x']
    bare = WrittenCalls(TOOLS)
    assert not bare.feed('{"na')
    assert "".join(map(str, bare.feed('me": "Ada'))) == '{"name": "Ada'


def test_json_is_the_answer_where_json_was_asked_for() -> None:
    text = '{"name": "add", "arguments": {"a": 1}}'
    assert read([text], marked_only=True) == [text]
    assert read([f"```json\n{text}\n```"], marked_only=True) == [f"```json\n{text}\n```"]
    assert read([f"<tool_call>{text}</tool_call>"], marked_only=True) == [ADD]


def test_a_long_text_takes_no_time() -> None:
    many = "<tool_call>" * (CANDIDATES_LIMIT + 100)
    long = '<tool_call>{"name": "add", "arguments": {"a": "' + "{}" * 60_000
    began = time.monotonic()
    assert read([many]) == [many]
    assert read([long[start : start + 20] for start in range(0, len(long), 20)]) == [long]
    assert read(["<tool_call>" + " " * 100_000]) == ["<tool_call>" + " " * 100_000]
    assert time.monotonic() - began < 10


def test_long_arguments_are_read() -> None:
    value = 'x"{}[]\\ü' * 5000
    text = "<tool_call>" + json.dumps({"name": "add", "arguments": {"a": value}}) + "</tool_call>"
    (call,) = read([text[start : start + 7] for start in range(0, len(text), 7)])
    assert isinstance(call, WrittenCall)
    assert json.loads(call.arguments) == {"a": value}


def test_models_whose_servers_read_all_calls_are_told_by_name() -> None:
    assert [may_write_calls(name) for name in ("gpt-5.5", "anthropic/claude-sonnet-4.5", "o3", "gemini-3-pro")] == [
        False
    ] * 4
    assert all(map(may_write_calls, ("gpt-oss:20b", "qwen3:8b", "mistral-small", "llama3.2", "my-model")))
