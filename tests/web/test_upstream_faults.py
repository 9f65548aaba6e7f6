"""What clients are told where a model's server fails, refuses or says nothing: the right status, and no secret."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from chat_tui.config.schema import Config, ErrorHandling
from tests.support.web_site import Site, box, site
from tests.wire.raw_server import Answer, Asked, RawServer, chunked, event, saying, whole

SECRETS = ("sk-proj-Abc0123456789", "Zq7hunter-header")
MESSAGES = [{"role": "user", "content": "Hi"}]


def echoing(status: str, kind: str) -> Answer:
    """Repeats the request's headers in an error's body."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        said = " ".join(f"{name}: {value}" for name, value in sorted(asked.headers.items()))
        body = said if kind == "text/plain" else json.dumps({"error": {"message": said}})
        writer.write(whole(body.encode(), status, kind))

    return answer


def config_for(server: RawServer) -> Config:
    config = box(server.base_url, "tiny", error_handling=ErrorHandling(retry_delay_seconds=0.01))
    (row,) = config.providers
    return replace(config, providers=(replace(row, api_key=SECRETS[0], headers={"X-Mine": SECRETS[1]}),))


async def told(web: Site, **body: Any) -> tuple[int, Any]:
    """Status and body of the OpenAI-compatible API, after everything else was asked and no secret came."""
    texts = [(await web.post("/generate", prompt="Hi")).text]
    texts.append(json.dumps(await web.events(prompt="Hi", includeMetadata=True)))
    for stream in (True, False):
        reply = await web.post("/v1/chat/completions", messages=MESSAGES, model="box/tiny", stream=stream, **body)
        texts.append(reply.text)
    assert not any(secret[at : at + 6] in text for secret in SECRETS for at in (0, 8) for text in texts)
    return reply.status_code, reply.json()


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
@pytest.mark.parametrize(
    ("status", "code", "type"),
    [
        ("400 Bad", 400, "invalid_request_error"),
        ("401 No", 502, "server_error"),
        ("403 No", 502, "server_error"),
        ("402 Pay", 502, "server_error"),
        ("422 Bad", 400, "invalid_request_error"),
        ("429 Slow", 429, "rate_limit_error"),
        ("500 Oh", 503, "server_error"),
    ],
)
async def test_errors_that_repeat_the_requests_headers_show_no_secret(
    status: str, code: int, type: str, kind: str
) -> None:
    async with RawServer(echoing(status, kind)) as server, site(config_for(server)) as web:
        got, body = await told(web)
    assert (got, set(body), body["error"]["type"]) == (code, {"error"}, type)
    assert set(body["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("text", "finish", "code", "state", "reason"),
    [
        ("I would rather not.", "content_filter", 200, "refused", "content_filter"),
        ("", "content_filter", 400, "refused", "content_filter"),
        ("", "stop", 502, "empty", "stop"),
    ],
)
async def test_an_answer_without_text_is_no_success(text: str, finish: str, code: int, state: str, reason: str) -> None:
    async with RawServer(saying(chunked(event(text, finish)))) as server, site(config_for(server)) as web:
        reply = await web.post("/generate", prompt="Hi")
        assert (reply.status_code, reply.json()["metadata"]["state"]) == (code, state)
        assert ("success" in reply.json() and reply.json()["success"]) is (code == 200)
        assert ("error" in reply.json()) is (code != 200)
        assert (await web.events(prompt="Hi"))[-1]["metadata"]["state"] == state
        got, body = await told(web)
    # OpenAI's own words for both.
    assert (got, body["choices"][0]["finish_reason"]) == (200, reason)
