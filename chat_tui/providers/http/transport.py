"""The wire: sends a dialect's call and yields what each read of the socket brings. The only room that knows httpx.

A key goes to the provider's own origin only: a redirect is
followed there and nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

import httpx
import msgspec

from chat_tui.core import errors
from chat_tui.core.chunks import Chunk, End, Metadata, Token
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.core.text.control_characters import clean_line
from chat_tui.providers.dialects import dialect
from chat_tui.providers.dialects.dialect import Call, Dialect, Json, parsed, streams
from chat_tui.providers.dialects.model_probe import ProbeRequest
from chat_tui.providers.dialects.parsing.bare_channels import may_write_bare_channels
from chat_tui.providers.discovery.model_list import fetch_list
from chat_tui.providers.endpoint import Endpoint as Endpoint
from chat_tui.providers.endpoint import base_url_of, url_of
from chat_tui.providers.endpoint import key_of as key_of
from chat_tui.providers.http import response_stream
from chat_tui.providers.http.clients import client_of
from chat_tui.providers.http.echo_filter import EchoFilter
from chat_tui.providers.http.encoding import LARGE_BYTES, encode_call
from chat_tui.providers.http.exceptions import BROKEN, STALE, MappedErrors
from chat_tui.providers.http.remedies import Remedy, is_filtered, note_of_known, remedy
from chat_tui.providers.http.status_errors import ErrorContext, http_error

ERROR_BODY_LIMIT = 64 * 1024
ERROR_BODY_SECONDS = 5.0
"""How long to wait for the body of an error; the status alone says enough."""
MODELS_SECONDS = 5.0
"""For a server's list of its models."""
LOOK_UP_SECONDS = 2.0
"""For what a server tells of one model."""
MODELS_BODY_LIMIT = 16 * 1024 * 1024
REDIRECTS_LIMIT = 3
QUIRKS_LIMIT = 10
"""Changes of one request; a server that finds fault with more of it is left alone."""
LOADING_SECONDS, LOADING_LIMIT_SECONDS = 0.25, 3.0
"""How long a server that loads the model is left alone at first, and at most."""
_LOADING = re.compile(
    r"loading (?:the )?model|model.{0,200}\b(?:is|being)\b.{0,20}\bload(?:ed|ing)|model is (?:warming up|starting)",
    re.IGNORECASE,
)
LARGE_ERROR_BYTES = 2000
"""An error that is looked at in a thread."""
REMEMBERED_LIMIT = 64
"""Of one model's quirks."""


