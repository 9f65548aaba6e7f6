"""The history: the current conversation in short, and all that are saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from chat_tui.conversation import Summary, Turn
from chat_tui.text_safety import clean_line
from chat_tui.tui.history_list import HistoryList, local_now
from chat_tui.tui.row_list import RowList
from chat_tui.tui.spans import Line, Span, SpanView, crop

EXCERPT = 100
"""Characters of question and answer, as the seed shows them."""


def exchanges(path: Sequence[Turn]) -> list[tuple[Turn, Turn | None]]:
    """Questions with their answers, oldest first."""
    pairs: list[tuple[Turn, Turn | None]] = []
    for turn in path:
        if turn.role == "user":
            pairs.append((turn, None))
        elif turn.role == "assistant" and pairs:
            pairs[-1] = (pairs[-1][0], turn)
    return pairs


def excerpt(text: str) -> str:
    """The first characters of a text on one line, with `...` where more follows."""
    short = clean_line(text[:EXCERPT], EXCERPT + 1)
    return f"{short}..." if len(text) > EXCERPT else short


def exchange_lines(number: int, question: Turn, answer: Turn | None, width: int) -> list[Line]:
    """An exchange in three rows: number and time, question, answer."""
    when = question.created.astimezone().strftime("%H:%M:%S") if question.created else "–"
    said = excerpt(answer.text) if answer is not None else ""
    if not said:
        said = "(answering)" if answer is not None and answer.state == "streaming" else "(no answer)"
    return [
        (Span(f" {number}. ", "strong"), Span(f"[{when}]", "dim")),
        (Span("    You: ", "secondary"), Span(crop(excerpt(question.text), width - 9), "text")),
        (Span("    Bot: ", "accent"), Span(crop(said, width - 9), "dim")),
    ]


class Heading(SpanView):
    """A line over a part of the screen."""

    DEFAULT_CSS = "Heading { height: 1; width: 1fr; padding: 0 1; background: $panel; }"

    def __init__(self, text: str, dim: str = "") -> None:
        super().__init__()
        self._text, self._dim = text, dim

    def lines(self, width: int) -> Sequence[Line]:
        """One line."""
        return [
            (Span(crop(self._text, width), "strong"), Span(crop(self._dim, max(0, width - len(self._text))), "dim"))
        ]


class HistoryScreen(ModalScreen[tuple[str, str] | None]):
    """Dismissed with (conversation id, turn id or ``) to be opened, None to stay."""

    DEFAULT_CSS = """
    HistoryScreen { align: center middle; }
    HistoryScreen > Vertical {
        width: 100; max-width: 100%; height: 90%; max-height: 100%;
        background: $surface; border: round $accent; border-title-color: $text; border-subtitle-color: $text-muted;
    }
    HistoryScreen #exchanges { height: auto; max-height: 50%; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+r,ctrl+c", "dismiss(None)", "Close", show=False)]

    def __init__(
        self,
        conversation_id: str,
        path: Sequence[Turn],
        summaries: Sequence[Summary],
        running: Sequence[str],
        *,
        clock: Callable[[], datetime] = local_now,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._conversation_id, self._summaries, self._answering = conversation_id, summaries, running
        self._exchanges = exchanges(path)

    def compose(self) -> ComposeResult:
        """This conversation above, all below."""
        with Vertical() as box:
            box.border_title = "History"
            box.border_subtitle = "Enter open · type to filter · Tab other list · Esc close"
            if self._exchanges:
                yield Heading("This conversation")
                yield RowList(self._draw, row_height=3, id="exchanges")
            else:
                yield Heading("This conversation: ", "no conversation history yet")
            yield HistoryList(title="All conversations", clock=self._clock, id="all")

    def on_mount(self) -> None:
        """Fill the lists; keys act on this conversation first, where there is one."""
        everything = self.query_one("#all", HistoryList)
        everything.show(self._summaries)
        everything.set_current(self._conversation_id)
        everything.set_running(self._answering)
        if self._exchanges:
            rows = self.query_one("#exchanges", RowList)
            rows.show(len(self._exchanges), len(self._exchanges) - 1)
            rows.styles.height = min(3 * len(self._exchanges), max(3, self.app.size.height // 2 - 3))
        everything.take_focus()

    def _draw(self, row: int, width: int) -> list[Line]:
        question, answer = self._exchanges[row]
        return exchange_lines(row + 1, question, answer, width)

    @on(RowList.Chosen, "#exchanges")
    def go_to_turn(self, event: RowList.Chosen) -> None:
        """Go to that exchange in the chat."""
        event.stop()
        self.dismiss((self._conversation_id, self._exchanges[event.row][0].id))

    @on(HistoryList.Opened)
    def open_conversation(self, event: HistoryList.Opened) -> None:
        """Open that conversation."""
        event.stop()
        self.dismiss((event.conversation_id, ""))
