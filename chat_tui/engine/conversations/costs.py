"""What answers have cost and used."""

from __future__ import annotations

from datetime import datetime

from chat_tui.core.usage.usage import UsageReport
from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.engine.conversations.stores import ConversationStores
from chat_tui.history.queries import costs, usage


class ConversationCosts:
    """Sums over stored answers, in US dollars."""

    def __init__(self, stores: ConversationStores, errors: ErrorReports) -> None:
        self._stores, self._errors = stores, errors

    async def total_since(self, since: datetime) -> float:
        """The cost of all answers since then, including private ones."""
        return sum([await self._errors.guard(each.read(costs.total_since, since), 0.0) for each in self._stores.all()])

    async def of_conversation(self, conversation_id: str) -> float | None:
        """The cost of all answers of a conversation, on all branches; None if no cost is known."""
        store = self._stores.store_of(conversation_id)
        return await self._errors.guard(store.read(costs.conversation_cost, conversation_id), None)

    async def report(self, since: datetime) -> UsageReport:
        """Sums by day, model and strategy since this beginning of a day, without private answers.

        Raises `HistoryError`.
        """
        return await self._stores.saved.read(usage.statistics, since)
