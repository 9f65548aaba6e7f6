"""An editor for the arguments of a tool call: JSON, which is checked as it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from chat_tui.core.tools import decode_arguments, is_elaborate
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.widgets.argument_rows import INVISIBLE

_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class ArgumentsEditor(FramedScreen[Mapping[str, Any] | None]):
    """Dismissed with the arguments, or with None, which leaves the call as it is."""

    DEFAULT_CSS = """
    ArgumentsEditor > .frame { width: 90; height: 80%; }
    ArgumentsEditor TextArea, ArgumentsEditor TextArea:focus { height: 1fr; border: none; background: $surface; }
    ArgumentsEditor Static { height: 1; padding: 0 1; color: $text-muted; }
    ArgumentsEditor Static.-error { color: $text-error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f2", "run", "Run", show=False)]

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(f"Arguments of {name}")
        self._editor = TextArea(editable_json(arguments), soft_wrap=True, tab_behavior="focus")
        self._status = Static("", markup=False)

    def compose(self) -> ComposeResult:
        """The text, and below it whether it can be used."""
        with self.in_frame(Vertical()):
            yield self._editor
            yield self._status

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """The key that runs the call is the editor's own: Enter begins a new line."""
        return [("F2", "run"), *super().keys_now()]

    def on_mount(self) -> None:
        """Ready to be typed into."""
        self._editor.focus()
        self._check()

    @on(TextArea.Changed)
    def _check(self) -> None:
        fault = "" if decode_arguments(self._editor.text) is not None else _fault(self._editor.text)
        self._status.set_class(bool(fault), "-error")
        self._status.update(Content(fault or "A JSON object"))

    def action_run(self) -> None:
        """Run with what is written, if it is a JSON object."""
        arguments = decode_arguments(self._editor.text)
        if arguments is not None:
            self.dismiss(arguments)

    def action_close(self) -> None:
        """Leave the call as it is."""
        self.dismiss(None)


def editable_json(arguments: Mapping[str, Any]) -> str:
    """Return the arguments as JSON with indents, and with an escape for each character that nobody would see."""
    text = msgspec.json.format(msgspec.json.encode(arguments), indent=2).decode()
    for hidden in (_CONTROLS, INVISIBLE):
        text = hidden.sub(lambda found: json.dumps(found[0])[1:-1], text)
    return text


def _fault(text: str) -> str:
    if is_elaborate(text):
        return "Too many values, or too long numbers"
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"No JSON: line {error.lineno}, column {error.colno}"
    except (RecursionError, ValueError):
        return "No JSON that can be read"
    return "Not a JSON object: it must begin with {"
