"""The report of `chat-tui doctor` for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from chat_tui.cli.doctor.finding import Finding
from chat_tui.cli.doctor.packages import DEPENDENCIES
from chat_tui.core.processes.console import StyledText
from chat_tui.core.text.counts import count_of

MOST_COLUMNS = 100
_STATE_COLUMNS = 9
_NAME_COLUMNS = 16
_COLOURS = {"ok": "32", "note": "33", "problem": "1;31"}
_BOLD, _FAINT = "1", "2"


def report_lines(findings: Sequence[Finding], columns: int, *, is_coloured: bool) -> list[list[StyledText]]:
    """Return the lines of the report, each at most `columns` wide as far as words allow."""
    lines: list[list[StyledText]] = []
    for section, group in groupby(findings, key=lambda each: each.section):
        lines += [[(_BOLD, section)]]
        for finding in _fold_dependencies(section, [*group]):
            lines += _finding_lines(finding, columns)
        lines += [[("", "")]]
    lines += [[(_BOLD, summary(findings))]]
    return lines if is_coloured else [[("", text) for _, text in line] for line in lines]


def summary(findings: Sequence[Finding]) -> str:
    """Return how many problems and notes there are."""
    problems = sum(each.state == "problem" for each in findings)
    notes = sum(each.state == "note" for each in findings)
    told = count_of(problems, "problem") if problems else "No problems"
    return f"{told}, {count_of(notes, 'note')}." if notes else f"{told}."


def _fold_dependencies(section: str, findings: list[Finding]) -> Iterator[Finding]:
    """Yield the findings, with all dependencies that are as they should be in one."""
    if section != DEPENDENCIES:
        yield from findings
        return
    good = [f"{each.name} {each.text.partition(' ')[0]}" for each in findings if each.state == "ok"]
    if good:
        yield Finding(section, "within bounds", "ok", ", ".join(good))
    yield from (each for each in findings if each.state != "ok")


def _finding_lines(finding: Finding, columns: int) -> Iterator[list[StyledText]]:
    before = 2 + _STATE_COLUMNS + _NAME_COLUMNS
    width = max(20, columns - before)
    name, texts = finding.name, _wrap(finding.text, width)
    state = (_COLOURS[finding.state], f"{finding.state:{_STATE_COLUMNS}}")
    if len(name) >= _NAME_COLUMNS or len(texts[0]) > width:
        yield [("", "  "), state, ("", name)]
    else:
        yield [("", "  "), state, ("", f"{name:{_NAME_COLUMNS}}{texts.pop(0)}")]
    for text in texts:
        yield [("", _indent(text, before, columns))]
    for number, text in enumerate(_wrap(finding.hint, width - 2) if finding.hint else []):
        yield [(_FAINT, _indent(("  " if number else "→ ") + text, before, columns))]


def _indent(text: str, before: int, columns: int) -> str:
    """Return the text after so many columns, or fewer if it is a long path."""
    return " " * max(2, min(before, columns - len(text))) + text


def _wrap(text: str, width: int) -> list[str]:
    # Paths and commands are not broken: they are copied.
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
