"""Anthropic's Messages: what is sent, what its streams mean, what its errors are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat_tui.core import errors
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import End, Token, Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.providers.dialects import anthropic
from chat_tui.providers.discovery.model_list import models_of
from chat_tui.providers.http.status_errors import ErrorContext, http_error
from chat_tui.providers.http.transport import QUIRKS_LIMIT, Transport
from tests.wire.asking import HELLO, ask, text_of
from tests.wire.dialects import base_of, data, good
from tests.wire.raw_server import RawServer, chunked, saying, whole
from tests.wire.recordings import check, recordings


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


@pytest.mark.parametrize("name", recordings("anthropic"))
def test_a_recording_means_the_same_chunks_wherever_it_is_cut(name: str) -> None:
    check("anthropic", name)


# -- what is sent ------------------------------------------------------------------------------------------------------


def body_of(request: Request, *quirks: str) -> Any:
    return json.loads(anthropic.encode(request, Model("anthropic/claude"), frozenset(quirks)).body)


def test_a_plain_question_goes_out_with_a_limit_since_the_api_wants_one() -> None:
    assert body_of(HELLO) == {
        "model": "claude",
        "max_tokens": anthropic.MAX_TOKENS,
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
    }


def test_the_system_turn_stands_beside_the_others() -> None:
    turns = (Turn("system", "Be brief."), Turn("user", "a"), Turn("assistant", "b"))
    body = body_of(Request(prompt="c", turns=turns, prompt_cache=False))
    assert body["system"] == "Be brief."
    assert [(turn["role"], turn["content"]) for turn in body["messages"]] == [
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]


MARK = {"cache_control": {"type": "ephemeral"}}


def test_the_system_prompt_and_the_last_two_questions_are_marked_for_the_cache() -> None:
    turns = [Turn("system", "Be brief.")]
    for number in range(3):
        turns += [Turn("user", f"q{number}"), Turn("assistant", f"a{number}")]
    body = body_of(Request(prompt="q3", turns=tuple(turns)))
    assert body["system"] == [{"type": "text", "text": "Be brief.", **MARK}]
    marked = [turn["content"][0]["text"] for turn in body["messages"] if isinstance(turn["content"], list)]
    assert marked == ["q2", "q3"]
    assert all(turn["content"][-1]["cache_control"] for turn in body["messages"] if isinstance(turn["content"], list))


def test_a_first_question_is_not_marked_for_nobody_would_read_it_from_the_cache() -> None:
    body = body_of(Request(prompt="a", turns=(Turn("system", "Be brief."),)))
    assert body["messages"] == [{"role": "user", "content": "a"}]


def test_of_a_question_with_images_the_last_part_is_marked() -> None:
    image = Attachment("a.png", "image/png", b"png")
    turns = (Turn("user", "look", attachments=(image,)), Turn("assistant", "A cat."))
    first, _, last = body_of(Request(prompt="sure?", turns=turns))["messages"]
    assert "cache_control" not in first["content"][0]
    assert first["content"][1] == {"type": "text", "text": "look", **MARK}
    assert last["content"] == [{"type": "text", "text": "sure?", **MARK}]


@pytest.mark.parametrize(
    "refusal",
    ["system.0.cache_control: Extra inputs are not permitted", "system: Input should be a valid string"],
)
def test_a_server_that_knows_no_cache_is_asked_without_it(refusal: str) -> None:
    assert anthropic.quirk(400, refusal) == "prompt_cache"
    body = body_of(Request(prompt="a", turns=(Turn("system", "Be brief."),)), "prompt_cache")
    assert body["system"] == "Be brief."


def test_every_setting_has_its_place_and_those_it_has_not_are_left_out() -> None:
    body = body_of(Request("a", max_tokens=9, temperature=1.5, top_p=0.5, stop=("\n\n", "END", ""), seed=3))
    assert {name: body[name] for name in body if name not in {"model", "messages", "stream"}} == {
        "max_tokens": 9,
        "temperature": 1.0,
        "top_p": 0.5,
        "stop_sequences": ["END"],
    }
    assert "stop_sequences" not in body_of(Request("a", stop=(" ",)))


def test_an_answer_to_be_continued_goes_out_without_blanks_at_its_end() -> None:
    body = body_of(Request(turns=(Turn("user", "a"), Turn("assistant", "Once \n"))))
    assert body["messages"][-1] == {"role": "assistant", "content": "Once"}


async def test_the_version_goes_with_the_question_and_with_the_list(transport: Transport) -> None:
    async with RawServer(saying(good("anthropic"), whole(b'{"data":[]}'))) as server:
        await ask(transport, base_of(server, "anthropic"), dialect="anthropic")
        await transport.list_models(Provider("box", "anthropic", base_of(server, "anthropic")))
    assert [asked.headers["anthropic-version"] for asked in server.asked] == ["2023-06-01"] * 2


# -- what a model will not take ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("`temperature` and `top_p` cannot both be specified for this model. Please use only one.", {"top_p"}),
        ("`temperature` is deprecated for this model.", {"temperature"}),
        ("`top_p` is not supported for this model.", {"top_p"}),
    ],
)
async def test_a_setting_that_is_refused_is_left_out_then_and_later(
    transport: Transport, text: str, left_out: set[str]
) -> None:
    no = whole(refusal(text), "400 No")
    request = Request("a", temperature=0.5, top_p=0.5)
    async with RawServer(saying(no, good("anthropic"))) as server:
        for _ in range(2):
            chunks, error = await ask(transport, base_of(server, "anthropic"), request, "anthropic")
            assert (error, text_of(chunks)) == (None, "Hello")
    kept = [{"temperature", "top_p"} - asked.json.keys() for asked in server.asked]
    assert kept == [set(), left_out, left_out]


async def test_a_limit_above_the_models_own_is_brought_down_to_it(transport: Transport) -> None:
    text = "max_tokens: 9000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-haiku"
    async with RawServer(saying(whole(refusal(text), "400 No"), good("anthropic"))) as server:
        chunks, _ = await ask(
            transport, base_of(server, "anthropic"), Request("a", max_tokens=9000), dialect="anthropic"
        )
    assert text_of(chunks) == "Hello"
    assert [asked.json["max_tokens"] for asked in server.asked] == [9000, 8192]


async def test_a_server_that_finds_ever_new_faults_is_left_alone(transport: Transport) -> None:
    replies = [whole(refusal(f"max_tokens: 9 > {cap}"), "400 No") for cap in range(100, 50, -1)]
    async with RawServer(saying(*replies)) as server:
        _, error = await ask(transport, base_of(server, "anthropic"), dialect="anthropic")
    assert isinstance(error, errors.Rejected)
    assert len(server.asked) == QUIRKS_LIMIT + 1


# -- what it says ------------------------------------------------------------------------------------------------------


def refusal(text: str, kind: str = "invalid_request_error") -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_1"}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, refusal("messages: roles must alternate"), "Rejected"),
        (400, refusal("Your credit balance is too low to access the Anthropic API."), "QuotaUsedUp"),
        (400, refusal("prompt is too long: 208310 tokens > 200000 maximum"), "ContextTooLong"),
        (413, refusal("Request exceeds the maximum size", "request_too_large"), "ContextTooLong"),
        (401, refusal("invalid x-api-key", "authentication_error"), "KeyRefused"),
        (402, refusal("pay", "billing_error"), "QuotaUsedUp"),
        (403, refusal("no permission", "permission_error"), "KeyRefused"),
        (404, refusal("model: claude-9", "not_found_error"), "Rejected"),
        (429, refusal("rate", "rate_limit_error"), "RateLimited"),
        (500, refusal("Internal server error", "api_error"), "Overloaded"),
        (504, refusal("timeout", "timeout_error"), "Overloaded"),
        (529, refusal("Overloaded", "overloaded_error"), "Overloaded"),
    ],
)
async def test_each_status_and_the_same_error_in_a_stream_have_one_name(
    transport: Transport, status: int, body: bytes, kind: str
) -> None:
    stream = chunked(data(json.loads(body)))
    async with RawServer(saying(whole(body, f"{status} No"), stream)) as server:
        for _ in range(2):
            chunks, error = await ask(transport, base_of(server, "anthropic"), dialect="anthropic")
            assert (chunks, error and error.kind) == ([], kind)
            assert error is not None
            assert error.hint


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("prompt is too long: 208310 tokens > 200000 maximum", (208310, 200000)),
        ("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease it", (188240, 200000)),
        ("prompt is too long", (0, 0)),
    ],
)
def test_the_sizes_are_read_where_a_prompt_is_too_long(text: str, sizes: tuple[int, int]) -> None:
    error = http_error(400, {}, refusal(text), ErrorContext("p", "m"))
    assert isinstance(error, errors.ContextTooLong)
    assert (error.prompt_tokens, error.window) == sizes


async def test_figures_thinking_and_the_ending_come_over_the_wire(transport: Transport) -> None:
    stream = chunked(
        data({"type": "message_start", "message": {"usage": {"input_tokens": 4, "cache_read_input_tokens": 2}}}),
        data({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "hm"}}),
        data({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "yes"}}),
        data({"type": "message_delta", "delta": {"stop_reason": "refusal"}, "usage": {"output_tokens": 5}}),
        data({"type": "message_stop"}),
    )
    async with RawServer(saying(stream)) as server:
        chunks, error = await ask(transport, base_of(server, "anthropic"), dialect="anthropic")
    assert error is None
    assert [chunk for chunk in chunks if isinstance(chunk, Token)] == [Token("hm", "thinking"), Token("yes")]
    end = chunks[-1]
    assert isinstance(end, End)
    assert (end.state, end.finish_reason) == ("refused", "refusal")
    assert end.usage == Usage(6, 5, 11, cached_tokens=2)


# -- its list of models ------------------------------------------------------------------------------------------------


async def test_the_list_of_models_is_read_page_by_page(transport: Transport) -> None:
    pages = [
        {"data": [{"type": "model", "id": "a", "max_input_tokens": 200000}], "has_more": True, "last_id": "a/&"},
        {"data": [{"id": "b", "max_input_tokens": None}, {"id": 7}, None], "has_more": False, "last_id": "b"},
    ]
    async with RawServer(saying(*(whole(json.dumps(page).encode()) for page in pages))) as server:
        provider = Provider("box", "anthropic", base_of(server, "anthropic"))
        list_models = models_of(provider, await transport.list_models(provider))
    assert [(model.name, model.context_window) for model in list_models] == [("box/a", 200000), ("box/b", None)]
    assert [asked.line.split()[1] for asked in server.asked] == [
        "/v1/models?limit=1000",
        "/v1/models?limit=1000&after_id=a%2F%26",
    ]


async def test_a_list_without_an_end_is_left(transport: Transport) -> None:
    same = whole(json.dumps({"data": [{"id": "a"}], "has_more": True, "last_id": "a"}).encode())
    async with RawServer(saying(same)) as server:
        provider = Provider("box", "anthropic", base_of(server, "anthropic"))
        await transport.list_models(provider)
    assert len(server.asked) == 2
