"""What is to be done within so many milliseconds, on a machine that may have other things to do.

A promise of speed is the program's, not the machine's: whoever keeps it in one of a few runs keeps it.
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
    """Have a test run again when it was `TooLate`; whatever else fails in it fails at once.

    It gets the same fixtures again, so it is for tests that make what they measure.
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
