"""Asks the prompts of a batch concurrently, and writes each result to the output."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from time import monotonic

import msgspec

from chat_tui.config import paths
from chat_tui.core.answers.json_answers import JsonAnswer, ask_for_json_again, read_json_answer
from chat_tui.core.chunks import ErrorInfo, Timings, has_answered, sum_usages
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ChatTuiError, CommandError, NoModel, ToolFailed
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.settings.preset import Preset
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.price_limit import over_budget
from chat_tui.engine.batch.ordered_output import OrderedOutput
from chat_tui.engine.batch.prompts import BatchPrompt, PromptSource
from chat_tui.engine.batch.results import BatchResult, EarlierResult, encode_line
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.steps import cancel_steps, ends_with_calls, merge_timings, saved_answers, why_unanswered

ROUNDS = 5
"""How often a prompt is asked if its answer fails with a temporary error, each time with the router's retries.

With 10,000 prompts to a server that cuts one connection in 40, three rounds would leave a broken answer in every sixth
batch."""
LISTED_FAILURES = 20


class BatchJob(msgspec.Struct, frozen=True):
    """The settings of a batch."""

    settings: Request = Request()
    """Settings of prompts without their own."""
    system: str | None = None
    preset: Preset | None = None
    concurrency: int = 3
    retry_failed: bool = False
    """Whether only failed prompts are asked again."""
    ahead: int = 100_000
    """How many prompts may be answered while an earlier one is not."""


class BatchProgress(msgspec.Struct):
    """The progress of a batch."""

    total: int | None = None
    """The number of prompts; None if they cannot be counted in advance."""
    before: int = 0
    """Prompts answered by an earlier run."""
    asked: int = 0
    """Prompts answered by this run."""
    left_out: int = 0
    """Prompts that were never asked, and are not asked by this run because it only repeats failed ones."""
    failed: int = 0
    """Failures of this run and of earlier ones."""
    failures: list[str] = []
    """The first failures, at most `LISTED_FAILURES`, as `index: reason`."""
    tokens: int = 0
    """Tokens of answers."""
    retries: int = 0
    """Tries besides the first of each prompt."""
    cost: float = 0.0
    """In US dollars, as far as costs are known."""
    begun: float = 0.0
    """When the run began, by the monotonic clock."""

    @property
    def done(self) -> int:
        """The number of prompts with a result."""
        return self.before + self.asked

    def fail(self, index: int, why: str) -> None:
        """Count a failure."""
        self.failed += 1
        if len(self.failures) < LISTED_FAILURES:
            self.failures.append(f"{index}: {why}")


class BatchRunner:
    """Runs a batch once. `on_result` is called after each result; `fault` is the error that has ended the run early."""

    def __init__(
        self,
        engine: Engine,
        prompts: PromptSource,
        output: OrderedOutput,
        job: BatchJob,
        *,
        on_result: Callable[[], None] = lambda: None,
    ) -> None:
        self.progress = BatchProgress(begun=monotonic())
        self.fault: ChatTuiError | OSError | None = None
        self._stop = asyncio.Event()
        self._engine, self._prompts, self._output, self._job, self._on_result = engine, prompts, output, job, on_result
        self._to_ask = self._remaining()
        self._reading = asyncio.Lock()
        self._moved = asyncio.Event()
        self._running: set[Answer] = set()
        """The first steps of the answers that run."""
        self._discovering: asyncio.Task[None] | None = None

    @property
    def stopped(self) -> bool:
        """Whether no more prompts are asked."""
        return self._stop.is_set()

    async def run(self) -> None:
        """Ask all prompts, until `stop` or a `fault` ends the run."""
        try:
            self.progress.total = await asyncio.to_thread(self._prompts.count)
            self._on_result()
            async with asyncio.TaskGroup() as group:
                for _ in range(self._job.concurrency):
                    group.create_task(self._work())
            if self._job.retry_failed and not isinstance(self.fault, OSError):
                await asyncio.to_thread(self._output.merge)
        except (ChatTuiError, OSError) as error:
            self.fault = error
        finally:
            if self._discovering is not None:
                self._discovering.cancel()
                await asyncio.wait([self._discovering])

    async def stop(self) -> None:
        """Cancel the running answers, which the next run asks for again; keep the ended ones."""
        self._stop.set()
        self._prompts.stop()
        self._moved.set()
        if self._discovering is not None:
            self._discovering.cancel()
        await asyncio.gather(*(cancel_steps(answer) for answer in self._running))

    # -- what is left to be asked ---------------------------------------------------------------------------------

    def _remaining(self) -> Iterator[BatchPrompt]:
        """The prompts to ask; blocks. Raises `CommandError` if they do not match the earlier results."""
        earlier = self._output.earlier() if self._output.path is not None else iter(())
        for prompt in self._prompts:
            known = next(earlier, None)
            if known is None and not self._job.retry_failed:
                known = self._output.waiting(prompt.index)
            if known is None and self._job.retry_failed:
                self.progress.left_out += 1
            elif known is None or (self._job.retry_failed and known.failed):
                yield prompt
            else:
                self._count_earlier(prompt, known)
        if not self._prompts.stopped and next(earlier, None) is not None:
            raise self._prompts_changed("has fewer prompts than there are results")

    def _count_earlier(self, prompt: BatchPrompt, known: EarlierResult) -> None:
        if known.prompt != prompt.text:
            raise self._prompts_changed(f"has changed at line {prompt.line}")
        self.progress.before += 1
        if known.failed:
            self.progress.fail(known.index, known.why)

    def _prompts_changed(self, how: str) -> CommandError:
        name = shorten(self._output.path.name) if self._output.path is not None else ""
        return CommandError(
            f"{self._prompts.name} {how} since {name} was started.",
            "The results are kept. Choose another file with --out, or restore the old prompts.",
        )

    async def _next(self) -> BatchPrompt | None:
        """The next prompt to ask, as soon as it is not too far ahead; None at the end."""
        async with self._reading:
            prompt = None if self.stopped else await asyncio.to_thread(next, self._to_ask, None)
            while prompt is not None and prompt.index >= self._output.next + self._job.ahead and not self.stopped:
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
                await asyncio.to_thread(self._output.put, result.index, encode_line(prompt, result))
                self._note(result)
        except (ChatTuiError, OSError) as error:
            self.fault = self.fault or error
            await self.stop()

    def _note(self, result: BatchResult) -> None:
        self.progress.asked += 1
        self.progress.tokens += (result.usage.completion_tokens or 0) if result.usage else 0
        self.progress.cost += result.cost or 0.0
        if result.failed:
            self.progress.fail(result.index, result.why)
        self._moved.set()
        self._on_result()

    async def _result(self, prompt: BatchPrompt) -> BatchResult | None:
        """Ask a prompt and return its result; None after `stop`."""
        if prompt.fault:
            error = ErrorInfo("MalformedPrompt", prompt.fault, "Fix the line, then use --retry-failed.")
            model = prompt.model or ""
            return BatchResult(prompt.index, prompt.id, prompt.text, "", model, "failed", error=error)
        request = self._request(prompt)
        if not (request.model or (self._engine.config.model if request.strategy is None else None)):
            await self._discover_once()
        asked = [await self._ask(prompt, request)]
        while len(asked) < ROUNDS and not self.stopped and _may_pass(asked[-1]):
            if asked[-1][-1].turn.state in ("failed", "empty"):
                await self._pause(len(asked))
            asked.append(await self._ask(prompt, request))
        checked = await self._check(asked[-1][-1], request)
        if checked.fault and checked.is_checked and not self.stopped:
            asked.append(await self._ask_again(prompt, request, asked[-1][-1], checked.fault))
            checked = await self._check(asked[-1][-1], request)
        steps, answer = [step for each in asked for step in each], asked[-1][-1]
        tries = sum(len(step.route.tries) - 1 if step.route else -1 for step in steps)
        self.progress.retries += tries + len(asked) - 1
        turn = answer.turn
        if turn.state == "cancelled" or (self.stopped and (turn.error is not None or ends_with_calls(answer))):
            return None
        why = await self._error_of(answer, checked.fault)
        return BatchResult(
            prompt.index,
            prompt.id,
            prompt.text,
            checked.text,
            turn.model,
            "failed" if why is not None and turn.error is None else turn.state,
            usage=sum_usages([step.turn.usage for step in asked[-1] if step.turn.usage is not None]),
            timings=_timings_of(asked[-1]),
            cost=None if turn.cost is None else sum(step.turn.cost or 0.0 for step in steps),
            error=why,
        )

    async def _check(self, answer: Answer, request: Request) -> JsonAnswer:
        """The answer's text, which is JSON if that was asked for."""
        turn = answer.turn
        if request.output is None or ends_with_calls(answer) or not has_answered(turn.state, turn.text):
            return JsonAnswer(text=turn.text)
        checked = await asyncio.to_thread(read_json_answer, turn.text, request.output)
        return msgspec.structs.replace(checked, text=checked.text or turn.text)

    async def _ask_again(self, prompt: BatchPrompt, request: Request, answer: Answer, fault: str) -> Sequence[Answer]:
        """Ask once more for an answer that does not match the schema."""
        earlier = (*answer.before, answer.turn)
        return await self._ask(msgspec.structs.replace(prompt, text=ask_for_json_again(fault)), request, earlier)

    async def _error_of(self, answer: Answer, fault: str) -> ErrorInfo | None:
        if answer.turn.error is not None:
            return await self._explain(answer.turn.error)
        if unanswered := why_unanswered(answer):
            return ErrorInfo(ToolFailed.__name__, unanswered, "Raise the limit, then use --retry-failed.")
        hint = "Choose another model or a simpler schema, then use --retry-failed."
        return ErrorInfo("SchemaMismatch", fault, hint) if fault else None

    async def _pause(self, rounds: int) -> None:
        """Wait before a prompt is asked again, each time twice as long."""
        seconds = self._engine.config.error_handling.retry_delay_seconds * 2 ** (rounds - 1)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _ask(self, prompt: BatchPrompt, request: Request, earlier: Sequence[Turn] = ()) -> Sequence[Answer]:
        """Ask a prompt; returns the steps of its answer, which is one without tool calls."""
        system = self._job.system if prompt.system is None else prompt.system
        answer = await self._engine.ask_apart(
            NewConversation(system, self._job.preset, earlier=tuple(earlier)), prompt.text, request
        )
        self._running.add(answer)
        try:
            if self.stopped:
                await answer.cancel()
            return [step async for step in saved_answers(answer)]
        finally:
            self._running.discard(answer)

    def _request(self, prompt: BatchPrompt) -> Request:
        """The settings of the prompt, then those of the batch; its own model or strategy replaces both."""
        settings, own = self._job.settings, {}
        if prompt.model is not None or prompt.strategy is not None:
            own = {"model": prompt.model, "strategy": prompt.strategy}
        for name in ("max_tokens", "temperature"):
            if (value := getattr(prompt, name)) is not None:
                own[name] = value
        settings = settings.replace(**own)
        return settings if self._job.preset is None else self._job.preset.settings(settings)

    async def _discover_once(self) -> None:
        """Ask the servers for their models, once, before the first prompt that names none."""
        if self._discovering is None:
            self._discovering = asyncio.ensure_future(self._engine.models.discover())
        await asyncio.wait([self._discovering])
        if not self._discovering.cancelled():
            self._discovering.result()

    async def _explain(self, error: ErrorInfo) -> ErrorInfo:
        """The error, which names the day's budget if that excludes all models."""
        budget = self._engine.config.daily_budget
        if error.kind != NoModel.__name__ or budget is None:
            return error
        spent = (await self._engine.spending(None)).today or 0.0
        left = max(0.0, budget - spent)
        asked = self._job.settings.max_price
        if asked is not None and asked < left:
            return error
        return msgspec.structs.replace(
            error,
            title=f"{over_budget(budget, spent)} {error.title}",
            hint=f"Use --retry-failed tomorrow, or raise `daily_budget` in {paths.config_file()}.",
        )


def _may_pass(steps: Sequence[Answer]) -> bool:
    """Whether the answer has failed with a temporary error, before any tool ran: none is run again by itself."""
    error = steps[-1].turn.error
    return len(steps) == 1 and error is not None and error.retryable


def _timings_of(steps: Sequence[Answer]) -> Timings:
    """The timings of all steps as of one answer."""
    known = [step.turn.timings for step in steps if step.turn.timings is not None]
    return merge_timings(known) if known else Timings()
