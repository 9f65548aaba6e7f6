"""The tool servers and their tools: which are on in this conversation, and what they cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import ClassVar, NamedTuple

import msgspec
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from chat_tui.core.tools import GivenConsent, OfferedTool, ToolServerStatus, ToolUse
from chat_tui.core.usage.token_estimate import tool_tokens
from chat_tui.engine.tools.consent import full_name, is_valid, select_tools, without_consents
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.argument_rows import visible
from chat_tui.tui.widgets.row_list import RowList
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, wrap

_SUM_ROWS, _DETAIL_ROWS = 2, 4
_LONGEST_NAME = 200
_LONGEST_TEXT = 1_000
_STATES = {"stopped": "", "starting": "starting…", "ready": "ready", "failed": "failed"}
_NONE = "No tool server is set up."
_HOW = "Add one in the shell: chat-tui tools add NAME -- COMMAND"


class ToolListRow(NamedTuple):
    """A row of the list: a server, one of its tools, or a consent that has no tool's row for itself."""

    server: ToolServerStatus
    tool: OfferedTool | None = None
    consent: GivenConsent | None = None


def tool_rows(statuses: Sequence[ToolServerStatus], use: ToolUse) -> list[ToolListRow]:
    """Return the servers, each that is on with its tools below it. Below that are consents for one host, and those to
    tools that are not listed."""
    rows: list[ToolListRow] = []
    for status in statuses:
        rows.append(ToolListRow(status))
        tools = status.tools if status.name in use.servers else ()
        for tool in tools:
            rows.append(ToolListRow(status, tool))
            given = [each for each in consents_to(use, tool) if each.host or tool.host_argument]
            rows += [ToolListRow(status, tool, consent) for consent in given]
        listed = {full_name(tool) for tool in tools}
        others = [each for each in use.consents if each.tool not in listed and _server_of(each) == status.name]
        rows += [ToolListRow(status, None, consent) for consent in others]
    return rows


def consents_to(use: ToolUse, tool: OfferedTool) -> list[GivenConsent]:
    """Return what was allowed of a tool."""
    name = full_name(tool)
    return [consent for consent in use.consents if consent.tool == name]


def _server_of(consent: GivenConsent) -> str:
    # The names of servers have no dots.
    return consent.tool.partition(".")[0]


def toggle_row(use: ToolUse, row: ToolListRow) -> ToolUse:
    """Return the use with the server or the tool of this row switched on or off."""
    if row.tool is None:
        return msgspec.structs.replace(use, servers=_toggle(use.servers, row.server.name))
    return msgspec.structs.replace(use, off=_toggle(use.off, full_name(row.tool)))