class Transport:
    """Keeps one HTTP client for each address."""

    def __init__(self, *, connection_seconds: float | None = 10.0, models_seconds: float = MODELS_SECONDS) -> None:
        self._models_seconds = models_seconds
        self._timeout = httpx.Timeout(None, connect=connection_seconds, write=60.0)
        self._clients: dict[tuple[str, ...], httpx.AsyncClient] = {}
        self._quirks: dict[str, frozenset[str]] = {}

    async def close(self) -> None:
        """Close all connections."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    async def _client(self, line: Endpoint) -> httpx.AsyncClient:
        provider = line.provider
        key = (base_url_of(provider), line.socket_path, provider.proxy, str(provider.verify))
        if key not in self._clients:
            made = await client_of(line, self._timeout)
            if key in self._clients:
                await made.aclose()
            else:
                self._clients[key] = made
        return self._clients[key]

    def _limits(self, provider: Provider) -> httpx.Timeout:
        if provider.connection_seconds is None:
            return self._timeout
        return httpx.Timeout(None, connect=provider.connection_seconds, write=60.0)

    async def list_models(self, provider: Provider, key: str | None = None) -> Json:
        """The server's own list of its models, as JSON; without `key` the environment's. Raises `ProviderError`."""
        spoken = dialect(provider.dialect)
        line = Endpoint(provider, key_of(provider) if key is None else key)
        with MappedErrors(line, ""):
            client = await self._client(line)
            async with asyncio.timeout(self._models_seconds):
                return await fetch_list(lambda url: _json(client, url, spoken, line), provider, spoken.model_list)

    async def probe(self, provider: Provider, key: str, question: ProbeRequest) -> Json:
        """What the server tells when it is asked about a model, as JSON. Raises `ProviderError`."""
        spoken = dialect(provider.dialect)
        line, base = Endpoint(provider, key), base_url_of(provider)
        url = (base.removesuffix(spoken.root) if question.at_root else base) + question.path
        with MappedErrors(line, ""):
            client = await self._client(line)
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return await _json(client, url, spoken, line, question.body)

    async def stream(self, line: Endpoint, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        """The reply in bursts: what each read brought. The last chunk is an `End`. Raises `ProviderError`."""
        with MappedErrors(line, model.name):
            client = await self._client(line)
        state = _RequestState(line, model, request, self._quirks.get(model.name, frozenset()))
        if notes := await state.encode():
            yield notes
        while True:
            wire = _Wire(self._limits(line.provider), state)
            if not streams(request, state.call.quirks):
                # It shows nothing of its work before it has said all.
                yield ()
            with MappedErrors(line, model.name):
                try:
                    sending = asyncio.ensure_future(client.send(state.build_request(client, wire), stream=True))
                    async with _until_sent(sending, wire.sent):
                        if not state.loading:
                            yield (Metadata("waiting", model=model.name),)
                        reply = await asyncio.shield(sending)
                        wire.answered = True
                        if reply.is_success:
                            # What has helped is remembered.
                            self._remember(model, state.fresh)
                            state.fresh = []
                            if state.loading:
                                state.loading = 0
                                yield [Metadata("waiting", model=model.name)]
                            yield (Metadata("waiting", model=model.name, attempt=1),)
                            echoes = EchoFilter(line)
                            async with _reading(reply, state) as bursts:
                                try:
                                    async for burst in bursts:
                                        wire.spoke = wire.spoke or any(isinstance(chunk, Token) for chunk in burst)
                                        yield echoes.filter(burst)
                                    return
                                except (errors.ProviderError, *BROKEN) as error:
                                    outcome = _judge_stream(error, state, wire)
                                    if outcome is None:
                                        if rest := echoes.rest():
                                            yield rest
                                        raise
                                    if not isinstance(outcome, _Again):
                                        outcome = echoes.filter(outcome)
                        else:
                            outcome = await _judge_response(reply, state, wire)
                except STALE:
                    if not wire.stale:
                        raise
                    outcome = _Again(stale=True)
            if not isinstance(outcome, _Again):
                yield outcome
                return
            if outcome.loading and not state.loading:
                yield [Metadata("loading", model=model.name)]
            if note := await state.change(outcome):
                yield [note]

    def _remember(self, model: Model, fresh: Sequence[Remedy]) -> None:
        if not fresh:
            return
        known = self._quirks.get(model.name, frozenset())
        lasting = known | {remedy.quirk for remedy in fresh if not remedy.for_once}
        self._quirks[model.name] = lasting if len(lasting) <= REMEMBERED_LIMIT else known


def _note(line: Endpoint, model: Model, text: str, attempt: int = 0) -> Metadata:
    """What was changed about a request, for people; `attempt` counts what has become known just now."""
    return Metadata("note", model=model.name, reason=f"{line.provider.name}: {text}.", attempt=attempt)


async def _json(client: httpx.AsyncClient, url: str, spoken: Dialect, line: Endpoint, body: bytes = b"") -> Json:
    headers = {**_headers(spoken, line), **({"Content-Type": "application/json"} if body else {})}
    outgoing = client.build_request("POST" if body else "GET", url, content=body or None, headers=headers)
    reply = await client.send(outgoing, stream=True)
    try:
        if not reply.is_success:
            raise _error_of(reply, await _error_body(reply), spoken, line)
        told = await _read_limited(reply, MODELS_BODY_LIMIT, [])
    finally:
        await reply.aclose()
    try:
        # A long list is read in a thread: the screen goes on meanwhile.
        return parsed(told) if len(told) < 100_000 else await asyncio.to_thread(parsed, told)
    except ValueError:
        raise errors.Garbled(f"{line.provider.name} sent no list of models.", "Check `base_url`.") from None


class _Again(msgspec.Struct, frozen=True):
    """Nothing of an answer came: the call goes out once more, changed so."""

    remedy: Remedy | None = None
    """What the server will not take."""
    error: errors.ProviderError | None = None
    """What it means where that cannot be changed."""
    url: str = ""
    """Where on the same origin it wants it."""
    stale: bool = False
    """The connection had been closed while it was idle."""
    loading: bool = False
    """The server loads the model, and takes nothing before it is there."""


class _RequestState:
    """A request, and what has been learned about it: it may be sent several times, changed each time."""

    def __init__(self, line: Endpoint, model: Model, request: Request, known: frozenset[str]) -> None:
        self.line, self.model, self.request, self.known = line, model, request, known
        self.spoken = dialect(line.provider.dialect)
        self.fresh: list[Remedy] = []
        """What had to be changed so far; it is not known yet whether it helps."""
        self.url = ""
        """Where on the same origin the server wants it; empty: where the dialect says."""
        self.redirects = self.stale = self.loading = 0
        """How often it was sent again for this reason."""
        self.habits = response_stream.ThinkingHabits(request.begins_thinking, may_write_bare_channels(model.id))

    async def encode(self) -> Sequence[Chunk]:
        """Make the call; returns notes of what is left out because the model is known not to take it."""
        made = await encode_call(self.spoken, self.request, self.model, self.known)
        self.call = made.call
        notes = [note_of_known(quirk, self.request, made.left_out) for quirk in sorted(self.known)]
        return [_note(self.line, self.model, note) for note in notes if note]

    def build_request(self, client: httpx.AsyncClient, wire: _Wire) -> httpx.Request:
        """The call as HTTP."""
        return client.build_request(
            "POST",
            self.url or url_of(self.line.provider, self.call.path),
            content=self.call.body,
            headers={**_headers(self.spoken, self.line), **self.call.headers, "Content-Type": "application/json"},
            extensions=wire.extensions,
        )

    async def change(self, again: _Again) -> Metadata | None:
        """Prepare the next sending; returns a note of what was changed. Raises `ProviderError` if nothing could be."""
        self.stale += again.stale
        if again.loading:
            await asyncio.sleep(min(LOADING_SECONDS * 1.5**self.loading, LOADING_LIMIT_SECONDS))
            self.loading = min(self.loading + 1, 20)
        if again.url:
            self.url, self.redirects = again.url, self.redirects + 1
        if again.remedy is None:
            return None
        self.fresh.append(again.remedy)
        self.known = self.known | {again.remedy.quirk}
        before = self.call
        await self.encode()
        if (before.body, before.path) == (self.call.body, self.call.path) and again.error:
            # The dialect knows no way to do so.
            with MappedErrors(self.line, self.model.name):
                raise again.error
        note = again.remedy.note_for(self.request)
        return _note(self.line, self.model, note, attempt=len(self.fresh)) if note else None


class _Wire:
    """One attempt's connection, as httpx tells of it."""

    def __init__(self, timeout: httpx.Timeout, state: _RequestState) -> None:
        self.sent = asyncio.Event()
        """The request is out."""
        self.answered = False
        """The reply's head has come."""
        self.spoke = False
        """Text has come."""
        self.may_redirect = state.redirects < REDIRECTS_LIMIT
        self.may_change = len(state.fresh) < QUIRKS_LIMIT
        self._fresh = state.stale > 0
        self.extensions = {"timeout": timeout.as_dict(), "trace": self._trace}

    @property
    def stale(self) -> bool:
        """An error before the head may be that of a connection which was idle too long."""
        return not self._fresh and not self.answered

    async def _trace(self, name: str, info: Mapping[str, Any]) -> None:
        if name.endswith("send_request_body.complete"):
            self.sent.set()
        elif name.startswith("connection."):
            self._fresh = True


