"""Edits an earlier question in the prompt, in place of the draft; it is sent as another version."""

from __future__ import annotations

from chat_tui.core.conversation import Turn
from chat_tui.tui.chat.conversation.session import ConversationSession
from chat_tui.tui.panels.notices import EditingLine
from chat_tui.tui.prompt.prompt import Prompt


class QuestionEditor:
    """Puts the draft or the edited question into the prompt, and says above the prompt which of them it is."""

    def __init__(self, session: ConversationSession, prompt: Prompt, line: EditingLine) -> None:
        self._session, self._prompt, self._line = session, prompt, line

    def begin(self, question: Turn) -> None:
        """Put a question of the path into the prompt; the draft returns when the edit ends."""
        self.show(self._session.begin_edit(question))

    def show(self, words: str) -> None:
        """Show the text of the edit that has started."""
        self._write(words)
        self._line.display = True
        self._prompt.focus()

    def end(self) -> bool:
        """End the edit, so that the draft returns; returns False if no question is edited."""
        draft = self._session.end_edit()
        if draft is None:
            return False
        self.show_draft(draft)
        return True

    def show_draft(self, draft: str) -> None:
        """Show a draft; no question is edited then."""
        self._line.display = False
        self._write(draft)

    def _write(self, text: str) -> None:
        """Replace the prompt's text, and clear its undo history."""
        self._prompt.clear_draft()
        self._prompt.set_draft(text)
