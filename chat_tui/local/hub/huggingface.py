"""Downloads GGUF files from Hugging Face: interrupted downloads resume, and the hash is verified. All calls block."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from chat_tui.core.errors import LocalModelError
from chat_tui.core.files.reading import open_regular
from chat_tui.core.files.writing import resumable_file
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.redaction import Redactor
from chat_tui.local.wheel import sha256

_LIKED = ("q4_k_m", "q4_k_s", "q4_0", "q4_1", "q5_k_m", "q8_0", "f16", "bf16")
"""Preferred quantizations if no file is named: small, with little loss of quality."""
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_VERSION_CHARACTERS = 32
"""Of a hash, in the name of a file that is being downloaded."""
_LONGEST_NAME = 200
"""Bytes of a path component; the library appends to it while it downloads."""


def pull(
    name: str, folder: Path, received: Callable[[int, int], None], *, endpoint: str | None = None
) -> tuple[Path, str]:
    """Download `ORG/REPO` or `ORG/REPO:FILE` into the folder; returns the file and its source.

    `received` is called with the bytes downloaded so far and the total. Raises `LocalModelError`; after a
    `KeyboardInterrupt`, the next call resumes.
    """
    repository, _, wanted = name.partition(":")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise _failure(
            name, "it is not written as ORG/REPO or ORG/REPO:FILE", "For example: bartowski/SmolLM2-135M-GGUF."
        )
    with _converted_errors(name):
        from huggingface_hub import HfApi

        info = HfApi(endpoint=endpoint).model_info(repository, files_metadata=True, timeout=30)
        if not _COMMIT.fullmatch(info.sha or ""):
            raise ValueError("no commit")
        files = {file.rfilename: file for file in info.siblings or () if _is_wanted(file.rfilename)}
        chosen = files[choose({name: file.size or 0 for name, file in files.items()}, wanted, name)]
        path = folder / repository.replace("/", "--") / chosen.rfilename
        expected = chosen.lfs.sha256 if chosen.lfs else None
        size = chosen.size if isinstance(chosen.size, int) else None
        if size is None or not path.is_file() or path.stat().st_size != size:
            source = _HubFile(repository, chosen.rfilename, info.sha or "", size, endpoint)
            _download(source, path, expected or info.sha or "", received)
    _check(path, expected, name)
    return path, f"{repository}:{chosen.rfilename}"


class _HubFile(NamedTuple):
    """A file of a repository; its size is in bytes, if it is known."""

    repository: str
    name: str
    commit: str
    size: int | None
    endpoint: str | None


def _download(source: _HubFile, path: Path, version: str, received: Callable[[int, int], None]) -> None:
    """Download a file, and go on with what an earlier process has downloaded of the same version.

    The library's own `hf_hub_download` begins anew in each process (huggingface_hub 2.4).
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    part = path.with_name(f".{version[:_VERSION_CHARACTERS]}.part")
    with resumable_file(part, path) as opened:
        there = opened.tell()
        if source.size is not None and there > source.size:
            there = opened.truncate(opened.seek(0))
        http_get(
            hf_hub_url(source.repository, source.name, revision=source.commit, endpoint=source.endpoint),
            opened,
            resume_size=there,
            headers=build_hf_headers(),
            expected_size=source.size,
            tqdm_class=_progress(received, source.size or 0),
        )


