"""Better local models are offered with their sizes, downloaded with progress, and are there at once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from pathlib import Path

import pytest

from chat_tui.config import paths
from chat_tui.core.errors import LocalModelError
from chat_tui.core.models import LocalOffer
from chat_tui.local.hub.offers import OFFERS, find_offer, local_offers, machine_memory
from chat_tui.local.hub.stoppable_pull import pull_in_child
from chat_tui.local.library import OwnModel
from tests.local.test_own import Hub, home, hub, models
from tests.support.isolated_engine import engine_with, standing

__all__ = ["home", "hub"]

TINY = LocalOffer("tiny", "Tiny", "org/tiny:tiny-Q4_0.gguf", 300_000, 1_000_000)


def test_offers_are_whole_and_known_by_their_names() -> None:
    assert len({offer.name for offer in OFFERS}) == len(OFFERS)
    for offer in OFFERS:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+:[\w.-]+\.gguf", offer.source)
        assert 0 < offer.download_bytes < offer.memory_bytes
        assert find_offer(offer.title) == find_offer(offer.name.upper()) == offer
    assert find_offer("qwen") is None


def test_offers_say_what_fits_and_what_is_there() -> None:
    own = [OwnModel("local/mine", "/x", True, OFFERS[0].source)]
    offers = {offer.name: offer for offer in local_offers(own, 4_100_000_000)}
    assert offers["qwen3-0.6b"].model == "local/mine"
    assert [name for name, offer in offers.items() if not offer.fits] == ["qwen3-8b"]
    assert machine_memory() > 100_000_000


def test_the_command_line_lists_offers(home: dict[str, str]) -> None:
    done = models(home, "get")
    assert re.search(r"qwen3-4b +Qwen3 4B +2\.5 GB +3\.5 GB", done.stdout)
    assert len(json.loads(models(home, "get", "--json").stdout)) == len(OFFERS)


async def test_a_model_is_downloaded_with_progress_and_is_there_without_a_restart(
    home: dict[str, str], hub: Hub, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    async with engine_with(environ={**os.environ, "HF_ENDPOINT": hub.url}) as engine:
        name = await engine.setup.pull(TINY, lambda received, total: told.append((received, total)))
        assert name == "local/tiny"
        found = standing(engine, name)
        assert found is not None
        assert found.model.selectable
    assert told[-1] == (len(hub.content), len(hub.content))
    assert [path.read_bytes() for path in paths.pulled_folder().rglob("*.gguf")] == [hub.content]
    assert not list(tmp_path.rglob("*.part"))  # noqa: ASYNC240


async def test_a_download_that_fails_says_why(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(LocalModelError, match="does not exist"):
        await pull_in_child("org/none", tmp_path, lambda *_: None, {**os.environ, "HF_ENDPOINT": hub.url})


async def test_a_download_that_is_stopped_goes_on_where_it_was(hub: Hub, tmp_path: Path) -> None:
    # It is kept in pieces of 10 MB.
    hub.content += os.urandom(24_000_000)
    hub.sha256 = hashlib.sha256(hub.content).hexdigest()
    hub.cut_at, hub.stalls = 22_000_000, True
    environ = {**os.environ, "HF_ENDPOINT": hub.url}
    reached = asyncio.Event()

    def received(count: int, total: int) -> None:
        if count >= 10_000_000:
            reached.set()

    task = asyncio.ensure_future(pull_in_child("org/tiny", tmp_path, received, environ))
    await asyncio.wait_for(reached.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hub.ranges.clear()
    told: list[int] = []
    file, _ = await pull_in_child("org/tiny", tmp_path, lambda count, _: told.append(count), environ)
    assert file.read_bytes() == hub.content
    assert told[0] >= 10_000_000
    assert all(re.fullmatch(r"bytes=[1-9]\d{7}-.*", asked) for asked in hub.ranges), hub.ranges


async def test_a_download_that_is_cancelled_leaves_no_process(hub: Hub, tmp_path: Path) -> None:
    reached = asyncio.Event()
    hub.content += bytes(40_000_000)
    hub.sha256 = "0" * 64
    task = asyncio.ensure_future(
        pull_in_child(
            "org/tiny",
            tmp_path,
            lambda *_: reached.set(),
            {**os.environ, "HF_ENDPOINT": hub.url},
        )
    )
    await asyncio.wait_for(reached.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for status in Path("/proc").glob("[0-9]*/cmdline"):  # noqa: ASYNC240
        try:
            assert b"pull_worker" not in status.read_bytes() or str(tmp_path).encode() not in status.read_bytes()
        except OSError:
            continue
