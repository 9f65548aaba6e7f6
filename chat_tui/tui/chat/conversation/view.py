"""The middle of the screen: a conversation with its prompt, and the parts that act on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar, cast

import msgspec
from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from chat_tui.core.errors import HistoryError
from chat_tui.core.settings.conversation_settings import with_tools_of
from chat_tui.core.text.excerpts import join_texts
from chat_tui.tui.actions import bindings
from chat_tui.tui.chat.conversation.copy import TranscriptCopies
from chat_tui.tui.chat.conversation.display import ConversationDisplay
from chat_tui.tui.chat.conversation.estimate import QuestionEstimate
from chat_tui.tui.chat.conversation.question_editor import QuestionEditor
from chat_tui.tui.chat.conversation.question_sender import QuestionSender
from chat_tui.tui.chat.conversation.session import (
    ConversationSession,
    RestoredConversation,
    StoredDraft,
    ViewState,
)
from chat_tui.tui.chat.conversation.steering import Steering
from chat_tui.tui.chat.conversation.undo import Undo
from chat_tui.tui.chat.conversation.versions import MessageVersions
from chat_tui.tui.chat.conversation.waiting import WaitingQuestions
from chat_tui.tui.panels.download_bar import DownloadBar
from chat_tui.tui.panels.notices import EditingLine, MoreBelow
from chat_tui.tui.panels.welcome import Welcome
from chat_tui.tui.prompt.attachments import PromptAttachments
from chat_tui.tui.prompt.completion import CompletionItem, CompletionList
from chat_tui.tui.prompt.file_finder import FileFinder
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.transcript.find_bar import FindBar
from chat_tui.tui.transcript.model.line_model import Anchor
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets.host import Host, report_errors

if TYPE_CHECKING:
    # Only for type checking: the first paint does not need the engine.
    from chat_tui.core.attachments.attached_page import AttachedPage
    from chat_tui.core.conversation import Turn
    from chat_tui.core.settings.preset import Preset
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.chat.conversation.server_contents import ServerContents
    from chat_tui.tui.chat.tools.tool_consent import ToolConsent


class ChatView(Vertical):
    """Combines the widgets of a conversation with the parts that act on it, opens conversations, and passes on keys and
    messages.

    `complete` returns the completions of a text that begins with a slash.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page(-1)", "Page up", id="transcript.page_up", show=False),
        Binding("pagedown", "page(1)", "Page down", id="transcript.page_down", show=False),
        *bindings.bindings("transcript"),
        Binding("escape", "leave_edit", "Cancel editing", id="answer.cancel", show=False),
    ]

    def __init__(self, complete: Callable[[str], Sequence[CompletionItem]], id: str | None = None) -> None:
        super().__init__(id=id)
        self.completions = CompletionList()
        self.transcript = Transcript()
        self.welcome = Welcome()
        self.more_below = MoreBelow()
        self.fetch_line = DownloadBar()
        self.editing_line = EditingLine()
        self.find_bar = FindBar(self.transcript, lambda: self.conversation.turns)
        files = FileFinder()
        files.others = self._find_resources
        self.prompt = Prompt(complete, self.completions, find_files=files.completions)
        self.session = session = ConversationSession(self._read_view)
        self.conversation = ConversationDisplay(self, session, self.transcript, self.welcome, self.find_bar)
        """The displayed part of the conversation."""
        self.files = PromptAttachments(self.prompt, self._fetch_page, lambda: self.server_contents)
        """The files, web pages and resources that are attached to the next question."""
        self.estimate = QuestionEstimate(session, self.prompt, self.files)
        self.editor = QuestionEditor(session, self.prompt, self.editing_line)
        self.undo = Undo()
        """The actions on conversations that can be undone, those of the list included."""
        self.versions = MessageVersions(session, self.conversation, self.prompt, self.undo, self.open)
        self.copies = TranscriptCopies(self.transcript, lambda: self.conversation.turns)
        self.waiting = WaitingQuestions(session, self.prompt, self.files)
        shared = (session, self.conversation, self.prompt, self.files)
        self.sender = QuestionSender(
            *shared, estimate=self.estimate, editor=self.editor, versions=self.versions, waiting=self.waiting
        )
        self.steering = Steering(*shared, sender=self.sender, waiting=self.waiting)
        self._resumes = True
        """Whether the conversation that was in view when the program was ended is opened again."""
        self.transcript_key: Callable[[events.Key], None] = lambda event: None
        """Handles a key first while the transcript has the focus."""
        self.leave_transcript: Callable[[], None] = lambda: None
        """Moves the focus to the prompt."""
        self.prompt.jump_to_end = self.transcript.action_end
        self.prompt.take_back, self.prompt.steer = self.waiting.take_back, self.steering.steer

    def _read_view(self) -> ViewState:
        anchor = self.transcript.viewport.reading_position
        position = msgspec.json.encode(anchor).decode() if anchor is not None else ""
        return ViewState(self.prompt.draft, self.files.encode(), position)

    async def _fetch_page(self, address: str) -> AttachedPage:
        await self.session.is_ready.wait()
        assert self.session.engine is not None
        return await self.session.engine.pages.fetch(address)

    def _find_resources(self, mention: str) -> Sequence[CompletionItem]:
        return self.server_contents.rows(mention) if self.session.own_settings.tools is not None else ()

    def compose(self) -> ComposeResult:
        self.transcript.display = False
        yield self.welcome
        yield self.transcript
        yield self.more_below
        yield self.fetch_line
        yield self.completions
        yield self.editing_line
        yield self.find_bar
        yield self.prompt

    def name_keys(self, changed: Mapping[str, str]) -> None:
        """Show the keys that are bound now; `changed` holds rebound keys by id."""
        self.transcript.renderer.changed_keys = self.estimate.changed_keys = changed
        for line in (self.welcome, self.more_below, self.fetch_line, self.editing_line):
            line.changed_keys = changed

    @property
    def host(self) -> Host:
        """The app around it."""
        return cast("Host", self.app)

    # -- conversations --------------------------------------------------------------------------------------------

    def begin_with(self, preset: Preset | None) -> None:
        """Begin with a new conversation, and with this preset, before the engine is open."""
        self._resumes = False
        if preset is not None:
            self.session.preset = preset
            self.session.own_settings = with_tools_of(preset, self.session.own_settings)
            self.estimate.show()

    async def take_engine(self, engine: Engine) -> None:
        """Store the engine: questions are answered from now on, and unsent text of the last session is restored."""
        session, first = self.session, self.session.visit
        self.prompt.earlier = await engine.drafts.prompts()
        draft = await session.connect(engine)
        if session.preset is None and self._resumes:
            try:
                if last := await session.last_conversation():
                    await self.open(last, coming_back=True)
            except HistoryError:
                # The conversation was removed meanwhile, perhaps by another process.
                await session.forget_last()
        if session.visit is first:
            if draft.text:
                self.prompt.set_draft(join_texts(draft.text, self.prompt.draft))
            if draft.files:
                session.take_files(draft.files)
                self.files.restore(draft.files)
        session.is_ready.set()

    async def leave(self) -> None:
        """Store the reading position and the unsent text."""
        await self.session.leave(has_waiting=self.waiting.queue is not None)

    async def new(self) -> None:
        """Start a new conversation; the one in view stays in the history, and its answer keeps running."""
        async with self.session.changing:
            draft = await self.session.begin_new()
            self.conversation.show(())
            self._show_draft(draft)
        self.prompt.focus()

    async def open(self, conversation_id: str, turn_id: str = "", *, coming_back: bool = False) -> None:
        """Open a saved conversation where it was left, or at a turn.

        `coming_back`: the program has just started, so text that was typed meanwhile is kept, and a question that was
        sent stays in view. Raises `HistoryError`.
        """
        session = self.session
        if session.engine is None:
            return
        async with session.changing:
            opened = await session.open(conversation_id, coming_back=coming_back)
            if opened is not None:
                self._show_opened(session.engine, opened)
                await self.waiting.restore(conversation_id)
                if (words := session.resume_edit(opened)) is not None:
                    self.editor.show(words)
            elif coming_back:
                return
        if turn_id:
            self.transcript.viewport.restore(Anchor(turn_id, 0, 0))
        self.prompt.focus()

    def _show_opened(self, engine: Engine, opened: RestoredConversation) -> None:
        path, id = opened.conversation.path, opened.conversation.id
        running = engine.running(id) or engine.tools.answers(id)
        followed = running[0].turn.id if running else ""
        place = next((at for at, turn in enumerate(path) if turn.id == followed), len(path))
        self.conversation.show(path[:place])
        if running:
            self.conversation.follow(running[0])
        else:
            self.transcript.viewport.restore(_anchor(opened.position))
            self.conversation.measure_last(path)
        self.transcript.set_headers(path, opened.conversation.forks)
        self._show_draft(opened.draft)

    def _show_draft(self, draft: StoredDraft) -> None:
        self.estimate.show()
        self.editor.show_draft(draft.text)
        self.files.restore(draft.files)

    # -- messages -------------------------------------------------------------------------------------------------

    @on(Prompt.Edited)
    async def _follow_text(self) -> None:
        self.files.follow()
        if self.prompt.draft:
            self.transcript.finder.forget_words()
        self.estimate.refresh()
        # The current state, since the message may arrive when another conversation is in view.
        await self.session.save_draft()

    @on(Prompt.Backed)
    def _remove_file(self, event: Prompt.Backed) -> None:
        """Remove the last file when Backspace is pressed at the start of the prompt."""
        event.stop()
        self.files.detach()

    @cached_property
    def consent(self) -> ToolConsent:
        """What asks about tool calls, imported with the first one."""
        from chat_tui.tui.chat.tools.tool_consent import ToolConsent

        return ToolConsent(self, self.prompt, lambda: self.conversation.round)

    @cached_property
    def server_contents(self) -> ServerContents:
        """The prompts and resources of the tool servers that are on, imported with the first slash or `@`."""
        from chat_tui.tui.chat.conversation.server_contents import ServerContents

        return ServerContents(self.session, self.prompt)

    @on(ConversationDisplay.CallsChanged)
    def _ask_about_calls(self) -> None:
        """A tool call waits for a person, or no longer."""
        if self.conversation.round is not None or "consent" in vars(self):
            self.consent.show()

    @on(ConversationDisplay.Moved)
    @on(ConversationDisplay.Ended)
    def _show_waiting(self) -> None:
        """Update the queued text: another conversation is in view, or nothing can be steered any more."""
        self.steering.show()

    @on(FindBar.Opened)
    def _hide_prompt(self, event: FindBar.Opened) -> None:
        """Hide the prompt while the find bar takes its place, so that nothing moves."""
        event.stop()
        self.prompt.display = False

    @on(FindBar.Closed)
    def _show_prompt(self, event: FindBar.Closed) -> None:
        event.stop()
        self.prompt.display = True
        if event.by_key:
            self.prompt.focus()

    @on(MoreBelow.Pressed)
    def _jump_to_end(self, event: MoreBelow.Pressed) -> None:
        event.stop()
        self.transcript.action_end()

    @on(Transcript.MoreBelow)
    def _show_more_below(self, event: Transcript.MoreBelow) -> None:
        """Show or hide the sign that there is more below."""
        event.stop()
        self.more_below.show(event.lines)

    @on(Transcript.VersionAsked)
    async def _show_version(self, event: Transcript.VersionAsked) -> None:
        """Show the version that was clicked."""
        event.stop()
        await report_errors(self.host, self.versions.show_version(event.step, event.turn))

    # -- keys -----------------------------------------------------------------------------------------------------

    def find(self, wanted: str = "") -> None:
        """Search the conversation in view, without words for the one that a search of the history has marked; if the
        search is open, go to the next match."""
        if not self.transcript.turns:
            self.host.say("There is nothing to find yet", "Ctrl+R searches all conversations.")
        elif self.find_bar.display and not wanted:
            self.find_bar.action_move(1)
        else:
            self.find_bar.open(wanted or self.transcript.finder.search_word)

    def action_page(self, direction: int) -> None:
        """Scroll the conversation while the prompt has the focus."""
        self.transcript.action_page(direction)

    def action_leave(self) -> None:
        """Move the focus from the messages to the prompt. If they do not have it, the key is passed on."""
        if not self.transcript.has_focus:
            raise SkipAction
        self.leave_transcript()

    @on(events.Key)
    def _run_transcript_key(self, event: events.Key) -> None:
        if self.transcript.has_focus and self.transcript.keyboard.caret is None:
            self.transcript_key(event)

    @on(events.Paste)
    def _paste_into_prompt(self, event: events.Paste) -> None:
        if self.transcript.has_focus:
            event.stop()
            self.leave_transcript()
            if event.text:
                self.prompt.paste(event.text)
            else:
                self.prompt.action_paste()

    @on(events.MouseDown)
    def _keep_keys(self, event: events.MouseDown) -> None:
        """Keep the focus on the prompt while the mouse selects in the transcript."""
        if event.widget is self.transcript:
            self.leave_transcript()

    def action_leave_edit(self) -> None:
        """Esc: end the edit of a question without a change, unless an error notice is to be closed first. If no
        question is edited, the key is passed on."""
        if self.session.edited is None:
            raise SkipAction
        if not self.host.dismiss_errors():
            self.editor.end()

    def action_edit(self) -> None:
        """Edit the chosen question, or that of the chosen answer, else the last one."""
        question = self.conversation.chosen_question()
        if question is None:
            self.host.say("There is no question to edit")
        elif self.conversation.can_change():
            self.editor.begin(question)

    async def action_version(self, step: int) -> None:
        """Show the version before (-1) or after (1) of the chosen turn, else of the last one that has several."""
        turns, chosen = self.transcript.turns, self.transcript.viewport.cursor
        await report_errors(self.host, self.versions.show_version(step, turns[chosen].id if chosen is not None else ""))

    async def action_compare(self) -> None:
        """Show the differences between the versions of the chosen turn, else of the last one that has several."""
        await report_errors(self.host, self.versions.compare())

    async def action_branch(self) -> None:
        """End the path at the chosen turn: the next question starts another branch."""
        await report_errors(self.host, self.versions.branch())

    async def action_undo(self) -> None:
        """Undo the last action."""
        await report_errors(self.host, self.versions.undo())

    def action_code_block(self, what: str) -> None:
        """`copy` or `save` a code block, or go to the one `after` or `before`."""
        self.copies.act_on_code(what)

    def action_copy_all(self) -> None:
        """Copy the whole conversation."""
        self.copies.copy_all()

    def action_select(self) -> None:
        """Start a selection by keyboard."""
        self.transcript.begin_selecting()

    def action_table(self, step: int) -> None:
        """Scroll wide tables sideways."""
        if not self.transcript.viewport.scroll_tables(step):
            self.host.say("No table goes on " + ("there: this is its end" if step > 0 else "before its first column"))

    def action_judge(self, good: int) -> None:
        """Rate the chosen answer, else the last one, as good or bad."""
        turn, engine = self.conversation.chosen_answer(), self.session.engine
        if turn is not None and turn.verdict != bool(good) and engine is not None:
            engine.judge(turn, good=bool(good))
            self.transcript.set_verdict(turn.id, bool(good))
            self.undo.push("take the rating back", "The rating is taken back", partial(self._take_verdict_back, turn))
            self.host.say("Rated as good" if good else "Rated as bad", f"{turn.model} · {self.versions.undo_keys}")

    async def _take_verdict_back(self, turn: Turn) -> None:
        """Restore the earlier rating of an answer."""
        if self.session.engine is not None:
            self.session.engine.judge(turn, turn.verdict)
            self.transcript.set_verdict(turn.id, turn.verdict)

    def action_figures(self) -> None:
        """Show or hide the figures under each answer, until the app ends."""
        self.transcript.set_figures(not self.transcript.model.views.figures)


def _anchor(position: str) -> Anchor | None:
    try:
        return msgspec.json.decode(position, type=Anchor) if position else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
