"""A dialog for one line, such as an API key, which is checked before the dialog closes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.widgets.line_input import LineInput

_LONGEST = 8192


class EntryDialog(FramedScreen[str | None]):
    """Dismissed with what was entered once `check` accepts it, or with None. An error of `check` is shown, and the
    line can be changed. A hidden line shows dots in place of what is typed."""

    DEFAULT_CSS = """
    EntryDialog > .frame { width: 72; height: auto; padding: 0 1; }
    EntryDialog Static { height: auto; color: $text-muted; }
    EntryDialog #status { margin-top: 1; }
    EntryDialog #status.-error { color: $text-error; }
    EntryDialog LineInput, EntryDialog LineInput:focus {
        height: 1; border: none; padding: 0 1; margin-top: 1; background: $panel; color: $text;
    }
    """

    def __init__(
        self,
        title: str,
        lead: str,
        check: Callable[[str], Awaitable[None]],
        *,
        hidden: bool = False,
        example: str = "",
        value: str = "",
    ) -> None:
        """`value` is checked at once."""
        super().__init__(title)
        self._lead, self._check, self._value = lead, check, value
        self._line = LineInput(value, password=hidden, placeholder=example or "paste it here", max_length=_LONGEST)
        self._status = Static("", id="status", markup=False)
        self._checking = False

    def compose(self) -> ComposeResult:
        """What to enter, the line, and what came of it."""
        with self.in_frame(Vertical()):
            yield Static(Content(self._lead))
            yield self._line
            yield self._status

    def on_mount(self) -> None:
        """Ready to be typed into."""
        self._line.focus()
        self._begin_check(self._value)

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Enter is the line's own."""
        return [("Enter", "continue"), *super().keys_now()]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._begin_check(event.value)

    def _begin_check(self, value: str) -> None:
        if value.strip() and not self._checking:
            self._checking = True
            self._say("Checking…")
            self.run_worker(self._finish(value), exit_on_error=True)

    async def _finish(self, value: str) -> None:
        try:
            await self._check(value)
        except ChatTuiError as error:
            self._say(shorten(f"{error.title} {error.hint}", 600), is_error=True)
            self._line.select_all()
        else:
            self.dismiss(value)
        finally:
            self._checking = False

    def _say(self, text: str, *, is_error: bool = False) -> None:
        self._status.set_class(is_error, "-error")
        self._status.update(Content(text))

    def action_close(self) -> None:
        """Nothing was entered."""
        self.dismiss(None)
