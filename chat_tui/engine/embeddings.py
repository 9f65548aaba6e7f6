"""Asks models for embeddings, within the budget; what they cost counts towards it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from chat_tui.core.chunks import Usage
from chat_tui.core.errors import NoModel
from chat_tui.core.models import Model
from chat_tui.core.usage.pricing import cost_of
from chat_tui.core.usage.token_estimate import estimate
from chat_tui.engine.answers.budget import Budget
from chat_tui.engine.answers.price_limit import PriceLimit, over_budget
from chat_tui.engine.answers.runner import AnswerRunner
from chat_tui.engine.protocols import ModelBackend
from chat_tui.routing.router import Router


class EmbeddedTexts(msgspec.Struct, frozen=True):
    """The reply to a request for embeddings."""

    reply: Any
    """As the provider sends it, in OpenAI's format."""
    tokens: int = 0
    cost: float | None = None
    """US dollars; None if the price is unknown."""


class EmbeddingRunner:
    """Made by the engine as `engine.embeddings`."""

    def __init__(self, router: Router, backend: ModelBackend, budget: Budget, answers: AnswerRunner) -> None:
        self._router, self._backend, self._budget, self._answers = router, backend, budget, answers

    async def embed(self, name: str, body: Mapping[str, Any]) -> EmbeddedTexts:
        """Ask a model for the embeddings of `input`, a text, texts or tokens.

        Raises `NoModel` if the budget does not allow it, `ProviderError`.
        """
        self._backend.admit(name)
        limit = await self._budget.limit(None)
        if limit.dollars is not None:
            await self._backend.look_up_prices()
        estimated = _cost(self._model(name), _estimated_tokens(body.get("input")))
        if limit.dollars is not None and (estimated is None or estimated > limit.dollars):
            raise _over_limit(name, estimated, limit)
        reply = await self._backend.embed(name, body)
        tokens = _tokens_of(reply)
        cost = _cost(self._model(name), tokens)
        if cost:
            await self._answers.pay_apart(cost)
        return EmbeddedTexts(reply, tokens, cost)

    def _model(self, name: str) -> Model:
        return next((model for model in self._router.models if model.name == name), Model(name))


def _over_limit(name: str, estimated: float | None, limit: PriceLimit) -> NoModel:
    price = "has no known price for embeddings" if estimated is None else f"would cost about ${estimated:.4g}"
    title = f"The embeddings exceed your limit of ${limit.dollars:.4g}."
    if limit.budget is not None:
        title = over_budget(limit.budget, limit.spent)
    return NoModel(title, f"{name} {price}. Raise the limit in the config, or choose another model.")


def _cost(model: Model, tokens: int) -> float | None:
    """Return US dollars; embeddings have no tokens that the model writes, and mostly no price for them."""
    return cost_of(msgspec.structs.replace(model, price_out=model.price_out or 0.0), Usage(tokens, 0, tokens))


def _tokens_of(reply: Any) -> int:
    usage = reply.get("usage") if isinstance(reply, dict) else None
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) and tokens > 0 else 0


def _estimated_tokens(texts: Any) -> int:
    if isinstance(texts, str):
        return estimate(texts)
    rows = texts if isinstance(texts, list) else ()
    return sum(1 if isinstance(row, int) else len(row) if isinstance(row, list) else estimate(str(row)) for row in rows)
