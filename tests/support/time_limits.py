"""Time limits in tests, on a machine that may be busy.

A limit is about the program, not the machine: it is enough to keep it in one of a few runs.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])

RUNS = 4


class TooLate(AssertionError):
    """It took longer than promised."""


def within(took_seconds: float, seconds: float) -> None:
    """Raises `TooLate` when it took this long or longer."""
    if took_seconds >= seconds:
        raise TooLate(f"it took {took_seconds:.3f} s, not less than {seconds:g} s")


def in_time(test: Test) -> Test:
    """Run a test again when it raises `TooLate`, up to `RUNS` times; other failures fail at once.

    Each run gets the same fixtures, so the test must create what it measures.
    """

    @functools.wraps(test)
    async def awaited(*arguments: Any, **named: Any) -> None:
        for _ in range(RUNS - 1):
            try:
                await test(*arguments, **named)
                return
            except TooLate:
                pass
        await test(*arguments, **named)

    @functools.wraps(test)
    def called(*arguments: Any, **named: Any) -> None:
        for _ in range(RUNS - 1):
            try:
                test(*arguments, **named)
                return
            except TooLate:
                pass
        test(*arguments, **named)

    return awaited if inspect.iscoroutinefunction(test) else called  # type: ignore[return-value]