@contextmanager
def _converted_errors(name: str) -> Iterator[None]:
    """Convert the library's exceptions to `LocalModelError`."""
    try:
        from huggingface_hub import errors
        from huggingface_hub import logging as hub_logging
    except ValueError as error:
        # The library reads its environment variables at import.
        raise _failure(
            name, "one of the HF_ variables has an invalid value", "Check that HF_ENDPOINT is a web address."
        ) from error
    hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        # Its warnings would appear in the middle of the screen, and the errors follow anyway.
        with warnings.catch_warnings(action="ignore"):
            yield
    except errors.GatedRepoError:
        raise _failure(
            name, "this repository is gated", "Accept its terms on its Hugging Face page, then set HF_TOKEN."
        ) from None
    except errors.LocalEntryNotFoundError:
        raise _failure(name, "the connection was lost", "Try again: what was downloaded is kept.") from None
    except (errors.RepositoryNotFoundError, errors.EntryNotFoundError):
        raise _failure(
            name, "the repository does not exist or is private", "Set HF_TOKEN to use a private one."
        ) from None
    except (errors.HTTPError, OSError) as error:
        why = shorten(str(error).partition("\n")[0], 200)
        if isinstance(error, errors.HTTPError) and getattr(error, "response", None) is None:
            raise _failure(
                name,
                f"Hugging Face cannot be reached: {why or type(error).__name__}",
                "Check the network, HF_ENDPOINT and HTTPS_PROXY, and try again: what was downloaded is kept.",
            ) from error
        raise _failure(name, why or type(error).__name__, "Try again: what was downloaded is kept.") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # What the library raises for a reply that does not describe a repository.
        raise _failure(name, "the hub's reply could not be understood", "Check HF_ENDPOINT and try again.") from error


def _is_wanted(file_name: object) -> bool:
    """Whether this is a model file whose path stays inside the repository's folder, on every system."""
    if not isinstance(file_name, str) or not file_name.isprintable() or re.search(r'[\\:*?"<>|]', file_name):
        return False
    return file_name.lower().endswith(".gguf") and all(
        part.strip(". ") and len(part.encode()) <= _LONGEST_NAME for part in file_name.split("/")
    )


def choose(sizes: Mapping[str, int], wanted: str, name: str) -> str:
    """The file of a repository that `wanted`, a name or a part of it such as `Q4_K_M`, selects."""
    whole = [file for file in sizes if not _PART.search(file)]
    if not whole:
        raise _failure(name, "it has no unsplit GGUF file with a safe name", "Look for one whose name ends in -GGUF.")
    if wanted:
        fitting = [file for file in whole if file == wanted] or [f for f in whole if wanted.lower() in f.lower()]
        if len(fitting) != 1:
            raise _failure(
                name, f"{len(fitting)} of its files match", f"Choose one: {shorten(', '.join(sorted(whole)), 600)}"
            )
        return fitting[0]
    for kind in _LIKED:
        fitting = sorted(file for file in whole if kind in re.split(r"[.-]", file.lower()))
        if fitting:
            return fitting[0]
    return min(whole, key=lambda file: (sizes[file], file))


def _check(file: Path, expected: str | None, name: str) -> None:
    with open_regular(file) as source:
        is_model = source.read(4) == b"GGUF"
        source.seek(0)
        found = sha256(source, lambda: False) if expected else None
    if found != expected:
        file.unlink()
        raise _failure(name, "its checksum does not match, and nothing was kept", "Try again.")
    if not is_model:
        file.unlink()
        raise _failure(
            name, "the downloaded file is not GGUF, and nothing was kept", "Look for another file or repository."
        )


def _progress(received: Callable[[int, int], None], size: int) -> type[Any]:
    """A progress bar class for the library that reports to us instead of drawing.

    The library counts a piece before it writes it, and one that a kill keeps from being written must be fetched again:
    a piece is reported when the next one comes, the last one at the end.
    """
    from tqdm.auto import tqdm

    class Reporter(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*arguments, **{**options, "disable": False, "file": _Nowhere()})
            self._report()

        def update(self, n: float | None = 1) -> None:
            if self.n > self.initial:
                self._report()
            super().update(n)

        def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
            if kind is None:
                self._report()
            super().__exit__(kind, *raised)

        def _report(self) -> None:
            received(int(self.n), int(self.total or size))

    return Reporter


class _Nowhere:
    """A file that discards what is written."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None: ...


def _failure(name: str, why: str, hint: str) -> LocalModelError:
    # The hub's message may contain the address in HF_ENDPOINT or of a proxy, or the token.
    why = Redactor().redact(why).rstrip(".")
    return LocalModelError(f"{shorten(name, 100)} could not be pulled: {why}.", hint, provider="local")
