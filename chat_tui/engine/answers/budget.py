"""Limits of what answers may cost: per answer, and by the day's budget."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.config.schema import Config
from chat_tui.core.conversation import Turn
from chat_tui.core.usage.spending import EarlierSpending, Spending, midnight
from chat_tui.engine.answers.price_limit import PriceLimit
from chat_tui.engine.answers.runner import AnswerRunner
from chat_tui.engine.conversations.costs import ConversationCosts


class Budget:
    """Knows what may be spent. All amounts are in US dollars."""

    def __init__(
        self,
        config: Config,
        costs: ConversationCosts,
        answers: AnswerRunner,
        elsewhere: EarlierSpending | None = None,
    ) -> None:
        self._config, self._costs, self._answers = config, costs, answers
        self._elsewhere = elsewhere

    async def affordable(self, asked: float | None, *, answers: int = 1) -> float | None:
        """What each of the next answers may cost, if this many are asked for at once; None for no limit."""
        return (await self.limit(asked, answers=answers)).dollars

    async def limit(self, asked: float | None, *, answers: int = 1, paid: float = 0.0) -> PriceLimit:
        """Like `affordable`, with the daily budget and today's spending if they set the limit.

        `paid` are the US dollars that earlier steps of the same answer, which called tools, have cost.
        """
        asked_limits = (asked, self._config.max_price_per_answer)
        limits = [max(0.0, limit - paid) for limit in asked_limits if limit is not None]
        budget = self._config.daily_budget
        if budget is None:
            return PriceLimit(min(limits, default=None))
        spent = await self._spent_today()
        left = max(0.0, budget - spent) / answers
        if limits and min(limits) <= left:
            return PriceLimit(min(limits))
        return PriceLimit(left, budget, spent)

    async def _spent_today(self) -> float:
        today = midnight()
        paid_apart = await self._answers.spent_apart()
        elsewhere = self._elsewhere.dollars if self._elsewhere and self._elsewhere.midnight == today else 0.0
        return await self._costs.total_since(today) + paid_apart + self._answers.unsaved_dollars(today) + elsewhere

    async def spending(self, conversation_id: str | None) -> Spending:
        """What was spent in a conversation and today, with estimates for running answers, and the day's budget."""
        spent = await self._costs.of_conversation(conversation_id) if conversation_id is not None else None
        return Spending(spent, await self._spent_today(), self._config.daily_budget)


def paid_since_question(path: Sequence[Turn]) -> float:
    """Return the known cost in US dollars of the answers behind the last question of a path."""
    paid = 0.0
    for turn in reversed(path):
        if turn.role == "user":
            break
        paid += turn.cost or 0.0
    return paid
