"""Handles Enter in the prompt, and prepares the answer while the user types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.tui.chat.controllers.model_selection import ModelSelection
from chat_tui.tui.chat.controllers.pending_engine import PendingEngine
from chat_tui.tui.chat.controllers.views import ChatViews
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.prompt.prompt import has_shell_command
from chat_tui.tui.widgets.delayed_calls import call_after

if TYPE_CHECKING:
    from chat_tui.engine.answers.runner import Preview
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.chat.controllers.clipboard_paste import ClipboardPaste
    from chat_tui.tui.chat.controllers.shell_commands import ShellCommands
    from chat_tui.tui.chat.conversation.live_preview import LivePreview

WARM_SECONDS = 0.6
"""Delay after the first typed key until the answer is prepared, so that the key is shown first."""


class PromptSubmission:
    """Sends the text of the prompt to a command, the queue, a comparison or a model.

    `run_command` starts the command in a text that begins with a slash, or returns the text to be sent; it raises
    `CommandError`. `on_asked` is called after each question.
    """

    def __init__(
        self,
        chat: ChatView,
        models: ModelSelection,
        views: ChatViews,
        engine: PendingEngine,
        run_command: Callable[[str], str | None],
        on_asked: Callable[[], None],
    ) -> None:
        self._chat, self._models, self._views, self._engine = chat, models, views, engine
        self._run_command, self._on_asked = run_command, on_asked
        self._warmed = False
        self._preview: LivePreview | None = None
        self._shell: ShellCommands | None = None
        self._paste: ClipboardPaste | None = None
        chat.prompt.read_clipboard = lambda: self.clipboard_paste.begin()

    def send(self, text: str) -> bool:
        """Handle Enter: run a command, or one of the shell, or ask a question. Returns False if the text stays in the
        prompt."""
        chat = self._chat
        if chat.screen.has_class("-too-small"):
            # Nothing is visible, so nothing is sent.
            return False
        if self._paste is not None and self._paste.is_reading:
            chat.host.say("The clipboard is still being read", "Press Enter again when its content is here.")
            return False
        if has_shell_command(chat.prompt):
            return self._shell_commands().run(text[1:].strip())
        try:
            said = self._run_command(text) if text.lstrip().startswith("/") else text
        except CommandError as error:
            chat.host.tell(error)
            return False
        if said is None:
            return True
        if self._views.comparison is not None and chat.session.compare_models:
            self.stop_preview()
            return self._views.comparison.ask(said)
        if chat.conversation.is_busy:
            chat.steering.queue(said)
            return True
        chat.sender.ask(said, self._models.settings(), preview=self._take_preview())
        self._on_asked()
        return True

    @property
    def clipboard_paste(self) -> ClipboardPaste:
        """What pastes from the clipboard, imported with the first Ctrl+V."""
        if self._paste is None:
            from chat_tui.tui.chat.controllers.clipboard_paste import ClipboardPaste

            self._paste = ClipboardPaste(self._chat)
        return self._paste

    def _shell_commands(self) -> ShellCommands:
        if self._shell is None:
            from chat_tui.tui.chat.controllers.shell_commands import ShellCommands

            self._shell = ShellCommands(self._chat)
        return self._shell

    def stop_command(self) -> bool:
        """Stop the command of the shell that is running; returns False if none is."""
        return self._shell is not None and self._shell.stop()

    def note_blank(self) -> None:
        """Handle Enter in an empty prompt: if files are attached, say that a question is missing."""
        files = self._chat.files.names()
        if not files:
            return
        going, last = (f"{files[0]} is", "it") if len(files) == 1 else (f"{len(files)} files are", "the last one")
        self._chat.host.say("Add a question", f"{going} attached. Backspace removes {last}.", long=True)

    def ask(self, text: str, files: Sequence[Attachment] = ()) -> None:
        """Ask with the model or strategy in use."""
        self._chat.sender.ask(text, self._models.settings(), files, self._take_preview())
        self._on_asked()

    def _take_preview(self) -> Preview | None:
        """Return the answer that was prepared while the user typed, if there is one; the download bar makes
        room for the question."""
        self._chat.fetch_line.hide()
        return self._preview.take() if self._preview is not None else None

    def live_preview(self) -> LivePreview:
        """Return the preview that answers while the user types, for presets that ask for it."""
        if self._preview is None:
            from chat_tui.tui.chat.conversation.live_preview import LivePreview

            self._preview = LivePreview(self._chat, self._models.settings)
        return self._preview

    def stop_preview(self) -> bool:
        """Stop a preview; returns False if none is shown."""
        return self._preview is not None and self._preview.stop()

    def follow_edit(self) -> None:
        """Prepare the answer, or start its preview, while the user types."""
        engine = self._engine.engine
        if engine is None:
            return
        if self._chat.session.preset is not None or self._preview is not None:
            self.live_preview().follow_edit(engine)
        if not self._warmed:
            self._warmed = True
            call_after(self._chat, WARM_SECONDS, lambda: self._chat.run_worker(self._warm(engine), group="beside"))

    async def _warm(self, engine: Engine) -> None:
        try:
            await self._models.warm(engine)
        except ChatTuiError:
            # The error occurs again, and is reported, when the question is asked.
            self._warmed = False
