"""Sends a dialect's call and yields what each read of the socket brings.

A key is sent to the provider's own origin only: redirects to other origins are not followed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache, partial
from typing import Any

import httpx
import msgspec

from chat_tui.core import errors
from chat_tui.core.chunks import Chunk, End, Metadata, Token, ToolCallDelta
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import Tool
from chat_tui.providers.dialects import dialect, dialect_for
from chat_tui.providers.dialects.dialect import Call, Dialect, Json, parsed, streams
from chat_tui.providers.dialects.model_probe import ProbeRequest
from chat_tui.providers.dialects.parsing.bare_channels import may_write_bare_channels
from chat_tui.providers.dialects.parsing.tool_refusals import refuses_tools
from chat_tui.providers.dialects.parsing.written.written_calls import may_write_calls
from chat_tui.providers.discovery.model_list import fetch_list
from chat_tui.providers.endpoint import Endpoint, base_url_of, key_of, url_of
from chat_tui.providers.http import response_stream
from chat_tui.providers.http.clients import client_of
from chat_tui.providers.http.echo_filter import EchoFilter, EchoPatterns
from chat_tui.providers.http.encoding import LARGE_BYTES, encode_call
from chat_tui.providers.http.exceptions import BROKEN, STALE, MappedErrors
from chat_tui.providers.http.remedies import Remedy, is_filtered, note_of_known, offers_tools, remedy
from chat_tui.providers.http.status_errors import ErrorContext, http_error, tools_refused

ERROR_BODY_LIMIT = 64 * 1024
ERROR_BODY_SECONDS = 5.0
"""How long to wait for the body of an error; the status alone says enough."""
MODELS_SECONDS = 5.0
"""For a server's list of its models."""
LOOK_UP_SECONDS = 2.0
"""For asking a server about one model."""
MODELS_BODY_LIMIT = 16 * 1024 * 1024
EMBEDDING_SECONDS = 120.0
EMBEDDINGS_BODY_LIMIT = 256 * 1024 * 1024
REDIRECTS_LIMIT = 3
QUIRKS_LIMIT = 10
"""The most changes of one request."""
LOADING_SECONDS, LOADING_LIMIT_SECONDS = 0.25, 3.0
"""The first and the longest pause before a server that loads the model is asked again."""
_LOADING = re.compile(
    r"loading (?:the )?model|model.{0,200}\b(?:is|being)\b.{0,20}\bload(?:ed|ing)|model is (?:warming up|starting)",
    re.IGNORECASE,
)
LARGE_ERROR_BYTES = 2000
"""The size from which an error is analysed in a thread."""
REMEMBERED_LIMIT = 64
"""The most quirks that are remembered for one model."""


