"""Calls in OpenAI's harmony format, of a server that passes its marks on: read wherever they are cut."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chat_tui.core.chunks import Metadata, Token, ToolCallDelta
from chat_tui.providers.dialects.parsing.bare_channels import BareChannels
from chat_tui.providers.dialects.parsing.thinking_tags import ThinkingTags
from chat_tui.providers.dialects.parsing.tool_calls import AnswerText, ToolCallAssembler
from chat_tui.providers.dialects.parsing.written.written_calls import WrittenCalls

TOOLS = {"add": frozenset[str](), "a_tool_with_a_name_that_is_as_long_as_names_may_be_in_the_api_x": frozenset[str]()}
LONG = list(TOOLS)[1]
THINKING = "<|channel|>analysis<|message|>I need the sum.<|end|>"
CALL = '<|start|>assistant<|channel|>commentary to=functions.add <|constrain|>json<|message|>{"a": "<|end|>"}<|call|>'
ARGUMENTS = '{"a": "<|end|>"}'

Read = tuple[str, str, Sequence[tuple[str, str]]]


def read(pieces: Sequence[str], *, tools: bool = True, bare: bool = True) -> Read:
    """The text, the thinking and the calls in what a model has written."""
    answer = AnswerText(ToolCallAssembler())
    answer.tags = BareChannels(ThinkingTags()) if bare else ThinkingTags()
    if tools:
        answer.written = WrittenCalls(TOOLS)
        answer.tags.expect_calls(TOOLS)
    chunks = [chunk for piece in pieces for chunk in answer.feed(piece)]
    chunks += answer.rest(natural=True)
    said = {"text": "", "thinking": ""}
    for chunk in chunks:
        assert not isinstance(chunk, Metadata)
        if isinstance(chunk, Token):
            said[chunk.kind] += chunk.token
    ends = [chunk for chunk in chunks if isinstance(chunk, ToolCallDelta) and chunk.stage == "end"]
    return said["text"], said["thinking"], [(chunk.name, chunk.arguments) for chunk in ends]


FORMS: dict[str, tuple[str, Read]] = {
    "thinking and a call": (THINKING + CALL, ("", "I need the sum.", [("add", ARGUMENTS)])),
    "a call alone": (
        '<|channel|>commentary to=functions.add<|message|>{"a": 1}<|call|>',
        ("", "", [("add", '{"a": 1}')]),
    ),
    "a call without its end": (
        '<|channel|>commentary to=functions.add json<|message|>{"a": 1}',
        ("", "", [("add", '{"a": 1}')]),
    ),
    "the recipient in the role": (
        THINKING
        + '<|start|>assistant to=functions.add<|channel|>commentary<|constrain|>json<|message|>{"a": 1}<|call|>',
        ("", "I need the sum.", [("add", '{"a": 1}')]),
    ),
    "a long name": (
        f"<|channel|>commentary to=functions.{LONG} <|constrain|>json<|message|>{{}}<|call|>",
        ("", "", [(LONG, "{}")]),
    ),
    "two calls": (
        THINKING
        + CALL
        + "<|start|>assistant<|channel|>commentary to=functions.add <|constrain|>json<|message|>{}<|call|>",
        ("", "I need the sum.", [("add", ARGUMENTS), ("add", "{}")]),
    ),
    "a preamble": (
        "<|channel|>commentary<|message|>I add.<|end|>" + CALL,
        ("", "I add.", [("add", ARGUMENTS)]),
    ),
    "a tool that does not exist": (
        '<|channel|>commentary to=functions.other <|constrain|>json<|message|>{"a": 1}<|call|>',
        ("", '{"a": 1}', []),
    ),
    "an answer": (
        THINKING + "<|start|>assistant<|channel|>final<|message|>It is 5.<|return|>",
        ("It is 5.", "I need the sum.", []),
    ),
    "talk in code": (
        THINKING + "<|start|>assistant<|channel|>final<|message|>It writes `<|channel|>commentary to=functions.add"
        "<|message|>{}<|call|>` then.",
        ("It writes `<|channel|>commentary to=functions.add<|message|>{}<|call|>` then.", "I need the sum.", []),
    ),
}


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read_wherever_it_is_cut(name: str, *, bare: bool) -> None:
    text, expected = FORMS[name]
    assert read([text], bare=bare) == expected
    assert read(list(text), bare=bare) == expected
    for at in range(1, len(text)):
        assert read([text[:at], text[at:]], bare=bare) == expected, text[:at]


def test_without_tools_a_call_is_thinking() -> None:
    assert read([CALL], tools=False) == ("", ARGUMENTS, [])
