"""Two answers that come at once, put one behind the other for people: the quick one, a rule, the detailed one."""

from __future__ import annotations

from chat_tui.core.chunks import Token

_RULE = "\n\n---\n\n"


class PhaseOrder:
    """Gives each token's text when it may be written; what belongs to one answer alone goes on as it comes.

    The detailed answer is held while the quick one is being written; where it is the first to speak, nobody needs the
    quick one any more.
    """

    def __init__(self) -> None:
        self.quick = False
        """The quick answer has been written, at least its beginning."""
        self._detailed = False
        self._over = False
        self._held: list[str] = []

    def take(self, token: Token) -> str:
        """The text to be written now."""
        if not token.phase:
            return token.token
        if token.phase == "quick":
            self.quick = not self._detailed or self.quick
            return token.token if self.quick else ""
        self._detailed = True
        self._held.append(token.token)
        return self._given() if self._over or not self.quick else ""

    def rest(self) -> str:
        """The quick answer has ended: what was held for it."""
        self._over = True
        return self._given()

    def _given(self) -> str:
        held, self._held = "".join(self._held), []
        if held and self.quick:
            self.quick = False
            return _RULE + held
        return held
