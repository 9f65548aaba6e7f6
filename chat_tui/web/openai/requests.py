"""Parses requests to the OpenAI-compatible API. Pure functions; slow for bodies of megabytes."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence

import msgspec

from chat_tui.core.attachments import attachment as attachments
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.request import Request, Thinking
from chat_tui.core.text.control_characters import clean
from chat_tui.web.api.schemas import decode
from chat_tui.web.errors import ApiError
from chat_tui.web.openai.schemas import ChatRequest, ImagePart, Message, OpenAiToolCall, RefusalPart

IMAGES = 100
"""Maximum number of images in one request."""
_THINKING: Mapping[str, Thinking] = {
    "none": "off",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}
_DATA = re.compile(r"data:(image/[a-z0-9.+-]{1,40});base64,", re.IGNORECASE)


class ChatQuestion(msgspec.Struct, frozen=True):
    """A parsed request."""

    model: str
    """The requested model, strategy or `auto`."""
    text: str
    attachments: tuple[Attachment, ...]
    earlier: tuple[Turn, ...]
    system_prompt: str
    """Empty if the request has none; the config's is not used instead."""
    settings: Request
    """All settings except model and strategy."""
    stream: bool
    include_usage: bool
    store: bool


def parse_request(raw: bytes) -> ChatQuestion:
    """Parse the body of a request. Raises `ApiError`."""
    body = decode(raw, ChatRequest)
    _check_supported(body)
    talk, system = _split_messages(body.messages)
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    return ChatQuestion(
        body.model,
        talk[-1].text,
        talk[-1].attachments,
        tuple(talk[:-1]),
        system,
        Request(
            max_tokens=body.max_completion_tokens or body.max_tokens,
            temperature=body.temperature,
            top_p=body.top_p,
            stop=tuple(filter(None, stop)),
            seed=body.seed,
            thinking=_THINKING[body.reasoning_effort] if body.reasoning_effort else None,
        ),
        stream=bool(body.stream),
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        store=bool(body.store),
    )


def _check_supported(body: ChatRequest) -> None:
    """Raise `ApiError` for options that would change the answer but are not supported."""
    wrong: dict[str, object] = {
        "n": (body.n or 1) > 1,
        "tools": body.tools,
        "functions": body.functions,
        "response_format": body.response_format and body.response_format.type != "text",
        "logprobs": body.logprobs,
        "modalities": set(body.modalities or ()) - {"text"},
    }
    for param, found in wrong.items():
        if found:
            only = "1" if param == "n" else "text" if param in {"response_format", "modalities"} else "none"
            message = f"`{param}` is not supported: only {only} is possible."
            raise ApiError(400, message, param=param, code="unsupported_parameter")


def _split_messages(messages: Sequence[Message]) -> tuple[list[Turn], str]:
    """Return the turns, the last of which is the question, and the system prompt. Raises `ApiError`."""
    turns: list[Turn] = []
    system: list[str] = []
    images = 0
    for number, message in enumerate(messages):
        text, files = _content(message, f"messages[{number}].content")
        images += len(files)
        if images > IMAGES:
            raise ApiError(400, f"There are more than {IMAGES} images.", param=f"messages[{number}].content")
        if message.role in {"system", "developer"}:
            system.append(text)
        elif message.role == "assistant":
            calls = "\n".join(map(_format_call, message.tool_calls or ()))
            turns.append(Turn("assistant", "\n\n".join(filter(None, (text, calls)))))
        elif message.role == "user":
            turns.append(Turn("user", text, attachments=files))
        else:
            turns.append(Turn("user", f"[Tool result:]\n{text}", attachments=files))
    if not turns or turns[-1].role != "user":
        raise ApiError(400, "The last message must have the role user or tool.", param="messages")
    return turns, "\n\n".join(filter(None, system))


def _format_call(call: OpenAiToolCall) -> str:
    return clean(f"[Called the tool {call.function.name}: {call.function.arguments}]")


def _content(message: Message, place: str) -> tuple[str, tuple[Attachment, ...]]:
    if isinstance(message.content, str) or message.content is None:
        return clean(message.content or ""), ()
    texts: list[str] = []
    images: list[Attachment] = []
    for number, part in enumerate(message.content):
        if isinstance(part, ImagePart):
            images.append(_image(part.image_url.url, len(images) + 1, f"{place}[{number}].image_url"))
        else:
            texts.append(part.refusal if isinstance(part, RefusalPart) else part.text)
    return clean("\n".join(texts)), tuple(images)


def _image(url: str, number: int, place: str) -> Attachment:
    head = _DATA.match(url)
    if head is None:
        raise ApiError(
            400, "An image must come as a `data:image/…;base64,` URL: web addresses are not fetched.", param=place
        )
    try:
        content = b64decode(url[head.end() :], validate=True)
        if not attachments.media_type_of(content[:16]):
            raise ApiError(400, "This is not a PNG, JPEG, GIF or WebP image.", param=place, code="invalid_image")
        return attachments.of_bytes(f"image {number}.{head[1].rpartition('/')[2].lower()}", content)
    except ValueError:
        raise ApiError(400, "The image is not valid base64.", param=place, code="invalid_image") from None
    except AttachmentRefused as error:
        raise ApiError(400, str(error), param=place, code="invalid_image") from None
