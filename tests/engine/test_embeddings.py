"""Embeddings within the limits of what they may cost."""

from __future__ import annotations

from typing import Any

import pytest

from chat_tui.config.schema import Config
from chat_tui.core.errors import NoModel
from tests.doubles.scripted_chat import FAST
from tests.doubles.scripted_web import scripted_opener


@pytest.mark.parametrize("texts", ["word " * 1000, ["word " * 1000, "a"], [7] * 1000, [[7] * 1000], []])
async def test_embeddings_that_would_cost_more_than_the_limit_are_refused(texts: Any) -> None:
    config = Config(strategy="balanced", max_price_per_answer=1e-9)
    engine = await scripted_opener(["Hi."], config=config)()
    try:
        with pytest.raises(NoModel) as raised:
            await engine.embeddings.embed("far/embed", {"input": texts})
        assert "far/embed has no known price" in raised.value.hint
        if texts:
            with pytest.raises(NoModel, match="exceed your limit of"):
                await engine.embeddings.embed(FAST.name, {"input": texts})
        else:
            await engine.embeddings.embed(FAST.name, {"input": texts})
    finally:
        await engine.close()