def _toggle(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(each for each in names if each != name) if name in names else (*names, name)


def row_line(row: ToolListRow, use: ToolUse, width: int) -> Line:
    """Return a row: whether it is on, its name, and what is known of it."""
    if row.consent is not None:
        return _consent_line(row.consent, row.tool, width)
    if row.tool is not None:
        return _tool_line(row.tool, use, width)
    server = row.server
    is_on = server.name in use.servers
    count = len(server.tools)
    tools = f"{count:,} tool{'s' * (count != 1)}" if count else ""
    told = " · ".join(filter(None, (tools, _STATES.get(server.state, server.state), "on" if is_on else "off")))
    role = "error" if server.state == "failed" else "accent" if is_on else "dim"
    mark = Span(" ● " if is_on else " ○ ", "success" if is_on else "dim")
    return (mark, *apart(Span(visible(server.name), "strong" if is_on else "text"), Span(f"{told} ", role), width - 3))


def _tool_line(tool: OfferedTool, use: ToolUse, width: int) -> Line:
    is_on = full_name(tool) not in use.off
    name = visible(tool.own_name[:_LONGEST_NAME])
    asking, role = _consent_words(tool, use)
    hint = "read-only · " if tool.is_read_only and not asking else ""
    tokens = f"{hint}{formatting.tokens(tool_tokens([tool.tool]), True)} tokens"
    mark = Span("     ✓ " if is_on else "     – ", "success" if is_on else "dim")
    told = Span(f"{asking} · {tokens} " if asking else f"{tokens} ", role)
    return (mark, *apart(Span(name, "text" if is_on else "dim"), told, width - 7))


def _consent_words(tool: OfferedTool, use: ToolUse) -> tuple[str, str]:
    """Return what the row of a tool says of consents to it, and its role; hosts have rows of their own."""
    if tool.host_argument or not (given := consents_to(use, tool)):
        return "", "dim"
    return ("runs without asking", "warning") if is_valid(given[-1], tool) else ("changed, asks again", "dim")


def _consent_line(consent: GivenConsent, tool: OfferedTool | None, width: int) -> Line:
    name = visible(consent.tool.partition(".")[2][:_LONGEST_NAME])
    name = "any other address" if tool is not None and not consent.host else visible(consent.host) or name
    is_changed = tool is not None and not is_valid(consent, tool)
    told = Span("changed, asks again ", "dim") if is_changed else Span("runs without asking ", "warning")
    return (Span("       " if tool is not None else "     "), *apart(Span(name, "text"), told, width - 7))


def detail_lines(row: ToolListRow | None, width: int) -> list[Line]:
    """Return what a server is, or why it failed and what to do; of a tool what its server says of it."""
    if row is None:
        return []
    if row.consent is not None:
        where = f" for {visible(row.consent.host)}" if row.consent.host else ""
        told = f"You have allowed {visible(row.consent.tool)}{where} always in this conversation."
        return [(Span(text, "dim"),) for text in _wrapped(told, width)]
    if row.tool is not None:
        return [(Span(text, "dim"),) for text in _wrapped(row.tool.tool.description or "No description.", width)]
    if row.server.problem:
        return [(Span(text, "error"),) for text in _wrapped(row.server.problem, width)]
    lines = _wrapped(row.server.source or "Tools of chat-tui itself.", width)
    if contents := _contents(row.server):
        lines = [*lines[: _DETAIL_ROWS - 2], crop(contents, width)]
    return [(Span(text, "dim"),) for text in lines]


def _contents(server: ToolServerStatus) -> str:
    """Return how the prompts and resources of a server are used; empty if it has listed none."""
    name = visible(server.name)
    counts = ((server.prompts, "prompt", f"/{name}:"), (server.resources, "resource", f"@{name}:"))
    parts = [f"{len(items):,} {what}{'s' * (len(items) != 1)}: {begin}…" for items, what, begin in counts if items]
    return " · ".join(parts)


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(" ".join(visible(text[:_LONGEST_TEXT]).split()), width, _DETAIL_ROWS - 1)


class ToolLines(StyledLines):
    """A few lines above or below the list."""

    DEFAULT_CSS = "ToolLines { width: 1fr; padding: 0 1; background: $surface; }"

    def __init__(self, height: int, lines_at: Callable[[int], Sequence[Line]]) -> None:
        super().__init__()
        self._lines_at = lines_at
        self.styles.height = height

    def lines(self, width: int) -> Sequence[Line]:
        """As they are now."""
        return self._lines_at(width)


class ToolsScreen(FramedScreen[None]):
    """Opened by /tools. Space switches a server, or one of its tools, on or off in this conversation.

    `change` stores the use, and `take_back` removes consents from it; `start` starts servers, so that their tools are
    known; `price` is that of a million tokens, None if it is not known.
    """

    DEFAULT_CSS = """
    ToolsScreen > .frame { height: auto; }
    ToolsScreen RowList { background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "switch", "Switch on or off", show=False),
        Binding("a", "ask_again", "Ask again about a tool that was always allowed", show=False),
    ]
    KEYS = ("list.choose", "screen.close")
    WORDS: ClassVar[Mapping[str, str]] = {"list.choose": "or Space: on / off"}

    def __init__(
        self,
        statuses: Callable[[], Sequence[ToolServerStatus]],
        use: ToolUse,
        *,
        change: Callable[[ToolUse], Awaitable[None]],
        take_back: Callable[[Collection[GivenConsent]], Awaitable[None]],
        start: Callable[[Collection[str]], Awaitable[None]],
        price: float | None,
    ) -> None:
        super().__init__("Tools of this conversation")
        self._statuses, self._use = statuses, use
        self._change, self._take_back, self._start, self._price = change, take_back, start, price
        self._writing = asyncio.Lock()
        self._known: Sequence[ToolServerStatus] = ()
        self._starting: set[str] = set()
        self._shown: Sequence[ToolListRow] = ()
        self._sum = ToolLines(_SUM_ROWS, self._sum_lines)
        self._rows = RowList(self._row_lines)
        self._detail = ToolLines(_DETAIL_ROWS, self._detail_lines)

    def compose(self) -> ComposeResult:
        """The sum above, the servers with their tools, and what the one under the cursor is."""
        with self.in_frame(Vertical()):
            yield self._sum
            yield self._rows
            yield self._detail

    def on_mount(self) -> None:
        """Start what is on, so that its tools are known."""
        self._rows.focus()
        self._read(0)
        self._begin_start([name for name in self._use.servers if self._is_unknown(name)])

    def on_resize(self, event: events.Resize) -> None:
        """As tall as its rows are, where there is room."""
        super().on_resize(event)
        self._fit()

    def _fit(self) -> None:
        self.fit(self._rows, len(self._shown), 0.9, other_rows=_SUM_ROWS + _DETAIL_ROWS)

    def _is_unknown(self, name: str) -> bool:
        return any(status.name == name and not status.tools for status in self._known)

    def _read(self, cursor: int) -> None:
        self._known = [
            msgspec.structs.replace(status, state="starting") if status.name in self._starting else status
            for status in self._statuses()
        ]
        self._show(cursor)

    def _show(self, cursor: int) -> None:
        self._shown = tool_rows(self._known, self._use)
        self._fit()
        self._rows.show(len(self._shown), cursor)
        self._sum.redraw()
        self._show_details()

    def _show_details(self) -> None:
        self._detail.redraw()
        self.name_keys()

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Where something was always allowed, the key that takes that back."""
        keys = super().keys_now()
        return [("a", "ask again"), *keys] if self._consents_under_cursor() else keys

    @property
    def _row(self) -> ToolListRow | None:
        return self._shown[self._rows.cursor] if self._rows.cursor < len(self._shown) else None

    def _consents_under_cursor(self) -> list[GivenConsent]:
        row = self._row
        if row is None or (row.tool is None and row.consent is None):
            return []
        return [row.consent] if row.consent is not None else consents_to(self._use, row.tool) if row.tool else []

    def _row_lines(self, row: int, width: int) -> Sequence[Line]:
        return [row_line(self._shown[row], self._use, width)]

    def _sum_lines(self, width: int) -> list[Line]:
        if not self._known:
            return [(Span(crop(_NONE, width), "strong"),), (Span(crop(_HOW, width), "dim"),)]
        known = [tool for status in self._known for tool in status.tools]
        tools = [tool.tool for tool in select_tools(self._use, known)]
        on = sum(status.name in self._use.servers for status in self._known)
        tokens = tool_tokens(tools)
        offered = f"{len(tools):,} tool{'s' * (len(tools) != 1)} offered"
        told = f"{on} of {len(self._known)} server{'s' * (len(self._known) != 1)} on · {offered}"
        if count := sum(any(is_valid(each, tool) for each in consents_to(self._use, tool)) for tool in known):
            told += f" · {count:,} without asking"
        costs = f"{formatting.tokens(tokens, True)} tokens with each request" if tools else "no tools are sent"
        if not tools and any(status.state == "starting" for status in self._known):
            costs = "its tools are listed once it has started"
        if tools and self._price:
            costs += f" · {formatting.about_cost(self._price * tokens / 1e6)}"
        return [(Span(crop(told, width), "strong"),), (Span(crop(costs, width), "dim"),)]

    def _detail_lines(self, width: int) -> list[Line]:
        row = self._row
        return [(Span("─" * width, "line"),), *detail_lines(row, width)]

    @on(RowList.Moved)
    def _show_detail(self, event: RowList.Moved) -> None:
        event.stop()
        self._show_details()

    @on(RowList.Chosen)
    def _choose(self, event: RowList.Chosen) -> None:
        event.stop()
        self.action_switch()

    def action_switch(self) -> None:
        """Switch the server or the tool under the cursor on or off."""
        row = self._row
        if row is None or row.consent is not None:
            return
        self._use = toggle_row(self._use, row)
        self._write(self._change(self._use))
        self._show(self._rows.cursor)
        if row.tool is None and row.server.name in self._use.servers and not row.server.tools:
            self._begin_start([row.server.name])

    def action_ask_again(self) -> None:
        """Take back that the tool under the cursor runs without asking."""
        if given := self._consents_under_cursor():
            self._use = without_consents(self._use, given)
            self._write(self._take_back(given))
            self._show(self._rows.cursor)

    def _write(self, writing: Awaitable[None]) -> None:
        """Store a change, after those before it."""

        async def write() -> None:
            async with self._writing:
                await writing

        # The app's: the screen's end when it is closed.
        self.app.run_worker(write(), group="tools")

    def _begin_start(self, names: Sequence[str]) -> None:
        if names:
            self._starting |= set(names)
            self._read(self._rows.cursor)
            self.run_worker(self._list_tools(names), group="start")

    async def _list_tools(self, names: Sequence[str]) -> None:
        try:
            await self._start(names)
        finally:
            self._starting -= set(names)
        place = self._row
        self._read(self._rows.cursor)
        if place is not None:
            same = [_key(row) == _key(place) for row in self._shown]
            self._show(same.index(True) if True in same else 0)


def _key(row: ToolListRow) -> tuple[str, str, GivenConsent | None]:
    return row.server.name, row.tool.own_name if row.tool is not None else "", row.consent
