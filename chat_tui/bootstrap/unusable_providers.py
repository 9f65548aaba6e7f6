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
        self._refusing: set[str] = set()
        """Those of which only the error of a question has shown it; an answer shows the contrary."""
        self._replaced: set[str] = set()
        """The providers of which the user was told that the built-in model answers instead."""

    def note(self, provider: str, error: ChatTuiError | None) -> None:
        """Note why a provider cannot be used; None if it can."""
        self._refusing.discard(provider)
        if error is None:
            self._reasons.pop(provider, None)
            return
        told = _sentence(provider, error)
        if self._reasons.get(provider) != told:
            self._reasons[provider] = told
            self._tell(Notice(told))

    def note_question(self, provider: str, refusal: ChatTuiError | None) -> None:
        """Note that a provider refuses questions, although it lists its models; None if it has answered one.

        The user is told by the error of the question.
        """
        if refusal is None:
            if provider in self._refusing:
                self.note(provider, None)
        elif provider not in self._reasons:
            self._reasons[provider] = _sentence(provider, refusal)
            self._refusing.add(provider)

    def remarks(self, model: Model, request: Request) -> Sequence[Metadata]:
        """Return what the route of this answer tells of them; nothing if the request names its model.

        Of the model's own provider nothing is told: it is asked, and its answer or its error tells whether it can be.
        """
        others = {name: reason for name, reason in self._reasons.items() if name != model.provider}
        if request.model or not others:
            return ()
        remarks = list(others.values())
        if model.name == LOCAL_MODEL:
            told = f"The built-in model ({LOCAL_MODEL}) answers instead of {', '.join(others)}."
            remarks.append(told)
            if not self._replaced.issuperset(others):
                self._replaced |= others.keys()
                self._tell(Notice(told))
        return [Metadata("note", model=model.name, reason=remark) for remark in remarks]


def _sentence(provider: str, error: ChatTuiError) -> str:
    reason = shorten(f"{error.title} {error.hint}".strip(), _LENGTH)
    return f"{shorten(provider, 60)} cannot be used: {reason}"
