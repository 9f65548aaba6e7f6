"""The conversation in view as it is displayed, and the running answer that it follows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

import msgspec
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import Worker

from chat_tui.core.chunks import Chunk, Metadata, Token
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.usage.stream_stats import Phase, StreamStats
from chat_tui.tui.chat.conversation.session import ConversationSession
from chat_tui.tui.chat.tools.tool_cards import ToolCallCards
from chat_tui.tui.panels.welcome import Welcome
from chat_tui.tui.transcript.find_bar import FindBar
from chat_tui.tui.transcript.model.turn_stats import figures_of, steps_before, sum_steps, without_text
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.host import Host, report_errors
from chat_tui.tui.widgets.visibility import is_in_sight

if TYPE_CHECKING:
    # Only for type checking: the first paint does not need the engine.
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.engine.answers.pacing import TypingPace
    from chat_tui.engine.answers.tool_round import ToolRound

STATUS_SECONDS = 0.1
"""Time between two updates of a running answer's figures."""


class ConversationDisplay:
    """Shows a conversation in a transcript, and follows its answer. `widget` is the one around the transcript: it runs
    the workers and posts the messages."""

    class Began(Message):
        """An answer has started, or a running one has come into view."""

    class Ended(Message):
        """The answer in view has ended."""

        def __init__(self, turn: Turn) -> None:
            super().__init__()
            self.turn = turn

    class Measured(Message):
        """The current figures of the answer in view."""

        def __init__(self, figures: StreamStats) -> None:
            super().__init__()
            self.figures = figures

    class Moved(Message):
        """Another conversation has come into view."""

    class CallsChanged(Message):
        """The tool calls of the answer in view have changed: one waits for a person, or none does any more."""

    class Changed(Message):
        """A stored conversation has changed: an answer was saved, or one out of view has ended."""

    def __init__(
        self,
        widget: Widget,
        session: ConversationSession,
        transcript: Transcript,
        welcome: Welcome,
        find_bar: FindBar,
    ) -> None:
        self.widget, self.transcript = widget, transcript
        self._session, self._welcome, self._find_bar = session, welcome, find_bar
        self.answer: Answer | None = None
        """The answer that is or was followed; None if there was none since this conversation came into view."""
        self._following: Worker[None] | None = None
        self._pace: TypingPace | None = None
        """The pace of the answer in view, while it is followed."""
        self._cards: ToolCallCards | None = None
        """Of the answer in view, while its tool calls are followed."""
        self._earlier: Sequence[StreamStats] = ()
        """Of the answers before it to the same question, which have called tools."""
        self._measuring: Timer | None = None
        self._was_paused = False

    @property
    def host(self) -> Host:
        """The app around it."""
        return cast("Host", self.widget.app)

    # -- what is in view ------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether an answer of this conversation, or one of its tool calls, is running."""
        return self._session.visit.is_asking or (self.answer is not None and not is_over(self.answer))

    @property
    def round(self) -> ToolRound | None:
        """The tool calls of the answer in view that have not ended; None: there are none."""
        return self._cards.round if self._cards is not None else None

    @property
    def is_paused(self) -> bool:
        """Whether the answer in view is paused."""
        return self.answer is not None and not self.answer.ended and self.answer.paused

    @property
    def turns(self) -> list[Turn]:
        """The turns in view; a running answer with the text that has arrived."""
        turns, answer = self.transcript.turns, self.answer
        if answer is not None and not answer.ended and turns:
            turns[-1] = msgspec.structs.replace(answer.turn, text=answer.text, thinking=answer.thinking)
        return turns

    def can_change(self) -> bool:
        """Return whether turns can be changed; while an answer runs, a notice says that they cannot."""
        if self.is_busy:
            self.host.say("An answer is still running", "Esc stops it and keeps what arrived.")
        return not self.is_busy

    def index_of(self, turn_id: str) -> int:
        """Return the position of a turn in the path; its length if the turn is not there."""
        turns = self.transcript.turns
        return next((index for index, turn in enumerate(turns) if turn.id == turn_id), len(turns))

    def chosen_answer(self) -> Turn | None:
        """Return the answer that keys act on: the chosen one, that of the chosen question, else the last; None if it is
        running, or if there is none."""
        turns, chosen = self.transcript.turns, self.transcript.viewport.cursor
        while chosen is not None and chosen + 1 < len(turns) and turns[chosen].role == "tool":
            # A result belongs to the answer that was given with it.
            chosen += 1
        if chosen is not None and any(turn.role == "assistant" for turn in turns[chosen : chosen + 2]):
            turns = [turn for turn in turns[chosen : chosen + 2] if turn.role == "assistant"][:1]
        answer = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
        return answer if answer is not None and answer.state != "streaming" else None

    def chosen_question(self) -> Turn | None:
        """Return the chosen question, or that of the chosen answer, else the last one."""
        turns, chosen = self.transcript.turns, self.transcript.viewport.cursor
        before = turns if chosen is None else turns[: chosen + 1]
        return next((turn for turn in reversed(before) if turn.role == "user"), None)

    def last_answer(self) -> tuple[Turn | None, Answer | None]:
        """Return the last turn of a model, and its answer if that is followed here."""
        turn = next((turn for turn in reversed(self.transcript.turns) if turn.role == "assistant"), None)
        answer = self.answer
        return turn, answer if answer is not None and turn is not None and answer.turn.id == turn.id else None

    async def read_settled(self, conversation_id: str) -> Conversation:
        """Read the conversation in view from the store, once its last answer is saved. Raises `HistoryError`."""
        engine = self._session.engine
        assert engine is not None
        if self.answer is not None:
            await self.answer.saved.wait()
        return await engine.conversations.conversation(conversation_id)

    async def refresh_headers(self, conversation_id: str) -> None:
        """Update the headers of the turns from the store: their versions, and what they name."""
        engine = self._session.engine
        assert engine is not None
        conversation = await engine.conversations.conversation(conversation_id)
        self.transcript.set_headers(conversation.path, conversation.forks)

    # -- showing --------------------------------------------------------------------------------------------------

    def show(self, turns: Sequence[Turn]) -> None:
        """Show another conversation; an answer of the previous one keeps running."""
        left, self._pace, self.answer, self._cards = self.answer, None, None, None
        self.widget.post_message(self.CallsChanged())
        self._find_bar.close(by_key=True)
        self.transcript.finder.forget_words()
        self._stop_measuring()
        if left is not None and not is_over(left):
            self.announce_end(left)
        self.widget.workers.cancel_group(self.widget, "follow")
        self.transcript.show(turns)
        self._show_transcript(bool(turns))
        self.widget.post_message(self.Measured(StreamStats()))
        self.widget.post_message(self.Moved())

    def show_path(self, conversation: Conversation, *, chosen: bool = False) -> None:
        """Show the current path; turns that it shares with the previous one stay in place."""
        shown, path = [turn.id for turn in self.transcript.turns], conversation.path
        same = next((at for at, turn in enumerate(path) if shown[at : at + 1] != [turn.id]), len(path))
        self.transcript.replace_from(same, path[same:], chosen=chosen)
        self.transcript.set_headers(path, conversation.forks)
        self._show_transcript(bool(path))
        self.measure_last(path)
        self.widget.post_message(self.Changed())

    def _show_transcript(self, has_turns: bool) -> None:
        self._welcome.display = not has_turns
        self.transcript.display = has_turns

    def measure_last(self, path: Sequence[Turn]) -> None:
        """Post the figures of the last answer as it was saved, and its route once that is read."""
        last = next((turn for turn in reversed(path) if turn.role == "assistant"), None)
        if last is not None:
            earlier = steps_before(path[: path.index(last)])
            self.widget.post_message(self.Measured(sum_steps(earlier, figures_of(last))))
            # The next worker may cancel this one before it starts: a coroutine would then never be awaited.
            measure = partial(self._measure_route, last, earlier)
            self.widget.run_worker(measure, group="measure", exclusive=True)  # type: ignore[arg-type]

    async def _measure_route(self, turn: Turn, earlier: Sequence[StreamStats]) -> None:
        engine = self._session.engine
        if engine is None:
            return
        route, window = await engine.conversations.route(turn.id), engine.models.window_of(turn.model)
        if not self.is_busy and turn in self.transcript.turns:
            self.widget.post_message(self.Measured(sum_steps(earlier, figures_of(turn, route, window))))

    # -- following an answer --------------------------------------------------------------------------------------

    def follow(self, answer: Answer) -> None:
        """Show the answer below the last turn while it arrives, then its tool calls and the answer that follows."""
        self._show_transcript(True)
        pace = self._begin_step(answer, is_first=True)
        self._following = self.widget.run_worker(self._follow(answer, pace), group="follow", exclusive=True)
        self._stop_measuring()
        self._measuring = self.widget.set_interval(STATUS_SECONDS, self._measure)
        self._measure()
        self.widget.post_message(self.Began())

    def _begin_step(self, answer: Answer, *, is_first: bool) -> TypingPace:
        """Add the turn of an answer that is followed from now on."""
        from chat_tui.engine.answers.pacing import TypingPace

        engine = self._session.engine
        assert engine is not None
        self.answer, self._earlier = answer, steps_before(self.transcript.turns)
        self.transcript.add(without_text(answer.turn), follows=is_first)
        self._pace = TypingPace(engine.config.display)
        return self._pace

    async def _follow(self, answer: Answer, pace: TypingPace) -> None:
        first = answer
        while True:
            await self._follow_text(answer, pace)
            following = await self._follow_calls(answer)
            if following is None:
                break
            answer, pace = following, self._begin_step(following, is_first=False)
        self._stop_measuring()
        self._find_bar.count_again()
        self.widget.post_message(self.Measured(sum_steps(self._earlier, answer.figures())))
        self.widget.post_message(self.Ended(answer.turn))
        if answer is not first:
            await answer.saved.wait()
            await report_errors(self.host, self.refresh_headers(answer.conversation_id))
        await self._announce_end(answer)

    async def _follow_calls(self, answer: Answer) -> Answer | None:
        """Show the tool calls of an answer until they have ended; the answer that follows them, None: none does."""
        if answer.round is None:
            return None
        self._cards = cards = ToolCallCards(self.transcript, answer.round)
        was_asking = False
        async for _ in cards.round.follow():
            cards.show()
            if cards.is_asking or was_asking:
                was_asking = cards.is_asking
                self.widget.post_message(self.CallsChanged())
                self.widget.post_message(self.Changed())
        cards.remove_unbegun()
        self._cards = None
        if cards.round.notice:
            self.host.say(cards.round.notice)
        return answer.next

    async def _follow_text(self, answer: Answer, pace: TypingPace) -> None:
        live, shown = self.transcript.live, without_text(answer.turn)
        # Text that was there before is not typed again.
        known = len(answer)
        async for chunk in pace.follow(answer.follow(), known):
            if not isinstance(chunk, Token) and not answer.ended and shown != (now := without_text(answer.turn)):
                shown = now
                live.amend(shown)
            if self._show_chunk(chunk, is_new=known <= 0):
                await live.keep_up()
            known -= 1
        await live.keep_up()
        live.finish(answer.turn)

    def _show_chunk(self, chunk: Chunk, *, is_new: bool) -> bool:
        """Show one chunk; returns True if the transcript should draw before more is added."""
        live = self.transcript.live
        if isinstance(chunk, Token):
            if chunk.phase == "quick":
                return chunk.kind == "text" and live.append(chunk.token, "quick")
            return live.append(chunk.token, chunk.kind)
        if isinstance(chunk, Metadata):
            if chunk.event == "reclassified" and chunk.phase != "quick":
                live.reclassify(chunk)
            if chunk.event == "note" and chunk.attempt and is_new:
                self.host.say(shorten(chunk.reason, 300))
        return False

    def skip_typing(self) -> bool:
        """Show at once the text that is still being typed; returns False if there is none."""
        return self._pace is not None and self._pace.skip()

    async def wait_until_shown(self) -> None:
        """Wait until the answer in view is completely shown."""
        if self._following is not None:
            await self._following.wait()

    def announce_end(self, answer: Answer) -> None:
        """Post `Changed` once an answer that is running out of view is saved, or one of its tool calls asks."""
        self.widget.run_worker(self._announce_end(answer), group="out of view")

    async def _announce_end(self, answer: Answer | None) -> None:
        while answer is not None:
            await answer.saved.wait()
            self.widget.post_message(self.Changed())
            asked = None
            if (round := answer.round) is not None:
                async for _ in round.follow():
                    if round.asked is not asked:
                        asked = round.asked
                        self.widget.post_message(self.Changed())
            answer = answer.next

    def _measure(self) -> None:
        if self.answer is None or not is_in_sight(self.transcript):
            # Textual would redraw the screen that covers the chat.
            return
        if self.answer.paused != self._was_paused:
            # Perhaps by a page of the web server.
            self._was_paused = self.answer.paused
            self.widget.post_message(self.Changed())
        figures = self.answer.figures()
        if self._cards is not None:
            self._cards.show()
            phase: Phase = "asking" if self._cards.is_asking else "calling"
            figures = msgspec.structs.replace(figures, phase=phase)
        else:
            self.transcript.live.set_status(formatting.status(figures))
        self.widget.post_message(self.Measured(sum_steps(self._earlier, figures)))

    def _stop_measuring(self) -> None:
        if self._measuring is not None:
            self._measuring.stop()
            self._measuring = None

    def pause_or_resume(self) -> bool | None:
        """Pause or resume the answer; returns True if it is paused now, None if no answer is running."""
        if self.answer is None or self.answer.ended:
            return None
        if self.answer.paused:
            self.answer.resume()
        else:
            self.answer.pause()
        return self.answer.paused

    async def cancel(self) -> bool:
        """Cancel the answer in view, or stop its tool calls; returns False if none is running."""
        was_typed, visit = self.skip_typing(), self._session.visit
        if visit.starting is not None or (visit.is_asking and (self.answer is None or is_over(self.answer))):
            visit.cancel()
            return True
        if self._cards is not None:
            self._cards.round.stop()
            return True
        if self.answer is None or self.answer.ended or self._session.engine is None:
            return was_typed
        await self.answer.cancel()
        return True


def is_over(answer: Answer) -> bool:
    """Whether an answer and its tool calls have ended, and no other one follows it."""
    round = answer.round
    return answer.ended and (round is None or (round.ended and answer.next is None))
