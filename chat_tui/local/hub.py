"""Pulls a GGUF file from Hugging Face: resumed where it was broken off, checked by its hash. Blocking calls."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chat_tui.core.input_files import open_regular
from chat_tui.core.redaction import Redactor
from chat_tui.errors import LocalModelError
from chat_tui.local.wheel import sha256
from chat_tui.text_safety import clean_line

_LIKED = ("q4_k_m", "q4_k_s", "q4_0", "q4_1", "q5_k_m", "q8_0", "f16", "bf16")
"""Which of a repository's files is taken where none is named: small, and hardly worse than the whole."""
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_LONGEST_NAME = 200
"""Bytes of one part of a file's path: the library makes a longer name of it while it downloads."""


def pull(
    name: str, folder: Path, received: Callable[[int, int], None], *, endpoint: str | None = None
) -> tuple[Path, str]:
    """Fetch `ORG/REPO` or `ORG/REPO:FILE` into the folder; gives the file and where it came from.

    `received` is told the bytes that are here and the bytes in all. Raises `LocalModelError`; a KeyboardInterrupt
    leaves what has come for the next time.
    """
    repository, _, wanted = name.partition(":")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise _failed(name, "it is not written as ORG/REPO or ORG/REPO:FILE", "Such as bartowski/SmolLM2-135M-GGUF.")
    with _failures_told(name):
        from huggingface_hub import HfApi, hf_hub_download

        told = HfApi(endpoint=endpoint).model_info(repository, files_metadata=True, timeout=30)
        if not _COMMIT.fullmatch(told.sha or ""):
            raise ValueError("no commit")
        files = {file.rfilename: file for file in told.siblings or () if _is_wanted(file.rfilename)}
        chosen = files[choose({name: file.size or 0 for name, file in files.items()}, wanted, name)]
        place = folder / repository.replace("/", "--")
        path = hf_hub_download(
            repository,
            chosen.rfilename,
            revision=told.sha,
            local_dir=place,
            endpoint=endpoint,
            tqdm_class=_progress(received, chosen.size if isinstance(chosen.size, int) else 0),
        )
    _check(Path(path), chosen.lfs.sha256 if chosen.lfs else None, name)
    return Path(path), f"{repository}:{chosen.rfilename}"


@contextmanager
def _failures_told(name: str) -> Iterator[None]:
    """Raises `LocalModelError` for what the hub's library raises."""
    try:
        from huggingface_hub import errors
        from huggingface_hub import logging as its_words
    except ValueError as error:
        # It reads its variables when it is imported.
        raise _failed(
            name, "one of the HF_ variables has an invalid value", "Check that HF_ENDPOINT is a web address."
        ) from error
    its_words.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        # It warns, in the middle of the screen, of what then fails anyhow.
        with warnings.catch_warnings(action="ignore"):
            yield
    except errors.GatedRepoError:
        raise _failed(name, "it is gated", "Accept its terms on its Hugging Face page, then set HF_TOKEN.") from None
    except errors.LocalEntryNotFoundError:
        raise _failed(name, "the connection was lost", "Try again: what was downloaded is kept.") from None
    except (errors.RepositoryNotFoundError, errors.EntryNotFoundError):
        raise _failed(name, "there is no such repository, or it is private", "HF_TOKEN opens private ones.") from None
    except (errors.HTTPError, OSError) as error:
        why = clean_line(str(error).partition("\n")[0], 200)
        if isinstance(error, errors.HTTPError) and getattr(error, "response", None) is None:
            raise _failed(
                name,
                f"Hugging Face cannot be reached: {why or type(error).__name__}",
                "Check the network, HF_ENDPOINT and HTTPS_PROXY, and try again: what was downloaded is kept.",
            ) from error
        raise _failed(name, why or type(error).__name__, "Try again: what was downloaded is kept.") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # What the library makes of a reply that is no record of a repository.
        raise _failed(name, "the reply of the hub cannot be understood", "Check HF_ENDPOINT and try again.") from error


def _is_wanted(file_name: object) -> bool:
    """A model's file whose path stays in the repository's folder, on every system."""
    if not isinstance(file_name, str) or not file_name.isprintable() or re.search(r'[\\:*?"<>|]', file_name):
        return False
    return file_name.lower().endswith(".gguf") and all(
        part.strip(". ") and len(part.encode()) <= _LONGEST_NAME for part in file_name.split("/")
    )


def choose(sizes: Mapping[str, int], wanted: str, name: str) -> str:
    """Which of a repository's files is meant by a file's name or a piece of it, such as `Q4_K_M`."""
    whole = [file for file in sizes if not _PART.search(file)]
    if not whole:
        raise _failed(name, "it has no unsplit GGUF file with a safe name", "Look for one whose name ends in -GGUF.")
    if wanted:
        fitting = [file for file in whole if file == wanted] or [f for f in whole if wanted.lower() in f.lower()]
        if len(fitting) != 1:
            raise _failed(
                name, f"{len(fitting)} of its files fit", f"Name one: {clean_line(', '.join(sorted(whole)), 600)}"
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
        raise _failed(name, "its checksum does not match, and nothing was kept", "Try again.")
    if not is_model:
        file.unlink()
        raise _failed(
            name, "the downloaded file is not GGUF, and nothing was kept", "Look for another file or repository."
        )


def _progress(received: Callable[[int, int], None], size: int) -> type[Any]:
    """A progress bar as the library knows it, which tells us in place of painting."""
    from tqdm.auto import tqdm

    class Told(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*arguments, **{**options, "disable": False, "file": _Nowhere()})
            received(int(self.n), int(self.total or size))

        def update(self, n: float | None = 1) -> None:
            super().update(n)
            received(int(self.n), int(self.total or size))

    return Told


class _Nowhere:
    """A file for what nobody shall read."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None: ...


def _failed(name: str, why: str, hint: str) -> LocalModelError:
    # The hub's own words may hold the address that HF_ENDPOINT or a proxy names, or the token.
    why = Redactor().redact(why).rstrip(".")
    return LocalModelError(f"{clean_line(name, 100)} could not be pulled: {why}.", hint, provider="local")
