"""Asks a person about the tool call that waits in the conversation in view, and takes the decision to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from rich.style import Style
from textual.widget import Widget

from chat_tui.core.errors import CommandError
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.answers.tool_round import Decision, RefuseCall, RunCall
from chat_tui.tui.panels.consent_panel import ConsentPanel
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.transcript.render.wrapping import wrap_plain
from chat_tui.tui.widgets.argument_rows import LONGEST, argument_rows, visible
from chat_tui.tui.widgets.host import Host
from chat_tui.tui.widgets.styled_lines import Line, Span

if TYPE_CHECKING:
    from chat_tui.engine.answers.tool_round import CallStatus, ToolRound

_SHOWN = 20_000
"""Characters of a text in the details."""
_PIECE = 2_000
_LONGEST_REASON = 2_000
_LONGEST_NAME = 200


class ToolConsent:
    """Shows the panel above the prompt while a call waits. Each decision is for the call that was shown.

    `widget` is the one around the prompt; `round` gives the calls of the answer in view.
    """

    def __init__(self, widget: Widget, prompt: Prompt, round: Callable[[], ToolRound | None]) -> None:
        self._widget, self._prompt, self._round = widget, prompt, round
        self._panel: ConsentPanel | None = None
        self._shown: CallStatus | None = None

    def show(self) -> None:
        """Ask about the call that waits now, or about none."""
        round = self._round()
        self._shown = round.asked if round is not None else None
        if self._panel is None:
            if self._shown is None:
                return
            self._panel = ConsentPanel()
            self._panel.changed_keys = cast("Host", self._widget.app).changed_keys
            self._widget.mount(self._panel, before=self._prompt)
        waiting = sum(status.state == "waiting" for status in round.statuses) if round is not None else 0
        self._panel.show(self._shown, waiting)

    def allow(self, how: str) -> None:
        """Run the call that waits: once, `always`, or after an `edit`; `show` shows it whole. Raises `CommandError`."""
        round, status = self._waiting()
        if how == "edit":
            self._edit(round, status)
        elif how == "show":
            self._show_details(status)
        elif how in ("", "once", "always"):
            self._decide(round, status, RunCall(always=how == "always"))
        else:
            raise CommandError(f"{shorten(how, 40)} is no way to allow a call.", "There are: always, edit, show.")

    def refuse(self, reason: str) -> None:
        """Refuse the call that waits, with a word to the model. Raises `CommandError`."""
        round, status = self._waiting()
        self._decide(round, status, RefuseCall(reason[:_LONGEST_REASON]))

    def _waiting(self) -> tuple[ToolRound, CallStatus]:
        round = self._round()
        if round is None or round.asked is None or self._shown is None or round.asked.call.id != self._shown.call.id:
            raise CommandError("No tool call is waiting.", "A call is shown above the prompt when it asks.")
        return round, round.asked

    def _decide(self, round: ToolRound, status: CallStatus, decision: Decision) -> None:
        round.decide(status.call.id, decision)
        self._shown = None
        if self._panel is not None:
            self._panel.show(None)

    def _edit(self, round: ToolRound, status: CallStatus) -> None:
        if len(status.call.arguments) > LONGEST:
            raise CommandError("The arguments are too long to be edited here.", "Run the call as it is, or refuse it.")
        from chat_tui.tui.dialogs.arguments import ArgumentsEditor

        screen = ArgumentsEditor(visible(status.call.name[:_LONGEST_NAME]), status.arguments or {})
        self._widget.app.push_screen(screen, partial(self._run_edited, round, status))

    def _run_edited(self, round: ToolRound, status: CallStatus, arguments: Mapping[str, Any] | None) -> None:
        """The editor was left; the call may have been stopped meanwhile."""
        if arguments is not None and round.asked is not None and round.asked.call.id == status.call.id:
            changed = arguments if arguments != status.arguments else None
            self._decide(round, status, RunCall(arguments=changed))

    def _show_details(self, status: CallStatus) -> None:
        from chat_tui.tui.dialogs.reader import ReaderScreen

        self._widget.app.push_screen(ReaderScreen("Tool call", partial(call_lines, status)))


def call_lines(status: CallStatus, width: int) -> Sequence[Line]:
    """Return all that a person may want to know of a call before it runs."""
    tool = status.tool
    arguments = status.arguments if status.arguments is not None else status.call.arguments
    lines: list[Line] = [(Span("Tool    ", "dim"), Span(visible(status.call.name[:_LONGEST_NAME]), "strong"))]
    if tool is not None:
        own = f" ({visible(tool.own_name[:_LONGEST_NAME])})" if tool.own_name != status.call.name else ""
        lines.append((Span("Server  ", "dim"), Span(visible(tool.server[:_LONGEST_NAME]) + own)))
        if tool.is_read_only:
            lines.append((Span("The server says that it changes nothing; nobody has checked that.", "dim"),))
        if status.was_changed:
            lines.append((Span("The tool was changed after you had allowed it for this conversation.", "warning"),))
    lines += [(), (Span("Arguments", "accent"),)]
    for name, value in argument_rows(arguments):
        lines += [(Span(row),) for row in _rows(f"{name}: {value}" if name else value, width)]
    if tool is not None and tool.tool.description:
        lines += [(), (Span("What the server says about the tool", "accent"),)]
        lines += [(Span(row, "dim"),) for row in _rows(visible(tool.tool.description), width)]
    return lines


def _rows(text: str, width: int) -> Sequence[str]:
    """The text wrapped; of a long one its beginning."""
    cut = f"\n… {len(text) - _SHOWN:,} more characters" if len(text) > _SHOWN else ""
    rows: list[str] = []
    for line in (text[:_SHOWN] + cut).split("\n"):
        for at in range(0, max(len(line), 1), _PIECE):
            rows += [row.text for row in wrap_plain(line[at : at + _PIECE], width, Style())]
    return rows
