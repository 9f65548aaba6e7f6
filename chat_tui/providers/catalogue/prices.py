"""Prices and windows of hosted models, from a snapshot in the cache folder that a child process makes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import msgspec

from chat_tui.core.files.reading import read_regular
from chat_tui.core.models import PriceStep
from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import ChildCommand
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.providers.catalogue.purposes import purpose_of

FRESH_SECONDS = 7 * 24 * 3600
CHILD_SECONDS = 60.0
_BYTES_LIMIT = 16 * 1024 * 1024
_VERSION = lazy_pattern(
    r"[-@:](?:\d{4}-\d\d-\d\d|\d\d-\d{4}|\d\d-\d\d|\d{6,8}|\d{3,4}|latest|(?:preview|exp)(?:-\d[\d-]*)?)$"
)
"""A date, or another suffix of a model's name that does not make it another model."""
_PRICED_ALIKE = {"azure": ("openai", "deepseek", "xai")}
"""Providers that sell other makers' models at their prices."""
_NOT_OFFERED = lazy_pattern(r"vision-preview|^ft:")


class CatalogueEntry(msgspec.Struct, frozen=True, array_like=True):
    """What the snapshot says about one model."""

    context_window: int | None = None
    price_in: float | None = None
    """US dollars per million prompt tokens."""
    price_out: float | None = None
    """US dollars per million completion tokens."""
    price_cached: float | None = None
    price_cache_write: float | None = None
    price_steps: tuple[PriceStep, ...] = ()


class Catalogue:
    """The snapshot; empty until there is one."""

    def __init__(self, file: Path, *, child: ChildCommand | None = None) -> None:
        """`child` writes the snapshot; None: this package's own one."""
        self._file = file
        self._child = child or child_process.python_command(
            "chat_tui.providers.catalogue.prices_worker", str(file.absolute())
        )
        self._known: dict[str, dict[str, CatalogueEntry]] = {}

    @property
    def is_loaded(self) -> bool:
        """Whether there is a snapshot, fresh or old."""
        return bool(self._known)

    def load(self) -> bool:
        """Read the snapshot; returns whether it is there and fresh. Blocks for about a millisecond."""
        try:
            age = time.time() - self._file.stat().st_mtime
            content = read_regular(self._file, _BYTES_LIMIT)
            self._known = msgspec.json.decode(content, type=dict[str, dict[str, CatalogueEntry]])
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
            # It is made anew.
            return False
        return 0 <= age < FRESH_SECONDS

    async def refresh(self) -> bool:
        """Renew the snapshot if it is missing or old; returns whether it was renewed."""
        if await asyncio.to_thread(self.load):
            return False
        process = None
        try:
            process = await child_process.start(self._child)
            async with asyncio.timeout(CHILD_SECONDS):
                made = await process.wait() == 0
        except (OSError, TimeoutError):
            # Without it prices are not known, which is shown as such.
            return False
        finally:
            if process is not None and process.returncode is None:
                # The process's own `kill` may take its exit code away from asyncio, which then warns on the screen.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
                await process.wait()
        if made:
            await asyncio.to_thread(self.load)
        return made

    def of(self, provider: str, model_id: str) -> CatalogueEntry | None:
        """Return what is known about a model, by its id with or without its date."""
        sources = (provider, *_PRICED_ALIKE.get(provider, ()))
        return next((entry for source in sources if (entry := self._entry(source, model_id))), None)

    def _entry(self, provider: str, model_id: str) -> CatalogueEntry | None:
        models = self._known.get(provider, {})
        if model_id.startswith("ft:"):
            # Fine-tunes have a price by what they were made from: `ft:gpt-4o-mini-2024-07-18:acme:label:id`.
            model_id = ":".join(model_id.split(":")[:2])
        entry = models.get(model_id)
        while entry is None and (shorter := _VERSION.sub("", model_id)) != model_id:
            model_id = shorter
            entry = models.get(model_id)
        return entry

    def chat_models(self, provider: str) -> list[str]:
        """Return the ids of a provider's chat models whose price is known."""
        rows = self._known.get(provider, {})
        priced = [name for name, entry in rows.items() if entry.price_out and not _NOT_OFFERED.search(name)]
        return [name for name in priced if not purpose_of(provider, name)]
