"""An answer to words that were not sent yet: made while somebody writes, taken when just these words are sent."""

from __future__ import annotations

from chat_tui.core.request import Request
from chat_tui.engine.answers.answer import Answer


class Preview:
    """Made by `Engine.preview`. Nothing of it is stored before `Engine.ask` takes it."""

    def __init__(self, answer: Answer, request: Request) -> None:
        self.answer = answer
        """To be followed like any other."""
        self._request = request

    def fits(self, request: Request) -> bool:
        """It is whole, and is what this request would be answered with."""
        return self.answer.turn.state == "complete" and self._request == request

    async def cancel(self) -> None:
        """Nobody wants it any more; returns when its socket is closed."""
        await self.answer.cancel()
