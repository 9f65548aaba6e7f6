"""A conversation that is kept: opened where it was, left with its reading position and its unsent words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from rich.cells import cell_len
from textual import on
from textual.content import Content
from textual.worker import Worker

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import HistoryError
from chat_tui.core.new_conversation import NewConversation
from chat_tui.core.request import Request
from chat_tui.core.text.control_characters import clean_line
from chat_tui.tui.chat.conversation.pane import ChatPane
from chat_tui.tui.prompt.attachments import PromptAttachments
from chat_tui.tui.prompt.completion import CompletionItem
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.transcript.model.line_model import Anchor
from chat_tui.tui.transcript.model.turn_stats import figures_of
from chat_tui.tui.widgets.styled_lines import EDGES, StyledLines, crop

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.core.preset import Preset
    from chat_tui.engine.engine import Engine

T = TypeVar("T")

_ANCHOR = "reading position "
_OPEN = "open conversation"
_EDIT = "edited question "
_FILES = "files of the draft "
_SHORTEST = 12
"""Cells below which a name beside the price says nothing."""


class _Edit(msgspec.Struct, frozen=True):
    """An earlier question in other words that are not sent yet."""

    question: str
    """Its turn's id."""
    words: str


class KeptChat(ChatPane):
    """Opens and leaves conversations, and knows what is unsent in them. `Chat` asks."""

    def __init__(self, complete: Callable[[str], Sequence[CompletionItem]], id: str | None = None) -> None:
        super().__init__(complete, id)
        self._engine: Engine | None = None
        self._ready = asyncio.Event()
        self._moving = asyncio.Lock()
        self._system_prompt: str | None = None
        self.preset: Preset | None = None
        """Of the conversation in view, or for the one that begins with the next question."""
        self._edited: Turn | None = None
        self._set_aside = ""
        self._kept_edit = ""
        """What is on the disk of the edit in view."""
        self.settings: Callable[[], Request] = Request
        """The model or strategy in use."""
        self.rivals: Sequence[str] = ()
        """The models that the next question goes to, all at once; empty: it goes to one."""
        self.files = PromptAttachments(self)
        """What goes along with the next question."""
        self._files_kept = ""
        self._foreseen = ""

    @property
    def engine(self) -> Engine | None:
        """None until it is open."""
        return self._engine

    async def take_engine(self, engine: Engine) -> None:
        """From now on questions are answered; what was unsent at the last end comes back."""
        first = self.view
        self._display_settings = engine.config.display
        self.prompt.earlier = await engine.drafts.prompts()
        # Read before what is typed now can be kept in their place.
        draft, files = await engine.drafts.load(None), await engine.places.get(_FILES)
        self._engine = engine
        if self.preset is None:
            try:
                await self._come_back(engine)
            except HistoryError:
                # It was removed meanwhile, perhaps by another process.
                await engine.places.set(_OPEN, "")
        if self.view is first:
            if draft:
                self.prompt.set_draft(joined(draft, self.prompt.draft))
            if files:
                self._bring_files(files)
        self._ready.set()

    async def _come_back(self, engine: Engine) -> None:
        """Open the conversation that was in view when the program ended: after a crash, or with unsent words in it."""
        last = await engine.places.get(_OPEN)
        if last and not self.asking:
            path = (await engine.conversations.conversation(last)).path
            # Another process answers in it: it is that one's.
            if not path or path[-1].state != "streaming":
                await self.open(last, coming_back=True)

    async def leave(self) -> None:
        """Keep what is needed to come back: the reading position and the unsent words."""
        if self._engine is not None:
            await self._keep_place(self._engine)
            if not self.unsent and self._edited is None and not self._has_waiting():
                await self._engine.places.set(_OPEN, "")

    async def keep_place(self) -> None:
        """Keep the reading position and the unsent words."""
        if self._engine is not None:
            await self._keep_place(self._engine)

    async def _keep_place(self, engine: Engine) -> None:
        kept = None
        while kept != self.unsent:
            # Somebody may write on meanwhile.
            kept = self.unsent
            await self._keep_words(engine)
        if self.conversation_id is not None and not engine.conversations.is_private(self.conversation_id):
            anchor = self.transcript.viewport.reading_position
            kept = msgspec.json.encode(anchor).decode() if anchor is not None else ""
            await engine.places.set(_ANCHOR + self.conversation_id, kept)

    async def take_words(self, text: str) -> None:
        """Put words that were written elsewhere into the prompt, in place of what is there, and keep them at once."""
        self.prompt.set_draft(text)
        if self._engine is not None:
            await self._keep_words(self._engine)

    async def bring_back(self, engine: Engine, conversation_id: str | None, before: str, text: str) -> None:
        """Words that replaced the draft `before` outside, when the program was killed, are the draft again, behind
        what it has become meanwhile. Where their conversation is gone they are of none."""
        if conversation_id is not None:
            try:
                await engine.conversations.conversation(conversation_id)
            except HistoryError:
                conversation_id = None
        now = await engine.drafts.load(conversation_id)
        kept = now.strip() and now not in (before, text)
        await engine.drafts.save(conversation_id, f"{now}\n\n{text}" if kept else text)
        await engine.places.set(_OPEN, conversation_id or "")

    # -- conversations --------------------------------------------------------------------------------------------

    async def new(self) -> None:
        """Begin a fresh conversation; the one in view stays in the history, and its answer runs on."""
        async with self._moving:
            left, files = self.conversation_id, ""
            draft = ""
            if self._engine is not None:
                await self._engine.places.set(_OPEN, "")
                if left is not None:
                    draft = await self._engine.drafts.load(None)
                    files = await self._engine.places.get(_FILES)
                await self._keep_place(self._engine)
            if left is None:
                # What nobody has sent goes on in the fresh one.
                draft, files = self.unsent, self.files.kept()
            self._put_edit_away()
            self._system_prompt = None
            self._show_preset(None)
            self._show(None, ())
            self._write(draft)
            self._bring_files(files)
        self.prompt.focus()

    async def open(self, conversation_id: str, turn_id: str = "", *, coming_back: bool = False) -> None:
        """Open a saved conversation where it was, or at a turn. `coming_back`: the program has just started, so words
        that were typed meanwhile come along, and a question that was sent stays in view. Raises `HistoryError`."""
        engine = self._engine
        if engine is None:
            return
        async with self._moving:
            conversation = await engine.conversations.conversation(conversation_id)
            if conversation_id != self.conversation_id:
                # Of a private conversation nothing is on the disk, not even its id.
                kept_id = "" if engine.conversations.is_private(conversation_id) else conversation_id
                await engine.places.set(_OPEN, kept_id)
                draft, place, edit = (
                    await engine.drafts.load(conversation_id),
                    await engine.places.get(_ANCHOR + conversation_id),
                    await engine.places.get(_EDIT + conversation_id),
                )
                files = await engine.places.get(_FILES + conversation_id)
                if coming_back:
                    if self.asking:
                        return
                    draft = joined(draft, self.prompt.draft)
                else:
                    await self._keep_place(engine)
                self._put_edit_away()
                self._show_saved(engine, conversation, _read(place, Anchor))
                self._write(draft)
                self._bring_files(files)
                await self._bring_waiting(engine, conversation_id)
                self._take_edit_up(conversation, edit)
        if turn_id:
            self.transcript.viewport.restore(Anchor(turn_id, 0, 0))
        self.prompt.focus()

    def _show_saved(self, engine: Engine, conversation: Conversation, place: Anchor | None) -> None:
        path, running = conversation.path, engine.running(conversation.id)
        self._system_prompt = None
        self._show_preset(_preset(conversation.preset))
        self._show(conversation.id, [turn for turn in path if not running or turn.id != running[0].turn.id])
        if running:
            self._follow(running[0])
        else:
            self.transcript.viewport.restore(place)
            self._measure_last(path)
        self.transcript.set_headers(path, conversation.forks)

    def _measure_last(self, path: Sequence[Turn]) -> None:
        """Tell the figures of the last answer, as it was saved; how it was routed as soon as that is read."""
        last = next((turn for turn in reversed(path) if turn.role == "assistant"), None)
        if last is not None:
            self.post_message(self.Measured(figures_of(last)))
            # The next one may cancel it before it has begun: a coroutine would then never be awaited.
            measure = partial(self._measure_route, last)
            self.run_worker(measure, group="measure", exclusive=True)  # type: ignore[arg-type]

    async def _measure_route(self, turn: Turn) -> None:
        if self._engine is None:
            return
        route, window = await self._engine.conversations.route(turn.id), self._engine.models.window_of(turn.model)
        if not self.busy and turn in self.transcript.turns:
            self.post_message(self.Measured(figures_of(turn, route, window)))

    def _write(self, draft: str) -> None:
        self.prompt.clear_draft()
        self.prompt.set_draft(draft)

    async def system_prompt(self) -> str:
        """The system prompt in use."""
        engine = self._engine
        if engine is None:
            return ""
        own = self._system_prompt
        if self.conversation_id is not None:
            own = (await engine.conversations.conversation(self.conversation_id)).system_prompt
        return engine.config.system_prompt if own is None else own

    @property
    def asked_in(self) -> str | NewConversation:
        """The conversation of the next question: its id, or what the one that it begins begins with."""
        return self.conversation_id or self.beginning

    @property
    def beginning(self) -> NewConversation:
        """What a conversation begins with that begins now."""
        return NewConversation(self._system_prompt, self.preset)

    async def set_system_prompt(self, text: str | None) -> None:
        """Set it for this conversation, or for the one that begins with the next question; None: the config's."""
        if self.conversation_id is None or self._engine is None:
            self._system_prompt = text
        else:
            await self._engine.conversations.set_system_prompt(self.conversation_id, text)

    def begin_with(self, preset: Preset) -> None:
        """Use a preset from the start: before the engine is open."""
        self._show_preset(preset)

    async def set_preset(self, preset: Preset | None) -> None:
        """Use a preset in this conversation, or in the one that begins with the next question; None: none."""
        if self.conversation_id is not None and self._engine is not None:
            from chat_tui.core.preset import encode_preset

            await self._engine.conversations.set_preset(self.conversation_id, encode_preset(preset))
        self._show_preset(preset)

    def _show_preset(self, preset: Preset | None) -> None:
        self.preset = preset
        self.tell_foreseen(self._foreseen)

    def do(self, work: Coroutine[Any, Any, None], *, group: str = "beside") -> Worker[None]:
        """Run it beside the rest. Keys wait for what runs in the group `command`: it may open a list or a screen."""
        return self.run_worker(work, group=group)

    def put_above_prompt(self, widget: StyledLines) -> None:
        """Put a line above the prompt."""
        self.mount(widget, before=self.prompt)

    @property
    def asking(self) -> bool:
        """A question is on its way, and its answer has not begun."""
        return self.view.asking

    async def _bring_waiting(self, engine: Engine, conversation_id: str) -> None:
        """Words that waited in it when the program ended come back."""

    def _has_waiting(self) -> bool:
        """Words wait for the end of the answer in view."""
        return False

    def tell_foreseen(self, words: str) -> None:
        """Say at the prompt what the next question costs, beside the preset in use."""
        self._foreseen = words
        preset = self.preset.words() if self.preset is not None else ""
        rivals = f"compare {clean_line(', '.join(self.rivals), 60)}" if self.rivals else ""
        # The price is told whole; what stands around it takes the room that is left.
        room = (self.prompt.outer_size.width or 200) - EDGES - cell_len(words)
        told = [words]
        for text, place in ((rivals, 1), (preset, 0)):
            if text and room > _SHORTEST:
                told.insert(place, crop(text, room - len(" · ")))
                room -= cell_len(told[place]) + len(" · ")
        self.prompt.border_subtitle = Content(" · ".join(filter(None, told)))

    def set_rivals(self, models: Sequence[str]) -> None:
        """The next question goes to all of these at once; to one model where there are none."""
        self.rivals = tuple(models)
        self.tell_foreseen("")
        self.files.foresee()

    async def costs_of_all(self, models: Sequence[str], text: str) -> str:
        """What their answers to the words that are not sent yet may cost, in words."""
        return await self.files.costs_of_all(models, text)

    def _bring_files(self, kept: str) -> None:
        self._files_kept = kept
        self.files.bring_back(kept)

    async def _keep_unsent(self, engine: Engine, fresh: bool) -> None:
        """After a question: what waits belongs to this conversation, which may be a fresh one."""
        if fresh:
            await engine.drafts.save(None, "")
            await engine.places.set(_FILES, "")
            await engine.places.set(_OPEN, self.conversation_id or "")
            self.post_message(self.Moved())
        await self._keep_words(engine)

    # -- what is unsent -------------------------------------------------------------------------------------------

    @property
    def unsent(self) -> str:
        """The words that wait to be sent; while an earlier question is edited, those that were put aside for it."""
        return self.prompt.draft if self._edited is None else self._set_aside

    @property
    def edits(self) -> Turn | None:
        """The earlier question that is in the prompt, to be sent as another version."""
        return self._edited

    def begin_edit(self, question: Turn, words: str | None = None) -> None:
        """Put a question of the path, or what was made of it before, into the prompt, to be sent as another version."""
        self._set_aside, self._edited = self.unsent, question
        self._write(_written(question) if words is None else words)
        self.editing_line.display = True
        self.prompt.focus()

    def leave_edit(self) -> None:
        """No earlier question is edited any more; what was written before comes back."""
        if self._edited is not None:
            self._edited = None
            self.editing_line.display = False
            self._write(self._set_aside)

    def _put_edit_away(self) -> None:
        """Leave it for another conversation; it was kept, and is taken up again with its own."""
        self.leave_edit()
        self._kept_edit = ""

    def _take_edit_up(self, conversation: Conversation, kept: str) -> None:
        self._kept_edit = kept
        edit = _read(kept, _Edit)
        question = next((turn for turn in conversation.path if edit is not None and turn.id == edit.question), None)
        if edit is not None and question is not None:
            self.begin_edit(question, edit.words)

    async def _keep_words(self, engine: Engine) -> None:
        """Keep all that is unsent, as it is now."""
        id, edited, files = self.conversation_id, self._edited, self.files.kept()
        await engine.drafts.save(id, self.unsent)
        if engine.conversations.is_private(id):
            return
        if files != self._files_kept:
            self._files_kept = files
            await engine.places.set(_FILES + (id or ""), files)
        if id is None:
            return
        kept = ""
        if edited is not None and self.prompt.draft != _written(edited):
            kept = msgspec.json.encode(_Edit(edited.id, self.prompt.draft)).decode()
        if kept != self._kept_edit:
            self._kept_edit = kept
            await engine.places.set(_EDIT + id, kept)

    @on(Prompt.Edited)
    async def keep_draft(self, event: Prompt.Edited) -> None:
        """The unsent words are kept as they are written."""
        self.files.follow(self.prompt.names())
        self.files.foresee()
        if self._engine is not None:
            # As it is now: the message may come when another conversation is in view.
            await self._keep_words(self._engine)

    @on(Prompt.Backed)
    def take_file_off(self, event: Prompt.Backed) -> None:
        """Backspace at the very start: the last file does not go along."""
        event.stop()
        self.files.detach()


def _preset(kept: str) -> Preset | None:
    if not kept:
        return None
    from chat_tui.core.preset import decode_preset

    return decode_preset(kept)


def joined(*texts: str) -> str:
    """These texts as one, with a blank line between any two."""
    return "\n\n".join(text for text in texts if text.strip())


def _written(question: Turn) -> str:
    """As a person would have to write it: two slashes where it begins with one."""
    return "/" * question.text.startswith("/") + question.text


def _read(kept: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(kept, type=kind) if kept else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
