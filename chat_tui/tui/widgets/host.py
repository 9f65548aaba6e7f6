"""The interface of the app that its screens and widgets use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from chat_tui.core.errors import ChatTuiError
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.widgets.ui_state import UiState


class ListChoice(NamedTuple):
    """One row of a list over the chat."""

    name: str
    act: Callable[[], object]
    """What is done when it is chosen; it may give something to wait for."""
    help: str = ""
    note: str = ""
    """A short word at the right: its key, or that it is in use."""
    marked: bool = False
    """It is the one in use."""
    group: str = ""
    """The heading that it stands under."""
    id: str = ""
    """The id of the action that it is, if it is one."""
    words: tuple[str, ...] = ()
    """Other names that find it."""
    used: int = 0
    """Higher the later it was used last; 0: not yet."""
    grave: bool = False
    """It ends, deletes or discards something: only its own names find it."""


@runtime_checkable
class CommandProvider(Protocol):
    """A screen over the chat with a command palette of its own."""

    def palette_choices(self) -> Sequence[ListChoice]:
        """Everything that the command palette offers, each once."""


class Host(Protocol):
    """The app around the screen."""

    changed_keys: dict[str, str]
    """Rebound keys by id."""
    log_file: Path | None
    """The debug log that is written; None: none."""
    dismiss_errors: Callable[[], bool]
    """Removes the errors that are shown; False where there are none."""
    withdraw: Callable[[str], None]
    """Removes the notice with this title, which is no longer true."""
    kept: UiState
    """How the screen was left, and is left when it ends now."""

    def keep(self, kept: UiState) -> None:
        """Remember this for the next start."""

    def tell(self, error: ChatTuiError, *, lasting: bool = False) -> None:
        """Show an error: what happened, and what to do next."""

    def say(self, title: str, more: str = "", *, long: bool = False, seconds: float | None = None) -> None:
        """Show a short notice; a long one stays as an error does, or as long as is said."""

    def show_title(self, title: str) -> None:
        """Show this as the terminal's title, until the app ends."""

    def ring(self, notice: str) -> None:
        """Ring the terminal's bell, and show a notice where the terminal can, if the config allows it."""

    def ink(self) -> Ink:
        """The theme in use as the transcript writes with it."""

    def use_theme(self, name: str) -> None:
        """Draw with another theme. Raises `ThemeError`."""

    def choose_theme(self) -> None:
        """Open the list of themes."""

    def choose(
        self, what: str, choices: Sequence[ListChoice], look: Callable[[ListChoice], object] | None = None
    ) -> None:
        """Open a list with this title; `look` hears of each row that the cursor comes to."""

    def lend_terminal(self) -> AbstractContextManager[None]:
        """Give the terminal to another program; nothing is painted meanwhile."""

    async def action_quit(self) -> None:
        """Quit."""


async def report_errors(host: Host, work: Awaitable[None]) -> None:
    """Do this; an error is shown."""
    try:
        await work
    except ChatTuiError as error:
        host.tell(error)
