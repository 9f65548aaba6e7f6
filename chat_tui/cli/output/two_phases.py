"""Writes two concurrent answers one after the other: the quick one, a rule, the detailed one."""

from __future__ import annotations

from chat_tui.core.chunks import Token

_RULE = "\n\n---\n\n"


class PhaseOrder:
    """Returns each token's text when it may be written.

    The detailed answer is held back while the quick one is written. If the detailed one comes first, the quick one is
    dropped.
    """

    def __init__(self) -> None:
        self.quick = False
        """Whether the quick answer, or a part of it, has been written."""
        self._detailed = False
        self._over = False
        self._held: list[str] = []

    def take(self, token: Token) -> str:
        """Return the text to write now."""
        if not token.phase:
            return token.token
        if token.phase == "quick":
            self.quick = not self._detailed or self.quick
            return token.token if self.quick else ""
        self._detailed = True
        self._held.append(token.token)
        return self._release() if self._over or not self.quick else ""

    def rest(self) -> str:
        """Return what was held back; called when the quick answer has ended."""
        self._over = True
        return self._release()

    def _release(self) -> str:
        held, self._held = "".join(self._held), []
        if held and self.quick:
            self.quick = False
            return _RULE + held
        return held
