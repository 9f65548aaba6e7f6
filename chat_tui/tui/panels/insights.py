"""Insights about the answer in view, below the figures that unfold with them. The panel exists only while it is
open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chat_tui.core.chunks import Insights, Sentiment
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.insights.observer import InsightsObserver, insights_in
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, wrap

if TYPE_CHECKING:
    from chat_tui.engine.answers.answer import Answer

KEYWORDS = 5
TALL, WIDE = 36, 52
"""Rows of the screen from which on everything has a row of its own, and columns from which on little has."""
PIECE_CHARACTERS = 1500
"""Of an answer that is there already, looked at in one go."""
_NEUTRAL = 0.05
"""A polarity below it is called neutral."""


def insights_lines(insights: Insights, width: int, *, tall: bool) -> list[Line]:
    """The fold's lines: always the same rows in the same places, and below them those of plug-ins."""
    title: Line = (Span(crop("Insights", width), "strong"),)
    if width >= WIDE or not tall:
        return [title, *_short(insights, width), *_extras(insights, width)]
    found = insights.sentiment
    rows = [
        title,
        _row("Sentiment", _sound(found), width),
        _bar(found, width),
        _row(
            "Positive · negative",
            formatting.UNKNOWN if found is None else f"{found.positive} · {found.negative}",
            width,
        ),
        _row("Neutral", formatting.UNKNOWN if found is None else f"{found.neutral:,}", width),
        *(_keyword(insights.keywords[place : place + 1], place, width) for place in range(KEYWORDS)),
        _row("Length", _characters(insights), width),
        _row("Words", f"{insights.words:,}" if insights.words else formatting.UNKNOWN, width),
        _row("Reading time", formatting.seconds(insights.reading_seconds or None, whole=True), width),
    ]
    return [*rows, *_extras(insights, width)]


def _short(insights: Insights, width: int) -> list[Line]:
    """The insights in few rows, for a small screen."""
    found = insights.sentiment
    counts = f"+{found.positive} -{found.negative} · " if found is not None and width >= WIDE else ""
    keywords = (
        "\xa0· ".join(f"{word}\xa0{count}" for word, count in insights.keywords) or f"Keywords {formatting.UNKNOWN}"
    )
    rows = 1 if width >= WIDE else 2
    wrapped = [*wrap(shorten(keywords), width, rows), *[""] * rows][:rows]
    reading = formatting.seconds(insights.reading_seconds or None, whole=True)
    return [
        _row("Sentiment", counts + _sound(found), width),
        *((Span(text, "text"),) for text in wrapped),
        _row(f"{_characters(insights)} · {insights.words:,} words" if insights.words else "Length", reading, width),
    ]


def _characters(insights: Insights) -> str:
    return f"{insights.characters:,} chars" if insights.characters else formatting.UNKNOWN


def _sound(found: Sentiment | None) -> str:
    if found is None:
        return formatting.UNKNOWN
    name = "neutral" if abs(found.polarity) < _NEUTRAL else "positive" if found.polarity > 0 else "negative"
    return f"{name} {found.polarity:+.2f}"


def _bar(found: Sentiment | None, width: int) -> Line:
    """How much of it sounds either way."""
    sounding = 0 if found is None else found.positive + found.negative
    if found is None or not sounding:
        return (Span("─" * width, "line"),)
    good = round(width * found.positive / sounding)
    return (Span("━" * good, "success"), Span("━" * (width - good), "error"))


def _row(label: str, value: str, width: int) -> Line:
    return apart(Span(label, "dim"), Span(value, "dim" if value == formatting.UNKNOWN else "text"), width)


def _keyword(found: Sequence[tuple[str, int]], place: int, width: int) -> Line:
    if not found:
        return _row("Keywords", formatting.UNKNOWN, width) if not place else ()
    [(word, count)] = found
    return apart(Span(word, "accent"), Span(f"{count:,}", "dim"), width)


def _extras(insights: Insights, width: int) -> list[Line]:
    return [
        _row(crop(f"{name} {label}", width), str(value), width)
        for name, figures in insights.extras.items()
        for label, value in figures.items()
    ]


class InsightsPanel(StyledLines):
    """Follows the last answer of a chat: its turn, and the answer itself while it runs. `tell` hears of plug-ins that
    fail."""

    DEFAULT_CSS = """
    InsightsPanel {
        width: 1fr; height: auto; max-height: 60vh; padding: 1 1 0 1;
        color: $text; background: $surface;
    }
    """

    def __init__(
        self,
        in_view: Callable[[], tuple[Turn | None, Answer | None]],
        tell: Callable[[ChatTuiError], None],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._in_view, self._tell = in_view, tell
        self._subject = ""
        self._rows = 0
        self.insights = Insights()
        """What is shown."""

    def on_show(self) -> None:
        """Compute from now on, since the panel is visible."""
        self.look()

    def on_hide(self) -> None:
        """Stop computing while the panel is hidden."""
        self._subject = ""
        self.workers.cancel_node(self)

    def look(self) -> None:
        """Another answer may be in view: follow that, unless it is the same."""
        turn, answer = self._in_view()
        subject = turn.id if turn is not None else ""
        if subject == self._subject or not self.display:
            return
        self._subject = subject
        self.workers.cancel_node(self)
        self._show(Insights())
        if turn is not None:
            self.run_worker(self._follow_answer(turn) if answer is None else self._live(answer), group="insights")

    async def _follow_answer(self, turn: Turn) -> None:
        await self._read(InsightsObserver(self._tell), turn.text)

    async def _live(self, answer: Answer) -> None:
        observer, come = InsightsObserver(self._tell), len(answer)
        await self._read(observer, answer.text)
        async for chunk in answer.follow(come):
            for told in await observer.take([chunk]):
                if (insights := insights_in(told)) is not None:
                    self._show(insights)

    async def _read(self, observer: InsightsObserver, text: str) -> None:
        # Where there is no text yet, what is needed is loaded while the model is on its way to the first token.
        for start in range(0, len(text) or 1, PIECE_CHARACTERS):
            insights = await observer.look(text[start : start + PIECE_CHARACTERS])
        self._show(insights)

    def _show(self, insights: Insights) -> None:
        self.insights = insights
        if len(self.lines(self.size.width)) != self._rows:
            self.refresh(layout=True)
        self.redraw()

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many rows as it has lines."""
        self._rows = len(self.lines(width))
        return self._rows

    def lines(self, width: int) -> Sequence[Line]:
        """The insights as lines."""
        return insights_lines(self.insights, width, tall=self.app.size.height >= TALL)
