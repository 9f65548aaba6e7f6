"""`/ws`: several concurrent requests on one WebSocket, each with its `requestId`.

If the client disconnects, all of its requests are cancelled; if it stops reading, they all wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from time import monotonic
from typing import Annotated, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from chat_tui.core.conversation import new_id
from chat_tui.core.errors import ChatTuiError
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.tool_round import Decision
from chat_tui.engine.tools.decision_relay import apply_decision
from chat_tui.engine.tools.steps import cancel_steps, current_of
from chat_tui.web.api.event_stream import batches_of
from chat_tui.web.api.events import ErrorEvent, Event, EventEncoder, encode_event
from chat_tui.web.api.schemas import PromptBody, RequestId, decode, parse
from chat_tui.web.api.stream import start_answer
from chat_tui.web.api.tools import DecisionFields, decision_of, late_decision
from chat_tui.web.errors import ApiError, error_response, to_api_error
from chat_tui.web.middleware.access import TOKEN_SEEN
from chat_tui.web.middleware.connections import admit
from chat_tui.web.middleware.limits import too_large_error
from chat_tui.web.state import AppState, client_of, state_of

PATH = "/ws"
AUTH_SECONDS = 10.0
"""Time for a client that cannot set headers to send its token."""
AUTH_CHARACTERS = 4096
"""Maximum length of the first message without token."""
NO_TOKEN = 4401
"""Code with which the socket is closed without a token."""


class AuthMessage(msgspec.Struct, frozen=True, tag_field="type", tag="auth"):
    """The token of a client that cannot set headers."""

    token: str


class GenerateMessage(PromptBody, frozen=True, tag_field="type", tag="generate", rename="camel"):
    """A question."""

    request_id: RequestId | None = None
    """Id that the events of its answer have; None: a random one."""


class CancelMessage(msgspec.Struct, frozen=True, tag_field="type", tag="cancel", rename="camel"):
    """Cancel an answer; what arrived is kept."""

    request_id: RequestId


class PauseMessage(msgspec.Struct, frozen=True, tag_field="type", tag="pause", rename="camel"):
    """Pause an answer."""

    request_id: RequestId


class ResumeMessage(msgspec.Struct, frozen=True, tag_field="type", tag="resume", rename="camel"):
    """Resume an answer."""

    request_id: RequestId


class DecideMessage(DecisionFields, frozen=True, kw_only=True, tag_field="type", tag="decide", rename="camel"):
    """A person's decision about a tool call that `tool_ask` has told of."""

    request_id: RequestId
    call: Annotated[str, Meta(max_length=1000)]
    """Id of the call."""


class ConnectedMessage(msgspec.Struct, frozen=True, tag_field="type", tag="connected"):
    """The token was accepted."""

    message: str = "WebSocket connection established"


class _OfRequest(msgspec.Struct, rename="camel"):
    request_id: RequestId | UnsetType = UNSET
    call: str | UnsetType = UNSET


ClientMessage = AuthMessage | GenerateMessage | CancelMessage | PauseMessage | ResumeMessage | DecideMessage


def routes() -> list[BaseRoute]:
    """Return the route of the WebSocket."""
    return [WebSocketRoute(PATH, serve_websocket)]


async def serve_websocket(websocket: WebSocket) -> None:
    """Serve one WebSocket."""
    state, authenticated = state_of(websocket), TOKEN_SEEN in websocket.scope
    with state.pending_auth(client_of(websocket), authenticated=authenticated) as welcome:
        if not welcome:
            words = "Too many of your WebSockets have not sent their token."
            await websocket.send_denial_response(error_response(websocket.url.path, ApiError(429, words)))
            return
        await websocket.accept()
        line = WebSocketSession(state, websocket)
        if not authenticated and not await line.authenticate():
            return
    await line.run()


