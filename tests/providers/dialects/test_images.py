"""Images and text files on the wire, in each dialect's own shape."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat_tui.core import errors
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.models import DIALECTS, Model
from chat_tui.core.request import Request
from chat_tui.providers.dialects import dialect
from chat_tui.providers.http.transport import Transport
from tests.wire.asking import ask, text_of
from tests.wire.dialects import base_of, good
from tests.wire.raw_server import RawServer, saying, whole

PNG = b"\x89PNG\r\n\x1a\n\0\xff"
DATA = b64encode(PNG).decode()
IMAGE = Attachment("cat.png", "image/png", PNG, size_bytes=len(PNG))
NOTES = Attachment("notes.txt", "text/plain", b"hello\n", size_bytes=6)
SPOKEN = "What is this?\n\nnotes.txt:\n```\nhello\n```"
TINY = Model("box/tiny")
LOOK = Request(turns=(Turn("user", "What is this?", attachments=(IMAGE, NOTES)),))


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


def body_of(name: str, request: Request = LOOK, model: Model = TINY) -> Any:
    return json.loads(dialect(name).encode(request, model, frozenset()).body)


SHAPES: dict[str, Any] = {
    "openai": {
        "role": "user",
        "content": [
            {"type": "text", "text": SPOKEN},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}},
        ],
    },
    "anthropic": {
        "role": "user",
        "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}},
            {"type": "text", "text": SPOKEN},
        ],
    },
    "gemini": {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": DATA}}, {"text": SPOKEN}]},
    "ollama": {"role": "user", "content": SPOKEN, "images": [DATA]},
    "openai-responses": {
        "role": "user",
        "content": [
            {"type": "input_text", "text": SPOKEN},
            {"type": "input_image", "image_url": f"data:image/png;base64,{DATA}"},
        ],
    },
}


def messages_in(body: Any) -> Any:
    return body.get("messages") or body.get("contents") or body["input"]


@pytest.mark.parametrize("name", DIALECTS)
async def test_an_image_goes_out_in_the_dialects_own_shape(transport: Transport, name: str) -> None:
    async with RawServer(saying(good(name))) as server:
        chunks, error = await ask(transport, base_of(server, name), LOOK, name)
    assert (error, text_of(chunks)) == (None, "Hello")
    body = server.asked[0].json
    assert messages_in(body) == [SHAPES[name]]


@pytest.mark.parametrize("name", DIALECTS)
def test_an_image_alone_needs_no_words(name: str) -> None:
    body = body_of(name, Request(turns=(Turn("user", "", attachments=(IMAGE,)),)))
    (message,) = messages_in(body)
    assert DATA in json.dumps(message)
    assert {"type": "text", "text": ""} not in (message.get("content") or [])


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("empty", [False, True])
def test_a_model_that_takes_no_images_is_told_that_there_was_one(name: str, empty: bool) -> None:
    image = Attachment("cat.png", "image/png", size_bytes=9) if empty else IMAGE
    request = Request(turns=(Turn("user", "And?", attachments=(image,)),))
    told = json.dumps(body_of(name, request, Model("box/tiny", images=None if empty else False)))
    assert "And?\\n\\n[The image cat.png is not shown to you.]" in told
    assert DATA not in told


async def test_a_question_about_an_image_is_not_put_to_a_model_that_takes_none(transport: Transport) -> None:
    model, later = Model("box/tiny", images=False), (Turn("assistant", "A cat."), Turn("user", "And its name?"))
    async with RawServer(saying(good("openai"))) as server:
        _, error = await ask(transport, base_of(server, "openai"), LOOK, model=model)
        assert isinstance(error, errors.Rejected)
        assert "Ctrl+O" in error.hint
        assert server.asked == []
        # A question behind it is: the image is only named then.
        chunks, error = await ask(
            transport, base_of(server, "openai"), Request(turns=(*LOOK.turns, *later)), model=model
        )
        assert (error, text_of(chunks)) == (None, "Hello")
        assert "cat.png is not shown" in server.asked[0].body.decode()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "Invalid content type. image_url is only supported by certain models."),
        (404, "No endpoints found that support image input"),
        (500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"),
        (400, "tiny is not a multimodal model"),
        (400, "messages.0.content must be a string"),
    ],
)
async def test_a_server_that_refuses_the_image_names_the_picker(transport: Transport, status: int, said: str) -> None:
    reply = whole(json.dumps({"error": {"message": said}}).encode(), f"{status} No")
    async with RawServer(saying(reply)) as server:
        _, error = await ask(transport, base_of(server, "openai"), LOOK)
        assert isinstance(error, errors.Rejected)
        assert not error.retryable
        assert "Ctrl+O" in error.hint
        assert "image" in error.title
        # The same words without an image in the request mean something else.
        _, plain = await ask(transport, base_of(server, "openai"))
        assert "does not accept images" not in str(plain)
