"""The context dialog: each exchange with its tokens, and why it is sent or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from chat_tui.core.context import Context, Exchange
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.request import Request
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.usage.token_estimate import memory_tokens
from chat_tui.tui.actions import bindings
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.host import Host
from chat_tui.tui.widgets.row_list import RowList
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

_EXCERPT = 200
_SUM_ROWS = 5
"""The height in its style sheet."""
_WHY = {
    "window": "excluded: context window full",
    "exchanges": "excluded: too old",
    "kept out": "excluded by you",
    "empty": "excluded: no answer",
}


def exchange_line(number: int, exchange: Exchange, question: str, width: int) -> Line:
    """An exchange in one row: whether it is sent, its question, its tokens, and why."""
    why = _WHY.get(exchange.why_not, "") or ("included by you" if exchange.kept else "sent")
    mark = Span(" ● ", "success") if exchange.sent else Span(" ○ ", "dim")
    told = f"Summary: {question}" if exchange.is_summary else f"{number}. {question}"
    name = Span(shorten(told[:_EXCERPT], _EXCERPT), "text" if exchange.sent else "dim")
    tokens = formatting.tokens(exchange.tokens, estimated=True)
    room = width - 4
    right = f"{tokens} · {why}" if room >= len(tokens) + len(why) + 13 else f"{tokens} {'✓' if exchange.sent else '–'}"
    role = (
        "warning" if exchange.why_not in {"window", "exchanges"} else "accent" if exchange.kept is not None else "dim"
    )
    return (mark, *apart(name, Span(right, role), room))


def fixed_text(context: Context) -> str:
    """The tokens of the system prompt, of the memory behind it, by file, and of the tools."""
    parts = [("system prompt", context.system_tokens), *((each.name, memory_tokens(each)) for each in context.memory)]
    if context.tool_tokens:
        parts.append(("tools", context.tool_tokens))
    return "with " + " · ".join(f"{name} {formatting.tokens(tokens, estimated=True)}" for name, tokens in parts)


class ContextSum(StyledLines):
    """The sum against the window."""

    DEFAULT_CSS = "ContextSum { height: 5; width: 1fr; padding: 0 1; background: $surface; }"

    def __init__(self) -> None:
        super().__init__()
        self._shown: Context | None = None

    def show(self, context: Context) -> None:
        """As it is now."""
        self._shown = context
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """The model, the sum, a gauge, the system prompt, what was left out."""
        context = self._shown
        if context is None:
            return []
        window, total = context.window, formatting.tokens(context.tokens, estimated=True)
        said = f"{total} tokens of {formatting.context(window)}" if window else f"{total} tokens"
        if context.reply_tokens:
            said += f" · {formatting.tokens(context.reply_tokens)} reserved for the reply"
        filled, rest = formatting.gauge(context.tokens, window, width)
        exchanges = [exchange for exchange in context.exchanges if not exchange.is_summary]
        sent, many = sum(exchange.sent for exchange in exchanges), len(exchanges)
        has_summary = many < len(context.exchanges)
        count = (
            "a summary and " * has_summary
            + f"{sent} of {many} exchange{'s are' if many != 1 else ' is'} sent with the next question"
        )
        if context.shortened:
            count += f" · {context.shortened:,} tool result{'s' * (context.shortened != 1)} shortened"
        return [
            (Span(crop(context.model or "no model", width), "strong"),),
            (Span(crop(said, width), "text"),),
            (Span(filled, "accent"), Span(rest, "line")),
            (Span(crop(fixed_text(context), width), "dim"),),
            (Span(crop(count, width), "warning" if context.left_out or context.shortened else "dim"),),
        ]


class ContextScreen(FramedScreen[None]):
    """Opened by F9 or /context. Space keeps an exchange in, then out, then as it fits."""

    DEFAULT_CSS = """
    ContextScreen > .frame { height: auto; }
    ContextScreen RowList { background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f9", "close", "Close", id="context.open", show=False),
        *bindings.bindings("context"),
    ]
    KEYS = ("exchange.next", "exchange.keep", "exchange.leave", "screen.close")

    def __init__(self, engine: Engine, conversation_id: str, turns: Sequence[Turn], settings: Request) -> None:
        super().__init__("Context")
        self._engine, self._conversation_id, self._settings = engine, conversation_id, settings
        self._questions: Mapping[str, str] = {turn.id: turn.text for turn in turns}
        self._exchanges: Sequence[Exchange] = ()
        self._sum = ContextSum()
        self._rows = RowList(self._draw)

    def compose(self) -> ComposeResult:
        """The sum above, the exchanges below."""
        with self.in_frame(Vertical()):
            yield self._sum
            yield self._rows

    async def on_mount(self) -> None:
        """At the last exchange."""
        self._rows.focus()
        await self._read(-1)

    def on_resize(self, event: events.Resize) -> None:
        """As tall as its rows are, where there is room."""
        self._fit()

    def _fit(self) -> None:
        self.fit(self._rows, len(self._exchanges), 0.9, other_rows=_SUM_ROWS)

    async def _read(self, cursor: int) -> None:
        try:
            context = await self._engine.estimates.context(self._conversation_id, self._settings)
        except ChatTuiError as error:
            cast("Host", self.app).tell(error)
            return
        self._exchanges = context.exchanges
        self._sum.show(context)
        self._fit()
        self._rows.show(len(self._exchanges), len(self._exchanges) - 1 if cursor < 0 else cursor)

    def _draw(self, row: int, width: int) -> list[Line]:
        exchange = self._exchanges[row]
        # The summary has no number.
        number = row + 1 - any(before.is_summary for before in self._exchanges[:row])
        return [exchange_line(number, exchange, self._questions.get(exchange.question, ""), width)]

    def action_keep(self, how: str) -> None:
        """Keep the exchange under the cursor in or out; once more: as it fits."""
        if self._rows.cursor < len(self._exchanges):
            self.run_worker(self._keep(self._exchanges[self._rows.cursor], how), group="keep")

    async def _keep(self, exchange: Exchange, how: str) -> None:
        if exchange.is_summary:
            cast("Host", self.app).say("A summary is always sent", "/undo takes it back while nothing follows it.")
            return
        if exchange is self._exchanges[-1] and exchange.sent:
            cast("Host", self.app).say("The last exchange is always sent")
            return
        if exchange.why_not == "empty":
            cast("Host", self.app).say("An exchange without an answer is never sent")
            return
        wanted = {"in": True, "out": False}.get(how)
        if how == "next":
            wanted = {None: True, True: False, False: None}[exchange.kept]
        elif wanted == exchange.kept:
            wanted = None
        try:
            await self._engine.conversations.keep(self._conversation_id, exchange.question, wanted)
        except ChatTuiError as error:
            cast("Host", self.app).tell(error)
        await self._read(self._rows.cursor)
