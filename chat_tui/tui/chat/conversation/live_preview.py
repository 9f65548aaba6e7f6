"""Live preview of a preset: after a pause in typing, the answer is shown above the prompt, before it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static
from textual.worker import Worker

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.request import Request
from chat_tui.tui.actions.bindings import as_bound
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.delayed_calls import call_after

if TYPE_CHECKING:
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.engine.answers.runner import Preview
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.widgets.host import Host

LONGEST = 4_000
"""Characters; a longer text is answered when it is sent."""
_TOGETHER = 1_000
"""Tokens that may be shown together: those that arrive within a frame are painted together."""
_HELD_BYTES = 1_000_000
_ENDINGS = {
    "complete": "Enter sends it",
    "length": "token limit reached · Enter asks again",
    "broken": "connection lost · Enter asks again",
    "failed": "Enter asks again",
    "empty": "no text · Enter asks again",
    "refused": "refused · Enter asks again",
    "cancelled": "stopped · Enter asks again",
}


_NOT_ASKED = (
    "This model costs money or is not ready yet, so it answers when you press Enter. "
    "Choose /preset {name} again to let it answer as you type."
)


class PreviewBox(VerticalScroll, can_focus=False):
    """Shows the answer so far in a few lines that scroll."""

    DEFAULT_CSS = """
    PreviewBox {
        height: auto; max-height: 8; padding: 0 1; scrollbar-size-vertical: 1; background: transparent;
        border: round $border-blurred; border-title-color: $accent; border-subtitle-color: $text-muted;
        & > Static { width: 1fr; height: auto; }
        &.-old > Static { color: $text-muted; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.border_title = "Preview"
        self._text = Static(markup=False)

    def compose(self) -> list[Static]:
        return [self._text]

    def show(self, text: str, state: str, *, old: bool = False) -> None:
        """Show the text; `old`: the prompt has changed since."""
        self.border_subtitle = Content(as_bound(state, cast("Host", self.app).changed_keys))
        self.set_class(old, "-old")
        if not old:
            self._text.update(Content(text))
            self.scroll_end(animate=False)


class LivePreview:
    """Starts, shows and stops previews; `settings` returns the model or strategy in use."""

    def __init__(self, chat: ChatView, settings: Callable[[], Request]) -> None:
        self._chat, self._settings = chat, settings
        self.paid: set[str] = set()
        """Models that cost money and may be asked: the user has chosen the preset with their price in view."""
        self._box: PreviewBox | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._following: Worker[None] | None = None
        self._preview: Preview | None = None
        self._text = ""

    def _words(self) -> str:
        """The text that would be answered now; empty if none."""
        chat = self._chat
        if (
            chat.session.preset is None
            or chat.session.preset.as_you_type_seconds is None
            or chat.conversation.is_busy
            or chat.session.edited
        ):
            return ""
        if self._settings().adaptive:
            # Asking two models at each pause in typing would be too much.
            return ""
        text = chat.prompt.draft.strip()
        return "" if text.startswith("/") or len(text) > LONGEST else text

    def follow_edit(self, engine: Engine) -> None:
        """The text of the prompt has changed: stop a preview of another text."""
        text, preset = self._words(), self._chat.session.preset
        if text == self._text:
            return
        self._leave()
        self._text = text
        if not text or preset is None or preset.as_you_type_seconds is None:
            self._hide()
            return
        if self._box is not None and self._box.display:
            self._box.show("", "…", old=True)
        self._timer = call_after(self._chat, preset.as_you_type_seconds, lambda: self._begin(engine, text))

    def stop(self) -> bool:
        """Stop previews until the text changes; returns False if none is shown."""
        if self._box is None or not self._box.display:
            return False
        self._leave()
        self._hide()
        return True

    def take(self) -> Preview | None:
        """Return the preview, so that `Engine.ask` uses it as the answer."""
        preview, self._preview = self._preview, None
        self._leave()
        self._text = ""
        self._hide()
        return preview

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._following is not None:
            self._following.cancel()
        if self._preview is not None and not self._preview.answer.ended:
            self._chat.run_worker(self._preview.cancel(), group="preview left")
        self._timer = self._following = self._preview = None

    def _hide(self) -> None:
        if self._box is not None:
            self._box.display = False

    def _begin(self, engine: Engine, text: str) -> None:
        if text == self._words():
            self._following = self._chat.run_worker(self._follow_preview(engine, text), group="preview")

    async def _follow_preview(self, engine: Engine, text: str) -> None:
        chat = self._chat
        box = await self._show_box()
        try:
            preview = await engine.preview(chat.session.target, text, self._settings(), paid=self.paid)
        except ChatTuiError as error:
            box.show(error.title, "Enter asks")
            return
        if preview is None:
            box.show(_NOT_ASKED.format(name=chat.session.preset.name if chat.session.preset else ""), "Enter asks")
            return
        self._preview = preview
        answer = preview.answer
        async with aclosing(answer.batches(tokens=_TOGETHER, hold_bytes=_HELD_BYTES)) as batches:
            async for _ in batches:
                box.show(_text_of(answer), _state_of(answer))

    async def _show_box(self) -> PreviewBox:
        if self._box is None:
            self._box = PreviewBox()
            await self._chat.mount(self._box, before=self._chat.editing_line)
        if not self._box.display:
            self._box.display = True
        return self._box


def _text_of(answer: Answer) -> str:
    if answer.turn.error is not None and not answer.text:
        return answer.turn.error.title
    return answer.text.strip("\n")


def _state_of(answer: Answer) -> str:
    figures = answer.figures()
    told = _ENDINGS.get(answer.turn.state) if answer.ended else formatting.phase(figures)
    costs = (
        formatting.cost(figures.cost) if figures.cost else formatting.about_cost(figures.price) if figures.price else ""
    )
    return " · ".join(filter(None, [told, costs]))