class _PendingRequest:
    """One request, and its answer as soon as that has started."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.cancelled = self.paused = False

    def begin(self, answer: Answer) -> None:
        self.answer = answer
        self.hold()

    def hold(self) -> None:
        """Pause the model if the client wants that, also one that has begun behind tool calls."""
        if self.paused and self.answer is not None and not (current := current_of(self.answer)).paused:
            current.pause()

    async def cancel(self) -> None:
        self.cancelled = True
        if self.answer is not None:
            await cancel_steps(self.answer)

    def decide(self, call_id: str, decision: Decision) -> None:
        """Decide about a call. Raises `ApiError` if it does not wait for that."""
        round = current_of(self.answer).round if self.answer is not None else None
        if round is None or not apply_decision([round], call_id, decision):
            raise late_decision()

    def pause(self, paused: bool) -> None:
        self.paused = paused
        self.hold()
        if self.answer is not None and not paused:
            current_of(self.answer).resume()


class WebSocketSession:
    """The WebSocket of one client."""

    def __init__(self, state: AppState, websocket: WebSocket) -> None:
        self._state, self._socket = state, websocket
        self._client = client_of(websocket)
        self._requests: dict[RequestId, _PendingRequest] = {}
        self._answering = asyncio.TaskGroup()
        self._gone = False

    async def run(self) -> None:
        """Handle messages until the client disconnects; then cancel its answers."""
        await self._send(ConnectedMessage())
        async with self._answering:
            try:
                async for text in self._texts():
                    await self._take(text)
            finally:
                self._gone = True
                if self._requests:
                    self._state.metrics.count_disconnect()
                await asyncio.gather(*(asked.cancel() for asked in self._requests.values()))

    async def authenticate(self) -> bool:
        """Wait for the token; returns False, and closes the socket, if it is wrong or does not arrive."""
        try:
            async with asyncio.timeout(AUTH_SECONDS):
                async for text in self._texts():
                    heard = decode(text if len(text) <= AUTH_CHARACTERS else "", AuthMessage)
                    if await self._state.token_check.is_right(self._client, heard.token):
                        admit(self._socket.scope)
                        return True
                    break
                words = "The token is wrong."
        except TimeoutError:
            words = f"No token arrived within {AUTH_SECONDS:g} seconds."
        except ApiError as refusal:
            is_slowed_down = refusal.status == 429
            words = refusal.words if is_slowed_down else 'The first message must be {"type":"auth","token":…}.'
        await self._send(ErrorEvent(words))
        if not self._gone:
            await self._socket.close(NO_TOKEN, "A token is needed.")
        return False

    async def _texts(self) -> AsyncIterator[str]:
        """Yield messages until the client disconnects; bytes are decoded as text."""
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
            await self._socket.send_text(encode_event(event).decode())
        except (WebSocketDisconnect, OSError, RuntimeError):
            # What is said behind a close that is under way is an error of ours to some servers.
            self._gone = True

    # -- what it says ---------------------------------------------------------------------------------------------

    async def _take(self, text: str) -> None:
        try:
            most = self._state.config.web.max_body_bytes
            if len(text) > most:
                raise too_large_error(most)
            await self._handle(await parse(text, lambda text: decode(text, cast("type[ClientMessage]", ClientMessage))))
        except ApiError as refusal:
            named = _request_named_in(text)
            await self._send(ErrorEvent(refusal.words, request_id=named.request_id, call=named.call))

    async def _handle(self, heard: ClientMessage) -> None:
        if isinstance(heard, GenerateMessage):
            self._state.count(self._client)
            request_id = new_id() if heard.request_id is None else heard.request_id
            if request_id in self._requests:
                raise ApiError(409, "A request with this id is already running.")
            self._requests[request_id] = asked = _PendingRequest()
            self._answering.create_task(self._answer(request_id, asked, heard))
        elif isinstance(heard, AuthMessage):
            if not await self._state.token_check.is_right(self._client, heard.token):
                raise ApiError(401, "The token is wrong.")
        else:
            asked = self._requests.get(heard.request_id) or _unknown_request()
            if isinstance(heard, CancelMessage):
                await asked.cancel()
            elif isinstance(heard, DecideMessage):
                asked.decide(heard.call, decision_of(heard))
            else:
                asked.pause(isinstance(heard, PauseMessage))

    # -- what it is told ------------------------------------------------------------------------------------------

    async def _answer(self, request_id: RequestId, asked: _PendingRequest, heard: GenerateMessage) -> None:
        came = monotonic()
        try:
            with self._state.serving_reader():
                asked.begin(await start_answer(self._state, self._client, heard))
                await self._tell(request_id, asked, heard, came)
        except ApiError as refusal:
            await self._send(ErrorEvent(refusal.words, request_id=request_id))
        except ChatTuiError as error:
            await self._send(ErrorEvent(to_api_error(error).words, error.kind, request_id))
        finally:
            del self._requests[request_id]

    async def _tell(self, request_id: RequestId, asked: _PendingRequest, heard: GenerateMessage, came: float) -> None:
        answer = asked.answer
        assert answer is not None
        if asked.cancelled or self._gone:
            await cancel_steps(answer)
        words = EventEncoder(answer.conversation_id, metadata=bool(heard.include_metadata), request_id=request_id)
        async with aclosing(batches_of(answer)) as batches:
            async for chunks in batches:
                asked.hold()
                for chunk in chunks:
                    if event := words.event_of(chunk, (monotonic() - came) * 1000):
                        await self._send(event)


def _unknown_request() -> _PendingRequest:
    raise ApiError(404, "No request with this id is running.")


def _request_named_in(text: str) -> _OfRequest:
    """Return the ids of an invalid message, if they can be read."""
    try:
        return msgspec.json.decode(text, type=_OfRequest)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _OfRequest()
