"""The middle of the screen: what is asked in a conversation, and what is done to its turns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.actions import SkipAction
from textual.binding import Binding, BindingType

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import ChatTuiError, CommandError, ConversationNotFound
from chat_tui.core.request import Request
from chat_tui.tui.actions import bindings
from chat_tui.tui.chat.conversation.copy import TranscriptCopies
from chat_tui.tui.chat.conversation.session import ConversationVisit
from chat_tui.tui.chat.conversation.steering import Steering
from chat_tui.tui.chat.conversation.undo import Undo
from chat_tui.tui.chat.conversation.view import KeptChat
from chat_tui.tui.prompt.completion import CompletionItem
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets.host import report_errors

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.engine.answers.runner import Preview
    from chat_tui.engine.engine import Engine


class Chat(KeptChat):
    """A conversation with its prompt: asking, other versions, branches, verdicts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings.bindings("transcript"),
        Binding("tab", "steer", "Steer the answer", id="prompt.complete", show=False),
        Binding("escape", "leave_offer", "Dismiss the suggestion", id="answer.cancel", show=False),
        Binding("escape", "leave_edit", "Cancel editing", id="answer.cancel", show=False),
    ]

    def __init__(self, complete: Callable[[str], Sequence[CompletionItem]], id: str | None = None) -> None:
        super().__init__(complete, id)
        self.undo = Undo()
        """What keys and commands have done to conversations, here and in the list."""
        self.copies = TranscriptCopies(self.transcript, lambda: self.turns)
        self.steering = Steering(self)
        """New words while an answer streams."""
        self.prompt.take_back, self.prompt.steer = self.steering.take_back, self.steering.steer

    # -- asking ---------------------------------------------------------------------------------------------------

    def ask(
        self, text: str, settings: Request, files: Sequence[Attachment] = (), preview: Preview | None = None
    ) -> None:
        """Ask, or send another version of the question that is edited; the answer streams into the transcript, or is
        there at once where a preview of it is."""
        visit, edited, taken = self.session.visit, self.session.edited, self.files.take()
        beginning = self.session.new_conversation

        async def begun(engine: Engine) -> Answer:
            try:
                loaded = await self.files.load(taken)
                await self.estimate.check_images(text, loaded)
                going = (*files, *loaded)
            except ChatTuiError:
                self.files.give_back(taken)
                raise
            if edited is not None:
                id = visit.conversation_id or ""
                answer = await engine.edit(id, edited.id, text, settings, going)
                if visit is self.session.visit:
                    self.show_in_place_of(edited, answer)
                return answer
            try:
                asked_in = visit.conversation_id or beginning
                answer = await engine.ask(asked_in, text, settings, attachments=going, preview=preview)
            except ConversationNotFound as error:
                if visit.conversation_id is None:
                    raise
                answer = await engine.ask(beginning, text, settings, attachments=going)
                self._leave_deleted(visit, error)
            if visit is self.session.visit:
                self.transcript.add(answer.question)
            return answer

        self.begin(begun, text)

    def _leave_deleted(self, visit: ConversationVisit, error: ConversationNotFound) -> None:
        """The question of this visit has begun another conversation, since its own was deleted elsewhere."""
        visit.conversation_id = None
        self.host.say(error.title, "Your question starts a new one.", long=True)
        if visit is self.session.visit:
            self.transcript.replace_from(0)

    def go_on(self, settings: Request) -> None:
        """Let the last answer, which was cut, go on."""

        visit = self.session.visit

        async def begun(engine: Engine) -> Answer:
            answer = await engine.go_on(visit.conversation_id or "", settings)
            if visit is self.session.visit:
                self.transcript.replace_from(len(self.transcript.turns) - 1)
            return answer

        self.begin(begun)

    def regenerate(self, turn: Turn, settings: Request) -> None:
        """Ask for another version of an answer of the path."""

        visit, leaf = self.session.visit, self.transcript.turns[-1].id

        async def begun(engine: Engine) -> Answer:
            answer = await engine.regenerate(visit.conversation_id or "", turn.id, settings)
            if visit is self.session.visit:
                self.transcript.replace_from(self._index(turn.id))
            self._can_go_back("Back to the previous answer", answer.conversation_id, leaf)
            return answer

        self.begin(begun)

    def show_in_place_of(self, edited: Turn, answer: Answer) -> None:
        """The question of this answer was asked as another version of the edited one."""
        leaf = self.transcript.turns[-1].id
        self.leave_edit()
        self.transcript.replace_from(self._index(edited.id), [answer.question])
        self._can_go_back("Back to the previous question", answer.conversation_id, leaf)

    def begin(self, begun: Callable[[Engine], Awaitable[Answer]], text: str = "") -> None:
        """Ask, and follow the answer that this gives; the words come back to the prompt where that fails."""
        self.session.visit.is_asking = True
        self.run_worker(self._begun(self.session.visit, begun, text), group="ask")

    async def _begun(self, visit: ConversationVisit, begun: Callable[[Engine], Awaitable[Answer]], text: str) -> None:
        try:
            await self.session.is_ready.wait()
            engine = self.session.engine
            assert engine is not None
            if visit is self.session.visit and self.answer is not None and self.answer.ended and self.hurry():
                await self.followed()
            async with self.session.changing:
                await self._follow_new(engine, visit, await begun(engine), text)
        except ChatTuiError as error:
            await self.steering.give_back(visit, text)
            self.post_message(self.Failed(error))
        finally:
            visit.is_asking = visit.is_cancelled = False

    async def _follow_new(self, engine: Engine, visit: ConversationVisit, answer: Answer, text: str) -> None:
        fresh, visit.conversation_id = visit.conversation_id is None, answer.conversation_id
        if text:
            self.prompt.earlier = [text, *(earlier for earlier in self.prompt.earlier if earlier != text)]
        if visit is self.session.visit:
            self._follow(answer)
        else:
            self.run_worker(self.tell_end(answer), group="out of view")
            self.post_message(self.Changed())
        if visit.is_cancelled:
            await answer.cancel()
        if visit is self.session.visit:
            await self._show_headers(engine, answer.conversation_id)
            if fresh:
                await self.session.note_begun()
                self.post_message(self.Moved())
            await self.session.save_draft()

    async def _show_headers(self, engine: Engine, conversation_id: str) -> None:
        conversation = await engine.conversations.conversation(conversation_id)
        self.transcript.set_headers(conversation.path, conversation.forks)

    async def cancel(self) -> bool:
        """Cancel the answer in view; False when none runs."""
        typed = self.hurry()
        if self.session.visit.is_asking and (self.answer is None or self.answer.ended):
            self.session.visit.is_cancelled = True
            return True
        if self.answer is None or self.answer.ended or self.session.engine is None:
            return typed
        await self.answer.cancel()
        return True

    # -- new words while an answer streams ------------------------------------------------------------------------

    def action_steer(self) -> None:
        """Tab: steer the answer with the new words. The key goes on when none are offered."""
        if not self.steering.steer():
            raise SkipAction

    def action_leave_offer(self) -> None:
        """Esc: the new words stay in the prompt. The key goes on when nothing is offered."""
        if not self.steering.leave():
            raise SkipAction

    @on(KeptChat.Moved)
    @on(KeptChat.Ended)
    def leave_offer_there(self) -> None:
        """Another conversation is in view, or there is nothing more to be steered."""
        self.steering.leave()

    @on(Prompt.Edited)
    def leave_offer(self) -> None:
        """The offer was for other words. What is told may be older than an Enter that came right behind it."""
        self.steering.edited(self.prompt.draft)

    async def _bring_waiting(self, engine: Engine, conversation_id: str) -> None:
        await self.steering.opened(engine, conversation_id)

    def _has_waiting(self) -> bool:
        return self.steering.has_waiting()

    def _say_one_version(self) -> None:
        edit, again = (bindings.first_key(id, self.host.changed_keys) for id in ("question.edit", "answer.regenerate"))
        self.host.say("This message has only one version", f"{edit} edits a question, {again} regenerates an answer.")

    # -- the turns ------------------------------------------------------------------------------------------------

    def is_free(self) -> bool:
        """Whether turns can be changed; while an answer runs it says that they cannot."""
        if self.busy:
            self.host.say("An answer is still running", "Esc cancels it and keeps what arrived.")
        return not self.busy

    def _index(self, turn_id: str) -> int:
        turns = self.transcript.turns
        return next((index for index, turn in enumerate(turns) if turn.id == turn_id), len(turns))

    def action_edit(self) -> None:
        """Write the chosen question anew, or that of the chosen answer, else the last one."""
        turns, chosen = self.transcript.turns, self.transcript.viewport.cursor
        before = turns if chosen is None else turns[: chosen + 1]
        question = next((turn for turn in reversed(before) if turn.role == "user"), None)
        if question is None:
            self.host.say("There is no question to edit")
        elif self.is_free():
            self.begin_edit(question)

    def action_leave_edit(self) -> None:
        """Esc: the question stays as it is. The key goes on when none is edited."""
        if self.session.edited is None:
            raise SkipAction
        self.leave_edit()

    async def action_version(self, step: int) -> None:
        """Show the version before (-1) or after (1) of the chosen turn, else of the last one that has several."""
        turns, chosen = self.transcript.turns, self.transcript.viewport.cursor
        wanted = turns[chosen].id if chosen is not None else ""
        await report_errors(self.host, self.show_version(step, wanted))

    @on(Transcript.VersionAsked)
    async def take_version(self, event: Transcript.VersionAsked) -> None:
        """The mouse asked for another version."""
        event.stop()
        await report_errors(self.host, self.show_version(event.step, event.turn))

    async def show_version(self, step: int, turn_id: str = "", *, number: int = 0) -> None:
        """So many versions further on from the one that is shown, or the one of this number. Raises `ChatTuiError`."""
        engine, conversation_id = self.session.engine, self.session.conversation_id
        if engine is None or conversation_id is None or not self.is_free():
            return
        async with self.session.changing:
            conversation = await self._settled(engine, conversation_id)
            turn_id = turn_id or self._last_of_several(conversation)
            ids = conversation.forks.get(turn_id, ())
            if not ids:
                self._say_one_version()
                return
            place = number - 1 if number else ids.index(turn_id) + step
            if 0 <= place < len(ids) and ids[place] != turn_id:
                self._show_path(await engine.conversations.select(conversation_id, ids[place]), chosen=True)

    def _last_of_several(self, conversation: Conversation) -> str:
        """The id of the last turn that has several versions; empty when none has."""
        return next((turn.id for turn in reversed(conversation.path) if turn.id in conversation.forks), "")

    async def action_compare(self) -> None:
        """Show what differs between the versions of the chosen turn, else of the last one that has several."""
        await report_errors(self.host, self.compare())

    async def compare(self) -> None:
        """The same. Raises `ChatTuiError`."""
        engine, chosen = self.session.engine, self.transcript.viewport.cursor
        if engine is None or self.session.conversation_id is None:
            return
        conversation = await engine.conversations.conversation(self.session.conversation_id)
        turn_id = conversation.path[chosen].id if chosen is not None else self._last_of_several(conversation)
        versions = (
            await engine.conversations.siblings(conversation.id, turn_id) if turn_id in conversation.forks else []
        )
        shown = next((place for place, turn in enumerate(versions) if turn.id == turn_id), None)
        if shown is None or len(versions) < 2:
            self._say_one_version()
            return
        from chat_tui.tui.dialogs.diff import DiffScreen

        if self.app.screen is self.screen:
            self.app.push_screen(DiffScreen(versions, shown))

    async def action_branch(self) -> None:
        """Let the conversation end at the chosen turn: the next question begins another branch."""
        await report_errors(self.host, self.branch())

    async def branch(self) -> None:
        """The same. Raises `ChatTuiError`."""
        engine, conversation_id = self.session.engine, self.session.conversation_id
        turns, end = self.transcript.turns, self.transcript.viewport.cursor
        if engine is None or conversation_id is None or end is None:
            raise CommandError(
                "Choose a message first.",
                "Up and Down in the conversation choose one; /branch then branches from there.",
            )
        if not self.is_free():
            return
        if turns[end].role == "user" and end + 1 < len(turns):
            # Its answer belongs to it: two questions in a row would be sent as one.
            end += 1
        if end + 1 == len(turns):
            self.host.say("This is already the last message", "Your next question follows it.")
            return
        async with self.session.changing:
            await self._settled(engine, conversation_id)
            self._show_path(await engine.conversations.end_at(conversation_id, turns[end].id))
        self._can_go_back("Back to the previous branch", conversation_id, turns[-1].id)
        self.host.say("Your next question starts a new branch", "The old branch is kept; /undo returns to it.")
        self.prompt.focus()

    async def _settled(self, engine: Engine, conversation_id: str) -> Conversation:
        """The conversation in view, when its last answer is in the store."""
        if self.answer is not None:
            await self.answer.saved.wait()
        return await engine.conversations.conversation(conversation_id)

    def _show_path(self, conversation: Conversation, *, chosen: bool = False) -> None:
        """Show the path as it is now; what it shares with the one before stays in place."""
        shown, path = [turn.id for turn in self.transcript.turns], conversation.path
        same = next((at for at, turn in enumerate(path) if shown[at : at + 1] != [turn.id]), len(path))
        self.transcript.replace_from(same, path[same:], chosen=chosen)
        self.transcript.set_headers(path, conversation.forks)
        self._show_transcript(bool(path))
        self._measure_last(path)
        self.post_message(self.Changed())

    async def show_chosen(self, conversation: Conversation) -> None:
        """Another of several answers stands in the conversation now: show it where that is in view."""
        if conversation.id != self.session.conversation_id:
            return
        async with self.session.changing:
            await self.followed()
            self._show_path(conversation)
            self.transcript.viewport.choose_id(conversation.path[-1].id)

    def action_code_block(self, what: str) -> None:
        """`copy` or `save` a code block, or go to the one `after` or `before`."""
        self.copies.act_on_code(what)

    def action_copy_all(self) -> None:
        """Copy the whole conversation."""
        self.copies.copy_all()

    def action_select(self) -> None:
        """Select by keyboard."""
        self.transcript.begin_selecting()

    def action_table(self, step: int) -> None:
        """Scroll wide tables sideways."""
        if not self.transcript.viewport.scroll_tables(step):
            self.host.say("No table goes on " + ("there: this is its end" if step > 0 else "before its first column"))

    def action_judge(self, good: int) -> None:
        """Note that the chosen answer, else the last one, was good or bad."""
        turn = self.chosen_answer()
        if turn is not None and turn.verdict != bool(good) and self.session.engine is not None:
            self.session.engine.judge(turn, good=bool(good))
            self.transcript.set_verdict(turn.id, bool(good))
            self.host.say("Rated as good" if good else "Rated as bad", turn.model)

    def action_figures(self) -> None:
        """Show under each answer what it took, or hide it; it stays so while the app runs."""
        self.transcript.set_figures(not self.transcript.model.views.figures)

    # -- undo -----------------------------------------------------------------------------------------------------

    def _can_go_back(self, words: str, conversation_id: str, leaf: str) -> None:
        """Undo leads back to the path that ended with this turn."""

        async def back() -> None:
            engine = self.session.engine
            assert engine is not None
            if engine.running(conversation_id):
                raise CommandError("An answer is still running there.", "Cancel it with Esc, then undo.")
            if conversation_id != self.session.conversation_id:
                await self.open(conversation_id)
            async with self.session.changing:
                await self._settled(engine, conversation_id)
                self._show_path(await engine.conversations.end_at(conversation_id, leaf))

        self.undo.push(words, back)

    async def action_undo(self) -> None:
        """Undo what was done last to a conversation."""
        await report_errors(self.host, self._undone())

    async def _undone(self) -> None:
        self.host.say(await self.undo.take() or "There is nothing to undo")
