"""Pulls a GGUF file from Hugging Face: resumed where it was broken off, checked by its hash. Blocking calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chat_tui.core.redaction import Redactor
from chat_tui.errors import LocalModelError
from chat_tui.local.wheel import sha256
from chat_tui.text_safety import clean_line

_LIKED = ("q4_k_m", "q4_k_s", "q4_0", "q4_1", "q5_k_m", "q8_0", "f16", "bf16")
"""Which of a repository's files is taken where none is named: small, and hardly worse than the whole."""
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")


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
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub import logging as its_words
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    its_words.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        told = HfApi(endpoint=endpoint).model_info(repository, files_metadata=True, timeout=30)
        files = {file.rfilename: file for file in told.siblings or () if file.rfilename.lower().endswith(".gguf")}
        chosen = files[choose({name: file.size or 0 for name, file in files.items()}, wanted, name)]
        place = folder / repository.replace("/", "--")
        path = hf_hub_download(
            repository,
            chosen.rfilename,
            revision=told.sha,
            local_dir=place,
            endpoint=endpoint,
            tqdm_class=_progress(received, chosen.size or 0),
        )
    except GatedRepoError:
        raise _failed(name, "its makers ask for a sign-up", "Sign up on its page, and set HF_TOKEN.") from None
    except LocalEntryNotFoundError:
        raise _failed(name, "the line was cut", "Try again: what has come is kept.") from None
    except (RepositoryNotFoundError, EntryNotFoundError):
        raise _failed(name, "there is no such repository, or it is private", "HF_TOKEN opens private ones.") from None
    except (HTTPError, OSError) as error:
        why = clean_line(str(error).partition("\n")[0], 200)
        if isinstance(error, HTTPError) and getattr(error, "response", None) is None:
            raise _failed(
                name,
                f"the line to the hub fails: {why or type(error).__name__}",
                "Check the network, HF_ENDPOINT and HTTPS_PROXY, and try again: what has come is kept.",
            ) from error
        raise _failed(name, why or type(error).__name__, "Try again: what has come is kept.") from error
    _check(Path(path), chosen.lfs.sha256 if chosen.lfs else None, name)
    return Path(path), f"{repository}:{chosen.rfilename}"


def choose(sizes: Mapping[str, int], wanted: str, name: str) -> str:
    """Which of a repository's files is meant by a file's name or a piece of it, such as `Q4_K_M`."""
    whole = [file for file in sizes if not _PART.search(file)]
    if not whole:
        raise _failed(name, "it has no GGUF file in one piece", "Look for one whose name ends in -GGUF.")
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
    if expected is None:
        return
    with file.open("rb") as source:
        found = sha256(source, lambda: False)
    if found != expected:
        file.unlink()
        raise _failed(name, "its checksum is wrong, and nothing was kept", "Try again.")


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
