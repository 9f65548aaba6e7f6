"""Reads a recording in pieces, and tells whether it means what stands beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from chat_tui.core.chunks import Chunk, End
from chat_tui.core.errors import ProviderError
from chat_tui.providers.dialects import dialect
from chat_tui.providers.http.response_stream import bursts

FOLDER = Path(__file__).parent


def recordings(name: str) -> list[str]:
    """The names of a dialect's recordings."""
    return sorted(file.stem for file in (FOLDER / name).glob("*.json"))


def check(name: str, recording: str) -> None:
    """Read it whole, byte by byte and cut at every byte: the chunks and the error stay the same."""
    (file,) = (file for file in (FOLDER / name).glob(f"{recording}.*") if file.suffix != ".json")
    raw = file.read_bytes()
    means = json.loads((FOLDER / name / f"{recording}.json").read_text())
    assert means["source"]
    # Fields that came to a chunk after it was recorded have their defaults.
    expected = [_plain(chunk) for chunk in msgspec.convert(means["chunks"], list[Chunk])]
    one_by_one = [raw[at : at + 1] for at in range(len(raw))]
    cuts = [[raw[:at], raw[at:]] for at in range(1, len(raw))]

    async def read() -> None:
        for pieces in ([raw], one_by_one, [b"", *one_by_one, b""], *cuts):
            chunks, error = await _read(name, pieces, means["content_type"])
            where = f"after {len(pieces[0]) if pieces else 0} bytes in {len(pieces)} pieces"
            assert chunks == expected, where
            assert (error.kind if error else None) == means["error"], where
            if error and "title" in means:
                assert error.title == means["title"], where

    asyncio.run(read())


def events(name: str) -> list[Any]:
    """The different shapes of the JSON values in a dialect's recordings, one of each."""
    shapes: dict[str, Any] = {}
    for file in sorted((FOLDER / name).iterdir()):
        for line in file.read_bytes().splitlines() if file.suffix != ".json" else ():
            try:
                value = json.loads(line.removeprefix(b"data:"))
            except ValueError:
                continue
            shapes.setdefault(str(_shape(value)), value)
    return list(shapes.values())


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: value[name] if name == "type" else _shape(value[name]) for name in value}
    return [_shape(part) for part in value] if isinstance(value, list) else type(value)


def _plain(chunk: Chunk) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(chunk)
    if isinstance(chunk, End):
        return {field: plain[field] for field in ("type", "finish_reason", "state", "usage", "timings")}
    return plain


async def _pieces(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _read(
    name: str, pieces: Sequence[bytes], content_type: str
) -> tuple[list[dict[str, Any]], ProviderError | None]:
    told: list[dict[str, Any]] = []
    try:
        async for burst in bursts(_pieces(pieces), content_type, dialect(name), ()):
            for chunk in burst:
                told.append(_plain(chunk))
    except ProviderError as error:
        return told, error
    return told, None
