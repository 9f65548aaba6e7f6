"""Recorded streams mean the same chunks however the network cuts them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chat_tui.core.chunks import Chunk, End
from chat_tui.core.errors import ProviderError
from chat_tui.providers.dialects import dialect
from chat_tui.providers.http.response_stream import bursts

FOLDER = Path(__file__).parents[2] / "wire"
NAMES = sorted(file.stem for file in FOLDER.glob("*.sse"))


async def _pieces(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _read(pieces: Sequence[bytes], content_type: str) -> tuple[list[dict[str, Any]], ProviderError | None]:
    told: list[dict[str, Any]] = []
    try:
        async for burst in bursts(_pieces(pieces), content_type, dialect("openai"), ()):
            told += [_plain(chunk) for chunk in burst]
    except ProviderError as error:
        return told, error
    return told, None


def _plain(chunk: Chunk) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(chunk)
    if isinstance(chunk, End):
        return {name: plain[name] for name in ("type", "finish_reason", "state", "usage")}
    return plain


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_means_the_same_chunks_wherever_it_is_cut(name: str) -> None:
    raw = (FOLDER / f"{name}.sse").read_bytes()
    means = json.loads((FOLDER / f"{name}.json").read_text())
    # Fields that came to a chunk after it was recorded have their defaults.
    expected = [_plain(chunk) for chunk in msgspec.convert(means["chunks"], list[Chunk])]
    cuts = [[raw[:at], raw[at:]] for at in range(1, len(raw))]
    one_by_one = [raw[at : at + 1] for at in range(len(raw))]

    async def read() -> None:
        for pieces in ([raw], one_by_one, [b"", *one_by_one, b""], *cuts):
            chunks, error = await _read(pieces, means["content_type"])
            where = f"after {len(pieces[0]) if pieces else 0} bytes in {len(pieces)} pieces"
            assert chunks == expected, where
            assert (error.kind if error else None) == means["error"], where
            if error and "title" in means:
                assert error.title == means["title"], where

    asyncio.run(read())


def test_each_recording_names_its_source() -> None:
    assert len(NAMES) > 30
    for name in NAMES:
        assert json.loads((FOLDER / f"{name}.json").read_text())["source"], name
