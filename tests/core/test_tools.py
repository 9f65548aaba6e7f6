"""Tool calls in turns: what is sent of them, and what is stored."""

from __future__ import annotations

import msgspec
import pytest

from chat_tui.core.conversation import Turn
from chat_tui.core.tools import Tool, ToolCall, ToolResult, decode_arguments, is_elaborate
from chat_tui.core.usage.token_estimate import estimate, tool_tokens
from chat_tui.history.records import decode_details, encode_details
from chat_tui.routing.execution.context_window import fit, normalise_turns

CALL = ToolCall("call_1", "now", '{"zone": "UTC"}')
OTHER = ToolCall("call_2", "now", "{}", "signed")
QUESTION = Turn("user", "What time is it?", id="q")
ASKING = Turn("assistant", "", id="a", calls=(CALL, OTHER))


def result(call: ToolCall, text: str = "12:00") -> Turn:
    return Turn("tool", text, id=f"r-{call.id}", result=ToolResult(call.id, call.name))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [' + "{}," * 300_000 + "0]}",
        '{"a": [' + '"",' * 300_000 + "0]}",
        '{"a": [' + f"{'7' * 4000}," * 200 + "0]}",
        "{" + ",".join(f'"{n}": 0' for n in range(20_000)) + "}",
    ],
    ids=["objects", "strings", "digits", "names"],
)
def test_arguments_that_take_long_to_decode_are_refused(text: str) -> None:
    assert is_elaborate(text)
    assert decode_arguments(text) is None


@pytest.mark.parametrize(
    "text", ["x, [y]: {z}" * 80_000, '"\\' * 400_000, "1" * 900_000], ids=["marks", "quotes", "digits"]
)
def test_a_long_text_is_one_value(text: str) -> None:
    arguments = {"content": text, "numbers": [10**400, 0.5], "rows": [{"n": n} for n in range(3000)]}
    assert decode_arguments(msgspec.json.encode(arguments).decode()) == arguments


def test_an_answer_without_text_stays_if_it_calls_tools() -> None:
    talk = (QUESTION, ASKING, result(CALL), result(OTHER), Turn("assistant", "Noon."), Turn("user", "Thanks"))
    assert normalise_turns(talk) == talk


def test_each_call_gets_exactly_one_result_in_the_order_of_the_calls() -> None:
    stray = result(ToolCall("call_9", "other"))
    sent = normalise_turns((QUESTION, ASKING, result(OTHER), stray, result(OTHER, "again"), Turn("user", "Go on")))
    assert [turn.role for turn in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert [(turn.result.call, turn.text) for turn in sent if turn.result] == [
        ("call_1", "This call was not run."),
        ("call_2", "12:00"),
    ]


def test_a_result_without_its_answer_is_left_out() -> None:
    assert normalise_turns((result(CALL), QUESTION, result(CALL))) == (QUESTION,)


def test_a_window_never_parts_calls_from_their_results() -> None:
    long = result(CALL, "word " * 400)
    talk = [QUESTION, ASKING, long, result(OTHER), Turn("assistant", "Noon."), Turn("user", "And now?")]
    for window in range(50, 1200, 25):
        sent = fit(talk, window=window, reply_tokens=10).turns
        calls = [call.id for turn in sent for call in turn.calls]
        assert [turn.result.call for turn in sent if turn.result] == calls
        assert sent[-1].text == "And now?"


def test_an_exchange_with_calls_is_listed_as_one() -> None:
    talk = [QUESTION, ASKING, result(CALL), result(OTHER), Turn("assistant", "Noon.", id="end"), Turn("user", "Thanks")]
    rows = fit(talk, window=None, listed=True).exchanges
    assert [(row.question, row.answer) for row in rows] == [("q", "end"), ("", "")]


def test_arguments_and_the_list_of_tools_count_as_tokens() -> None:
    tools = (Tool("now", "Tells the time. " * 50, {"type": "object"}),)
    without, with_tools = (fit([QUESTION], window=None, tool_tokens=tool_tokens(offered)) for offered in ((), tools))
    assert with_tools.tokens - without.tokens >= estimate("Tells the time. " * 50)
    short, long = (
        fit([QUESTION, Turn("assistant", "", calls=(ToolCall("1", "now", arguments),)), QUESTION], window=None).tokens
        for arguments in ("{}", '{"text": "' + "word " * 100 + '"}')
    )
    assert long - short >= 100


def test_calls_results_and_signatures_are_stored_unchanged() -> None:
    odd = ToolCall("id", "näme", '{"a": "\\u001b[31m", "b": "<&>\\n"}', "c2lnbmVk")
    turn = Turn("assistant", "", calls=(CALL, odd), replay='{"blocks": []}')
    told = decode_details(encode_details(turn))
    assert (told.calls, told.replay) == (turn.calls, turn.replay)
    done = Turn("tool", "12:00", result=ToolResult("id", "näme", "clock", '{"a": 1}', '{"time": "12:00"}'))
    assert decode_details(encode_details(done)).result == done.result


@pytest.mark.parametrize(
    ("text", "arguments"),
    [("", {}), (" ", {}), ("{}", {}), ('{"a": [1]}', {"a": [1]}), ("[]", None), ("nonsense", None), ('{"a": ', None)],
)
def test_arguments_are_an_object_or_nothing(text: str, arguments: object) -> None:
    assert decode_arguments(text) == arguments
