"""Sends questions: new ones, edits, regenerations and continuations. On failure the text returns to the prompt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from textual.message import Message

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ChatTuiError, ConversationNotFound
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.tui.chat.conversation.display import ConversationDisplay, is_over
from chat_tui.tui.chat.conversation.estimate import QuestionEstimate
from chat_tui.tui.chat.conversation.question_editor import QuestionEditor
from chat_tui.tui.chat.conversation.session import ConversationSession, ConversationVisit
from chat_tui.tui.chat.conversation.versions import MessageVersions
from chat_tui.tui.chat.conversation.waiting import WaitingQuestions
from chat_tui.tui.prompt.attachments import PromptAttachments
from chat_tui.tui.prompt.attachments_line import PendingAttachment
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.widgets.delayed_calls import call_after

if TYPE_CHECKING:
    # Only for type checking: the first paint does not need the engine.
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.engine.answers.runner import Preview
    from chat_tui.engine.engine import Engine


TOOL_START_SECONDS = 1.0
"""Time that tool servers may take to start before a notice says what the question waits for."""


class QuestionWithdrawn(Exception):
    """The user has cancelled a question that was waiting for tool servers or web pages. Nothing of it is stored."""


class OutgoingQuestion(msgspec.Struct, frozen=True):
    """A question, with everything that belonged to it when it was sent."""

    visit: ConversationVisit
    new_conversation: NewConversation
    """Preset and settings of the conversation, if the question starts one."""
    settings: Request
    text: str = ""
    """Empty if an answer is regenerated or continued."""
    taken: Sequence[PendingAttachment] = ()
    """Attached files, which are read when the question is asked."""
    edited: Turn | None = None
    """The question of which this is another version."""
    refuses_images: bool = True
    """Whether it is refused if there are images and the model takes none."""


Ask = Callable[["Engine", OutgoingQuestion, Sequence[Attachment]], Awaitable["Answer"]]
"""Asks the engine a question with its files. Raises `ChatTuiError`."""


class QuestionSender:
    """Sends questions from the conversation in view, and shows their answers."""

    class Failed(Message):
        """A question could not be asked; its text has returned to the prompt."""

        def __init__(self, error: ChatTuiError) -> None:
            super().__init__()
            self.error = error

    def __init__(
        self,
        session: ConversationSession,
        display: ConversationDisplay,
        prompt: Prompt,
        files: PromptAttachments,
        *,
        estimate: QuestionEstimate,
        editor: QuestionEditor,
        versions: MessageVersions,
        waiting: WaitingQuestions,
    ) -> None:
        self._session, self._display, self._prompt, self._files = session, display, prompt, files
        self._estimate, self._editor, self._versions, self._waiting = estimate, editor, versions, waiting

    # -- what can be asked ----------------------------------------------------------------------------------------

    def ask(
        self, text: str, settings: Request, files: Sequence[Attachment] = (), preview: Preview | None = None
    ) -> None:
        """Ask, or send another version of the edited question; `files` are added to the attached ones. The answer
        streams into the transcript, or is shown at once if it was previewed."""
        question = self.take_question(text, settings)
        if question.edited is not None:
            self.send(question, self._edit)
            return
        question.visit.is_asking = True
        self._display.widget.run_worker(self._ask(question, files, preview), group="ask")

    def continue_answer(self, settings: Request) -> None:
        """Continue the last answer, which is incomplete."""
        self.send(self._question(settings), self._continue)

    def regenerate(self, answer: Turn, settings: Request) -> None:
        """Regenerate an answer of the path."""
        self.send(self._question(settings), partial(self._regenerate, answer, self._display.transcript.turns[-1]))

    def take_question(self, text: str, settings: Request) -> OutgoingQuestion:
        """Return the question of this text with everything that belongs to it; takes the attached files from the
        prompt."""
        question, edited = self._question(settings), self._session.edited
        return msgspec.structs.replace(question, text=text, taken=self._files.take(), edited=edited)

    def _question(self, settings: Request) -> OutgoingQuestion:
        return OutgoingQuestion(self._session.visit, self._session.new_conversation, settings)

    # -- how the engine is asked ----------------------------------------------------------------------------------

    async def _ask(self, question: OutgoingQuestion, files: Sequence[Attachment], preview: Preview | None) -> None:
        visit, text, settings = question.visit, question.text, question.settings
        try:
            async with self._sending(question) as (engine, attached):
                files = (*files, *attached)
                try:
                    target = visit.conversation_id or question.new_conversation
                    answer = await engine.ask(target, text, settings, attachments=files, preview=preview)
                except ConversationNotFound as error:
                    if visit.conversation_id is None:
                        raise
                    answer = await engine.ask(question.new_conversation, text, settings, attachments=files)
                    self._leave_deleted(visit, error)
                self.show_question(visit, answer)
                await self._follow(question, answer)
        except ChatTuiError as error:
            await self._give_back(question, error)
        except QuestionWithdrawn:
            await self._take_back(question)

    def _leave_deleted(self, visit: ConversationVisit, error: ConversationNotFound) -> None:
        """Handle a conversation that was deleted elsewhere: the question of this visit has started a new one."""
        visit.conversation_id = None
        self._display.host.say(error.title, "Your question starts a new one.", long=True)
        if visit is self._session.visit:
            self._display.transcript.replace_from(0)

    async def _edit(self, engine: Engine, question: OutgoingQuestion, files: Sequence[Attachment]) -> Answer:
        assert question.edited is not None
        id = question.visit.conversation_id or ""
        answer = await engine.edit(id, question.edited.id, question.text, question.settings, files)
        if question.visit is self._session.visit:
            self.show_edited(question.edited, answer)
        return answer

    async def _continue(self, engine: Engine, question: OutgoingQuestion, _files: Sequence[Attachment]) -> Answer:
        answer = await engine.go_on(question.visit.conversation_id or "", question.settings)
        if question.visit is self._session.visit:
            transcript = self._display.transcript
            # Behind results of tool calls the answer begins; it replaces one that was cut.
            cut = bool(transcript.turns) and transcript.turns[-1].role != "tool"
            transcript.replace_from(len(transcript.turns) - cut)
        return answer

    async def _regenerate(
        self, turn: Turn, leaf: Turn, engine: Engine, question: OutgoingQuestion, _files: Sequence[Attachment]
    ) -> Answer:
        answer = await engine.regenerate(question.visit.conversation_id or "", turn.id, question.settings)
        if question.visit is self._session.visit:
            self._display.transcript.replace_from(self._display.index_of(turn.id))
        self._versions.remember("answer", answer.conversation_id, leaf)
        self._display.host.say("The previous answer is kept", f"{self._versions.undo_keys}.")
        return answer

    def show_question(self, visit: ConversationVisit, answer: Answer) -> None:
        """Show the question of an answer below the last turn, if its conversation is in view."""
        if visit is self._session.visit:
            self._display.transcript.add(answer.question)

    def show_edited(self, edited: Turn, answer: Answer) -> None:
        """Show the question of an answer in place of the one of which it is a new version."""
        transcript = self._display.transcript
        leaf = transcript.turns[-1]
        self._editor.end()
        transcript.replace_from(self._display.index_of(edited.id), [answer.question])
        self._versions.remember("question", answer.conversation_id, leaf)
        self._display.host.say("The previous question is kept", f"{self._versions.undo_keys}.")

    # -- sending --------------------------------------------------------------------------------------------------

    def send(self, question: OutgoingQuestion, ask: Ask) -> None:
        """Ask, and follow the answer; on failure, text and files return to the prompt."""
        question.visit.is_asking = True
        self._display.widget.run_worker(self._send(question, ask), group="ask")

    async def _send(self, question: OutgoingQuestion, ask: Ask) -> None:
        try:
            async with self._sending(question) as (engine, files):
                await self._follow(question, await ask(engine, question, files))
        except ChatTuiError as error:
            await self._give_back(question, error)
        except QuestionWithdrawn:
            await self._take_back(question)

    @asynccontextmanager
    async def _sending(self, question: OutgoingQuestion) -> AsyncIterator[tuple[Engine, Sequence[Attachment]]]:
        """Enclose asking a question, from the moment that the engine is open, the tool servers have started, the pages
        are fetched and the files are read. On failure the files are attached again. Raises `ChatTuiError`,
        `QuestionWithdrawn`."""
        session, display, visit = self._session, self._display, question.visit
        try:
            await session.is_ready.wait()
            assert session.engine is not None
            await self._wait_for_parts(session.engine, question)
            has_ended = display.answer is not None and is_over(display.answer)
            if visit is session.visit and has_ended and display.skip_typing():
                await display.wait_until_shown()
            async with session.changing:
                files = await self._files.load(question.taken)
                if question.refuses_images:
                    await self._estimate.check_images(question.text, files)
                yield session.engine, files
        except (ChatTuiError, QuestionWithdrawn):
            if visit is session.visit:
                self._files.give_back(question.taken)
            raise
        finally:
            visit.is_asking = visit.is_cancelled = False

    async def _wait_for_parts(self, engine: Engine, question: OutgoingQuestion) -> None:
        """Start the tool servers that the question needs and wait for its web pages, which may take seconds; until then
        it can be withdrawn.

        Raises `HistoryError`, `QuestionWithdrawn`.
        """
        visit = question.visit
        target = visit.conversation_id or question.new_conversation
        preparing = engine.tools.prepare(target, question.settings), self._files.wait_for_remote(question.taken)
        visit.starting = starting = asyncio.ensure_future(_complete(*preparing))
        report = partial(self._report_starting_tools, engine, visit)
        timer = call_after(self._display.widget, TOOL_START_SECONDS, report)
        try:
            await asyncio.wait([starting])
        finally:
            visit.starting = None
            timer.cancel()
            starting.cancel()
        if starting.cancelled():
            raise QuestionWithdrawn
        with suppress(ConversationNotFound):
            # Asking raises it again.
            starting.result()

    def _report_starting_tools(self, engine: Engine, visit: ConversationVisit) -> None:
        """Say which tool servers the question waits for, since the screen shows it only after they have started."""
        names = ", ".join(status.name for status in engine.tools.backend.statuses() if status.state == "starting")
        if names and visit is self._session.visit:
            self._display.host.say(
                f"Waiting for tools to start: {names}",
                "Your question is sent after that; Esc takes it back.",
                long=True,
            )

    async def _give_back(self, question: OutgoingQuestion, error: ChatTuiError) -> None:
        """Return the text of a question that could not be asked to the prompt, and report the error."""
        await self._waiting.give_back(question.visit, question.text)
        self._display.widget.post_message(self.Failed(error))

    async def _take_back(self, question: OutgoingQuestion) -> None:
        """Return the text of a question that was withdrawn to the prompt."""
        await self._waiting.give_back(question.visit, question.text)
        told = ("Stopped: nothing was sent", "Your message is in the prompt." if question.text else "")
        self._display.host.say(*told)
        self._display.widget.post_message(self._display.Changed())

    async def _follow(self, question: OutgoingQuestion, answer: Answer) -> None:
        session, display, visit = self._session, self._display, question.visit
        is_first, visit.conversation_id = visit.conversation_id is None, answer.conversation_id
        if text := question.text:
            self._prompt.earlier = [text, *(earlier for earlier in self._prompt.earlier if earlier != text)]
        if visit is session.visit:
            display.follow(answer)
        else:
            display.announce_end(answer)
            display.widget.post_message(display.Changed())
        if visit.is_cancelled:
            await answer.cancel()
        if visit is session.visit:
            await display.refresh_headers(answer.conversation_id)
            if is_first:
                await session.note_begun()
                display.widget.post_message(display.Moved())
            await session.save_draft()


async def _complete(*parts: Awaitable[None]) -> None:
    await asyncio.gather(*parts)
