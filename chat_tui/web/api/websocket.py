"""`/ws`: several requests at once on one WebSocket, each with its `requestId`.

A client that goes away, or stops reading, acts on all its requests: they are cancelled, or held.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from time import monotonic
from typing import cast

import msgspec
from msgspec import UNSET, UnsetType
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from chat_tui.core.conversation import new_id
from chat_tui.core.errors import ChatTuiError
from chat_tui.engine.answers.answer import Answer
from chat_tui.web.api.event_stream import HOLD_BYTES
from chat_tui.web.api.events import ErrorEvent, Event, EventEncoder, encoded
from chat_tui.web.api.schemas import PromptBody, RequestId, aside, decoded
from chat_tui.web.api.stream import begun
from chat_tui.web.errors import ApiError, refused, response
from chat_tui.web.middleware.access import TOKEN_SEEN, same_token
from chat_tui.web.middleware.limits import too_large
from chat_tui.web.state import AppState, client_of, door_of

PATH = "/ws"
AUTH_SECONDS = 10.0
"""So long a client that could set no header has for its token."""
AUTH_CHARACTERS = 4096
"""The longest first message of a client that has not shown the token."""
NO_TOKEN = 4401
"""The code with which the socket is closed then."""


class AuthMessage(msgspec.Struct, frozen=True, tag_field="type", tag="auth"):
    """The token, from a client that could set no header."""

    token: str


class GenerateMessage(PromptBody, frozen=True, tag_field="type", tag="generate", rename="camel"):
    """A question."""

    request_id: RequestId | None = None
    """What its answers will carry; None: one is made."""


class CancelMessage(msgspec.Struct, frozen=True, tag_field="type", tag="cancel", rename="camel"):
    """End an answer and keep its part."""

    request_id: RequestId


class PauseMessage(msgspec.Struct, frozen=True, tag_field="type", tag="pause", rename="camel"):
    """Hold an answer."""

    request_id: RequestId


class ResumeMessage(msgspec.Struct, frozen=True, tag_field="type", tag="resume", rename="camel"):
    """Go on after a pause."""

    request_id: RequestId


class ConnectedMessage(msgspec.Struct, frozen=True, tag_field="type", tag="connected"):
    """The token was seen."""

    message: str = "WebSocket connection established"


class _OfRequest(msgspec.Struct, rename="camel"):
    request_id: RequestId | UnsetType = UNSET


Heard = AuthMessage | GenerateMessage | CancelMessage | PauseMessage | ResumeMessage


def routes() -> list[BaseRoute]:
    """The one socket."""
    return [WebSocketRoute(PATH, talk)]


async def talk(websocket: WebSocket) -> None:
    """All that is said on one WebSocket."""
    door, let_in = door_of(websocket), TOKEN_SEEN in websocket.scope
    with door.welcoming(client_of(websocket), let_in=let_in) as welcome:
        if not welcome:
            words = "Too many of your WebSockets have not sent their token."
            await websocket.send_denial_response(response(websocket.url.path, ApiError(429, words)))
            return
        await websocket.accept()
        line = WebSocketSession(door, websocket)
        if not let_in and not await line.hears_the_token():
            return
    await line.run()


class _Asked:
    """One request: its answer, as soon as that has begun."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.cancelled = self.paused = False

    def begin(self, answer: Answer) -> None:
        self.answer = answer
        if self.paused:
            answer.pause()

    async def cancel(self) -> None:
        self.cancelled = True
        if self.answer is not None:
            await self.answer.cancel()

    def pause(self, paused: bool) -> None:
        self.paused = paused
        if self.answer is not None:
            (self.answer.pause if paused else self.answer.resume)()


