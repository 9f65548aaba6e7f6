"""The wire: sends a dialect's call and yields what each read of the socket brings. The only file that knows httpx.

httpx's exceptions become ours here and nowhere else. A key goes to the provider's own origin only: redirects are
followed nowhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from chat_tui import errors
from chat_tui.chunks import Chunk, End, Metadata
from chat_tui.models import Model, Provider
from chat_tui.providers.dialects import dialect
from chat_tui.providers.dialects.dialect import Dialect, Json, Reading, parsed
from chat_tui.providers.framing import Decoder, JsonLinesDecoder, SseDecoder
from chat_tui.providers.http_errors import http_error
from chat_tui.request import Request

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of a reply that is no stream."""
ERROR_BODY_LIMIT = 64 * 1024
AFTER_FINISH_SECONDS = 2.0
"""How long to wait for figures after the reply has said why it ended."""


class Line(msgspec.Struct, frozen=True):
    """A provider's address as it is now."""

    provider: Provider
    api_key: str = ""
    socket_path: str = ""
    """A unix socket in place of the host, for the built-in model."""


def base_url_of(provider: Provider) -> str:
    """The address up to the dialect's paths, however the user pasted it."""
    url = provider.base_url.strip().rstrip("/")
    for ending in ("/chat/completions", "/completions", "/models"):
        url = url.removesuffix(ending)
    return f"{url}/v1" if urlsplit(url).path in {"", "/"} else url


def key_of(provider: Provider) -> str:
    """The provider's key from the environment. Raises `KeyMissing`."""
    if not provider.api_key_env:
        return ""
    key = os.environ.get(provider.api_key_env, "").strip()
    if not key:
        raise errors.KeyMissing(
            f"There is no key for {provider.name}.",
            f"Set ${provider.api_key_env}, or choose another model with Ctrl+O.",
            provider=provider.name,
        )
    if not key.isascii() or any(character.isspace() for character in key):
        raise errors.KeyRefused(
            f"The key for {provider.name} holds characters that no key has.",
            f"Check ${provider.api_key_env}.",
            provider=provider.name,
        )
    return key


