"""The state of an app: its engine, its clients and their running answers, and its shutdown."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from math import ceil
from time import monotonic

from starlette.requests import HTTPConnection

from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes.console import write_error
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.comparison import Comparison
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.steps import cancel_steps, have_ended, saved_answers
from chat_tui.web.errors import ApiError
from chat_tui.web.ops.access_log import AccessLog
from chat_tui.web.ops.metrics import Metrics
from chat_tui.web.ops.rates import RateBuckets, network_of
from chat_tui.web.presence.comparisons import PageComparisons
from chat_tui.web.presence.monitor import HistoryMonitor
from chat_tui.web.presence.page_answers import PageAnswers
from chat_tui.web.presence.private_conversations import PrivateConversations
from chat_tui.web.presence.question_queues import QuestionQueues
from chat_tui.web.presence.uploads import Uploads
from chat_tui.web.sign_in.sign_ins import SignIns
from chat_tui.web.sign_in.token_check import TokenCheck

DISCOVER_SECONDS = 60.0
"""Time after which model servers are looked for again."""
PING_SECONDS = 15.0
"""Time after which an idle stream gets a comment, so that no proxy closes it."""
UNAUTHENTICATED_SOCKETS = 100
"""WebSockets of one client that may wait for their token at once: each may bring a message as large as a body."""
LAST_EVENTS_SECONDS = 2.0
"""Time to send the last events to clients at shutdown."""


WRONG_SHARE = 0.05
"""How many of the requests without the token, per minute, may have a wrong one before their client is slowed down."""


class AppState:
    """Shared by all requests of an app; used within one event loop."""

    def __init__(
        self,
        config: Config,
        token: str,
        opener: Callable[[], Awaitable[Engine]],
        *,
        hosts: Sequence[str] = (),
        tell: Callable[[ChatTuiError], None],
        ping_seconds: float = PING_SECONDS,
        sign_ins: SignIns | None = None,
        has_workers: bool = False,
        uploads: Uploads | None = None,
    ) -> None:
        """`has_workers`: other processes may serve the same clients."""
        self.config, self.token = config, token
        self.sign_ins = sign_ins or SignIns(token)
        """The browsers that are signed in; those of the default are forgotten when the app stops."""
        self.uploads = uploads or Uploads()
        """Files that wait to be sent with a question."""
        self.hosts = frozenset(host.lower() for host in (*hosts, *config.web.hosts))
        """Accepted in the Host header, besides loopback and the address of the connection."""
        self.origins = frozenset(origin.lower() for origin in config.web.origins)
        """Origins whose pages may send requests, besides our own."""
        self.stopping = False
        """No new answers are started."""
        self.tell, self.ping_seconds = tell, ping_seconds
        wrong_per_minute = ceil(config.web.unauthenticated_per_minute * WRONG_SHARE)
        self.token_check = TokenCheck(token, wrong_per_minute=wrong_per_minute)
        self._rates = RateBuckets(config.web.requests_per_minute)
        self._unauthenticated_rates = RateBuckets(config.web.unauthenticated_per_minute)
        self._unauthenticated: Counter[str] = Counter()
        self._stopped = False
        self._opener = opener
        self._opening: asyncio.Future[Engine] | None = None
        self._discovering: asyncio.Task[None] | None = None
        self._discovered = 0.0
        self._starting: Counter[str] = Counter()
        self._clients: dict[Answer, str] = {}
        """The client of each answer that is not saved yet, or whose tool calls have not ended."""
        self.page_answers = PageAnswers(config.web.orphan_seconds)
        """Those that run without a client."""
        self.comparisons = PageComparisons()
        self.private = PrivateConversations(config.web.orphan_seconds, are_possible=not has_workers)
        self.queues = QuestionQueues(self.private)
        """What waits for the end of answers."""
        self.monitor = HistoryMonitor(self.page_answers, self.sign_ins)
        self.metrics = Metrics()
        self.log = AccessLog(write_error if config.web.access_log else None)
        self._watching: set[asyncio.Task[None]] = set()
        self.turn_lock = asyncio.Lock()
        """Held from the check that a conversation is free until its next turn exists: of two simultaneous requests,
        one fails."""
        self._readers = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    # -- the engine -----------------------------------------------------------------------------------------------

    async def engine(self) -> Engine:
        """Return the engine, which is opened on first use. Raises `ChatTuiError`."""
        if self._opening is None or (self._opening.done() and self._opening.exception() is not None):
            self._opening = asyncio.ensure_future(self._opener())
        return await asyncio.shield(self._opening)

    async def engine_with_models(self) -> Engine:
        """Return the engine after the first search for model servers; a later search runs in the background."""
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
    def pending_auth(self, client: str, *, authenticated: bool) -> Iterator[bool]:
        """Count a WebSocket until its client has sent the token; yields False if this client has too many of them."""
        if not authenticated:
            self._unauthenticated[client] += 1
        try:
            yield authenticated or self._unauthenticated[client] <= UNAUTHENTICATED_SOCKETS
        finally:
            if not authenticated:
                self._unauthenticated[client] -= 1
                if not self._unauthenticated[client]:
                    del self._unauthenticated[client]

    def count(self, client: str) -> None:
        """Count a request of a client. Raises `ApiError` if the client sends too many."""
        self._rates.count(client)

    def count_unauthenticated(self, client: str) -> None:
        """Count a request without the token. Raises `ApiError` if the client sends too many."""
        self._unauthenticated_rates.count(network_of(client))

    # -- answers --------------------------------------------------------------------------------------------------

    async def ask(
        self, client: str, begin: Callable[[Engine], Awaitable[Answer]], *, named: bool, runs_alone: bool = False
    ) -> Answer:
        """Start an answer for a client, within its limit. `named`: the model is named, so no list of models is needed.
        `runs_alone`: the answer needs no client that reads it.

        Raises `ApiError`, `ChatTuiError`.
        """
        with self._starting_answers(client, 1):
            # Who names a model needs no list of all.
            engine = await (self.engine() if named else self.engine_with_models())
            answer = await begin(engine)
        if runs_alone:
            self.page_answers.add(answer)
        await self._take_over(engine, answer, client, runs_alone=runs_alone)
        return answer

    async def compare(self, client: str, begin: Callable[[Engine], Awaitable[Comparison]], *, count: int) -> Comparison:
        """Start the answers of this many models for a page, within the limit of its client. Raises as `ask`."""
        with self._starting_answers(client, count):
            engine = await self.engine_with_models()
            comparison = await begin(engine)
        await self.comparisons.add(engine, comparison)
        for answer in comparison.answers:
            await self._take_over(engine, answer, client, runs_alone=True)
        self._track(self.comparisons.drop_ended(comparison))
        return comparison

    @contextmanager
    def _starting_answers(self, client: str, count: int) -> Iterator[None]:
        """Count answers of a client that are just starting. Raises `ApiError` if there are too many."""
        if self.stopping:
            raise ApiError(503, "The server is shutting down.", headers={"Retry-After": "5"})
        if len(self.running(client)) + self._starting[client] + count > self.config.web.max_streams:
            raise ApiError(429, "Too many of your answers are running at once.", headers={"Retry-After": "1"})
        self._starting[client] += count
        try:
            yield
        finally:
            self._starting[client] -= count
            if not self._starting[client]:
                del self._starting[client]

    async def _take_over(self, engine: Engine, answer: Answer, client: str, *, runs_alone: bool) -> None:
        self._clients[answer] = client
        if runs_alone:
            self._track(self._keep(engine, answer))
        self._track(self._watch(answer))
        self.monitor.hurry()
        if self._stopped:
            await answer.cancel()

    async def _keep(self, engine: Engine, answer: Answer) -> None:
        """Let an answer run on without a client; shutdown waits for it."""
        with self.serving_reader():
            await self.page_answers.watch(engine, answer)
            async for _ in saved_answers(answer):
                pass
        self.monitor.hurry()

    def _track(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _watch(self, answer: Answer) -> None:
        """Count an answer until it and its calls have ended."""
        step: Answer | None = answer
        try:
            while step is not None:
                await self.metrics.watch(step)
                if step.round is not None:
                    async for _ in step.round.follow():
                        pass
                step = step.next
        finally:
            # With its log it is large, and whoever asked may never come again.
            del self._clients[answer]

    def running(self, client: str | None = None) -> Sequence[Answer]:
        """Return the answers of one client, or of all, that run or whose tool calls do."""
        asked = [answer for answer, asker in self._clients.items() if client in (None, asker)]
        return [answer for answer in asked if not have_ended(answer)]

    @contextmanager
    def serving_reader(self) -> Iterator[None]:
        """Count a client that reads an answer; shutdown waits until it has got the last events."""
        self._readers += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._readers -= 1
            if not self._readers:
                self._quiet.set()

    @property
    def has_stopped(self) -> bool:
        """Whether all answers were cancelled because the server stops."""
        return self._stopped

    # -- the stop -------------------------------------------------------------------------------------------------

    async def stop(self, seconds: float, at_once: asyncio.Event) -> None:
        """Refuse new answers, wait `seconds` or until `at_once` for running ones, then cancel them.

        Partial answers are saved.
        """
        self.stopping = True
        waits = [asyncio.ensure_future(event.wait()) for event in (self._quiet, at_once)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await self.cancel_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_EVENTS_SECONDS):
                await self._quiet.wait()

    async def cancel_all(self) -> None:
        """Cancel all answers and their calls, including those that are just starting. Partial answers are saved."""
        self._stopped = True
        await asyncio.gather(*map(cancel_steps, self.running()))
        self.monitor.hurry()

    async def close(self) -> None:
        """Cancel searches, close the engine and write the rest of the log."""
        self.stopping = True
        if self._discovering is not None:
            self._discovering.cancel()
            await asyncio.wait([self._discovering])
        await self.queues.close()
        await self.private.close()
        try:
            if self._opening is not None:
                await (await asyncio.shield(self._opening)).close()
            await asyncio.gather(*self._watching)
        finally:
            self.metrics.close()
            await self.uploads.close()
            await asyncio.to_thread(self.log.close)


def state_of(connection: HTTPConnection) -> AppState:
    """Return the state of the app that handles this request."""
    state = connection.app.state.shared
    assert isinstance(state, AppState)
    return state


def client_of(connection: HTTPConnection) -> str:
    """Return the client's address, by which limits are counted."""
    return connection.client.host if connection.client is not None else ""
