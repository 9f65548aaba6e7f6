"""Thinking on request, and the beginning of an answer that is to go on: fields and what servers say to them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat_tui.core.conversation import Turn
from chat_tui.core.models import DIALECTS, Model
from chat_tui.core.request import Request
from chat_tui.providers.dialects import dialect
from chat_tui.providers.dialects.dialect import GO_ON
from chat_tui.providers.http.transport import Transport
from tests.wire.asking import ask, text_of
from tests.wire.dialects import base_of, good
from tests.wire.raw_server import RawServer, saying, whole

CUT = Request(turns=(Turn("user", "count"), Turn("assistant", "one, two")))
TINY = Model("box/tiny")


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


def body_of(name: str, request: Request, *quirks: str, model: Model = TINY) -> Any:
    return json.loads(dialect(name).encode(request, model, frozenset(quirks)).body)


def thinking(level: Any, **more: Any) -> Request:
    return Request("hello", thinking=level, **more)


async def asked(transport: Transport, name: str, said: str, request: Request, status: int = 400) -> list[Any]:
    """The bodies that go out where the server first says so and then answers."""
    no = whole(json.dumps({"error": {"message": said}}).encode(), f"{status} No")
    async with RawServer(saying(no, good(name))) as server:
        chunks, error = await ask(transport, base_of(server, name), request, name)
        assert (error, text_of(chunks)) == (None, "Hello")
        await ask(transport, base_of(server, name), request, name)
    bodies = [asked.json for asked in server.asked]
    # What was learned is remembered.
    assert len(bodies) == 3
    assert bodies[2] == bodies[1]
    return bodies


@pytest.mark.parametrize("name", DIALECTS)
def test_nothing_is_asked_of_a_provider_without_a_wish(name: str) -> None:
    plain = json.dumps(body_of(name, Request("hello")))
    assert "think" not in plain
    assert "effort" not in plain


@pytest.mark.parametrize("level", ["off", "low", "medium", "high"])
def test_every_dialect_has_its_own_field(level: str) -> None:
    assert body_of("openai", thinking(level))["reasoning_effort"] == ("none" if level == "off" else level)
    assert body_of("ollama", thinking(level))["think"] == (False if level == "off" else level)
    budget = {"off": 0, "low": 1024, "medium": 8192, "high": 24576}[level]
    shown = {} if level == "off" else {"includeThoughts": True}
    config = body_of("gemini", thinking(level), model=Model("g/gemini-2.5-flash"))["generationConfig"]
    assert config == {"thinkingConfig": {**shown, "thinkingBudget": budget}}
    config = body_of("gemini", thinking(level), model=Model("g/gemini-3-flash"))["generationConfig"]
    assert config == {"thinkingConfig": {**shown, "thinkingLevel": "minimal" if level == "off" else level}}


@pytest.mark.parametrize("server", ["llama.cpp", "vllm"])
def test_the_templates_of_local_servers_have_a_switch(server: str) -> None:
    model = Model("box/tiny", server=server)
    off = body_of("openai", thinking("off"), model=model)
    assert off["chat_template_kwargs"] == {"enable_thinking": False}
    assert "reasoning_effort" not in off
    high = body_of("openai", thinking("high"), model=model)
    assert high["chat_template_kwargs"] == {"enable_thinking": True, "reasoning_effort": "high"}


@pytest.mark.parametrize("most", [None, 1024, 1025, 1500, 4096, 100_000])
@pytest.mark.parametrize("level", ["low", "medium", "high"])
def test_anthropics_budget_stays_below_the_most_tokens(level: str, most: int | None) -> None:
    body = body_of("anthropic", thinking(level, max_tokens=most, temperature=0.3, top_p=0.5))
    if most == 1024:
        assert "thinking" not in body
        assert body["temperature"] == 0.3
        return
    assert body["thinking"]["type"] == "enabled"
    assert 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"]
    assert most is None or body["max_tokens"] == most
    assert not {"temperature", "top_p"} & set(body)


def test_anthropics_model_does_not_think_behind_the_beginning_of_an_answer() -> None:
    assert "thinking" not in body_of("anthropic", CUT.replace(thinking="high"))
    assert body_of("anthropic", thinking("off"))["thinking"] == {"type": "disabled"}


async def test_a_newer_model_of_anthropics_weighs_it_itself(transport: Transport) -> None:
    said = '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive".'
    _, body, _ = await asked(transport, "anthropic", said, thinking("medium", temperature=0.3))
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": "medium"}
    assert "temperature" not in body


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai", "Unrecognized request argument supplied: reasoning_effort"),
        ("openai", "reasoning_effort is not supported with this model"),
        ("anthropic", "claude-3-haiku does not support thinking."),
        ("anthropic", "thinking: Extra inputs are not permitted"),
        ("gemini", "Thinking is not enabled for models/gemini-1.5-flash"),
        ("ollama", '"tiny" does not support thinking'),
    ],
)
async def test_a_server_that_refuses_the_field_is_asked_without_it(transport: Transport, name: str, said: str) -> None:
    _, body, _ = await asked(transport, name, said, thinking("high"))
    told = json.dumps(body)
    assert "think" not in told
    assert "effort" not in told


@pytest.mark.parametrize(
    ("level", "said", "asked_for"),
    [
        ("off", "Unsupported value: 'reasoning_effort' does not support 'none' with this model. "
         "Supported values are: 'minimal', 'low', 'medium', and 'high'.", "minimal"),
        ("off", "`reasoning_effort` must be one of `low`, `medium`, or `high`", None),
        ("medium", "Input should be 'low' or 'high' (reasoning_effort)", "high"),
    ],
)  # fmt: skip
async def test_of_the_words_that_a_server_takes_the_nearest_is_sent(
    transport: Transport, level: str, said: str, asked_for: str | None
) -> None:
    _, body, _ = await asked(transport, "openai", said, thinking(level))
    assert body.get("reasoning_effort") == asked_for


async def test_an_ollama_model_without_levels_is_asked_with_yes(transport: Transport) -> None:
    _, body, _ = await asked(
        transport, "ollama", 'think value "high" is not supported for this model', thinking("high")
    )
    assert body["think"] is True


async def test_a_gemini_model_that_cannot_but_think_is_left_to_it(transport: Transport) -> None:
    said = "Budget 0 is invalid. This model only works in thinking mode."
    _, body, _ = await asked(transport, "gemini", said, thinking("off"))
    assert "generationConfig" not in body
    assert body_of("gemini", thinking("low"), "thinking:off")["generationConfig"]["thinkingConfig"]


# -- the beginning of an answer ----------------------------------------------------------------------------------------


def test_vllm_is_told_to_go_on() -> None:
    body = body_of("openai", CUT, model=Model("vllm/tiny", server="vllm"))
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
    assert body["messages"][-1] == {"role": "assistant", "content": "one, two"}
    fresh = body_of("openai", Request("hello"), model=Model("vllm/tiny", server="vllm"))
    assert "continue_final_message" not in fresh


def test_llama_cpp_does_not_think_before_it_goes_on() -> None:
    model = Model("box/tiny", server="llama.cpp")
    body = body_of("openai", CUT.replace(thinking="high"), model=model)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert "chat_template_kwargs" not in body_of("openai", Request("hello"), model=model)


@pytest.mark.parametrize(
    ("name", "status", "said", "changed"),
    [
        ("openai", 400, "Assistant response prefill is incompatible with enable_thinking.", "enable_thinking"),
        ("openai", 400, "Expected last role User or Tool (or Assistant with prefix True) but got assistant", "prefix"),
        ("openai", 400, "Last message must have role `user`", GO_ON),
        ("gemini", 400, "Please ensure that multiturn requests end with a user role", GO_ON),
        ("anthropic", 400, "This model does not support assistant message prefill. "
         "The conversation must end with a user message.", GO_ON),
    ],
)  # fmt: skip
async def test_a_server_that_takes_no_beginning_is_asked_otherwise(
    transport: Transport, name: str, status: int, said: str, changed: str
) -> None:
    first, body, _ = await asked(transport, name, said, CUT, status)
    assert changed not in json.dumps(first)
    assert changed in json.dumps(body)
    assert "one, two" in json.dumps(body)