class Transport:
    """Keeps one HTTP client for each address."""

    def __init__(self, *, connection_seconds: float | None = 10.0) -> None:
        self._timeout = httpx.Timeout(None, connect=connection_seconds, write=60.0)
        self._clients: dict[tuple[str, str], httpx.AsyncClient] = {}
        self._quirks: dict[str, frozenset[str]] = {}

    async def close(self) -> None:
        """Close all connections."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    async def _client(self, line: Line) -> httpx.AsyncClient:
        base = base_url_of(line.provider)
        key = (base, line.socket_path)
        if key not in self._clients:
            if line.socket_path or base.startswith("http://"):
                # No TLS to that origin, and redirects are not followed: no trust store to be loaded.
                verify: Any = False
            else:
                verify = await asyncio.to_thread(_trust)
            # llama.cpp closes a unix socket after each reply without saying so: none of them is kept.
            kept = 0 if line.socket_path else 20
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=kept, keepalive_expiry=30)
            wire = (
                httpx.AsyncHTTPTransport(verify=verify, uds=line.socket_path, limits=limits)
                if line.socket_path
                else None
            )
            self._clients[key] = httpx.AsyncClient(
                transport=wire, verify=verify, limits=limits, timeout=self._timeout, follow_redirects=False
            )
        return self._clients[key]

    async def models(self, provider: Provider) -> Json:
        """The server's own list of its models, as JSON. Raises `ProviderError`."""
        spoken = dialect(provider.dialect)
        line = Line(provider, key_of(provider))
        client = await self._client(line)
        url = base_url_of(provider) + spoken.models_path
        with _mapped(provider.name, ""):
            reply = await client.get(url, headers=_headers(spoken, line.api_key), timeout=5.0)
        if reply.status_code != 200:
            raise http_error(
                reply.status_code,
                reply.headers,
                reply.content,
                provider=provider.name,
                model="",
                key_env=provider.api_key_env,
            )
        try:
            return parsed(reply.content)
        except ValueError:
            raise errors.Garbled(f"{provider.name} gave no list of models.", "Check `base_url`.") from None

    async def stream(self, line: Line, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        """The reply in bursts: what each read brought. The last chunk is an `End`. Raises `ProviderError`."""
        spoken = dialect(line.provider.dialect)
        client = await self._client(line)
        known = self._quirks.get(model.name, frozenset())
        while True:
            quirk = None
            async with aclosing(self._attempt(client, spoken, line, model, request, known)) as bursts:
                async for burst in bursts:
                    if isinstance(burst, str):
                        quirk = burst
                    else:
                        yield burst
            if quirk is None:
                return
            known = known | {quirk}
            self._quirks[model.name] = known

    async def _attempt(
        self,
        client: httpx.AsyncClient,
        spoken: Dialect,
        line: Line,
        model: Model,
        request: Request,
        known: frozenset[str],
    ) -> AsyncGenerator[Sequence[Chunk] | str, None]:
        """One call; a bare string is what the server will not take, and nothing else came."""
        provider = line.provider
        call = spoken.encode(request, model.id, known)
        sent = asyncio.Event()
        outgoing = client.build_request(
            "POST",
            base_url_of(provider) + call.path,
            content=call.body,
            headers={**_headers(spoken, line.api_key), **call.headers, "Content-Type": "application/json"},
            extensions={**httpx_extensions(self._timeout), "trace": _teller(sent)},
        )
        with _mapped(provider.name, model.name):
            async with _sending(client, outgoing, sent) as sending:
                yield (Metadata("waiting", model=model.name),)
                reply = await asyncio.shield(sending)
                if reply.status_code != 200:
                    body = await _bounded(reply, ERROR_BODY_LIMIT)
                    quirk = spoken.quirk(reply.status_code, body.decode("utf-8", "replace"))
                    if quirk and quirk not in known:
                        yield quirk
                        return
                    raise http_error(
                        reply.status_code,
                        reply.headers,
                        body,
                        provider=provider.name,
                        model=model.name,
                        key_env=provider.api_key_env,
                    )
                async with aclosing(_read(reply, spoken)) as bursts:
                    async for burst in bursts:
                        yield burst


def httpx_extensions(timeout: httpx.Timeout) -> dict[str, Any]:
    """The limits of a request that is built by hand."""
    return {"timeout": timeout.as_dict()}


def _headers(spoken: Dialect, key: str) -> Mapping[str, str]:
    return spoken.headers(key) if key else {}


def _trust() -> Any:
    """A TLS context with the system's trust store; it takes tens of milliseconds, so it is made in a thread."""
    import ssl

    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and not os.environ.get("SSL_CERT_FILE"):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _teller(sent: asyncio.Event) -> Any:
    async def trace(name: str, info: Mapping[str, Any]) -> None:
        if name.endswith("send_request_body.complete"):
            sent.set()

    return trace


@asynccontextmanager
async def _sending(
    client: httpx.AsyncClient, outgoing: httpx.Request, sent: asyncio.Event
) -> AsyncIterator[asyncio.Task[httpx.Response]]:
    """Sends in a task, so that "the request is out" can be told before the reply's head has come."""
    sending = asyncio.ensure_future(client.send(outgoing, stream=True))
    sending.add_done_callback(lambda _: sent.set())
    try:
        await sent.wait()
        if sending.done():
            sending.result()
        yield sending
    finally:
        if not sending.done():
            sending.cancel()
            await asyncio.wait([sending])
        if not sending.cancelled() and sending.exception() is None:
            await sending.result().aclose()


async def _bounded(reply: httpx.Response, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in reply.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size >= limit:
            break
    return b"".join(parts)[:limit]


async def _read(reply: httpx.Response, spoken: Dialect) -> AsyncGenerator[Sequence[Chunk], None]:
    """The bursts of a reply with status 200."""
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    reading = spoken.reading()
    if kind == "text/html":
        raise errors.Garbled("The server sent a web page and not an answer.", "Check `base_url`.")
    if kind == "application/json" and not spoken.json_lines:
        body = await _bounded(reply, BODY_LIMIT)
        if not body.lstrip().startswith(b"data:"):
            yield reading.whole(body.strip())
            return
        decoder: Decoder = SseDecoder()
        burst = _chunks(reading, decoder, body)
        yield burst if burst and isinstance(burst[-1], End) else [*burst, *_rest(reading, decoder)]
        return
    decoder = JsonLinesDecoder() if spoken.json_lines else SseDecoder()
    pieces = reply.aiter_bytes().__aiter__()
    while True:
        try:
            if reading.finished:
                async with asyncio.timeout(AFTER_FINISH_SECONDS):
                    data = await anext(pieces)
            else:
                data = await anext(pieces)
        except StopAsyncIteration:
            break
        except (httpx.TransportError, httpx.StreamError, TimeoutError):
            if reading.finished:
                break
            raise
        burst = _chunks(reading, decoder, data)
        if burst:
            yield burst
            if isinstance(burst[-1], End):
                return
    yield _rest(reading, decoder)


def _chunks(reading: Reading, decoder: Decoder, data: bytes) -> Sequence[Chunk]:
    chunks: list[Chunk] = []
    for event in decoder.feed(data):
        chunks.extend(reading.feed(event.data, event.name))
        if chunks and isinstance(chunks[-1], End):
            break
    return chunks


def _rest(reading: Reading, decoder: Decoder) -> Sequence[Chunk]:
    chunks: list[Chunk] = []
    for event in decoder.close():
        chunks.extend(reading.feed(event.data, event.name))
        if chunks and isinstance(chunks[-1], End):
            return chunks
    return [*chunks, *reading.close()]


class _mapped:
    """Turns httpx's errors into ours, and puts the provider's and model's names into ours."""

    def __init__(self, provider: str, model: str) -> None:
        self._about = {"provider": provider, "model": model}

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, errors.ProviderError):
            error.provider = error.provider or self._about["provider"]
            error.model = error.model or self._about["model"]
        elif isinstance(error, (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)):
            raise self._ours(error) from error

    def _ours(self, error: Exception) -> errors.ProviderError:
        provider = self._about["provider"]
        if isinstance(error, httpx.ConnectTimeout):
            return errors.TooSlow(
                f"{provider} could not be reached in time.", "Is it running? Check `base_url`.", **self._about
            )
        if isinstance(error, (httpx.ConnectError, httpx.ProxyError)):
            return errors.Unreachable(
                f"{provider} could not be reached.", "Is it running? Check `base_url` and the network.", **self._about
            )
        if isinstance(error, httpx.TimeoutException):
            return errors.TooSlow(f"{provider} took too long.", "Ask again in a moment.", **self._about)
        if isinstance(error, httpx.DecodingError):
            return errors.Garbled(f"{provider} sent bytes that cannot be unpacked.", "Ask again.", **self._about)
        if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
            return errors.Rejected(f"The address of {provider} is not one.", "Check `base_url`.", **self._about)
        return errors.Unreachable(f"The line to {provider} was cut.", "Ask again.", **self._about)
