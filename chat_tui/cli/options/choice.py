"""What is wrong with `--model` or `--strategy`, where that can be told before anything is asked."""

from __future__ import annotations

import argparse

from chat_tui.routing.ranking.strategies import names, plug_ins


def wrong_choice(options: argparse.Namespace) -> str:
    """The words to be said; empty where nothing is wrong."""
    if options.strategy is not None and options.strategy not in names() and options.strategy not in plug_ins():
        known = ", ".join([*names(), *plug_ins()])
        return f"chat-tui: unknown strategy {options.strategy!r}. Known: {known}.\n"
    if options.model is not None and not all(options.model.partition("/")):
        return "chat-tui: write a model as provider/model, such as local/smollm2-135m.\n"
    return ""
