"""The conversation in view and its unsent text: read from the store, saved and restored.

Nothing of Textual is imported here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import HistoryError
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import ConversationSettings, NewConversation, decode_settings
from chat_tui.core.text.excerpts import join_texts
from chat_tui.core.tools import ToolUse

if TYPE_CHECKING:
    # Only for type checking: the first paint does not need the engine.
    from chat_tui.core.settings.preset import Preset
    from chat_tui.engine.engine import Engine

_POSITION = "reading position "
_OPEN = "open conversation"
_EDIT = "edited question "
_FILES = "files of the draft "


class ViewState(msgspec.Struct, frozen=True):
    """The content of the view at a moment, in the form in which it is stored."""

    text: str = ""
    """The text of the prompt."""
    files: str = ""
    """The attached files; empty: none."""
    position: str = ""
    """The reading position; empty: the end of the conversation."""


class StoredDraft(msgspec.Struct, frozen=True):
    """The unsent text and files of a conversation."""

    text: str = ""
    files: str = ""


class RestoredConversation(msgspec.Struct, frozen=True):
    """A conversation that has just come into view, as it was left."""

    conversation: Conversation
    draft: StoredDraft
    position: str
    edit: str
    """The stored edit of an earlier question; empty: none."""


class QuestionEdit(msgspec.Struct, frozen=True):
    """A new version of an earlier question that is not sent yet."""

    question: str
    """The id of the question's turn."""
    words: str


class ConversationVisit:
    """The time in which a conversation is in view. A question belongs to the visit in which it was sent, even if
    another conversation is in view when it is asked."""

    def __init__(self, conversation_id: str | None = None) -> None:
        self.conversation_id = conversation_id
        """None until the first question is asked."""
        self.is_asking = False
        """Whether a question was sent whose answer has not started."""
        self.is_cancelled = False
        """Whether the question was cancelled before its answer started."""
        self.starting: asyncio.Task[None] | None = None
        """The start of the tool servers, and the fetch of the web pages, that the question waits for."""

    def cancel(self) -> None:
        """Cancel the question that was sent; one that waits for tool servers or web pages is not asked
        at all."""
        self.is_cancelled = True
        if self.starting is not None:
            self.starting.cancel()


