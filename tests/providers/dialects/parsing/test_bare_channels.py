"""Harmony's channels without their marks, as servers pass them on that strip a model's special tokens."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Token
from chat_tui.providers.dialects.parsing.bare_channels import BareChannels, may_write_bare_channels
from chat_tui.providers.dialects.parsing.thinking_tags import ThinkingTags
from tests.wire.home import Home, kept
from tests.wire.raw_server import RawServer, chunked, event, saying


def read(pieces: Sequence[str], *, begins_thinking: bool = False, natural: bool = True) -> tuple[str, str]:
    """Text and thinking, after all that was taken back."""
    reader = BareChannels(ThinkingTags(begins_thinking=begins_thinking))
    chunks = [chunk for piece in pieces for chunk in reader.feed(piece)]
    text = thinking = ""
    for chunk in [*chunks, *reader.rest(natural=natural)]:
        if isinstance(chunk, Token):
            text, thinking = (text + chunk.token, thinking) if chunk.kind == "text" else (text, thinking + chunk.token)
        else:
            text, thinking = reclassify(text, thinking, chunk)
    return text, thinking


@pytest.mark.parametrize(
    ("said", "text", "thinking"),
    [
        ("analysisWe need to greet.assistantfinalHello!", "Hello!", "We need to greet."),
        ("analysisWe need to greet. assistantfinal\n\nHello!", "Hello!", "We need to greet. "),
        ("\nanalysis\"Hi\" is a greeting.assistantfinal**Hello**", "**Hello**", '"Hi" is a greeting.'),
        ("analysis用户问好。assistantfinal你好", "你好", "用户问好。"),
        # The preamble of a tool call is no answer yet.
        ("analysisA.assistantcommentaryB.assistantfinalC", "C", "A.assistantcommentaryB."),
        ("analysisThe mark `assistantfinal` ends it.assistantfinalYes", "Yes", "The mark `assistantfinal` ends it."),
        ("analysisThe word assistantfinal is odd.assistantfinalYes", "Yes", "The word assistantfinal is odd."),
        ("analysisCode:\n```\na.assistantfinalB\n```\nDone.assistantfinalYes", "Yes",
         "Code:\n```\na.assistantfinalB\n```\nDone."),
        # In the answer the names are words.
        ("analysisA.assistantfinalSay analysisWe or x.assistantfinalY", "Say analysisWe or x.assistantfinalY", "A."),
        # What is no thinking stays as it is.
        ("analysis of the text", "analysis of the text", ""),
        ("analysis", "analysis", ""),
        ("analyses", "analyses", ""),
        ("analysisResult is the variable.", "analysisResult is the variable.", ""),
        ("Analysis: a.assistantfinalB", "Analysis: a.assistantfinalB", ""),
        ("```\nanalysisWe.assistantfinalB\n```", "```\nanalysisWe.assistantfinalB\n```", ""),
        ("Hello", "Hello", ""),
        ("an", "an", ""),
        ("", "", ""),
        ("<think>a</think>b", "b", "a"),
    ],
)  # fmt: skip
def test_thinking_is_told_from_the_answer_wherever_it_is_cut(said: str, text: str, thinking: str) -> None:
    for begins_thinking in (False, True):
        assert read([said], begins_thinking=begins_thinking) == (text, thinking)
        assert read(list(said), begins_thinking=begins_thinking) == (text, thinking)
    for at in range(len(said)):
        assert read([said[:at], said[at:]]) == (text, thinking)


def test_a_part_that_was_cut_stays_thinking() -> None:
    assert read(["analysisWe need", " to"], natural=False) == ("", "We need to")
    assert read(["analysisWe need assistantfi"], natural=False) == ("", "We need assistantfi")


def test_where_the_server_tells_thinking_apart_the_text_is_the_answer() -> None:
    reader = BareChannels(ThinkingTags())
    assert reader.feed("anal") == ()
    reader.come_apart()
    told = [*reader.feed("ysisWe.assistantfinalB"), *reader.rest(natural=True)]
    assert [(chunk.token, chunk.kind) for chunk in told if isinstance(chunk, Token)] == [
        ("analysisWe.assistantfinalB", "text")
    ]


@pytest.mark.parametrize(
    ("model", "may"),
    [
        ("openai/gpt-oss-120b", True),
        ("gpt-oss:20b", True),
        ("GPT_OSS-20b", True),
        ("gpt-4o", False),
        ("oss-gpt", False),
    ],
)
def test_only_models_of_that_format_are_read_so(model: str, may: bool) -> None:
    assert may_write_bare_channels(model) is may


@pytest.mark.parametrize(("model", "answer"), [("gpt-oss-20b", "Hello!"), ("tiny", None)])
async def test_screen_store_and_next_request_have_only_the_answer(home: Home, model: str, answer: str | None) -> None:
    said = "analysisWe need to greet.assistantfinalHello!"
    events = [event(said[at : at + 5]) for at in range(0, len(said), 5)]
    async with RawServer(saying(chunked(*events, event(None, "stop")))) as server:
        home.serve(server.base_url, model)
        ran = await home.run("ask", "hello")
        assert (ran.code, ran.text.strip()) == (0, answer or said)
        _, turn = await kept(home)
        assert (turn.text, turn.thinking) == ((answer or said), "We need to greet." if answer else "")
