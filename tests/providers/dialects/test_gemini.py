"""Google's Gemini: what is sent, what its streams mean, what its errors are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat_tui.core import errors
from chat_tui.core.chunks import End, Token, Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.providers.dialects import gemini
from chat_tui.providers.discovery.model_list import models_of
from chat_tui.providers.http.status_errors import ErrorContext, http_error
from chat_tui.providers.http.transport import Transport
from tests.wire.asking import HELLO, ask, text_of
from tests.wire.dialects import base_of, data, good
from tests.wire.raw_server import RawServer, chunked, saying, whole
from tests.wire.recordings import check, recordings


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


@pytest.mark.parametrize("name", recordings("gemini"))
def test_a_recording_means_the_same_chunks_wherever_it_is_cut(name: str) -> None:
    check("gemini", name)


# -- what is sent ------------------------------------------------------------------------------------------------------


def body_of(request: Request, *quirks: str) -> Any:
    return json.loads(gemini.encode(request, Model("gemini/gemini-pro"), frozenset(quirks)).body)


def test_a_plain_question_is_its_contents_alone() -> None:
    assert body_of(HELLO) == {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


def test_the_assistant_is_called_model_and_the_system_turn_stands_beside() -> None:
    turns = (Turn("system", "Be brief."), Turn("user", "a"), Turn("assistant", "b"))
    body = body_of(Request(prompt="c", turns=turns))
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert [(turn["role"], turn["parts"][0]["text"]) for turn in body["contents"]] == [
        ("user", "a"),
        ("model", "b"),
        ("user", "c"),
    ]


def test_every_setting_has_its_place() -> None:
    body = body_of(Request("a", max_tokens=9, temperature=0.0, top_p=0.5, stop=("x", "y"), seed=3))
    assert body["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 0.0,
        "topP": 0.5,
        "stopSequences": ["x", "y"],
        "seed": 3,
    }


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-pro", "/models/gemini-pro"),
        ("models/gemini-pro", "/models/gemini-pro"),
        ("tunedModels/mine", "/tunedModels/mine"),
        ("a?key=b#c d:e", "/models/a%3Fkey%3Db%23c%20d%3Ae"),
    ],
)
async def test_the_model_stands_in_the_path_and_leads_nowhere_else(transport: Transport, model: str, path: str) -> None:
    async with RawServer(saying(good("gemini"))) as server:
        chunks, _ = await ask(transport, base_of(server, "gemini"), HELLO, "gemini", Model(f"box/{model}"))
    assert text_of(chunks) == "Hello"
    assert server.asked[0].line == f"POST /v1beta{path}:streamGenerateContent?alt=sse HTTP/1.1"


async def test_a_model_without_system_instructions_gets_them_with_the_question(transport: Transport) -> None:
    no = whole(refusal(400, "Developer instruction is not enabled for models/gemma-3-27b-it"), "400 No")
    request = Request("hello", turns=(Turn("system", "Be brief."),))
    async with RawServer(saying(no, good("gemini"))) as server:
        chunks, error = await ask(transport, base_of(server, "gemini"), request, "gemini")
    assert (error, text_of(chunks)) == (None, "Hello")
    first, second = (asked.json for asked in server.asked)
    assert "systemInstruction" in first
    assert second == {"contents": [{"role": "user", "parts": [{"text": "Be brief."}, {"text": "hello"}]}]}


# -- what it says ------------------------------------------------------------------------------------------------------


def refusal(code: int, text: str, status: str = "INVALID_ARGUMENT", *details: dict[str, Any]) -> bytes:
    error = {"code": code, "message": text, "status": status, "details": list(details)}
    return json.dumps({"error": error}).encode()


WRONG_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
WAIT = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "45.837906927s"}


def quota(name: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name}]}


MINUTE, DAY = quota("GenerateRequestsPerMinutePerProject"), quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")


@pytest.mark.parametrize("in_a_list", [False, True])
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, refusal(400, "Invalid value at 'contents'"), "Rejected"),
        (
            400,
            refusal(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", WRONG_KEY),
            "KeyRefused",
        ),
        (400, refusal(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"), "Rejected"),
        (
            400,
            refusal(400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
            "ContextTooLong",
        ),
        (403, refusal(403, "Method doesn't allow unregistered callers", "PERMISSION_DENIED"), "KeyRefused"),
        (404, refusal(404, "models/x is not found for API version v1beta", "NOT_FOUND"), "Rejected"),
        (429, refusal(429, "Resource has been exhausted", "RESOURCE_EXHAUSTED", MINUTE, WAIT), "RateLimited"),
        (429, refusal(429, "You exceeded your current quota", "RESOURCE_EXHAUSTED", DAY, WAIT), "QuotaUsedUp"),
        (500, refusal(500, "An internal error has occurred", "INTERNAL"), "Overloaded"),
        (503, refusal(503, "The model is overloaded.", "UNAVAILABLE"), "Overloaded"),
    ],
)
async def test_each_status_and_the_same_error_in_a_stream_have_one_name(
    transport: Transport, status: int, body: bytes, kind: str, in_a_list: bool
) -> None:
    body = b"[%b\n]" % body if in_a_list else body
    replies = [whole(body, f"{status} No"), whole(body)]
    if not in_a_list:
        replies.append(chunked(data(json.loads(body))))
    async with RawServer(saying(*replies)) as server:
        for _ in replies:
            chunks, error = await ask(transport, base_of(server, "gemini"), dialect="gemini")
            assert (chunks, error and error.kind) == ([], kind)
            assert error is not None
            assert error.hint
            if isinstance(error, errors.RateLimited):
                assert error.retry_after == pytest.approx(45.84, abs=0.01)
            if isinstance(error, errors.ContextTooLong):
                assert (error.prompt_tokens, error.window) == (1200000, 1048576)


@pytest.mark.parametrize(
    ("delay", "wait"), [("7s", 7.0), ("0.5s", 0.5), ("soon", None), ("-3s", None), (7, None), ("", None), (None, None)]
)
def test_a_wish_to_wait_in_the_body_is_read(delay: object, wait: float | None) -> None:
    body = refusal(429, "slow", "RESOURCE_EXHAUSTED", {"retryDelay": delay})
    error = http_error(429, {}, body, ErrorContext("p", "m"))
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == wait
    error = http_error(429, {"retry-after": "3"}, body, ErrorContext("p", "m"))
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == 3


async def test_figures_thoughts_and_the_ending_come_over_the_wire(transport: Transport) -> None:
    parts = [{"text": "hm", "thought": True}, {"text": "yes"}]
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 1, "thoughtsTokenCount": 2, "totalTokenCount": 7}
    value = {"candidates": [{"content": {"parts": parts}, "finishReason": "SAFETY"}], "usageMetadata": usage}
    async with RawServer(saying(chunked(data(value)), whole(json.dumps([value]).encode()))) as server:
        for _ in range(2):
            chunks, error = await ask(transport, base_of(server, "gemini"), dialect="gemini")
            assert error is None
            assert [chunk for chunk in chunks if isinstance(chunk, Token)] == [Token("hm", "thinking"), Token("yes")]
            end = chunks[-1]
            assert isinstance(end, End)
            assert (end.state, end.finish_reason) == ("refused", "SAFETY")
            assert end.usage == Usage(4, 3, 7, 2)


# -- its list of models ------------------------------------------------------------------------------------------------


async def test_the_list_of_models_is_read_page_by_page_without_those_that_only_embed(transport: Transport) -> None:
    talks = ["generateContent", "countTokens"]
    rows = [
        {"name": "models/gemini-pro", "inputTokenLimit": 1048576, "supportedGenerationMethods": talks},
        {"name": "models/text-embedding", "inputTokenLimit": 2048, "supportedGenerationMethods": ["embedContent"]},
    ]
    pages = [
        {"models": rows, "nextPageToken": "a=b&"},
        {"models": [{"name": "tunedModels/mine"}, {"name": "models/"}, {}]},
    ]
    async with RawServer(saying(*(whole(json.dumps(page).encode()) for page in pages))) as server:
        provider = Provider("box", "gemini", base_of(server, "gemini"))
        list_models = models_of(provider, await transport.list_models(provider))
    assert [(model.name, model.context_window) for model in list_models] == [
        ("box/gemini-pro", 1048576),
        ("box/tunedModels/mine", None),
    ]
    assert [asked.line.split()[1] for asked in server.asked] == [
        "/v1beta/models?pageSize=1000",
        "/v1beta/models?pageSize=1000&pageToken=a%3Db%26",
    ]
