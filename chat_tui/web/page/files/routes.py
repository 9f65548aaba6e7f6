"""Uploads of files that are sent with a question, estimates of what it costs, and the files of stored turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.attachments.attachment import FILES_LIMIT, PDF_LIMIT
from chat_tui.core.errors import AttachmentRefused
from chat_tui.web.api.choice.setting_choice import SettingChanges, beginning_with
from chat_tui.web.api.choice.tool_choice import settings_of_new
from chat_tui.web.api.conversations import check_shown, encode_record
from chat_tui.web.api.schemas import AttachmentIds, GenerationOptions, Name, parse_query, read_body
from chat_tui.web.api.stream import request_settings
from chat_tui.web.errors import ApiError, error_text
from chat_tui.web.middleware.limits import DRAIN_SECONDS, DRAIN_TIMES, UPLOAD_PATH
from chat_tui.web.page.files.file_replies import file_reply
from chat_tui.web.presence.uploads import uploaded_file
from chat_tui.web.state import client_of, state_of

UPLOAD_SECONDS = 600.0
"""Time limit for receiving a file."""


class UploadQuery(msgspec.Struct, frozen=True):
    """Parameters of the URL."""

    name: Annotated[str, Meta(min_length=1, max_length=1000)]
    """Name of the file; folders in it are dropped."""
    private: bool = False
    """Keep it in memory, for a private conversation."""


class EstimateBody(GenerationOptions, frozen=True, kw_only=True, rename="camel"):
    """A question that is about to be asked."""

    prompt: str = ""
    conversation: Name | None = None
    """Id of the conversation; unset: a new one."""
    settings: SettingChanges | None = None
    """Settings of a new conversation."""
    attachments: AttachmentIds = []
    edited: Name | None = None
    """Id of the question of which this is a new version; its files are counted, too."""


class EstimatedQuestion(msgspec.Struct, frozen=True, rename="camel"):
    """What a question would send, to whom, and what the answer may cost."""

    tokens: int
    """Estimated tokens of the request, with the part of the conversation that is sent."""
    price: float | None
    """Estimated price in US dollars; null if unknown."""
    model: str
    """Model that would be asked; empty if there is none."""
    refuses_images: bool
    """Whether a question with images would be refused."""
    gone: list[str] = []
    """Ids of attachments that are not kept any more."""


class StoredFilePath(msgspec.Struct, frozen=True):
    """Parts of the path of a stored file."""

    id: str
    turn: str
    number: Annotated[int, Meta(ge=0, lt=FILES_LIMIT * 100)]


def routes() -> list[BaseRoute]:
    """Return the routes of files."""
    return [
        Route(UPLOAD_PATH, upload, methods=["POST"]),
        Route(f"{UPLOAD_PATH}/{{id}}", show_upload, methods=["GET"]),
        Route(f"{UPLOAD_PATH}/{{id}}", remove_upload, methods=["DELETE"]),
        Route("/api/estimate", estimate_question, methods=["POST"]),
        Route("/api/conversations/{id}/turns/{turn}/files/{number}", show_stored_file, methods=["GET"]),
    ]


async def upload(request: Request) -> Response:
    """Receive a file as it is, and keep it until it is sent with a question, for some minutes at most."""
    state, asked = state_of(request), parse_query(request, UploadQuery)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError(415, "Compressed bodies are not supported.", headers={"Accept-Encoding": "identity"})
    told = request.headers.get("content-length", "0")
    size = int(told[:20]) if told.isdecimal() else 0
    body = request.stream()
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            receiving = state.uploads.receive(client_of(request), asked.name, size, body, is_private=asked.private)
            file = await receiving
    except AttachmentRefused as error:
        await _discard(body)
        raise ApiError(400, error_text(error), code=error.kind) from error
    except TimeoutError as error:
        words = f"The file did not arrive within {UPLOAD_SECONDS / 60:g} minutes."
        raise ApiError(408, words, headers={"Connection": "close"}) from error
    except OSError as error:
        raise ApiError(503, f"The file cannot be kept on the server: {error.strerror}.") from error
    return Response(encode_record(uploaded_file(file)), 201, media_type="application/json")


async def _discard(body: AsyncGenerator[bytes, None]) -> None:
    """Read the rest of a body, up to a limit: most clients read the reply only after they have sent everything."""
    received = 0
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(DRAIN_SECONDS), aclosing(body):
            async for part in body:
                received += len(part)
                if received > DRAIN_TIMES * PDF_LIMIT:
                    return


async def show_upload(request: Request) -> Response:
    """Return a file that waits to be sent."""
    [file] = await state_of(request).uploads.load([str(request.path_params["id"])])
    if file is None:
        raise ApiError(404, "This file is not kept any more.")
    return file_reply(file)


async def remove_upload(request: Request) -> Response:
    """Remove a file that is not to be sent."""
    await state_of(request).uploads.remove([str(request.path_params["id"])])
    return Response(status_code=204)


async def estimate_question(request: Request) -> Response:
    """Estimate what a question with its files would send, and what the answer may cost. Nothing is stored or sent."""
    state, asked = state_of(request), await read_body(request, EstimateBody)
    engine = await state.engine_with_models()
    if asked.conversation is not None:
        check_shown(engine, request, asked.conversation)
    found = await state.uploads.beginnings(asked.attachments)
    gone = [id for id, file in zip(asked.attachments, found, strict=True) if file is None]
    context = await engine.estimates.estimate(
        asked.conversation or await beginning_with(asked.settings, settings_of_new(engine, asked), None),
        asked.prompt,
        request_settings(engine, asked).replace(uses_memory=True),
        attachments=[file for file in found if file is not None],
        edited=asked.edited or "",
    )
    reply = EstimatedQuestion(context.tokens, context.price, context.model, context.refuses_images, gone)
    return Response(encode_record(reply), media_type="application/json")


async def show_stored_file(request: Request) -> Response:
    """Return a file of a stored turn, by its position from 0."""
    engine = await state_of(request).engine()
    try:
        asked = msgspec.convert(request.path_params, StoredFilePath, strict=False)
    except msgspec.ValidationError:
        raise _no_file() from None
    check_shown(engine, request, asked.id)
    file = await engine.conversations.attachment(asked.id, asked.turn, asked.number)
    if file is None:
        raise _no_file()
    return file_reply(file)


def _no_file() -> ApiError:
    return ApiError(404, "File not found: its conversation may have been deleted.")
