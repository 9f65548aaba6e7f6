"""Better local models to download: instruct models in 4 bits that a laptop runs, and what of them fits this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from chat_tui.core.models import LocalOffer
from chat_tui.local.library import OwnModel

GB = 1_000_000_000
_CGROUP = Path("/sys/fs/cgroup/memory.max")

OFFERS = (
    LocalOffer(
        "qwen3-0.6b", "Qwen3 0.6B", "unsloth/Qwen3-0.6B-GGUF:Qwen3-0.6B-Q4_K_M.gguf", 396_705_472, 1_200_000_000
    ),
    LocalOffer(
        "qwen3-1.7b", "Qwen3 1.7B", "unsloth/Qwen3-1.7B-GGUF:Qwen3-1.7B-Q4_K_M.gguf", 1_107_409_472, 1_900_000_000
    ),
    LocalOffer("qwen3-4b", "Qwen3 4B", "unsloth/Qwen3-4B-GGUF:Qwen3-4B-Q4_K_M.gguf", 2_497_280_256, 3_500_000_000),
    LocalOffer("qwen3-8b", "Qwen3 8B", "Qwen/Qwen3-8B-GGUF:Qwen3-8B-Q4_K_M.gguf", 5_027_783_488, 6_100_000_000),
    LocalOffer(
        "gemma3-1b", "Gemma 3 1B", "unsloth/gemma-3-1b-it-GGUF:gemma-3-1b-it-Q4_K_M.gguf", 806_058_240, 1_400_000_000
    ),
    LocalOffer(
        "gemma3-4b", "Gemma 3 4B", "unsloth/gemma-3-4b-it-GGUF:gemma-3-4b-it-Q4_K_M.gguf", 2_489_757_856, 3_600_000_000
    ),
    LocalOffer(
        "llama3.2-1b",
        "Llama 3.2 1B",
        "bartowski/Llama-3.2-1B-Instruct-GGUF:Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        807_694_464,
        1_300_000_000,
    ),
    LocalOffer(
        "llama3.2-3b",
        "Llama 3.2 3B",
        "bartowski/Llama-3.2-3B-Instruct-GGUF:Llama-3.2-3B-Instruct-Q4_K_M.gguf",
        2_019_377_696,
        3_000_000_000,
    ),
)
"""Memory is that of the file, of the context at `library.USUAL_WINDOW` tokens, and of what llama.cpp computes in."""
_SPARED_BYTES = 500_000_000
"""Memory that the rest of the machine needs."""


def local_offers(own: Iterable[OwnModel], memory_bytes: int | None = None) -> list[LocalOffer]:
    """Return all offers; `own` are the models that are on this machine, `memory_bytes` None means this machine's."""
    memory = memory_bytes or machine_memory()
    there = {model.source: model.name for model in own}
    return [
        msgspec.structs.replace(
            offer,
            fits=not memory or offer.memory_bytes + _SPARED_BYTES <= memory,
            model=there.get(offer.source, ""),
        )
        for offer in OFFERS
    ]


def find_offer(name: str) -> LocalOffer | None:
    """Return the offer of this name, however it is written (`Qwen3 4B`, `qwen3-4b`); None if there is none."""
    wanted = re.sub(r"[^a-z0-9.]", "", name.lower())
    return next((offer for offer in OFFERS if re.sub(r"[^a-z0-9.]", "", offer.name) == wanted), None)


def machine_memory() -> int:
    """Return this machine's memory in bytes, or its container's; 0 if it is unknown."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0
    try:
        limit = _CGROUP.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return total
    return min(total, int(limit)) if limit.isdigit() else total
