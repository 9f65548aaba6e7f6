"""Documents of requests in the formats of OpenAI and Anthropic: the model gets their text."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.core.attachments.test_pdf import pdf
from tests.doubles.model_server import ModelServer
from tests.support.web_site import box, site

HI = {"max_tokens": 100, "model": "auto"}


def base64_of(content: bytes) -> str:
    return b64encode(content).decode()


def bodies(data: str) -> list[tuple[str, dict[str, Any]]]:
    """A request with a document to each API."""
    url = f"data:application/pdf;base64,{data}"
    source = {"type": "base64", "media_type": "application/pdf", "data": data}
    document = {"type": "document", "title": "plan.pdf", "source": source}
    question = {"role": "user", "content": "Hi"}
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "b", "input": {}}]}
    result = {"type": "tool_result", "tool_use_id": "a", "content": [document]}
    return [
        ("/v1/messages", {"messages": [{"role": "user", "content": [document]}]}),
        (
            "/v1/messages",
            {"messages": [question, call, {"role": "user", "content": [result]}]},
        ),
        ("/v1/chat/completions", {"messages": [user({"type": "file", "file": {"file_data": url}})]}),
        ("/v1/responses", {"input": [user({"type": "input_file", "filename": "plan.pdf", "file_data": url})]}),
    ]


def user(part: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": [part]}


async def test_the_text_of_a_pdf_reaches_the_model(server: ModelServer) -> None:
    async with site(box(server.base_url, "t5")) as web:
        for path, body in bodies(base64_of(pdf("Hello on paper."))):
            reply = await web.post(path, **HI, **body)
            assert reply.status_code == 200, reply.text
    for exchange in server.exchanges:
        assert "Hello on paper." in exchange.body["messages"][-1]["content"]


async def test_documents_are_counted_and_stored_as_text(server: ModelServer) -> None:
    data = base64_of(b"Hello on paper. " * 200)
    async with site(box(server.base_url, "t5")) as web:
        counted = await web.post("/v1/messages/count_tokens", model="auto", **bodies(data)[0][1])
        first = (await web.post("/v1/responses", input="Hi", store=True)).json()
        again = await web.post("/v1/responses", **bodies(data)[3][1], store=True, previous_response_id=first["id"])
        listed = await web.client.get(f"/v1/responses/{again.json()['id']}/input_items?limit=1")
    assert counted.json()["input_tokens"] > 400
    assert "Hello on paper." in listed.json()["data"][0]["content"][0]["text"]


async def test_texts_are_documents_too(server: ModelServer) -> None:
    blocks = {"type": "content", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]}
    plain = f"data:text/plain;charset=utf-8;base64,{base64_of('Grüße.'.encode())}"
    async with site(box(server.base_url, "t5")) as web:
        await web.post("/v1/messages", **HI, messages=[user({"type": "document", "source": blocks})])
        await web.post("/v1/chat/completions", messages=[user({"type": "file", "file": {"file_data": plain}})])
    said = [exchange.body["messages"][-1]["content"] for exchange in server.exchanges]
    assert "One.\n\nTwo." in said[0]
    assert "Grüße." in said[1]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (base64_of(b"%PDF-1.7 nothing"), "the PDF is damaged"),
        (base64_of(pdf("")), "contains no text"),
        (base64_of(b"\0\1\2"), "neither an image, a PDF nor UTF-8 text"),
        ("***", "not valid base64"),
        ("", "is empty"),
    ],
)
async def test_a_document_that_cannot_be_read_is_refused(server: ModelServer, data: str, why: str) -> None:
    async with site(box(server.base_url, "t5")) as web:
        # Each PDF is read by a child process.
        for path, body in bodies(data)[: 1 if data.startswith("JVBERi0") else 4]:
            reply = await web.post(path, **HI, **body)
            assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")
            assert why in reply.json()["error"]["message"]
    assert not server.exchanges


async def test_files_that_are_not_sent_along_are_refused(server: ModelServer) -> None:
    far = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    async with site(box(server.base_url, "t5")) as web:
        for path, body in (
            ("/v1/messages", {"messages": [user(far)]}),
            ("/v1/chat/completions", {"messages": [user({"type": "file", "file": {"file_id": "x"}})]}),
            ("/v1/responses", {"input": [user({"type": "input_file", "file_url": "https://example.com/a.pdf"})]}),
        ):
            reply = await web.post(path, **HI, **body)
            assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")
