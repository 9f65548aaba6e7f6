"""Errors of the store, each reported once, so that a conversation goes on without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from chat_tui.core.errors import ChatTuiError, ConversationNotFound, HistoryError

T = TypeVar("T")


class ErrorReports:
    """Reports each error of the store once, until something can be saved again."""

    def __init__(self, report: Callable[[ChatTuiError], None]) -> None:
        self.report = report
        """Reports an error to the user, also one that was reported before."""
        self._titles: set[str] = set()

    def report_once(self, error: HistoryError) -> None:
        """Report an error, unless one with the same title was reported since something could last be saved."""
        if error.title not in self._titles:
            self._titles.add(error.title)
            self.report(error)

    def reset(self) -> None:
        """Report every error again: something could be saved."""
        self._titles.clear()

    async def guard(self, work: Awaitable[T], default: T) -> T:
        """The result of the work; after an error of the store, which is reported, the default.

        A conversation that does not exist is not reported.
        """
        try:
            return await work
        except ConversationNotFound:
            return default
        except HistoryError as error:
            self.report_once(error)
            return default
