"""The built-in model's weights for tests that need the real ones: fetched once per user, into the user's own cache."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chat_tui import paths
from chat_tui.local.weights import Weights


def fetched() -> Path:
    """The verified weights; the first time it fetches them. Not for use inside a running event loop."""
    weights = Weights(paths.cache_folder() / "weights")
    return weights.ready() or asyncio.run(weights.fetch())


@pytest.fixture(scope="session")
def weights_file() -> Path:
    """The real weights."""
    return fetched()