@asynccontextmanager
async def _reading(reply: httpx.Response, state: _RequestState) -> AsyncIterator[AsyncGenerator[Sequence[Chunk], None]]:
    """The bursts of a reply; all is closed at the end."""
    pieces: Any = reply.aiter_bytes()
    kind = reply.headers.get("content-type", "")
    async with (
        aclosing(pieces),
        aclosing(response_stream.bursts(pieces, kind, state.spoken, BROKEN, state.habits)) as bursts,
    ):
        yield bursts


def _judge_stream(error: Exception, state: _RequestState, wire: _Wire) -> _Again | Sequence[Chunk] | None:
    """What an error inside a reply means for the call; None: it is an error."""
    if not isinstance(error, errors.Rejected | errors.Overloaded):
        return None
    said = json.dumps({"error": {"message": error.title}}).encode()
    if isinstance(error, errors.Rejected) and is_filtered(400, said):
        return _refusal(error)
    if wire.spoke or not wire.may_change:
        return None
    status = 400 if isinstance(error, errors.Rejected) else 500
    found = remedy(status, said, _sent_json(state.call), state.spoken, state.call.quirks)
    return _Again(remedy=found, error=error) if found else None


def _refusal(error: errors.ProviderError) -> Sequence[Chunk]:
    """The ending of a question that a filter has stopped, with the provider's words."""
    told = Metadata("note", model=error.model, reason=error.title, attempt=1)
    return told, End(finish_reason="content_filter", state="refused")


