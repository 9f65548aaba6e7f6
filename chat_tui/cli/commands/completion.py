"""`chat-tui completion`: the script by which a shell completes command lines, and the names that it asks for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping

from chat_tui.config import paths
from chat_tui.core.processes import console


def run(options: argparse.Namespace) -> int:
    """Write the script, or the names; returns the exit code."""
    if options.values:
        console.write_output("".join(f"{name}\n" for name in _VALUES[options.values]()))
    else:
        from chat_tui.cli.output.completion_script import completion_script

        console.write_output(completion_script(options.shell))
    return 0


def _conversations() -> Iterable[str]:
    from chat_tui.history.completion_values import title_slugs

    return ["last", *title_slugs(paths.store_file())]


def _models() -> Iterable[str]:
    from chat_tui.config.model_names import model_names
    from chat_tui.core.models import LOCAL_MODEL, SCRIPTED_MODEL
    from chat_tui.history.completion_values import last_models

    named = [*last_models(paths.store_file()), *model_names(paths.config_file()), LOCAL_MODEL, SCRIPTED_MODEL]
    return dict.fromkeys(named)


def _presets() -> Iterable[str]:
    from chat_tui.config import presets

    return presets.names(presets.folders())


def _strategies() -> Iterable[str]:
    from chat_tui.routing.ranking.strategies import names, plug_ins

    return [*names(), *plug_ins()]


_VALUES: Mapping[str, Callable[[], Iterable[str]]] = {
    "conversations": _conversations,
    "models": _models,
    "presets": _presets,
    "strategies": _strategies,
}
