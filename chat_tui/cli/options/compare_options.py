"""The options of `chat-tui compare`, apart from it: reading the command line must not load the engine."""

from __future__ import annotations

import argparse

from chat_tui.cli.options import option_types

DESCRIPTION = (
    "Ask 2 to 4 models the same question at once. Each answer is printed when it is complete, followed by a table of"
    " time, speed and cost. All answers are saved in one conversation. Standard input is added to the question."
)


def add(compare: argparse.ArgumentParser) -> None:
    """Give the parser what `compare` takes besides presets."""
    option_types.add_what_each_question_takes(compare)
    compare.add_argument(
        "--models",
        metavar="A,B",
        help="2 to 4 models, each as provider/model (default: the strategy's best two of different families)",
    )
    compare.add_argument(
        "--strategy", metavar="NAME", default=argparse.SUPPRESS, help="how to choose models when none are named"
    )
    compare.add_argument(
        "--max-tokens", type=option_types.positive_int, metavar="N", help="limit each answer to N tokens"
    )
    compare.add_argument(
        "--timeout", type=option_types.positive, metavar="SECONDS", help="time limit for each whole answer"
    )
    compare.add_argument(
        "--max-price", type=option_types.not_negative, metavar="DOLLARS", help="maximum price of each answer"
    )
    compare.add_argument(
        "--json", action="store_true", help="one JSON object per line, each with its `model`, and a summary at the end"
    )
