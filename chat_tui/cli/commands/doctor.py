"""`chat-tui doctor`: writes the report, as text or as JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable

import msgspec

from chat_tui.cli.doctor.checkup import find_all
from chat_tui.cli.doctor.report import MOST_COLUMNS, report_lines
from chat_tui.core.processes import console
from chat_tui.core.processes.console import write_error
from chat_tui.core.text.control_characters import escaped_json


def run(options: argparse.Namespace) -> int:
    """Write the report; returns the exit code, which is 1 if there is a problem."""

    def wants_online(names: Iterable[str]) -> bool:
        return options.online or (not options.json and _confirm(names))

    findings = find_all(wants_online)
    if options.json:
        rows = [msgspec.to_builtins(finding) for finding in findings]
        console.write_data(escaped_json(json.dumps(rows, ensure_ascii=False)) + "\n")
    else:
        is_terminal = console.output_is_terminal()
        is_coloured = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        columns = min(console.output_size()[0], MOST_COLUMNS) if is_terminal else 80
        console.write_styled(0, report_lines(findings, columns, is_coloured=is_coloured))
    return int(any(finding.state == "problem" for finding in findings))


def _confirm(names: Iterable[str]) -> bool:
    """Ask on the terminal, if there is one, whether the providers are to be asked."""
    if sys.stdin is None or not all((sys.stdin.isatty(), console.output_is_terminal(), console.error_is_terminal())):
        return False
    write_error(f"Ask {', '.join(names)} for the list of models, to see whether the keys are accepted? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