async def _judge_response(reply: httpx.Response, state: _RequestState, wire: _Wire) -> _Again | Sequence[Chunk]:
    """What to do, or to be told, after a reply that is no success. Raises `ProviderError` where there is nothing."""
    body = await _error_body(reply)
    target = _redirect(reply) if wire.may_redirect else ""
    if target:
        return _Again(url=target)
    judge = partial(_judge_body, reply, body, state, wire)
    # A question with images, or a whole page in place of an error, takes milliseconds, which the loop has not got.
    large = len(state.call.body) > LARGE_BYTES or len(body) > LARGE_ERROR_BYTES
    return await asyncio.to_thread(judge) if large else judge()


def _judge_body(reply: httpx.Response, body: bytes, state: _RequestState, wire: _Wire) -> _Again | Sequence[Chunk]:
    """What an error means for the call: pure, the reply's head and body are there."""
    spoken, line, call = state.spoken, state.line, state.call
    error = _error_of(reply, body, spoken, line, state.model, call)
    if reply.status_code == 503 and _LOADING.search(error.title) and len(line.provider.base_urls) < 2:
        return _Again(loading=True)
    if is_filtered(reply.status_code, body):
        return _refusal(error)
    found = remedy(reply.status_code, body, _sent_json(call), spoken, call.quirks) if wire.may_change else None
    if found is None:
        raise error
    return _Again(remedy=found, error=error)


def _sent_json(call: Call) -> Json:
    """The body of a call as JSON; None where a dialect sends something else."""
    try:
        return parsed(call.body)
    except ValueError:
        return None


def _redirect(reply: httpx.Response) -> str:
    """Where on the same origin the request is wanted, empty when that is not what the reply says."""
    if reply.status_code not in {301, 302, 307, 308} or not reply.headers.get("location"):
        return ""
    asked = reply.request.url
    try:
        target = asked.join(reply.headers["location"])
    except (httpx.InvalidURL, ValueError):
        return ""
    same = (target.scheme, target.host, target.port) == (asked.scheme, asked.host, asked.port)
    return str(target) if same else ""


def _error_of(
    reply: httpx.Response,
    body: bytes,
    spoken: Dialect,
    line: Endpoint,
    model: Model | None = None,
    call: Call | None = None,
) -> errors.ProviderError:
    asked = ErrorContext(
        line.provider.name,
        model.name if model else "",
        line.provider.api_key_env,
        fetch_hint=spoken.fetch_hint.replace("{model}", clean_line(model.id, 100)) if model else "",
        images=call is not None and call.images,
    )
    return http_error(reply.status_code, reply.headers, body, asked, line.redactor())


def _headers(spoken: Dialect, line: Endpoint) -> Mapping[str, str]:
    if line.provider.is_bearer and line.api_key:
        return {**spoken.headers(""), "Authorization": f"Bearer {line.api_key}", **line.provider.headers}
    return {**spoken.headers(line.api_key), **line.provider.headers}


@asynccontextmanager
async def _until_sent(sending: asyncio.Task[httpx.Response], sent: asyncio.Event) -> AsyncIterator[None]:
    """Wait until the request is out, which is before the reply's head has come; the reply is closed at the end."""
    sending.add_done_callback(lambda _: sent.set())
    try:
        await sent.wait()
        if sending.done():
            sending.result()
        yield
    finally:
        if not sending.done():
            sending.cancel()
            await asyncio.wait([sending])
        if not sending.cancelled() and sending.exception() is None:
            await sending.result().aclose()


async def _read_limited(reply: httpx.Response, limit: int, parts: list[bytes]) -> bytes:
    """The body's first bytes; `parts` collects them, for who is interrupted."""
    pieces: Any = reply.aiter_bytes()
    size = 0
    async with aclosing(pieces):
        async for part in pieces:
            parts.append(part)
            size += len(part)
            if size >= limit:
                break
    return b"".join(parts)[:limit]


async def _error_body(reply: httpx.Response) -> bytes:
    """What came of an error's body; whatever happens to it, the status stays what it is."""
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(ERROR_BODY_SECONDS):
            return await _read_limited(reply, ERROR_BODY_LIMIT, parts)
    except BROKEN:
        return b"".join(parts)[:ERROR_BODY_LIMIT]
