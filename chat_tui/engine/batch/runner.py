"""Asks the prompts of a batch side by side and hands each result to the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic

import msgspec

from chat_tui.core.chunks import ErrorInfo, Timings
from chat_tui.core.errors import ChatTuiError, CommandError, NoModel
from chat_tui.core.new_conversation import NewConversation
from chat_tui.core.preset import Preset
from chat_tui.core.request import Request
from chat_tui.core.text.control_characters import clean_line
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.batch.ordered_output import OrderedOutput
from chat_tui.engine.batch.prompts import BatchPrompt, PromptSource
from chat_tui.engine.batch.results import BatchResult, EarlierResult, line_of
from chat_tui.engine.engine import Engine

ROUNDS = 5
"""So often a prompt is asked whose answer breaks or fails for something that may pass, the router's tries in each.

Of 10,000 prompts to a server that cuts one line in 40, three rounds would leave one broken every sixth time."""
LISTED_FAILURES = 20


class BatchJob(msgspec.Struct, frozen=True):
    """How a batch is to be asked."""

    settings: Request = Request()
    """For every prompt that does not say otherwise."""
    system: str | None = None
    preset: Preset | None = None
    concurrency: int = 3
    retry_failed: bool = False
    """Only those are asked whose result is a failure."""
    ahead: int = 100_000
    """So many prompts may be answered while an earlier one is not."""


class BatchProgress(msgspec.Struct):
    """How far a batch is."""

    total: int | None = None
    """Prompts; None where they cannot be counted before."""
    before: int = 0
    """Done by a run before."""
    asked: int = 0
    """Done by this run."""
    left_out: int = 0
    """Not asked yet, and not asked by this run because it asks only the failed ones."""
    failed: int = 0
    """Of both."""
    failures: list[str] = []
    """What went wrong with the first of them, in the order in which it was seen."""
    tokens: int = 0
    """Of answers."""
    retries: int = 0
    """Tries that were not the first of their prompt."""
    cost: float = 0.0
    """US dollars, as far as it is known."""
    begun: float = 0.0
    """On the monotonic clock."""

    @property
    def done(self) -> int:
        """Prompts that have a result."""
        return self.before + self.asked

    def fail(self, index: int, why: str) -> None:
        """Count a failure."""
        self.failed += 1
        if len(self.failures) < LISTED_FAILURES:
            self.failures.append(f"{index}: {why}")


class BatchRunner:
    """One run; `count` tells how far it is, `heard` is called after each result, `fault` tells what ended it early."""

    def __init__(
        self,
        engine: Engine,
        prompts: PromptSource,
        ledger: OrderedOutput,
        job: BatchJob,
        *,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        self.count = BatchProgress(begun=monotonic())
        self.fault: ChatTuiError | OSError | None = None
        self._stop = asyncio.Event()
        self._engine, self._prompts, self._ledger, self._job, self._heard = engine, prompts, ledger, job, heard
        self._to_ask = self._left()
        self._reading = asyncio.Lock()
        self._moved = asyncio.Event()
        self._running: set[Answer] = set()
        self._discovering: asyncio.Task[None] | None = None

    @property
    def stopped(self) -> bool:
        """Nothing more is asked."""
        return self._stop.is_set()

    async def run(self) -> None:
        """Ask until all are answered, somebody stops it, or something is wrong."""
        try:
            self.count.total = await asyncio.to_thread(self._prompts.count)
            self._heard()
            async with asyncio.TaskGroup() as group:
                for _ in range(self._job.concurrency):
                    group.create_task(self._work())
            if self._job.retry_failed and not isinstance(self.fault, OSError):
                await asyncio.to_thread(self._ledger.merge)
        except (ChatTuiError, OSError) as error:
            self.fault = error
        finally:
            if self._discovering is not None:
                self._discovering.cancel()
                await asyncio.wait([self._discovering])

    async def stop(self) -> None:
        """Cancel what runs, which will be asked again; what has ended is kept."""
        self._stop.set()
        self._prompts.stop()
        self._moved.set()
        if self._discovering is not None:
            self._discovering.cancel()
        await asyncio.gather(*(answer.cancel() for answer in self._running))

    # -- what is left to be asked ---------------------------------------------------------------------------------

    def _left(self) -> Iterator[BatchPrompt]:
        """The prompts to be asked; blocking. Raises `CommandError` where they are not those of the results."""
        earlier = self._ledger.earlier() if self._ledger.path is not None else iter(())
        for prompt in self._prompts:
            known = next(earlier, None)
            if known is None and not self._job.retry_failed:
                known = self._ledger.waiting(prompt.index)
            if known is None and self._job.retry_failed:
                self.count.left_out += 1
            elif known is None or (self._job.retry_failed and known.failed):
                yield prompt
            else:
                self._take_over(prompt, known)
        if not self._prompts.stopped and next(earlier, None) is not None:
            raise self._changed("has fewer prompts than there are results")

    def _take_over(self, prompt: BatchPrompt, known: EarlierResult) -> None:
        if known.prompt != prompt.text:
            raise self._changed(f"has changed at line {prompt.line}")
        self.count.before += 1
        if known.failed:
            self.count.fail(known.index, known.why)

    def _changed(self, how: str) -> CommandError:
        name = clean_line(self._ledger.path.name) if self._ledger.path is not None else ""
        return CommandError(
            f"{self._prompts.name} {how} since {name} was started.",
            "The results are kept. Choose another file with --out, or restore the old prompts.",
        )

    async def _next(self) -> BatchPrompt | None:
        """The next prompt to be asked, as soon as it is not too far ahead; None at the end."""
        async with self._reading:
            prompt = None if self.stopped else await asyncio.to_thread(next, self._to_ask, None)
            while prompt is not None and prompt.index >= self._ledger.next + self._job.ahead and not self.stopped:
                self._moved.clear()
                await self._moved.wait()
        return None if self.stopped else prompt

    # -- asking ---------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            while (prompt := await self._next()) is not None:
                result = await self._result(prompt)
                if result is None:
                    return
                await asyncio.to_thread(self._ledger.put, result.index, line_of(prompt, result))
                self._note(result)
        except (ChatTuiError, OSError) as error:
            self.fault = self.fault or error
            await self.stop()

    def _note(self, result: BatchResult) -> None:
        self.count.asked += 1
        self.count.tokens += result.usage.completion_tokens if result.usage else 0
        self.count.cost += result.cost or 0.0
        if result.failed:
            self.count.fail(result.index, result.why)
        self._moved.set()
        self._heard()

    async def _result(self, prompt: BatchPrompt) -> BatchResult | None:
        """What becomes of a prompt; None where somebody has stopped it."""
        if prompt.fault:
            error = ErrorInfo("MalformedPrompt", prompt.fault, "Fix the line, then use --retry-failed.")
            model = clean_line(prompt.model or "")
            return BatchResult(prompt.index, prompt.id, prompt.text, "", model, "failed", error=error)
        request = self._request(prompt)
        if not (request.model or (self._engine.config.model if request.strategy is None else None)):
            await self._discovered()
        answers = [await self._asked(prompt, request)]
        while len(answers) < ROUNDS and not self.stopped and _may_pass(answers[-1]):
            if answers[-1].turn.state in ("failed", "empty"):
                await self._pause(len(answers))
            answers.append(await self._asked(prompt, request))
        answer = answers[-1]
        self.count.retries += sum(len(each.route.tries) if each.route else 0 for each in answers) - 1
        turn = answer.turn
        if turn.state == "cancelled" or (self.stopped and turn.error is not None):
            return None
        return BatchResult(
            prompt.index,
            prompt.id,
            prompt.text,
            turn.text,
            turn.model,
            turn.state,
            usage=turn.usage,
            timings=turn.timings or Timings(),
            cost=None if turn.cost is None else sum(each.turn.cost or 0.0 for each in answers),
            error=await self._explained(turn.error) if turn.error is not None else None,
        )

    async def _pause(self, rounds: int) -> None:
        """Let a server that could not answer come back, each time for longer."""
        seconds = self._engine.config.error_handling.retry_delay_seconds * 2 ** (rounds - 1)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _asked(self, prompt: BatchPrompt, request: Request) -> Answer:
        system = self._job.system if prompt.system is None else prompt.system
        answer = await self._engine.ask_apart(NewConversation(system, self._job.preset), prompt.text, request)
        self._running.add(answer)
        try:
            if self.stopped:
                await answer.cancel()
            await answer.saved.wait()
        finally:
            self._running.discard(answer)
        return answer

    def _request(self, prompt: BatchPrompt) -> Request:
        """The prompt's own settings before the batch's; a model or a strategy of its own takes the place of both."""
        settings, own = self._job.settings, {}
        if prompt.model is not None or prompt.strategy is not None:
            own = {"model": prompt.model, "strategy": prompt.strategy}
        for name in ("max_tokens", "temperature"):
            if (value := getattr(prompt, name)) is not None:
                own[name] = value
        settings = settings.changed(**own)
        return settings if self._job.preset is None else self._job.preset.settings(settings)

    async def _discovered(self) -> None:
        """Servers are asked for their models once, for the first prompt that names none."""
        if self._discovering is None:
            self._discovering = asyncio.ensure_future(self._engine.models.discover())
        await asyncio.wait([self._discovering])
        if not self._discovering.cancelled():
            self._discovering.result()

    async def _explained(self, error: ErrorInfo) -> ErrorInfo:
        """The error, with the day's budget named where that is what holds the models back."""
        budget = self._engine.config.daily_budget
        if error.kind != NoModel.__name__ or budget is None:
            return error
        left = max(0.0, budget - ((await self._engine.spending(None)).today or 0.0))
        asked = self._job.settings.max_price
        if asked is not None and asked < left:
            return error
        return msgspec.structs.replace(
            error,
            title=f"The daily budget of ${budget:.4g} has ${left:.4g} left. {error.title}",
            hint="Use --retry-failed tomorrow, or raise `daily_budget` in the config.",
        )


def _may_pass(answer: Answer) -> bool:
    """Asked again, it may be whole."""
    return answer.turn.error is not None and answer.turn.error.retryable
