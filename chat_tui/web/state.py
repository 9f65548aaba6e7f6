"""What the requests of one app share: its engine, opened once; who may come in; whose answers run; and its stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic

from starlette.requests import HTTPConnection

from chat_tui.config.load import Config
from chat_tui.core.errors import ChatTuiError
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.web.errors import ApiError
from chat_tui.web.ops.access_log import AccessLog
from chat_tui.web.ops.metrics import Metrics
from chat_tui.web.ops.notes import note
from chat_tui.web.ops.rates import RateBuckets

DISCOVER_SECONDS = 60.0
"""Servers of models are looked for again when the last look is so old."""
PING_SECONDS = 15.0
"""A line on which nothing was said for so long gets a comment, so that nobody on the way takes it for dead."""
STRANGERS = 100
"""WebSockets of one client that may wait at once for their token: each may bring a message as large as a body."""
TELLING_SECONDS = 2.0
"""At a stop, for the last words to those who listen."""


class AppState:
    """Made by `create_app`; used within one event loop."""

    def __init__(
        self,
        config: Config,
        token: str,
        opener: Callable[[], Awaitable[Engine]],
        *,
        hosts: Sequence[str] = (),
        tell: Callable[[ChatTuiError], None],
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self.config, self.token = config, token
        self.hosts = frozenset(host.lower() for host in (*hosts, *config.web.hosts))
        """May be named by a request's Host, besides loopback and the address that it came to."""
        self.origins = frozenset(origin.lower() for origin in config.web.origins)
        """Whose pages may ask, besides our own."""
        self.stopping = False
        """No new answers are begun."""
        self.tell, self.ping_seconds = tell, ping_seconds
        self._rates = RateBuckets(config.web.requests_per_minute)
        self._strangers: Counter[str] = Counter()
        self._stopped = False
        self._opener = opener
        self._opening: asyncio.Future[Engine] | None = None
        self._discovering: asyncio.Task[None] | None = None
        self._discovered = 0.0
        self._asking: Counter[str] = Counter()
        self._askers: dict[Answer, str] = {}
        """Which client has asked for it, of each answer that is not saved yet."""
        self.metrics = Metrics()
        self.log = AccessLog(note if config.web.access_log else None)
        self._watching: set[asyncio.Task[None]] = set()
        self.going_on = asyncio.Lock()
        """Around looking whether a conversation is free and asking on in it: of two who do so at once, one does."""
        self._tellers = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    # -- the engine -----------------------------------------------------------------------------------------------

    async def engine(self) -> Engine:
        """The engine, opened when it is first needed. Raises `ChatTuiError`."""
        if self._opening is None or (self._opening.done() and self._opening.exception() is not None):
            self._opening = asyncio.ensure_future(self._opener())
        return await asyncio.shield(self._opening)

    async def discovered(self) -> Engine:
        """The engine, when it has looked once for the servers of models; an old look is done anew meanwhile."""
        engine = await self.engine()
        first = self._discovering is None
        if first or (self._discovering_done() and monotonic() - self._discovered > DISCOVER_SECONDS):
            self._discovering = asyncio.ensure_future(self._discover(engine))
        if not self._discovered and self._discovering is not None:
            await asyncio.shield(self._discovering)
        return engine

    def _discovering_done(self) -> bool:
        return self._discovering is not None and self._discovering.done()

    async def _discover(self, engine: Engine) -> None:
        try:
            await engine.models.discover()
        except ChatTuiError as error:
            self.tell(error)
        finally:
            self._discovered = monotonic()

    @contextmanager
    def welcoming(self, client: str, *, let_in: bool) -> Iterator[bool]:
        """Around a WebSocket until its client has said the token; False: too many of this client's have not."""
        if not let_in:
            self._strangers[client] += 1
        try:
            yield let_in or self._strangers[client] <= STRANGERS
        finally:
            if not let_in:
                self._strangers[client] -= 1
                if not self._strangers[client]:
                    del self._strangers[client]

    def count(self, client: str) -> None:
        """Count a request of a client. Raises `ApiError` where it is one too many."""
        self._rates.count(client)

    # -- answers --------------------------------------------------------------------------------------------------

    async def ask(self, client: str, begin: Callable[[Engine], Awaitable[Answer]], *, named: bool) -> Answer:
        """Begin an answer for a client, within its limit. `named`: for a model that somebody has named.

        Raises `ApiError`, `ChatTuiError`.
        """
        if self.stopping:
            raise ApiError(503, "The server is shutting down.", headers={"Retry-After": "5"})
        if len(self.running(client)) + self._asking[client] >= self.config.web.max_streams:
            raise ApiError(429, "Too many of your answers are running at once.", headers={"Retry-After": "1"})
        self._asking[client] += 1
        try:
            # Who names a model needs no list of all.
            answer = await begin(await (self.engine() if named else self.discovered()))
        finally:
            self._asking[client] -= 1
            if not self._asking[client]:
                del self._asking[client]
        self._askers[answer] = client
        watching = asyncio.ensure_future(self._watch(answer))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)
        if self._stopped:
            await answer.cancel()
        return answer

    async def _watch(self, answer: Answer) -> None:
        try:
            await self.metrics.watch(answer)
        finally:
            # With its log it is large, and whoever asked may never come again.
            del self._askers[answer]

    def running(self, client: str | None = None) -> Sequence[Answer]:
        """The answers that run, of one client or of all."""
        return [answer for answer, asker in self._askers.items() if not answer.ended and client in (None, asker)]

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Around whatever tells somebody an answer: a stop waits for its last words."""
        self._tellers += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._tellers -= 1
            if not self._tellers:
                self._quiet.set()

    # -- the stop -------------------------------------------------------------------------------------------------

    async def stop(self, seconds: float, at_once: asyncio.Event) -> None:
        """Begin no more answers, let those that run end for so long or until `at_once`, then cancel them.

        Their parts are saved.
        """
        self.stopping = True
        waits = [asyncio.ensure_future(event.wait()) for event in (self._quiet, at_once)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await self.cancel_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(TELLING_SECONDS):
                await self._quiet.wait()

    async def cancel_all(self) -> None:
        """End every answer, also one that is just being begun, and keep its part."""
        self._stopped = True
        await asyncio.gather(*(answer.cancel() for answer in self.running()))

    async def close(self) -> None:
        """Cancel what runs, save, and let go of the engine."""
        self.stopping = True
        if self._discovering is not None:
            self._discovering.cancel()
            await asyncio.wait([self._discovering])
        try:
            if self._opening is not None:
                await (await asyncio.shield(self._opening)).close()
            await asyncio.gather(*self._watching)
        finally:
            self.metrics.close()
            await asyncio.to_thread(self.log.close)


def door_of(connection: HTTPConnection) -> AppState:
    """The door that this request came through."""
    door = connection.app.state.door
    assert isinstance(door, AppState)
    return door


def client_of(connection: HTTPConnection) -> str:
    """The client's address, as the limits count it."""
    return connection.client.host if connection.client is not None else ""
