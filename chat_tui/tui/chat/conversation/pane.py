"""What stands in the middle of the screen: the turns in view, the answer that is followed, the prompt below."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.worker import Worker

from chat_tui.core.chunks import Metadata, Token
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.tui.chat.conversation.estimate import QuestionEstimate
from chat_tui.tui.chat.conversation.session import ConversationSession, ViewState
from chat_tui.tui.panels.download_bar import DownloadBar
from chat_tui.tui.panels.notices import EditingLine, MoreBelow
from chat_tui.tui.panels.welcome import Welcome
from chat_tui.tui.prompt.attachments import PromptAttachments
from chat_tui.tui.prompt.completion import CompletionItem, CompletionList
from chat_tui.tui.prompt.file_finder import FileFinder
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.transcript.find_bar import FindBar
from chat_tui.tui.transcript.model.turn_stats import without_text
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.host import Host
from chat_tui.tui.widgets.visibility import is_in_sight

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.engine.answers.pacing import TypingPace


STATUS_SECONDS = 0.1
"""Between two looks at the figures of a running answer."""


class ChatPane(Vertical):
    """Shows turns and follows an answer; `Chat` knows the engine. `conversation_id` is None until the first question
    is asked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page(-1)", "Page up", id="transcript.page_up", show=False),
        Binding("pagedown", "page(1)", "Page down", id="transcript.page_down", show=False),
    ]

    class Began(Message):
        """An answer has begun, or one that runs came into view."""

    class Ended(Message):
        """The answer in view has ended."""

        def __init__(self, turn: Turn) -> None:
            super().__init__()
            self.turn = turn

    class Measured(Message):
        """The figures of the answer in view, as they are now."""

        def __init__(self, figures: StreamStats) -> None:
            super().__init__()
            self.figures = figures

    class Moved(Message):
        """Another conversation is in view."""

    class Changed(Message):
        """What is kept of a conversation has changed: an answer was saved, or one out of view has ended."""

    class Failed(Message):
        """A question could not be asked; its words are back in the prompt."""

        def __init__(self, error: ChatTuiError) -> None:
            super().__init__()
            self.error = error

    def __init__(self, complete: Callable[[str], Sequence[CompletionItem]], id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = ConversationSession(self._read_view)
        self.answer: Answer | None = None
        self.followed_since = float("-inf")
        """When the answer in view came into view, by the clock of `time.monotonic`."""
        self._following: Worker[None] | None = None
        self._pace: TypingPace | None = None
        """Of the answer in view, while it is followed."""
        self._measuring: Timer | None = None
        completions = CompletionList()
        self.transcript = Transcript()
        self.welcome = Welcome()
        self.more_below = MoreBelow()
        self.fetch_line = DownloadBar()
        self.editing_line = EditingLine()
        self.find_bar = FindBar(self.transcript, lambda: self.turns)
        self.prompt = Prompt(complete, completions, find_files=FileFinder().completions)
        self._completions = completions
        self.files = PromptAttachments(self.prompt)
        """Attached to the next question."""
        self.estimate = QuestionEstimate(self.session, self.prompt, self.files)

    def _read_view(self) -> ViewState:
        anchor = self.transcript.viewport.reading_position
        position = msgspec.json.encode(anchor).decode() if anchor is not None else ""
        return ViewState(self.prompt.draft, self.files.encode(), position)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.transcript.display = False
        yield self.welcome
        yield self.transcript
        yield self.more_below
        yield self.fetch_line
        yield self._completions
        yield self.editing_line
        yield self.find_bar
        yield self.prompt

    def name_keys(self, changed: Mapping[str, str]) -> None:
        """Name the keys that are bound now; `changed` holds rebound keys by id."""
        self.transcript.renderer.changed_keys = changed
        for line in (self.welcome, self.more_below, self.fetch_line, self.editing_line):
            line.changed_keys = changed

    @property
    def host(self) -> Host:
        """The app around it."""
        return cast("Host", self.app)

    @property
    def busy(self) -> bool:
        """An answer of this conversation has not ended."""
        return self.session.visit.is_asking or (self.answer is not None and not self.answer.ended)

    @property
    def lists_completions(self) -> bool:
        """What the prompt's text could become is listed."""
        return self._completions.is_open

    @property
    def paused(self) -> bool:
        """The answer in view is held."""
        return self.answer is not None and not self.answer.ended and self.answer.paused

    @property
    def turns(self) -> list[Turn]:
        """The turns in view; a running answer with what has come of it."""
        turns, answer = self.transcript.turns, self.answer
        if answer is not None and not answer.ended and turns:
            turns[-1] = msgspec.structs.replace(answer.turn, text=answer.text, thinking=answer.thinking)
        return turns

    def chosen_answer(self) -> Turn | None:
        """The answer that keys act on: the chosen one, that of the chosen question, else the last; None while it runs,
        or when there is none."""
        turns, chosen = self.transcript.turns, self.transcript.viewport.cursor
        if chosen is not None and any(turn.role == "assistant" for turn in turns[chosen : chosen + 2]):
            turns = [turn for turn in turns[chosen : chosen + 2] if turn.role == "assistant"][:1]
        answer = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
        return answer if answer is not None and answer.state != "streaming" else None

    def _show(self, turns: Sequence[Turn]) -> None:
        left, self._pace, self.answer = self.answer, None, None
        self.find_bar.close(by_key=True)
        self._stop_measuring()
        if left is not None and not left.ended:
            self.run_worker(self.tell_end(left), group="out of view")
        self.workers.cancel_group(self, "follow")
        self.transcript.show(turns)
        self._show_transcript(bool(turns))
        self.post_message(self.Measured(StreamStats()))
        self.post_message(self.Moved())

    def _show_transcript(self, has_turns: bool) -> None:
        self.welcome.display = not has_turns
        self.transcript.display = has_turns

    def _follow(self, answer: Answer) -> None:
        self.answer, self.followed_since = answer, time.monotonic()
        self._show_transcript(True)
        self.transcript.add(without_text(answer.turn))
        from chat_tui.engine.answers.pacing import TypingPace

        engine = self.session.engine
        assert engine is not None
        self._pace = TypingPace(engine.config.display)
        self._following = self.run_worker(self._followed(answer, self._pace), group="follow", exclusive=True)
        self._stop_measuring()
        self._measuring = self.set_interval(STATUS_SECONDS, self._measure)
        self._measure()
        self.post_message(self.Began())

    async def _followed(self, answer: Answer, pace: TypingPace) -> None:
        append = self.transcript.live.append
        known = without_text(answer.turn)
        # What was there before is not typed again.
        there = len(answer)
        async for chunk in pace.follow(answer.follow(), there):
            if not isinstance(chunk, Token):
                if not answer.ended and known != (now := without_text(answer.turn)):
                    known = now
                    self.transcript.live.amend(known)
                if isinstance(chunk, Metadata) and chunk.event == "reclassified" and chunk.phase != "quick":
                    self.transcript.live.reclassify(chunk)
                if isinstance(chunk, Metadata) and chunk.event == "note" and chunk.attempt and there <= 0:
                    self.host.say(clean_line(chunk.reason, 300))
            elif (chunk.phase != "quick" or chunk.kind == "text") and append(
                chunk.token, "quick" if chunk.phase == "quick" else chunk.kind
            ):
                await self.transcript.live.keep_up()
            there -= 1
        await self.transcript.live.keep_up()
        self._stop_measuring()
        self.transcript.live.finish(answer.turn)
        self.find_bar.count_again()
        self.post_message(self.Measured(answer.figures()))
        self.post_message(self.Ended(answer.turn))
        await answer.saved.wait()
        self.post_message(self.Changed())

    def last_answer(self) -> tuple[Turn | None, Answer | None]:
        """The last turn of a model, and its answer where that is followed here."""
        turn = next((turn for turn in reversed(self.transcript.turns) if turn.role == "assistant"), None)
        answer = self.answer
        return turn, answer if answer is not None and turn is not None and answer.turn.id == turn.id else None

    def hurry(self) -> bool:
        """Show at once what is still being typed; False when nothing is."""
        return self._pace is not None and self._pace.skip()

    async def followed(self) -> None:
        """Wait until the answer in view has been shown to its end."""
        if self._following is not None:
            await self._following.wait()

    async def tell_end(self, answer: Answer) -> None:
        """An answer that goes on out of view: when it has ended, the list shall know."""
        await answer.saved.wait()
        self.post_message(self.Changed())

    def _measure(self) -> None:
        if self.answer is None or not is_in_sight(self.transcript):
            # Textual would draw what stands over the chat anew.
            return
        figures = self.answer.figures()
        self.transcript.live.set_status(formatting.status(figures))
        self.post_message(self.Measured(figures))

    def _stop_measuring(self) -> None:
        if self._measuring is not None:
            self._measuring.stop()
            self._measuring = None

    def action_page(self, direction: int) -> None:
        """Scroll the conversation while somebody writes."""
        self.transcript.action_page(direction)

    def pause_or_resume(self) -> bool | None:
        """Hold the answer, or let it go on; True: it is held now, None: no answer runs."""
        if self.answer is None or self.answer.ended:
            return None
        if self.answer.paused:
            self.answer.resume()
        else:
            self.answer.pause()
        return self.answer.paused

    def find(self, wanted: str = "") -> None:
        """Look for words in the conversation that is in view; when that is on already, go to the next place."""
        if not self.transcript.turns:
            self.host.say("There is nothing to find yet", "Ctrl+R searches all conversations.")
        elif self.find_bar.display and not wanted:
            self.find_bar.action_move(1)
        else:
            self.find_bar.open(wanted)

    @on(FindBar.Opened)
    def make_room(self, event: FindBar.Opened) -> None:
        """The find bar takes the prompt's place, so that nothing moves."""
        event.stop()
        self.prompt.display = False

    @on(FindBar.Closed)
    def bring_prompt_back(self, event: FindBar.Closed) -> None:
        """The prompt is there again."""
        event.stop()
        self.prompt.display = True
        if event.by_key:
            self.prompt.focus()

    @on(Transcript.MoreBelow)
    def show_more_below(self, event: Transcript.MoreBelow) -> None:
        """A chip says that there is more below."""
        event.stop()
        self.more_below.show(event.lines)