class Transport:
    """Keeps one HTTP client for each address."""

    def __init__(self, *, connection_seconds: float | None = 10.0, models_seconds: float = MODELS_SECONDS) -> None:
        self._models_seconds = models_seconds
        self._timeout = httpx.Timeout(None, connect=connection_seconds, write=60.0)
        self._clients: dict[tuple[str, ...], httpx.AsyncClient] = {}
        self._quirks: dict[str, frozenset[str]] = {}
        self._echoes: dict[tuple[str, str], EchoPatterns] = {}
        """By provider and address."""

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

    def _echo_patterns(self, line: Endpoint) -> EchoPatterns:
        """Return the patterns for this endpoint, made anew when its key or its provider has changed."""
        place = (line.provider.name, line.provider.base_url)
        patterns = self._echoes.get(place)
        if patterns is None or patterns.line != line:
            patterns = self._echoes[place] = EchoPatterns(line)
        return patterns

    def _limits(self, provider: Provider) -> httpx.Timeout:
        if provider.connection_seconds is None:
            return self._timeout
        return httpx.Timeout(None, connect=provider.connection_seconds, write=60.0)

    async def list_models(self, provider: Provider, key: str | None = None) -> Json:
        """Return the server's list of models as JSON; `key` None: the environment's. Raises `ProviderError`."""
        spoken = dialect(provider.dialect)
        line = Endpoint(provider, key_of(provider) if key is None else key)
        with MappedErrors(line, ""):
            client = await self._client(line)
            async with asyncio.timeout(self._models_seconds):
                return await fetch_list(lambda url: _json(client, url, spoken, line), provider, spoken.model_list)

    async def probe(self, provider: Provider, key: str, question: ProbeRequest) -> Json:
        """Return what the server says about a model, as JSON. Raises `ProviderError`."""
        spoken = dialect(provider.dialect)
        line, base = Endpoint(provider, key), base_url_of(provider)
        url = (base.removesuffix(spoken.root) if question.at_root else base) + question.path
        with MappedErrors(line, ""):
            client = await self._client(line)
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return await _json(client, url, spoken, line, question.body)

    async def embed(self, line: Endpoint, model: str, body: Mapping[str, Any]) -> Json:
        """Return embeddings as the server sends them, as JSON. Raises `ProviderError`."""
        spoken = dialect(line.provider.dialect)
        if not spoken.embeddings_path:
            raise errors.Rejected(f"{line.provider.name} has no embeddings.", "Choose another model.", model=model)
        with MappedErrors(line, model):
            client = await self._client(line)
            async with asyncio.timeout(EMBEDDING_SECONDS):
                url, sent = url_of(line.provider, spoken.embeddings_path), json.dumps(body).encode()
                return await _json(client, url, spoken, line, sent, limit=EMBEDDINGS_BODY_LIMIT)

    async def stream(self, line: Endpoint, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        """Yield the reply in bursts, one for each read. The last chunk is an `End`. Raises `ProviderError`."""
        with MappedErrors(line, model.name):
            client = await self._client(line)
        state = _RequestState(line, model, request, self._quirks.get(model.name, frozenset()))
        if notes := await state.encode():
            yield notes
        while True:
            wire = _Wire(self._limits(line.provider), state)
            if not streams(request, state.call.quirks):
                # It shows no sign of work before the whole reply is there.
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
                            # Remember what has helped.
                            self._remember(model, state.fresh)
                            state.fresh = []
                            if state.loading:
                                state.loading = 0
                                yield [Metadata("waiting", model=model.name)]
                            yield (Metadata("waiting", model=model.name, attempt=1),)
                            echoes = EchoFilter(self._echo_patterns(line))
                            async with _reading(reply, state) as bursts:
                                try:
                                    async for burst in bursts:
                                        wire.note(burst)
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


@lru_cache(64)
def _url(address: str) -> httpx.URL:
    """Return the address, taken apart once."""
    return httpx.URL(address)


def _note(line: Endpoint, model: Model, text: str, attempt: int = 0) -> Metadata:
    """Return a note of how a request was changed; `attempt` is the number of changes found just now."""
    return Metadata("note", model=model.name, reason=f"{line.provider.name}: {text}.", attempt=attempt)


async def _json(
    client: httpx.AsyncClient,
    url: str,
    spoken: Dialect,
    line: Endpoint,
    body: bytes = b"",
    limit: int = MODELS_BODY_LIMIT,
) -> Json:
    headers = {**_headers(spoken, line), **({"Content-Type": "application/json"} if body else {})}
    outgoing = client.build_request("POST" if body else "GET", url, content=body or None, headers=headers)
    reply = await client.send(outgoing, stream=True)
    try:
        if not reply.is_success:
            raise _error_of(reply, await _error_body(reply), spoken, line)
        told = await _read_limited(reply, limit, [])
    finally:
        await reply.aclose()
    try:
        # A long list is read in a thread: the screen goes on meanwhile.
        return parsed(told) if len(told) < 100_000 else await asyncio.to_thread(parsed, told)
    except ValueError:
        raise errors.Garbled(f"{line.provider.name} sent no list of models.", "Check `base_url`.") from None


class _Again(msgspec.Struct, frozen=True):
    """No text has come: the call is sent again, with this change."""

    remedy: Remedy | None = None
    """What the server does not accept."""
    error: errors.ProviderError | None = None
    """The error if the request cannot be changed so."""
    url: str = ""
    """Where it is sent, on the same origin."""
    stale: bool = False
    """The connection was closed while it was idle."""
    loading: bool = False
    """The server is loading the model and accepts nothing before that."""


class _RequestState:
    """A request with its changes: it may be sent several times, changed each time."""

    def __init__(self, line: Endpoint, model: Model, request: Request, known: frozenset[str]) -> None:
        self.line, self.model, self.request, self.known = line, model, request, known
        self.spoken = dialect_for(line.provider, model, request)
        self.fresh: list[Remedy] = []
        """The changes so far; whether they help is not known yet."""
        self.url = ""
        """Where it is sent, on the same origin; empty: to the dialect's path."""
        self.redirects = self.stale = self.loading = 0
        """How often it was sent again for each reason."""
        self.expected = response_stream.Expectations(
            request.begins_thinking,
            may_write_bare_channels(model.id),
            (*(tool.name for tool in request.tools), *(tool.name for tool in request.hosted_tools if tool.name)),
            request.sampling.logprobs,
            request.output.name if request.output else "",
            tools_in_text(request, model, self.spoken),
        )

    async def encode(self) -> Sequence[Chunk]:
        """Encode the call; returns notes of what is left out because the model does not accept it."""
        made = await encode_call(self.spoken, self.request, self.model, self.known)
        self.call = made.call
        notes = [note_of_known(quirk, self.request, made.left_out) for quirk in sorted(self.known)]
        return [_note(self.line, self.model, note) for note in notes if note]

    def build_request(self, client: httpx.AsyncClient, wire: _Wire) -> httpx.Request:
        """Return the call as an HTTP request."""
        return client.build_request(
            "POST",
            _url(self.url or url_of(self.line.provider, self.call.path)),
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


def tools_in_text(request: Request, model: Model, spoken: Dialect) -> Mapping[str, frozenset[str]]:
    """Return the tools whose calls the model may write as text, each with those of its parameters that are text."""
    may_call = request.tools and request.tool_choice.mode != "none" and spoken.name in ("openai", "ollama")
    if not may_call or not may_write_calls(model.id):
        return {}
    return {tool.name: _text_parameters(tool) for tool in request.tools}


def _text_parameters(tool: Tool) -> frozenset[str]:
    properties = tool.parameters.get("properties")
    rows = properties.items() if isinstance(properties, dict) else ()
    return frozenset(name for name, row in rows if isinstance(row, dict) and row.get("type") == "string")


class _Wire:
    """What httpx reports about the connection of one sending."""

    def __init__(self, timeout: httpx.Timeout, state: _RequestState) -> None:
        self.sent = asyncio.Event()
        """Set when the request has been sent."""
        self.answered = False
        """Whether the reply's head has arrived."""
        self.spoke = False
        """Whether text or a tool call has arrived."""
        self.may_redirect = state.redirects < REDIRECTS_LIMIT
        self.may_change = len(state.fresh) < QUIRKS_LIMIT
        self._fresh = state.stale > 0
        self.extensions = {"timeout": timeout.as_dict(), "trace": self._trace}

    @property
    def stale(self) -> bool:
        """Whether an error may come from a connection that was idle too long."""
        return not self._fresh and not self.answered

    def note(self, burst: Sequence[Chunk]) -> None:
        """Note whether something has arrived that cannot be taken back."""
        self.spoke = self.spoke or any(isinstance(chunk, Token | ToolCallDelta) for chunk in burst)

    async def _trace(self, name: str, info: Mapping[str, Any]) -> None:
        if name.endswith("send_request_body.complete"):
            self.sent.set()
        elif name.startswith("connection."):
            self._fresh = True


@asynccontextmanager
async def _reading(reply: httpx.Response, state: _RequestState) -> AsyncIterator[AsyncGenerator[Sequence[Chunk], None]]:
    """Provide the bursts of a reply, and close everything at the end."""
    pieces: Any = reply.aiter_bytes()
    kind = reply.headers.get("content-type", "")
    async with (
        aclosing(pieces),
        aclosing(response_stream.bursts(pieces, kind, state.spoken, BROKEN, state.expected)) as bursts,
    ):
        yield bursts


def _judge_stream(error: Exception, state: _RequestState, wire: _Wire) -> _Again | Sequence[Chunk] | None:
    """Return what to do about an error inside a reply; None: raise it. Raises `ToolsRefused`."""
    if not isinstance(error, errors.Rejected | errors.Overloaded):
        return None
    said = json.dumps({"error": {"message": error.title}}).encode()
    if isinstance(error, errors.Rejected) and is_filtered(400, said):
        return _refusal(error)
    if state.request.tools and refuses_tools(error.title):
        raise tools_refused(error.title, provider=error.provider, model=error.model) from error
    if wire.spoke or not wire.may_change:
        return None
    status = 400 if isinstance(error, errors.Rejected) else 500
    found = remedy(status, said, _sent_json(state.call), state.spoken, state.call.quirks)
    return _Again(remedy=found, error=error) if found else None


def _refusal(error: errors.ProviderError) -> Sequence[Chunk]:
    """Return the ending for a question that a filter has stopped, with the provider's explanation."""
    told = Metadata("note", model=error.model, reason=error.title, attempt=1)
    return told, End(finish_reason="content_filter", state="refused")


async def _judge_response(reply: httpx.Response, state: _RequestState, wire: _Wire) -> _Again | Sequence[Chunk]:
    """Return what to do or yield after an unsuccessful reply. Raises `ProviderError` if there is nothing."""
    body = await _error_body(reply)
    target = _redirect(reply) if wire.may_redirect else ""
    if target:
        return _Again(url=target)
    judge = partial(_judge_body, reply, body, state, wire)
    # A question with images, or a whole page in place of an error, takes milliseconds, which the loop has not got.
    large = len(state.call.body) > LARGE_BYTES or len(body) > LARGE_ERROR_BYTES
    return await asyncio.to_thread(judge) if large else judge()


def _judge_body(reply: httpx.Response, body: bytes, state: _RequestState, wire: _Wire) -> _Again | Sequence[Chunk]:
    """Return what to do about an error. Pure: the reply's head and body are read."""
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
    """Return the body of a call as JSON; None if the dialect sends something else."""
    try:
        return parsed(call.body)
    except ValueError:
        return None


def _redirect(reply: httpx.Response) -> str:
    """Return the target of a redirect on the same origin; empty if the reply is none."""
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
        fetch_hint=spoken.fetch_hint.replace("{model}", shorten(model.id, 100)) if model else "",
        images=call is not None and call.images,
        tools=call is not None and offers_tools(_sent_json(call)),
    )
    return http_error(reply.status_code, reply.headers, body, asked, line.redactor())


def _headers(spoken: Dialect, line: Endpoint) -> Mapping[str, str]:
    if line.provider.is_bearer and line.api_key:
        return {**spoken.headers(""), "Authorization": f"Bearer {line.api_key}", **line.provider.headers}
    return {**spoken.headers(line.api_key), **line.provider.headers}


@asynccontextmanager
async def _until_sent(sending: asyncio.Task[httpx.Response], sent: asyncio.Event) -> AsyncIterator[None]:
    """Wait until the request is sent, which is before the reply's head arrives; the reply is closed at the end."""
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
    """Return the body's first bytes; `parts` collects them, in case of an interruption."""
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
    """Return what arrived of an error's body; a failure here does not hide the status."""
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(ERROR_BODY_SECONDS):
            return await _read_limited(reply, ERROR_BODY_LIMIT, parts)
    except BROKEN:
        return b"".join(parts)[:ERROR_BODY_LIMIT]
