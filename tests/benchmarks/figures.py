"""Figures of a run: samples of each subject, their medians and ratio as rows of a table."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.benchmarks.subjects import ServerProcess, Subject


@dataclass(frozen=True)
class Figure:
    """A thing that is measured, and how it is told."""

    key: str
    label: str
    unit: str
    target: str = ""
    """What issue 2 asks, in words."""
    digits: int = 2


@dataclass
class Samples:
    """What was measured: figure, subject, samples."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    notes: list[str] = field(default_factory=list)

    def add(self, subject: Subject, measured: Mapping[str, float]) -> None:
        """One run's figures."""
        for key, value in measured.items():
            self.values[key][subject.name].append(value)

    def row(self, figure: Figure) -> tuple[str, ...]:
        """The cells: label, unit, bare, ours, ratio, target."""
        found = self.values.get(figure.key, {})
        bare, ours = found.get("bare"), found.get("chat-tui")
        ratio = f"{median(ours) / median(bare):.2f}" if bare and ours and median(bare) else ""
        return (figure.label, figure.unit, _told(bare, figure.digits), _told(ours, figure.digits), ratio, figure.target)


@dataclass(frozen=True)
class Room:
    """Where a run takes place."""

    subjects: tuple[Subject, ...]
    server: ServerProcess
    quick: bool = False

    def rounds(self, usual: int) -> int:
        """How often to measure."""
        return 1 if self.quick else usual

    def alternate(self, rounds: int, measure: Callable[[Subject], Mapping[str, float]]) -> Samples:
        """Measure each subject in turn, round after round; what fails is noted and left out."""
        samples = Samples()
        for number in range(self.rounds(rounds)):
            for subject in self.subjects:
                start = time.monotonic()
                try:
                    samples.add(subject, measure(subject))
                except TimeoutError as error:
                    samples.notes.append(f"{subject.name}: {str(error).partition(chr(10))[0]}")
                    say(str(error))
                say(f"  {subject.name}, round {number + 1}: {time.monotonic() - start:.1f} s")
        return samples


def _told(values: Sequence[float] | None, digits: int) -> str:
    if not values:
        return "–"
    spread = f" ({min(values):.{digits}f}–{max(values):.{digits}f})" if len(values) > 1 else ""
    return f"{median(values):.{digits}f}{spread}"


HEAD = ("", "unit", "bare", "chat-tui", "ratio", "asked")


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """The rows under a head, in columns."""
    cells = [HEAD, *rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]])


def say(text: str) -> None:
    """Progress, to stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def at_percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many per cent do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