class WebSocketSession:
    """One client's WebSocket."""

    def __init__(self, door: AppState, websocket: WebSocket) -> None:
        self._door, self._socket = door, websocket
        self._client = client_of(websocket)
        self._requests: dict[RequestId, _Asked] = {}
        self._answering = asyncio.TaskGroup()
        self._gone = False

    async def run(self) -> None:
        """Listen until the client goes; then cancel what runs for it."""
        await self._send(ConnectedMessage())
        async with self._answering:
            try:
                async for text in self._texts():
                    await self._take(text)
            finally:
                self._gone = True
                if self._requests:
                    self._door.metrics.gone()
                await asyncio.gather(*(asked.cancel() for asked in self._requests.values()))

    async def hears_the_token(self) -> bool:
        """Wait for it; False: it was wrong, or did not come, and the socket is closed."""
        try:
            async with asyncio.timeout(AUTH_SECONDS):
                async for text in self._texts():
                    heard = decoded(text if len(text) <= AUTH_CHARACTERS else "", AuthMessage)
                    if same_token(heard.token, self._door.token):
                        return True
                    break
                words = "The token is wrong."
        except TimeoutError:
            words = f"No token arrived within {AUTH_SECONDS:g} seconds."
        except ApiError:
            words = 'The first message must be {"type":"auth","token":…}.'
        await self._send(ErrorEvent(words))
        if not self._gone:
            await self._socket.close(NO_TOKEN, "A token is needed.")
        return False

    async def _texts(self) -> AsyncIterator[str]:
        """The messages, to the client's going; text that comes as bytes is text too."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                self._gone = True
                return
            yield message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")

    async def _send(self, event: Event | ConnectedMessage) -> None:
        if self._gone:
            return
        try:
            await self._socket.send_text(encoded(event).decode())
        except (WebSocketDisconnect, OSError, RuntimeError):
            # What is said behind a close that is under way is an error of ours to some servers.
            self._gone = True

    # -- what it says ---------------------------------------------------------------------------------------------

    async def _take(self, text: str) -> None:
        try:
            most = self._door.config.web.max_body_bytes
            if len(text) > most:
                raise too_large(most)
            await self._obey(await aside(text, lambda text: decoded(text, cast("type[Heard]", Heard))))
        except ApiError as refusal:
            await self._send(ErrorEvent(refusal.words, request_id=_id_in(text)))

    async def _obey(self, heard: Heard) -> None:
        if isinstance(heard, GenerateMessage):
            self._door.count(self._client)
            request_id = new_id() if heard.request_id is None else heard.request_id
            if request_id in self._requests:
                raise ApiError(409, "A request with this id is already running.")
            self._requests[request_id] = asked = _Asked()
            self._answering.create_task(self._answer(request_id, asked, heard))
        elif isinstance(heard, AuthMessage):
            if not same_token(heard.token, self._door.token):
                raise ApiError(401, "The token is wrong.")
        else:
            asked = self._requests.get(heard.request_id) or _none()
            if isinstance(heard, CancelMessage):
                await asked.cancel()
            else:
                asked.pause(isinstance(heard, PauseMessage))

    # -- what it is told ------------------------------------------------------------------------------------------

    async def _answer(self, request_id: RequestId, asked: _Asked, heard: GenerateMessage) -> None:
        came = monotonic()
        try:
            with self._door.telling():
                asked.begin(await begun(self._door, self._client, heard))
                await self._tell(request_id, asked, heard, came)
        except ApiError as refusal:
            await self._send(ErrorEvent(refusal.words, request_id=request_id))
        except ChatTuiError as error:
            await self._send(ErrorEvent(refused(error).words, error.kind, request_id))
        finally:
            del self._requests[request_id]

    async def _tell(self, request_id: RequestId, asked: _Asked, heard: GenerateMessage, came: float) -> None:
        answer = asked.answer
        assert answer is not None
        if asked.cancelled or self._gone:
            await answer.cancel()
        words = EventEncoder(answer.conversation_id, metadata=bool(heard.include_metadata), request_id=request_id)
        async with aclosing(answer.batches(tokens=1, hold_bytes=HOLD_BYTES)) as batches:
            async for chunks in batches:
                for chunk in chunks:
                    if event := words.told(chunk, (monotonic() - came) * 1000):
                        await self._send(event)


def _none() -> _Asked:
    raise ApiError(404, "No request with this id is running.")


def _id_in(text: str) -> RequestId | UnsetType:
    """The id of a request that could not be understood, as far as that can be."""
    try:
        return msgspec.json.decode(text, type=_OfRequest).request_id
    except (msgspec.DecodeError, ValueError, RecursionError):
        return UNSET
