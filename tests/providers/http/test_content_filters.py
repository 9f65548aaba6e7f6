"""A question that a provider's filter has stopped is refused, which is an ending and no error."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chat_tui.core.chunks import End, Metadata
from chat_tui.providers.http.remedies import is_filtered
from chat_tui.providers.http.transport import Transport
from tests.wire.asking import KEY, ask
from tests.wire.home import Home
from tests.wire.raw_server import RawServer, chunked, event, saying, whole

AZURE: dict[str, Any] = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation"},
    }
}


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("status", "body", "filtered"),
    [
        (400, AZURE, True),
        (400, {"error": {"message": "No.", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, True),
        (400, {"error": {"message": "Your request was rejected as a result of our safety system."}}, True),
        (400, {"error": {"message": "Invalid prompt: your prompt was flagged as violating our usage policy."}}, True),
        (400, {"error": {"message": "Content Exists Risk", "code": "invalid_request_error"}}, True),
        (400, {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."}, True),
        (422, {"detail": "Output blocked by content filtering policy"}, True),
        (400, {"error": {"message": "Unknown parameter: 'moderation'"}}, False),
        (400, {"error": {"message": "temperature must be at most 1"}}, False),
        (400, {"error": {"message": "messages: content is required"}}, False),
        (401, AZURE, False),
        (429, AZURE, False),
    ],
)
def test_a_filter_is_known_by_what_it_says(status: int, body: Any, filtered: bool) -> None:
    assert is_filtered(status, json.dumps(body).encode()) is filtered


async def test_a_filters_400_is_a_refusal_with_its_words(transport: Transport) -> None:
    async with RawServer(saying(whole(json.dumps(AZURE).encode(), "400 No"))) as server:
        chunks, error = await ask(transport, server.base_url)
    assert error is None
    note, end = chunks
    assert isinstance(note, Metadata)
    assert "content management policy" in note.reason
    assert isinstance(end, End)
    assert (end.state, end.finish_reason) == ("refused", "content_filter")
    assert len(server.asked) == 1


async def test_a_filter_that_speaks_inside_a_stream_keeps_what_came(transport: Transport) -> None:
    body = {"error": {**AZURE["error"], "code": 400}}
    stream = chunked(event("Once"), b"data: " + json.dumps(body).encode() + b"\n\n")
    async with RawServer(saying(stream)) as server:
        chunks, error = await ask(transport, server.base_url)
    assert error is None
    assert isinstance(chunks[-1], End)
    assert chunks[-1].state == "refused"


async def test_a_refused_question_is_told_and_no_other_model_is_asked(tmp_path: Path) -> None:
    home = Home(tmp_path)
    async with RawServer(saying(whole(json.dumps(AZURE).encode(), "400 No"))) as server:
        home.serve(server.base_url, "tiny", "other", more='fallbacks = ["box/other"]\n')
        ran = await home.run("ask", "--json", "hello")
    assert (ran.chunks[-1]["state"], len(server.asked)) == ("refused", 1)
    assert "content management policy" in ran.told()
    assert not [chunk for chunk in ran.chunks if chunk["type"] == "error"]


async def test_a_key_that_a_refusal_repeats_is_never_told(transport: Transport) -> None:
    said = f"key {KEY}: the prompt was flagged by our content management policy"
    body = {"error": {"message": said, "code": 400}}
    stream = chunked(b"data: " + json.dumps(body).encode() + b"\n\n")
    for reply in (stream, whole(json.dumps(body).encode(), "400 No")):
        async with RawServer(saying(reply)) as server:
            chunks, error = await ask(transport, server.base_url)
        assert error is None
        assert "hunter2" not in str(chunks)
        assert "content management policy" in str(chunks)


async def test_a_key_in_a_refusal_that_no_dialect_can_mend_is_never_told(transport: Transport) -> None:
    body = {"error": {"message": f"max_tokens: 9 > 5 for key {KEY}", "code": 400}}
    stream = chunked(b"data: " + json.dumps(body).encode() + b"\n\n")
    async with RawServer(saying(stream)) as server:
        _, error = await ask(transport, server.base_url)
    assert error is not None
    assert "hunter2" not in str(error)
