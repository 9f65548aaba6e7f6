"""A walk through the prompts that were sent before, and back to the draft that it began from."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class PromptRecall:
    """Remembers which earlier prompt is shown. `restore` makes the text that is shown of an earlier prompt."""

    def __init__(self, restore: Callable[[str], str]) -> None:
        self._restore = restore
        self._index = -1
        """Of the prompt that is shown; -1: the draft."""
        self._shown = self._draft = ""

    def step(self, step: int, earlier: Sequence[str], text: str) -> str | None:
        """Return the prompt before (1) or after (-1) the one that is shown, at last the draft; None at either end.

        `earlier` holds the prompts, newest first. `text` is what is in the prompt now; it becomes the draft if it is
        not an unchanged earlier prompt, and comes back below the newest one.
        """
        index = self._index + step
        if not -1 <= index < len(earlier):
            return None
        if self._index < 0 or text != self._shown:
            self._draft = text
        self._index = index
        self._shown = self._draft if index < 0 else self._restore(earlier[index])
        return self._shown

    def stop(self) -> None:
        """Show the draft again; the next step begins at the newest prompt."""
        self._index = -1

    def forget(self) -> None:
        """Drop the draft, too."""
        self._index, self._draft = -1, ""
