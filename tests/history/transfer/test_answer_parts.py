"""Answers of other programs are split at their tool calls."""

from __future__ import annotations

from chat_tui.core.chunks import Usage
from chat_tui.core.tools import CALLS_LIMIT, decode_arguments
from chat_tui.history.transfer.answer_parts import AnswerPart, split_answer
from chat_tui.history.transfer.source_messages import SourceCall, SourceMessage, SourceResult


def calls(*pairs: tuple[str, str]) -> SourceMessage:
    """A message with calls, of their ids and names."""
    made = tuple(SourceCall(id, name, "{}", f"call {id}") for id, name in pairs)
    return SourceMessage("assistant", calls=made, usage=Usage(1, 2, 3))


def results(*pairs: tuple[str, str]) -> SourceMessage:
    """A message with results, of the ids and names of their calls."""
    return SourceMessage(
        "aside", results=tuple(SourceResult(id, name, f"text {id}", "complete", f"result {id}") for id, name in pairs)
    )


def split(*messages: SourceMessage) -> list[AnswerPart]:
    return list(split_answer((f"m{place}", message) for place, message in enumerate(messages)))


def test_results_are_paired_by_id_in_any_order() -> None:
    first, last = split(
        calls(("a", "x"), ("b", "x")), results(("b", "x"), ("a", "x")), SourceMessage("assistant", text="Done.")
    )
    one, two = first.calls
    assert [result.result.call for result in first.results] == [two.id, one.id]
    assert [result.key for result in first.results] == ["m1", "m1:1"]
    assert (first.key, first.usage, last.key, last.texts) == ("m0", Usage(1, 2, 3), "m2", ["Done."])


def test_calls_with_the_same_id_have_ids_of_their_own() -> None:
    (part,) = split(calls(("a", "x"), ("a", "x")), results(("a", "x"), ("a", "x")))
    assert len({call.id for call in part.calls}) == 2
    assert [result.result.call for result in part.results] == [call.id for call in part.calls]


def test_a_call_that_was_not_answered_before_the_next_text_is_thinking() -> None:
    first, last = split(
        calls(("a", "x"), ("b", "y")),
        results(("a", "x")),
        SourceMessage("assistant", text="And then?"),
        results(("b", "y")),
    )
    assert [call.name for call in first.calls] == ["x"]
    assert first.asides == ["call b"]
    assert (last.texts, last.asides, last.calls) == (["And then?"], ["result b"], [])


def test_calls_beyond_the_limit_are_thinking() -> None:
    ids = [(f"c{place}", "x") for place in range(CALLS_LIMIT + 2)]
    (part,) = split(calls(*ids), results(*ids))
    assert len(part.calls) == len(part.results) == CALLS_LIMIT
    assert len(part.asides) == 4


def test_arguments_and_names_of_any_kind_can_be_sent() -> None:
    for text in ("", "[1]", "{", "\ud800", '{"a": "\ud800"}', "x" * 99_999):
        message = SourceMessage("aside", calls=(SourceCall("", "ä.\ud800/…", text),))
        (part,) = split(message, SourceMessage("aside", results=(SourceResult("", "ä.\ud800/…", ""),)))
        (call,) = part.calls
        assert (call.name, decode_arguments(call.arguments) is None) == ("tool", False)
        assert len(call.arguments) < 20_100
