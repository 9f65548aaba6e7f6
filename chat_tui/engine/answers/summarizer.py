"""Summaries of earlier messages, which requests then send in their place. Made only when a person asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence

import msgspec

from chat_tui.core.chunks import Token, Usage, has_answered, sum_usages
from chat_tui.core.context import Context
from chat_tui.core.conversation import Conversation, SummarizedTurns, Turn, new_id, now, put_turn
from chat_tui.core.errors import ChatTuiError, CommandError, NoModel
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ToolUse
from chat_tui.core.usage.token_estimate import estimate
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.runner import AnswerRunner
from chat_tui.engine.answers.summary_prompt import conversation_parts, room_for_part, summary_prompt
from chat_tui.engine.cleaning import clean_in_pieces
from chat_tui.engine.conversations.conversations import Conversations
from chat_tui.engine.conversations.summarized_path import replaced_turns, summary_place
from chat_tui.routing.ranking.eligibility import estimated_price
from chat_tui.routing.router import Router

STEPS_LIMIT = 20
"""How many requests one summary may take."""
_SUMMARY_TOKENS = 1024
_UNKNOWN_WINDOW = 32_000
"""Tokens of a part for a model whose context window is not known."""
_TEMPERATURE = 0.2
_DIGITS = 9
AskApart = Callable[[NewConversation | None, str, Request], Awaitable[Answer]]
"""Begins an answer of which only the cost is stored. Raises `ChatTuiError`."""


ReadContext = Callable[[str, Request], Awaitable[Context]]
"""Returns what of a conversation would be sent. Raises `HistoryError`."""


def parse_kept(typed: str) -> int | None:
    """Return how many of the last messages stay out of a summary, from what was typed after `/compact`; None if nothing
    was. Raises `CommandError`."""
    if not typed:
        return None
    if not typed.isdecimal() or len(typed) > _DIGITS:
        raise CommandError(
            f"{shorten(typed, 40)} is not a number of messages.",
            "For example: /compact 10 keeps the last 10 messages and summarises the others.",
        )
    return int(typed)


class SummaryPlace(msgspec.Struct, frozen=True):
    """Where a summary belongs."""

    conversation_id: str
    leaf: str
    """Id of the last turn of the path."""
    summarized: SummarizedTurns


class SummaryPlan(msgspec.Struct, frozen=True):
    """A summary that could be made: of what, by whom, and what it may cost."""

    place: SummaryPlace
    parts: tuple[str, ...]
    """The text to summarise, for one request each."""
    model: str
    length: int
    """Intended length of the summary in tokens."""
    tokens: int
    """Sent in all requests together; estimated."""
    price: float | None
    """Estimated US dollars; None if the price is not known."""
    settings: Request

    @property
    def summarized(self) -> SummarizedTurns:
        """What it replaces."""
        return self.place.summarized


class WrittenSummary(msgspec.Struct, frozen=True):
    """What the model has written, and what it took."""

    text: str
    model: str
    usage: Usage | None = None
    cost: float | None = None
    """US dollars of all requests; None if not known."""
    is_cut: bool = False
    """Whether it ended at the limit of tokens."""


class SummaryRun:
    """The requests for one summary, one after the other."""

    def __init__(self, plan: SummaryPlan, ask: AskApart) -> None:
        self.plan, self._ask = plan, ask
        self.step = 0
        """Which request runs, counted from 1."""
        self._answers: list[Answer] = []
        self._is_cancelled = False

    async def texts(self) -> AsyncGenerator[str, None]:
        """Yield the text of the current request as it grows; the last one of the last request is the summary.

        Raises `ChatTuiError` if a request fails, and `CommandError` after `cancel`.
        """
        text = ""
        for part in self.plan.parts:
            self.step += 1
            self._check_cancel()
            prompt = summary_prompt(part, text, self.plan.length)
            answer = await self._ask(NewConversation(system_prompt=""), prompt, self.plan.settings)
            self._answers.append(answer)
            self._check_cancel()
            try:
                async for chunk in answer.follow():
                    if isinstance(chunk, Token):
                        yield answer.text
            finally:
                # Nobody reads on: what would still come must not be paid for.
                if not answer.ended:
                    await answer.cancel()
            await answer.saved.wait()
            text = answer.turn.text.strip()
            self._check_cancel()
            if not text or not has_answered(answer.turn.state, text):
                raise _failure(answer.turn)
            yield text

    async def cancel(self) -> None:
        """Stop. What was written is not kept; what it has cost counts."""
        self._is_cancelled = True
        if self._answers:
            await self._answers[-1].cancel()

    def _check_cancel(self) -> None:
        if self._is_cancelled:
            raise CommandError("Stopped: no summary was made.", "Nothing was changed.")

    def result(self) -> WrittenSummary:
        """Return the summary, after `texts` has ended."""
        turns = [answer.turn for answer in self._answers]
        usages = [turn.usage for turn in turns if turn.usage is not None]
        costs = [turn.cost for turn in turns if turn.cost is not None]
        last = turns[-1]
        cost = sum(costs) if costs else None
        return WrittenSummary(
            last.text.strip(),
            last.model,
            sum_usages(usages),
            cost,
            is_cut=any(turn.state == "length" for turn in turns),
        )


def _failure(turn: Turn) -> ChatTuiError:
    if turn.error is not None:
        return CommandError(
            f"No summary was made: {turn.error.title}", f"Nothing was changed. {turn.error.hint}".strip()
        )
    return CommandError(
        f"No summary was made: {turn.model} wrote no text.", "Nothing was changed. Choose another model with /model."
    )


class Summarizer:
    """Makes summaries and keeps them in their conversations. Made by the engine as `engine.summaries`; `ask` begins an
    answer that is not stored, `read_context` tells what of a conversation would be sent."""

    def __init__(
        self,
        router: Router,
        conversations: Conversations,
        answers: AnswerRunner,
        ask: AskApart,
        read_context: ReadContext,
    ) -> None:
        self._router, self._conversations, self._answers = router, conversations, answers
        self._ask, self._read_context = ask, read_context

    async def plan(self, conversation_id: str, kept: int | None, settings: Request) -> SummaryPlan:
        """Return what a summary of all but the last `kept` messages would take; None: of what does not fit the context
        window with the next question. Nothing is asked.

        Raises `CommandError` where there is nothing to summarise or too much, `NoModel`, `HistoryError`.
        """
        conversation = await self._conversations.conversation(conversation_id)
        path = conversation.path
        model = self._model(path, settings)
        window = model.context_window or _UNKNOWN_WINDOW
        length = max(1, min(_SUMMARY_TOKENS, window // 8))
        settings = settings.replace(model=model.name)
        if kept is None:
            context = await self._read_context(conversation_id, settings)
            end = _end_by_window(path, context, length)
        else:
            end = _end_by_count(path, kept)
        turns = await self._conversations.with_contents(conversation, _turns_to_summarize(path, end))
        room = room_for_part(window, length)
        parts = tuple(await asyncio.to_thread(conversation_parts, turns, room))
        if len(parts) > STEPS_LIMIT:
            raise CommandError(
                f"A summary would take {len(parts)} requests to {model.name}; {STEPS_LIMIT} is the limit.",
                "Choose a model with a larger context window, or keep more messages: /compact 50.",
            )
        asked = _settings_for(model, length, settings)
        tokens = [estimate(summary_prompt(part, "x" if place else "", length)) for place, part in enumerate(parts)]
        tokens = [count + (length if place else 0) for place, count in enumerate(tokens)]
        prices = [estimated_price(model, count, asked) for count in tokens]
        known = [price for price in prices if price is not None]
        return SummaryPlan(
            SummaryPlace(conversation_id, path[-1].id, SummarizedTurns(end, _count_messages(path[:end]))),
            parts,
            model.name,
            length,
            sum(tokens),
            sum(known) if len(known) == len(prices) else None,
            asked,
        )

    def _model(self, path: Sequence[Turn], settings: Request) -> Model:
        """Return the model in use: the chosen one, else the one of the last answer, else the one that would be asked.

        Raises `NoModel`.
        """
        last = next((turn.model for turn in reversed(path) if turn.role == "assistant" and turn.model), None)
        names = [settings.model] if settings.model else [last, None]
        for name in names:
            plan = self._router.plan(Request(prompt="Summarise.", model=name, strategy=settings.strategy))
            if plan.models and plan.error is None:
                return plan.models[0]
        raise plan.error or NoModel("There is no model that could write a summary.", "Choose one with /model.")

    def begin(self, plan: SummaryPlan) -> SummaryRun:
        """Return the run that makes the summary."""
        return SummaryRun(plan, self._ask)

    async def keep(self, place: SummaryPlace, written: WrittenSummary, text: str) -> Conversation:
        """Add a summary, with this text, to the end of its conversation: from now on requests send it in place of the
        turns that it replaces. Raises `CommandError`, `HistoryError`."""
        text = (await clean_in_pieces(text)).strip()
        if not text:
            raise CommandError("The summary is empty.", "Write something, or leave it with Esc: nothing was changed.")
        conversation = await self._conversations.conversation(place.conversation_id)
        if not conversation.path or conversation.path[-1].id != place.leaf:
            raise CommandError("The conversation has gone on meanwhile.", "Nothing was changed. Type /compact again.")
        turn = Turn(
            "summary",
            text,
            id=new_id(),
            parent=place.leaf,
            created=now(),
            model=written.model,
            usage=written.usage,
            cost=written.cost,
            summarized=place.summarized,
        )
        conversation = put_turn(conversation, len(conversation.path), turn)
        self._conversations.cache.remember(conversation)
        await self._conversations.turns.add_answer(conversation.id, turn)
        if written.cost:
            # It was counted apart when it was made; from now on the turn counts it.
            await self._answers.pay_apart(-written.cost)
        return conversation

    def is_last(self, conversation_id: str, summary: str) -> bool:
        """Return whether the conversation ends with this summary, as far as that is known."""
        known = self._conversations.cache.get(conversation_id)
        return known is None or bool(known.path and known.path[-1].id == summary)

    async def take_back(self, conversation_id: str, summary: str) -> Conversation:
        """End the path before a summary, which stays in the tree: all turns are sent again. Raises `CommandError` if
        the conversation does not end with it, `HistoryError`."""
        conversation = await self._conversations.conversation(conversation_id)
        last = conversation.path[-1] if conversation.path else None
        if last is None or last.id != summary:
            raise CommandError(
                "The conversation has gone on with the summary.",
                "Choose the message above the summary and type /branch: what follows then is sent without it.",
            )
        return await self._conversations.end_at(conversation_id, last.parent, takes_back=True)


def _settings_for(model: Model, length: int, settings: Request) -> Request:
    # Models count words badly, so the limit is twice the length that they are asked for.
    return Request(
        model=model.name,
        max_tokens=2 * length,
        temperature=_TEMPERATURE,
        thinking="off",
        max_price=settings.max_price,
        timeout_seconds=settings.timeout_seconds,
        fallback=False,
        tool_use=ToolUse(),
        web_search=False,
        alternatives=False,
    )


def _end_by_count(path: Sequence[Turn], kept: int) -> int:
    """Return how many turns are before the last `kept` messages, whole exchanges only. Raises `CommandError`."""
    end, messages = len(path), 0
    for place in range(len(path) - 1, -1, -1):
        if messages >= kept and (end == len(path) or path[end].role == "user"):
            break
        end = place
        messages += path[place].role in ("user", "assistant")
    return _checked(path, end)


def _end_by_window(path: Sequence[Turn], context: Context, length: int) -> int:
    """Return how many turns are before those that fit the window with a summary of this length and the next question.

    Raises `CommandError`.
    """
    if not context.left_out:
        raise CommandError(
            "All messages still fit the context window.", "/compact 10 summarises all but the last 10 messages."
        )
    exchanges = [exchange for exchange in context.exchanges if not exchange.is_summary]
    sent = sum(exchange.tokens for exchange in exchanges if exchange.sent)
    summaries = sum(exchange.tokens for exchange in context.exchanges if exchange.is_summary)
    # Room for one more question and its answer, so that the next one does not push out more.
    room = (context.window or context.tokens) - 2 * context.reply_tokens - (context.tokens - sent - summaries) - length
    first = len(exchanges) - 1
    used = exchanges[first].tokens
    while first > 0 and exchanges[first - 1].why_not not in ("window", "exchanges"):
        used += exchanges[first - 1].tokens if exchanges[first - 1].sent else 0
        if used > room:
            break
        first -= 1
    end = next((place for place, turn in enumerate(path) if turn.id == exchanges[first].question), 0)
    while end and path[end - 1].role == "user":
        end -= 1
    return _checked(path, end)


def _checked(path: Sequence[Turn], end: int) -> int:
    """Return `end` if there is something to summarise before it. Raises `CommandError`."""
    place = summary_place(path)
    known = 0 if place is None else replaced_turns(path, place)
    if not _count_messages(path[known:end]):
        what = "since the last summary" if known else "before these messages"
        raise CommandError(
            f"There is nothing to summarise {what}.", "/compact 4 keeps the last 4 messages and summarises the others."
        )
    return end


def _turns_to_summarize(path: Sequence[Turn], end: int) -> Sequence[Turn]:
    """Return what a summary of the turns before `end` is made of: the last summary, and what it does not replace, but
    nothing that the user never sends."""
    place = summary_place(path)
    if place is None:
        return [*_sendable(path[:end])]
    known = replaced_turns(path, place)
    return [path[place], *_sendable(path[known:end])]


def _sendable(turns: Sequence[Turn]) -> Iterator[Turn]:
    is_left_out = False
    for turn in turns:
        if turn.role == "user":
            is_left_out = turn.kept is False
        has_content = bool(turn.text.strip() or turn.calls or turn.attachments or turn.result is not None)
        if not is_left_out and has_content and turn.role not in ("system", "summary"):
            yield turn


def _count_messages(turns: Sequence[Turn]) -> int:
    return sum(turn.role in ("user", "assistant") for turn in turns)
