"""Providers that are meant to be asked and cannot be: without a key, refused, out of reach. No other model answers in
their place without a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chat_tui.core.chunks import Metadata
from chat_tui.core.errors import ChatTuiError, Notice
from chat_tui.core.models import LOCAL_MODEL, Model
from chat_tui.core.request import Request
from chat_tui.core.text.excerpts import shorten

_LENGTH = 240
"""Characters of a reason that are shown."""


class UnusableProviders:
    """Tells the user once of each such provider, and the route of each answer that a strategy has chosen."""

    def __init__(self, tell: Callable[[ChatTuiError], None]) -> None:
        self._tell = tell
        self._reasons: dict[str, str] = {}
        """By provider: a sentence that names it and says why it cannot be used."""
        self._replaced: set[str] = set()
        """The providers of which the user was told that the built-in model answers instead."""

    def note(self, provider: str, error: ChatTuiError | None) -> None:
        """Note why a provider cannot be used; None if it can."""
        if error is None:
            self._reasons.pop(provider, None)
            return
        reason = shorten(f"{error.title} {error.hint}".strip(), _LENGTH)
        told = f"{shorten(provider, 60)} cannot be used: {reason}"
        if self._reasons.get(provider) != told:
            self._reasons[provider] = told
            self._tell(Notice(told))

    def remarks(self, model: Model, request: Request) -> Sequence[Metadata]:
        """Return what the route of this answer tells of them; nothing if the request names its model."""
        if request.model or not self._reasons:
            return ()
        remarks = list(self._reasons.values())
        if model.name == LOCAL_MODEL:
            told = f"The built-in model ({LOCAL_MODEL}) answers instead of {', '.join(map(str, self._reasons))}."
            remarks.append(told)
            if not self._replaced.issuperset(self._reasons):
                self._replaced |= set(self._reasons)
                self._tell(Notice(told))
        return [Metadata("note", model=model.name, reason=remark) for remark in remarks]
