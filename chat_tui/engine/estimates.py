"""What would be asked, of whom, and what it may cost: seen before anything is stored or sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from chat_tui.config.schema import Config
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.context import Context
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.tools import ToolUse
from chat_tui.core.usage.token_estimate import estimate, memory_tokens, tool_tokens
from chat_tui.engine.answers.comparison import best_of, request_for
from chat_tui.engine.conversations.conversations import Conversations
from chat_tui.engine.protocols import ModelBackend
from chat_tui.engine.request_builder import RequestBuilder, build_request
from chat_tui.engine.tools.loop import ToolLoop, use_of
from chat_tui.routing.router import Router


class PriceEstimate(msgspec.Struct, frozen=True):
    """What the answers of several models may cost together."""

    dollars: float
    """US dollars, of those whose price is known."""
    unknown: tuple[str, ...] = ()
    """The models whose price is not known."""
    tokens: int = 0
    """That are sent to one of them; estimated."""


class CostEstimator:
    """Made by the engine as `engine.estimates`; stores and sends nothing."""

    def __init__(
        self,
        config: Config,
        router: Router,
        conversations: Conversations,
        backend: ModelBackend,
        requests: RequestBuilder,
        tools: ToolLoop,
    ) -> None:
        self._config, self._router, self._backend = config, router, backend
        self._conversations, self._requests = conversations, requests
        self._tools = tools

    async def context(self, conversation_id: str, settings: Request | None = None) -> Context:
        """What of a conversation would be sent with the next question, and why not the rest. Raises `HistoryError`."""
        conversation = await self._conversations.conversation(conversation_id)
        settings = settings or Request()
        request = await self._requests.build(conversation, conversation.path, settings)
        request = self._with_tools(request, conversation, settings)
        return _with_fixed_tokens(await asyncio.to_thread(self._router.context, request), request)

    async def estimate(
        self,
        conversation: str | NewConversation | None,
        text: str,
        settings: Request | None = None,
        *,
        attachments: Sequence[Attachment] = (),
        edited: str = "",
    ) -> Context:
        """What `ask` would send for this, to whom, and what it may cost; nothing is stored. Raises `HistoryError`.

        `edited` is the id of a question of the current path that this one replaces, as with `Engine.edit`.
        """
        before = await self._requests.conversation(conversation, text)
        place = next((place for place, turn in enumerate(before.path) if turn.id == edited), len(before.path))
        files = [file for turn in before.path[place : place + 1] for file in turn.attachments]
        question = Turn("user", text, attachments=(*files, *attachments))
        # Files of earlier turns count by their size, so they need not be read.
        settings = settings or Request()
        memory = await self._requests.memory_for(before, settings)
        request = build_request(self._config, before, (*before.path[:place], question), settings, memory)
        request = self._with_tools(request, before, settings)
        if request.model:
            self._backend.admit(request.model)
        if request.adaptive:
            from chat_tui.engine.streams import adaptive

            return await asyncio.to_thread(adaptive.context, self._router, request, self._config.adaptive)
        return await asyncio.to_thread(self._router.context, request, listed=False)

    def _with_tools(self, request: Request, conversation: Conversation, settings: Request) -> Request:
        """Return the request with the tools that its servers are known to have: none is started for an estimate."""
        tools = self._tools.known_tools(use_of(conversation, settings))
        return request.replace(tools=tuple(tool.tool for tool in tools), adaptive=False) if tools else request

    async def prices(
        self,
        conversation: str | NewConversation | None,
        text: str,
        models: Sequence[str],
        settings: Request | None = None,
        *,
        attachments: Sequence[Attachment] = (),
        edited: str = "",
    ) -> PriceEstimate:
        """What `compare` may cost with these models; nothing is stored. `edited` as in `estimate`.

        Raises `HistoryError`.
        """
        given, dollars, tokens = settings or Request(), 0.0, 0
        unknown: list[str] = []
        for model in models:
            one = request_for(model, given, given.max_price).replace(tool_use=ToolUse())
            context = await self.estimate(conversation, text, one, attachments=attachments, edited=edited)
            tokens = max(tokens, context.tokens)
            if context.price is None:
                unknown.append(model)
            else:
                dollars += context.price
        return PriceEstimate(dollars, tuple(unknown), tokens)

    async def best_two(self, conversation: str | NewConversation | None, text: str, settings: Request) -> Sequence[str]:
        """The models that `compare` asks where none are named. Raises `CommandError`, `HistoryError`."""
        before = await self._requests.conversation(conversation, text)
        return await self.best_for(before, Turn("user", text), settings)

    async def best_for(self, before: Conversation, question: Turn, settings: Request) -> Sequence[str]:
        """`best_two` for a question with its attachments."""
        request = await self._requests.build(before, (*before.path, question), settings)
        return best_of(self._router.plan(request.replace(model=None)).candidates)


def _with_fixed_tokens(context: Context, request: Request) -> Context:
    """Return the context with what each request of the conversation has: the parts of its system prompt, its tools."""
    system = sum(estimate(turn.text) for turn in request.turns if turn.role == "system")
    own = max(0, system - sum(map(memory_tokens, request.memory)))
    offered = tool_tokens(request.tools)
    return msgspec.structs.replace(context, system_tokens=own, memory=request.memory, tool_tokens=offered)
