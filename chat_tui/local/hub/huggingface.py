"""Downloads GGUF files from Hugging Face: interrupted downloads resume, and the hash is verified. All calls block."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from chat_tui.core.errors import LocalModelError
from chat_tui.core.files.reading import open_regular
from chat_tui.core.files.writing import resumable_file
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.redaction import Redactor
from chat_tui.local.hub.hub_client import BadEndpoint, GatedRepository, HubClient, HubError, HubUnreachable, NotOnHub
from chat_tui.local.wheel import sha256

_LIKED = ("q4_k_m", "q4_k_s", "q4_0", "q4_1", "q5_k_m", "q8_0", "f16", "bf16")
"""Preferred quantizations if no file is named: small, with little loss of quality."""
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
_VERSION_CHARACTERS = 32
"""Of a hash, in the name of a file that is being downloaded."""
_LONGEST_NAME = 200
"""Bytes of a path component."""


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
    with _converted_errors(name), contextlib.closing(HubClient(endpoint)) as client:
        files = {file: of for file, of in client.files(repository).items() if _is_wanted(file)}
        chosen = files[choose({file: of.size for file, of in files.items()}, wanted, name)]
        path = folder / repository.replace("/", "--") / chosen.name
        if not path.is_file() or path.stat().st_size != chosen.size:
            part = path.with_name(f".{(chosen.sha256 or chosen.commit)[:_VERSION_CHARACTERS]}.part")
            with resumable_file(part, path) as opened:
                client.download(chosen, opened, lambda count: received(count, chosen.size))
    _check(path, chosen.sha256, name)
    return path, f"{repository}:{chosen.name}"


@contextmanager
def _converted_errors(name: str) -> Iterator[None]:
    """Convert the client's exceptions to `LocalModelError`."""
    try:
        yield
    except GatedRepository:
        raise _failure(
            name, "this repository is gated", "Accept its terms on its Hugging Face page, then set HF_TOKEN."
        ) from None
    except NotOnHub:
        raise _failure(
            name, "the repository does not exist or is private", "Set HF_TOKEN to use a private one."
        ) from None
    except BadEndpoint as error:
        raise _failure(name, str(error), "Check HF_ENDPOINT and HTTPS_PROXY: each must be a web address.") from error
    except HubUnreachable as error:
        why = shorten(str(error).partition("\n")[0], 200)
        raise _failure(
            name,
            f"Hugging Face cannot be reached: {why}",
            "Check the network, HF_ENDPOINT and HTTPS_PROXY, and try again: what was downloaded is kept.",
        ) from error
    except (HubError, OSError) as error:
        why = shorten(str(error).partition("\n")[0], 200)
        raise _failure(name, why or type(error).__name__, "Try again: what was downloaded is kept.") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # A reply that does not describe a repository, or another file than its record.
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


def _check(file: Path, expected: str, name: str) -> None:
    with open_regular(file) as source:
        is_model = source.read(4) == b"GGUF"
        source.seek(0)
        found = sha256(source, lambda: False) if expected else ""
    if found != expected:
        file.unlink()
        raise _failure(name, "its checksum does not match, and nothing was kept", "Try again.")
    if not is_model:
        file.unlink()
        raise _failure(
            name, "the downloaded file is not GGUF, and nothing was kept", "Look for another file or repository."
        )


def _failure(name: str, why: str, hint: str) -> LocalModelError:
    # The hub's message may contain the address in HF_ENDPOINT or of a proxy, or the token.
    why = Redactor().redact(why).rstrip(".")
    return LocalModelError(f"{shorten(name, 100)} could not be pulled: {why}.", hint, provider="local")
