"""What would be asked, of whom, and what it may cost: seen before anything is stored or sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.context import Context
from chat_tui.core.conversation import Conversation, Turn, chained, new_id, now, title_of
from chat_tui.core.new_conversation import NewConversation
from chat_tui.core.preset import encode_preset
from chat_tui.core.request import Request
from chat_tui.engine.answers.comparison import asked_of, best_of
from chat_tui.engine.models import ModelRegistry
from chat_tui.engine.request_builder import request_of
from chat_tui.engine.streams import adaptive


class PriceEstimate(msgspec.Struct, frozen=True):
    """What the answers of several models may cost together."""

    dollars: float
    """US dollars, of those whose price is known."""
    unknown: tuple[str, ...] = ()
    """The models whose price is not known."""
    tokens: int = 0
    """That are sent to one of them; estimated."""


class CostEstimator(ModelRegistry):
    """The engine's look ahead."""

    async def context(self, conversation_id: str, settings: Request | None = None) -> Context:
        """What of a conversation would be sent with the next question, and why not the rest. Raises `HistoryError`."""
        conversation = await self.memory.conversation(conversation_id)
        request = await self._request(conversation, conversation.path, settings or Request())
        return await asyncio.to_thread(self._router.context, request)

    async def foreseen(
        self,
        conversation: str | NewConversation | None,
        text: str,
        settings: Request | None = None,
        *,
        attachments: Sequence[Attachment] = (),
    ) -> Context:
        """What `ask` would send for this, to whom, and what it may cost; nothing is stored. Raises `HistoryError`."""
        before = await self._before(conversation, text)
        question = Turn("user", text, attachments=tuple(attachments))
        # Files of earlier turns count by their size, so they need not be read.
        request = request_of(self.config, before, (*before.path, question), settings or Request())
        if request.model:
            self._supply.admit(request.model)
        if request.adaptive:
            return await asyncio.to_thread(adaptive.context, self._router, request, self.config.adaptive)
        return await asyncio.to_thread(self._router.context, request, listed=False)

    async def prices(
        self,
        conversation: str | NewConversation | None,
        text: str,
        models: Sequence[str],
        settings: Request | None = None,
        *,
        attachments: Sequence[Attachment] = (),
    ) -> PriceEstimate:
        """What `compare` may cost with these models; nothing is stored. Raises `HistoryError`."""
        given, dollars, tokens = settings or Request(), 0.0, 0
        unknown: list[str] = []
        for model in models:
            one = asked_of(model, given, given.max_price)
            context = await self.foreseen(conversation, text, one, attachments=attachments)
            tokens = max(tokens, context.tokens)
            if context.price is None:
                unknown.append(model)
            else:
                dollars += context.price
        return PriceEstimate(dollars, tuple(unknown), tokens)

    async def best_two(self, conversation: str | NewConversation | None, text: str, settings: Request) -> Sequence[str]:
        """The models that `compare` asks where none are named. Raises `CommandError`, `HistoryError`."""
        return await self._best(await self._before(conversation, text), Turn("user", text), settings)

    async def _before(self, conversation: str | NewConversation | None, text: str) -> Conversation:
        """The conversation as it is, or as it begins; this text will be its first question, and gives the title."""
        if isinstance(conversation, str):
            return await self.memory.conversation(conversation)
        given = conversation or NewConversation()
        begun = Conversation(new_id(), title_of(text), given.system_prompt, created=now(), updated=now())
        return replace(begun, path=chained(given.earlier), preset=encode_preset(given.preset))

    async def _next_request(self, before: Conversation, question: Turn, settings: Request | None) -> Request:
        """What would be asked next; of the new question only what is sent, so that two of the same words are equal."""
        request = await self._request(before, (*before.path, question), settings or Request())
        *turns, last = request.turns
        return request.changed(turns=(*turns, replace(last, id="", created=None)))

    async def _best(self, before: Conversation, question: Turn, settings: Request) -> Sequence[str]:
        request = await self._request(before, (*before.path, question), settings)
        return best_of(self._router.plan(request.changed(model=None)).candidates)

    async def _request(self, conversation: Conversation, path: Sequence[Turn], settings: Request) -> Request:
        turns = await self.memory.with_contents(conversation, path)
        return request_of(self.config, conversation, turns, settings)
