"""The notices that an app shows: few at once, each only once, without gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from textual.app import App
from textual.notifications import Notification
from textual.widget import Widget
from textual.widgets._toast import Toast

from chat_tui.core.text.excerpts import shorten

NOTICE_SECONDS = 8.0
LASTING_SECONDS = 60.0
"""For errors of the engine, which come at any time; Esc removes them."""
NEWS_SECONDS = 20.0
"""For other notices of the engine: on a small screen they hide the beginning of a conversation."""
MOST_NOTICES = 3
TITLE_LENGTH = 200
"""Characters of a notice's title."""


def deletion_title(title: str) -> str:
    """The title of the notice that the conversation with this title was deleted."""
    return f"Deleted “{shorten(title, 120) or 'Untitled'}”"


class NoticeStack:
    """Removes notices of an app. `notices` gives those that are shown, `remove` removes one of them."""

    def __init__(
        self,
        app: App[Any],
        notices: Callable[[], Iterable[Notification]],
        remove: Callable[[Notification], object],
    ) -> None:
        self._app, self._notices, self._remove = app, notices, remove

    def make_room(self, fresh: Notification) -> None:
        """Remove an earlier notice with the same words, and the oldest ones beyond three unless they are lasting."""
        for notice in list(self._notices()):
            if (notice.title, notice.message) == (fresh.title, fresh.message):
                self._remove(notice)
        passing = [notice for notice in self._notices() if notice.timeout < NEWS_SECONDS]
        for notice in passing[: max(0, len(passing) + 1 - MOST_NOTICES)]:
            self._remove(notice)
        self.close_gaps()

    def remove_errors(self) -> bool:
        """Remove the errors; False where there are none."""
        errors = [notice for notice in self._notices() if notice.severity == "error"]
        for notice in errors:
            self._remove(notice)
        self.close_gaps()
        return bool(errors)

    def remove_titled(self, title: str) -> None:
        """Remove the notice with this title, which is no longer true."""
        for notice in list(self._notices()):
            if notice.title == shorten(title, TITLE_LENGTH):
                self._remove(notice)
        self.close_gaps()

    def close_gaps(self) -> None:
        """Remove the containers of removed notices: Textual keeps each as tall as it was."""
        shown = list(self._notices())
        # The last notice may come when the screens have gone.
        for toast in self._app.screen.query(Toast) if self._app.screen_stack else ():
            if toast._notification not in shown and isinstance(toast.parent, Widget):
                toast.parent.remove()
