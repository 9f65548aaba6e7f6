"""The tool call that waits for a person, above the prompt, which keeps the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from textual import events

from chat_tui.config.load import OWN_TOOLS
from chat_tui.tui.actions import bindings
from chat_tui.tui.widgets.argument_rows import argument_rows, visible
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, wrap

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.engine.answers.tool_round import CallStatus

_KEYS = ("call.run", "call.always", "call.edit", "call.refuse", "call.details", "answer.cancel")
_GAP = " · "
_LONGEST_NAME = 200
_LONGEST_VALUE = 2_000
_OTHER_ROWS = 4


class _KeyPlace(NamedTuple):
    """Where a key is named in the panel."""

    row: int
    start: int
    end: int
    key: str


class ConsentPanel(StyledLines):
    """Asks whether a tool may run, and names the keys for the answer. Letters that are typed go to the prompt."""

    DEFAULT_CSS = """
    ConsentPanel { display: none; width: 1fr; height: auto; background: $panel; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._status: CallStatus | None = None
        self._more = 0
        self._key_places: list[_KeyPlace] = []

    def show(self, status: CallStatus | None, more: int = 0) -> None:
        """Ask about a call, with so many more behind it; None hides the panel."""
        self._status, self._more = status, more
        self.display = status is not None
        # While it is hidden it has no width, and would keep the lines of the last call.
        self.redraw()
        self.refresh(layout=True)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many rows as it has lines."""
        return len(self.lines(width))

    def lines(self, width: int) -> Sequence[Line]:
        """The tool and its server, whether it was changed, the arguments as far as there is room, and the keys."""
        if self._status is None:
            return []
        lines = [self._question(self._status, width)]
        if self._status.was_changed:
            key = bindings.first_key("call.details", self.changed_keys)
            told = f"  Changed after you allowed it · {key} shows what its server says"
            lines.append((Span(crop(told, width), "warning"),))
        lines += self._arguments(self._status, width)
        return [*lines, *self._key_lines(len(lines), width)]

    def _question(self, status: CallStatus, width: int) -> Line:
        tool = status.tool
        name = visible((tool.own_name if tool is not None else status.call.name)[:_LONGEST_NAME])
        source = _source_words(visible(tool.server[:_LONGEST_NAME])) if tool is not None else ""
        room = max(width - len("Run ?") - len(" · "), 8)
        name = crop(name, max(room - min(cell_len(source), room // 3), 8))
        end = f"{self._more} more" if self._more else ""
        told: Line = (Span("Run ", "accent"), Span(name, "strong"), Span("?", "accent"))
        used = sum(cell_len(span.text) for span in told)
        return (*told, *apart(Span(f" · {source}" if source else "", "dim"), Span(end, "dim"), max(width - used, 1)))

    def _arguments(self, status: CallStatus, width: int) -> list[Line]:
        arguments = status.arguments if status.arguments is not None else status.call.arguments
        room = max(2, self.screen.size.height // 3 - _OTHER_ROWS)
        lines: list[Line] = []
        cut = False
        for name, value in argument_rows(arguments):
            begin = f"{name[:_LONGEST_NAME]}: " if name else ""
            told = [row for line in value[:_LONGEST_VALUE].split("\n") for row in wrap(line, width - 4, room + 1)]
            cut = cut or len(value) > _LONGEST_VALUE
            first, *rest = wrap(begin + (told[0] if told else ""), width - 2, room + 1) or [begin]
            lines += [(Span(f"  {first}"),), *((Span(f"    {row}"),) for row in (*rest, *told[1:]))]
            if len(lines) > room:
                break
        if len(lines) > room or cut:
            key = bindings.first_key("call.details", self.changed_keys)
            lines = [*lines[: room - 1], (Span(crop(f"  … {key} shows all of it", width), "warning"),)]
        return lines

    def _key_lines(self, row: int, width: int) -> list[Line]:
        """The keys, on as many lines as they need; a click on one presses it."""
        self._key_places = []
        lines: list[list[Span]] = [[]]
        used = 0
        for key, word in bindings.footer(_KEYS, self.changed_keys):
            if not key:
                continue
            length = cell_len(key) + 1 + cell_len(word)
            if used and used + len(_GAP) + length > width:
                lines.append([])
                used = 0
            elif used:
                lines[-1].append(Span(_GAP, "dim"))
                used += len(_GAP)
            self._key_places.append(_KeyPlace(row + len(lines) - 1, used, used + length, key))
            lines[-1] += [Span(key, "strong"), Span(f" {word}", "dim")]
            used += length
        return [tuple(line) for line in lines]

    def on_click(self, event: events.Click) -> None:
        """Press the key under the mouse."""
        event.stop()
        offset = event.get_content_offset(self)
        for place in self._key_places if offset is not None else ():
            if offset is not None and place.row == offset.y and place.start <= offset.x < place.end:
                self.app.simulate_key(bindings.textual_key(place.key))


def _source_words(server: str) -> str:
    return "a tool of chat-tui itself" if server == OWN_TOOLS else f"server {server}"
