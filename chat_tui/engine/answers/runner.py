"""Runs answers: each has a task of its own, and is saved however it ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from time import monotonic
from typing import Any

import msgspec

from chat_tui.config.schema import Adaptive
from chat_tui.core.conversation import Conversation, Turn, new_id, now, put_turn
from chat_tui.core.errors import ChatTuiError, InternalError
from chat_tui.core.request import Request
from chat_tui.core.route import Route
from chat_tui.core.usage.spending import PAID_APART, midnight, paid_apart
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.price_limit import PriceLimit
from chat_tui.engine.answers.tool_round import ToolOffer
from chat_tui.engine.conversations.conversations import Conversations
from chat_tui.engine.conversations.places import Places
from chat_tui.routing.execution.stream import Stream
from chat_tui.routing.policy import Plan
from chat_tui.routing.ranking.prompt_features import with_features
from chat_tui.routing.router import Router

SAVE_SECONDS = 0.2
"""Between two saves of growing answers, so that a kill loses less than 250 ms of them."""


class Preview:
    """An answer to an unsent draft, made by `Engine.preview`; nothing of it is stored before `Engine.ask` takes it."""

    def __init__(self, answer: Answer, request: Request) -> None:
        self.answer = answer
        """Can be followed like any other answer."""
        self._request = request

    def fits(self, request: Request) -> bool:
        """Whether the answer is complete and was made for an equal request."""
        return self.answer.turn.state == "complete" and self._request == request

    async def cancel(self) -> None:
        """Cancel the answer; returns when its socket is closed."""
        await self.answer.cancel()


_NO_LIMIT = PriceLimit()


class PreparedAnswer(msgspec.Struct, frozen=True):
    """What it takes to begin an answer of a conversation."""

    conversation: Conversation
    place: int
    """The answer's index on the conversation's path; the question comes before it."""
    request: Request
    cut: Turn | None = None
    """The partial answer that it continues."""
    in_parts: bool = False
    """Whether it works through a document in parts."""
    limit: PriceLimit = _NO_LIMIT
    """Why the request has its price limit."""
    offer: ToolOffer | None = None
    """The tools that it may call."""
    goes_on: bool = False
    """Whether it goes on behind the results of tool calls: then a path that has left their branch stays as it is."""


class AnswerRunner:
    """Runs answers; `on_saved` is called with each answer after its ended turn was saved, or could not be;
    `on_calls` with each answer that has ended with tool calls to run; `on_begun` after an answer has begun that becomes
    a turn."""

    def __init__(
        self,
        router: Router,
        conversations: Conversations,
        places: Places,
        *,
        adaptive: Adaptive,
        tell: Callable[[ChatTuiError], None],
        on_saved: Callable[[Answer], Awaitable[None]],
        on_calls: Callable[[Answer], None],
        on_begun: Callable[[], None],
    ) -> None:
        self._router, self._conversations, self._places = router, conversations, places
        self._adaptive, self._tell, self._on_saved = adaptive, tell, on_saved
        self._on_calls, self._on_begun = on_calls, on_begun
        self._answers: dict[str, Answer] = {}
        self._busy: Counter[str] = Counter()
        """How many answers each conversation has."""
        self._previews: dict[str, Answer] = {}
        self._preview_dollars: dict[str, tuple[datetime, float]] = {}
        """When previews ended that no question has used, and what they cost, by the turn's id."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._paying = asyncio.Lock()
        self._growing: dict[str, Answer] = {}
        """Answers that are saved as they grow, by the turn's id; one timer saves them all."""
        self._saver: asyncio.Task[None] | None = None

    def __contains__(self, conversation_id: str) -> bool:
        """Whether an answer of this conversation runs or is being saved."""
        return self._busy[conversation_id] > 0

    def _add(self, answer: Answer) -> None:
        self._answers[answer.turn.id] = answer
        self._busy[answer.conversation_id] += 1

    def _drop(self, answer: Answer) -> None:
        del self._answers[answer.turn.id]
        self._busy[answer.conversation_id] -= 1
        if not self._busy[answer.conversation_id]:
            del self._busy[answer.conversation_id]

    def running(self, conversation_id: str | None = None) -> Sequence[Answer]:
        """The answers that run, of one conversation or of all."""
        answers = [answer for answer in self._answers.values() if not answer.ended]
        if conversation_id is None:
            return answers
        return [answer for answer in answers if answer.conversation_id == conversation_id]

    def unsaved_dollars(self, since: datetime) -> float:
        """US dollars since then for answers that are not stored, or not yet; running answers with estimated costs."""
        running = [*self._answers.values(), *self._previews.values()]
        previewed = sum(dollars for at, dollars in self._preview_dollars.values() if at >= since)
        return previewed + sum(answer.turn.cost or answer.figures().price or 0.0 for answer in running)

    def begin(self, prepared: PreparedAnswer) -> Answer:
        """Begin an answer that becomes a turn of its conversation."""
        conversation, place, request = prepared.conversation, prepared.place, with_features(prepared.request)
        plan = prepared.limit.explain(self._router.plan(request))
        answer = self._make_answer(conversation.id, conversation.path[:place], request, plan, prepared)
        self._add(answer)
        if prepared.goes_on:
            self._conversations.cache.extend(conversation.id, answer.turn)
        else:
            self._conversations.cache.remember(put_turn(conversation, place, answer.turn))
        add = self._conversations.turns.add_next if prepared.goes_on else self._conversations.turns.add_answer
        work = self._run(
            answer,
            request,
            plan,
            in_parts=prepared.in_parts,
            add=add,
            on_end=self._begin_last_save,
            limit=prepared.limit,
        )
        self._track(asyncio.ensure_future(work))
        self._on_begun()
        return answer

    def _make_answer(
        self,
        conversation_id: str,
        path: Sequence[Turn],
        request: Request,
        plan: Plan,
        prepared: PreparedAnswer | None = None,
    ) -> Answer:
        """Make the answer that follows this path."""
        # Stored with the model that is asked first, so that a partial answer that survives a kill names its model.
        turn = Turn(
            "assistant",
            "",
            id=new_id(),
            parent=path[-1].id,
            created=now(),
            state="streaming",
            model=plan.models[0].name if plan.models else request.model or "",
            strategy=plan.strategy,
        )
        return Answer(
            conversation_id,
            path,
            turn,
            cut=prepared.cut if prepared else None,
            offer=prepared.offer if prepared else None,
            memory=request.memory,
            on_end=self._settle,
            save_turn=self._save_turn,
        )

    # -- previews --------------------------------------------------------------------------------

    def preview(self, question: Turn, request: Request, plan: Plan) -> Answer:
        """Begin an answer that belongs to no conversation and is not saved; only the plan's models are asked."""
        answer = self._make_answer("", [question], request, plan)
        self._previews[answer.turn.id] = answer
        self.start_task(self._run(answer, request, plan, on_end=self._end_preview))
        return answer

    def _end_preview(self, answer: Answer) -> None:
        del self._previews[answer.turn.id]
        if answer.turn.cost:
            self._preview_dollars[answer.turn.id] = (now(), answer.turn.cost)

    def adopt(self, conversation: Conversation, place: int, answer: Answer) -> None:
        """Make a preview that has ended the answer at this place of the path, and save it."""
        answer.assign_to(conversation.id, conversation.path[:place])
        self._preview_dollars.pop(answer.turn.id, None)
        self._add(answer)
        self._conversations.cache.remember(put_turn(conversation, place, answer.turn))
        self.start_task(self._save_preview(answer))

    async def _save_preview(self, answer: Answer) -> None:
        try:
            await self._conversations.turns.add_answer(answer.conversation_id, answer.turn)
        finally:
            self.start_task(self._save_ended(answer))

    # -- answers that are not stored -------------------------------------------------------------------------------

    def begin_apart(self, prepared: PreparedAnswer) -> Answer:
        """Begin the answer to the last turn of a conversation that is not stored; only its cost is."""
        request, conversation = with_features(prepared.request), prepared.conversation
        plan = self._router.plan(request)
        if prepared.offer is not None:
            prepared = msgspec.structs.replace(
                prepared, offer=msgspec.structs.replace(prepared.offer, apart=conversation)
            )
        answer = self._make_answer("", conversation.path, request, plan, prepared)
        self._previews[answer.turn.id] = answer
        self.start_task(self._run(answer, request, plan, in_parts=prepared.in_parts, on_end=self._begin_payment))
        return answer

    async def _stream(self, request: Request, plan: Plan, *, in_parts: bool) -> Stream:
        if in_parts:
            from chat_tui.engine.streams import document

            return await document.stream(self._router, request)
        if request.adaptive and not request.part:
            from chat_tui.engine.streams import adaptive

            return await adaptive.stream(self._router, request, self._adaptive)
        return self._router.process_stream(request, plan)

    def _begin_payment(self, answer: Answer) -> None:
        # In a task of its own, which survives another cancel of the answer's.
        self.start_task(self._record_cost(answer))

    async def _record_cost(self, answer: Answer) -> None:
        try:
            if answer.turn.cost:
                await self.pay_apart(answer.turn.cost)
        finally:
            del self._previews[answer.turn.id]
            answer.saved.set()

    async def pay_apart(self, dollars: float) -> None:
        """Add the cost of what is not stored to what was spent today; a negative one is now counted elsewhere."""
        async with self._paying:
            paid = max(0.0, await self.spent_apart() + dollars)
            await self._places.set(PAID_APART, f"{midnight().date()} {paid:.9f}")

    async def spent_apart(self) -> float:
        """US dollars paid today for answers that are not stored."""
        return paid_apart(await self._places.get(PAID_APART))

    # -- running and saving ---------------------------------------------------------------------------------------

    async def _run(
        self,
        answer: Answer,
        request: Request,
        plan: Plan,
        *,
        in_parts: bool = False,
        add: Callable[[str, Turn], Awaitable[None]] | None = None,
        on_end: Callable[[Answer], None],
        limit: PriceLimit = _NO_LIMIT,
    ) -> None:
        """Run an answer to its ending, whatever that is, and then call `on_end`. `add` stores its beginning."""
        try:
            if add is not None:
                await add(answer.conversation_id, answer.turn)
                self._start_saving(answer)
            async with await self._stream(request, plan, in_parts=in_parts) as stream:
                await answer.attach(stream)
                async for chunk in stream:
                    answer.take(limit.explain_chunk(chunk))
        except asyncio.CancelledError:
            # The program ends.
            answer.give_up("cancelled")
            raise
        finally:
            answer.give_up()
            self._stop_periodic_saves(answer)
            on_end(answer)

    def _settle(self, answer: Answer) -> None:
        """Put the ended turn into its conversation, before anyone sees the ending and asks again."""
        self._conversations.turns.settle(answer.conversation_id, answer.turn)
        if answer.round is not None:
            self._on_calls(answer)

    def _begin_last_save(self, answer: Answer) -> None:
        # In a task of its own, which survives another cancel of the answer's.
        self.start_task(self._save_ended(answer))

    async def _save_ended(self, answer: Answer) -> None:
        try:
            await answer.save()
        finally:
            self._drop(answer)
        await self._on_saved(answer)

    def _start_saving(self, answer: Answer) -> None:
        self._growing[answer.turn.id] = answer
        if self._saver is None or self._saver.done():
            self._saver = asyncio.ensure_future(self._save_periodically())
            self._track(self._saver)

    def _stop_periodic_saves(self, answer: Answer) -> None:
        self._growing.pop(answer.turn.id, None)
        if not self._growing and self._saver is not None:
            self._saver.cancel()
            self._saver = None

    async def _save_periodically(self) -> None:
        due = monotonic()
        while True:
            due = max(due + SAVE_SECONDS, monotonic())
            await asyncio.sleep(due - monotonic())
            pieces = [(answer.conversation_id, answer.take_delta()) for answer in self._growing.values()]
            await self._conversations.turns.grow(
                [(conversation_id, piece) for conversation_id, piece in pieces if piece]
            )

    async def _save_turn(self, turn: Turn, route: Route | None) -> None:
        await self._conversations.turns.finish(self._answers[turn.id].conversation_id, turn, route)

    def start_task(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task that `close` waits for."""
        self._track(asyncio.ensure_future(work))

    def _track(self, task: asyncio.Task[None]) -> None:
        """Let `close` wait for a task, and report an error in it."""
        self._tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._tell(InternalError(f"Internal error in chat-tui: {error!r}.", "Please report it."))

    async def wait(self) -> None:
        """Wait until no task runs any more."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def close(self) -> None:
        """Cancel all answers, and save their parts."""
        await asyncio.gather(*(answer.cancel() for answer in [*self.running(), *self._previews.values()]))
        await self.wait()