class ConversationSession:
    """Opens and leaves conversations. `read_view` returns the current content of the view."""

    def __init__(self, read_view: Callable[[], ViewState]) -> None:
        self._read_view = read_view
        self.engine: Engine | None = None
        """None until it is open."""
        self.is_ready = asyncio.Event()
        """Set when the last conversation is restored: questions are asked from then on."""
        self.changing = asyncio.Lock()
        """Held while another conversation, or another path of the same one, is being opened."""
        self.visit = ConversationVisit()
        self.preset: Preset | None = None
        """The preset of the conversation in view, or of the one that the next question starts."""
        self.own_settings = ConversationSettings()
        """Request settings of the conversation in view, or of the one that the next question starts."""
        self.settings: Callable[[], Request] = Request
        """Returns the model or strategy in use."""
        self.compare_models: Sequence[str] = ()
        """The models that the next question is sent to for comparison; empty: one model answers."""
        self.edited: Turn | None = None
        """The earlier question that is edited in the prompt."""
        self._set_aside = ""
        self._system_prompt: str | None = None
        self._stored_edit = self._stored_files = ""
        """The edit and the files as they are stored."""

    @property
    def conversation_id(self) -> str | None:
        """The conversation in view; None until its first question is asked."""
        return self.visit.conversation_id

    @property
    def new_conversation(self) -> NewConversation:
        """Preset and settings of a conversation that starts now."""
        return NewConversation(self._system_prompt, self.preset, self.own_settings)

    @property
    def target(self) -> str | NewConversation:
        """The conversation of the next question: its id, or the start of a new one."""
        return self.conversation_id or self.new_conversation

    # -- what is unsent -------------------------------------------------------------------------------------------

    @property
    def unsent(self) -> str:
        """The unsent text; while an earlier question is edited, the draft that was set aside."""
        return self._read_view().text if self.edited is None else self._set_aside

    def begin_edit(self, question: Turn, words: str | None = None) -> str:
        """Start to edit a question of the path, and return the text for the prompt; `words`: the text of an earlier
        edit of it."""
        self._set_aside, self.edited = self.unsent, question
        return as_typed(question) if words is None else words

    def resume_edit(self, opened: RestoredConversation) -> str | None:
        """Resume the edit that was left in a conversation, and return its text; None if there is none."""
        self._stored_edit = opened.edit
        try:
            edit = msgspec.json.decode(opened.edit, type=QuestionEdit) if opened.edit else None
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        path = opened.conversation.path
        question = next((turn for turn in path if edit is not None and turn.id == edit.question), None)
        return self.begin_edit(question, edit.words) if edit is not None and question is not None else None

    def end_edit(self) -> str | None:
        """End the edit, and return the draft that was set aside; None if no question is edited."""
        if self.edited is None:
            return None
        self.edited = None
        return self._set_aside

    async def save_draft(self) -> None:
        """Store the unsent text and files."""
        if self.engine is None:
            return
        engine, id, edited, view = self.engine, self.conversation_id, self.edited, self._read_view()
        await engine.drafts.save(id, self.unsent)
        if engine.conversations.is_private(id):
            return
        if view.files != self._stored_files:
            self._stored_files = view.files
            await engine.places.set(_FILES + (id or ""), view.files)
        if id is None:
            return
        edit = ""
        if edited is not None and view.text != as_typed(edited):
            edit = msgspec.json.encode(QuestionEdit(edited.id, view.text)).decode()
        if edit != self._stored_edit:
            self._stored_edit = edit
            await engine.places.set(_EDIT + id, edit)

    async def save_place(self) -> None:
        """Store the unsent text, the files and the reading position."""
        if self.engine is None:
            return
        engine, saved = self.engine, None
        while saved != self.unsent:
            # The user may keep typing meanwhile.
            saved = self.unsent
            await self.save_draft()
        if self.conversation_id is not None and not engine.conversations.is_private(self.conversation_id):
            await engine.places.set(_POSITION + self.conversation_id, self._read_view().position)

    async def note_begun(self) -> None:
        """Record that a question has started the conversation in view: unsent text now belongs to it."""
        if self.engine is not None:
            engine = self.engine
            await engine.drafts.save(None, "")
            await engine.places.set(_FILES, "")
            await engine.places.set(_OPEN, self.conversation_id or "")

    # -- coming and leaving ---------------------------------------------------------------------------------------

    async def connect(self, engine: Engine) -> StoredDraft:
        """Store the engine, and return the unsent text of no conversation."""
        # Read before newly typed text can replace it in the store.
        draft = await self._load_draft(engine, None)
        self.engine = engine
        return draft

    async def last_conversation(self) -> str:
        """Return the id of the conversation to restore: the one that was in view at a crash, or that was left with
        something unsent; empty if there is none. Raises `HistoryError` if it was deleted."""
        assert self.engine is not None
        last = await self.engine.places.get(_OPEN)
        if not last or self.visit.is_asking:
            return ""
        path = (await self.engine.conversations.conversation(last)).path
        # An answer that another process is writing belongs to that process.
        return "" if path and path[-1].state == "streaming" else last

    async def forget_last(self) -> None:
        """Restore no conversation at the next start."""
        if self.engine is not None:
            await self.engine.places.set(_OPEN, "")

    async def leave(self, *, has_waiting: bool) -> None:
        """Store what is needed to restore the conversation in view. If nothing is unsent or queued, the next start
        restores none."""
        await self.save_place()
        if not self.unsent and self.edited is None and not has_waiting:
            await self.forget_last()

    async def open(self, conversation_id: str, *, coming_back: bool = False) -> RestoredConversation | None:
        """Open a conversation and return how it was left; None if it is in view already.

        `coming_back`: the program has just started, so text that was typed meanwhile is kept, and a question that was
        sent stays in view (None). The caller holds `changing`. Raises `HistoryError`.
        """
        assert self.engine is not None
        engine = self.engine
        conversation = await engine.conversations.conversation(conversation_id)
        if conversation_id == self.conversation_id:
            return None
        # Nothing of a private conversation is stored, not even its id.
        await engine.places.set(_OPEN, "" if engine.conversations.is_private(conversation_id) else conversation_id)
        draft = await self._load_draft(engine, conversation_id)
        position = await engine.places.get(_POSITION + conversation_id)
        edit = await engine.places.get(_EDIT + conversation_id)
        if coming_back:
            if self.visit.is_asking:
                return None
            draft = msgspec.structs.replace(draft, text=join_texts(draft.text, self._read_view().text))
        else:
            await self.save_place()
        self._begin_visit(conversation_id, _preset(conversation.preset), draft)
        self.own_settings = decode_settings(conversation.settings)
        return RestoredConversation(conversation, draft, position, edit)

    async def begin_new(self) -> StoredDraft:
        """Leave the conversation in view for a new one, and return the unsent text of that. The caller holds
        `changing`."""
        left, draft = self.conversation_id, StoredDraft()
        if self.engine is not None:
            await self.forget_last()
            if left is not None:
                draft = await self._load_draft(self.engine, None)
            await self.save_place()
        if left is None:
            # Unsent text moves to the new conversation.
            draft = StoredDraft(self.unsent, self._read_view().files)
        self._begin_visit(None, None, draft)
        return draft

    def take_files(self, files: str) -> None:
        """Record which files are stored for the draft in view."""
        self._stored_files = files

    def _begin_visit(self, conversation_id: str | None, preset: Preset | None, draft: StoredDraft) -> None:
        self.visit = ConversationVisit(conversation_id)
        self.preset, self._system_prompt, self.own_settings = preset, None, ConversationSettings()
        self.edited, self._stored_edit, self._stored_files = None, "", draft.files

    async def _load_draft(self, engine: Engine, conversation_id: str | None) -> StoredDraft:
        return StoredDraft(
            await engine.drafts.load(conversation_id), await engine.places.get(_FILES + (conversation_id or ""))
        )

    # -- what questions are asked with ----------------------------------------------------------------------------

    async def system_prompt(self) -> str:
        """The system prompt in use."""
        engine = self.engine
        if engine is None:
            return ""
        own = self._system_prompt
        if self.conversation_id is not None:
            own = (await engine.conversations.conversation(self.conversation_id)).system_prompt
        return engine.config.system_prompt if own is None else own

    async def set_system_prompt(self, text: str | None) -> None:
        """Set the system prompt of this conversation or of the one that the next question starts (None: the config)."""
        if self.conversation_id is None or self.engine is None:
            self._system_prompt = text
        else:
            await self.engine.conversations.set_system_prompt(self.conversation_id, text)

    async def set_preset(self, preset: Preset | None) -> None:
        """Use a preset in this conversation, or in the one that the next question starts; None: no preset."""
        if self.conversation_id is not None and self.engine is not None:
            from chat_tui.core.settings.preset import encode_preset

            await self.engine.conversations.set_preset(self.conversation_id, encode_preset(preset))
        self.preset = preset

    async def set_own_settings(self, settings: ConversationSettings) -> None:
        """Set the request settings of this conversation, or of the one that the next question starts. Consents to tools
        are not among them: they stay as they are."""
        if self.conversation_id is not None and self.engine is not None:
            consents = (await self.read_tools()).consents
            if settings.tools is not None or consents:
                tools = msgspec.structs.replace(settings.tools or ToolUse(), consents=consents)
                settings = msgspec.structs.replace(settings, tools=tools)
            await self.engine.conversations.set_settings(self.conversation_id, settings)
        self.own_settings = settings

    async def read_tools(self) -> ToolUse:
        """Return the tools of this conversation, with the consents that were given in it. Raises `HistoryError`."""
        if self.conversation_id is None or self.engine is None:
            return self.own_settings.tools or ToolUse()
        stored = (await self.engine.conversations.conversation(self.conversation_id)).settings
        return decode_settings(stored).tools or ToolUse()


async def restore_external_draft(engine: Engine, conversation_id: str | None, before: str, text: str) -> None:
    """Restore text from an external editor that was open when the program was killed. It replaces the draft `before`,
    or follows it if the draft has changed meanwhile; if the conversation is gone, it becomes the draft of no
    conversation."""
    if conversation_id is not None:
        try:
            await engine.conversations.conversation(conversation_id)
        except HistoryError:
            conversation_id = None
    now = await engine.drafts.load(conversation_id)
    is_other = now.strip() and now not in (before, text)
    await engine.drafts.save(conversation_id, f"{now}\n\n{text}" if is_other else text)
    await engine.places.set(_OPEN, conversation_id or "")


def as_typed(question: Turn) -> str:
    """Return a question as it would be typed: with two slashes if it begins with one."""
    return "/" * question.text.startswith("/") + question.text


def _preset(stored: str) -> Preset | None:
    if not stored:
        return None
    from chat_tui.core.settings.preset import decode_preset

    return decode_preset(stored)
