"""Asks several models at once: the choice of models, the cost, and the comparison screen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation
from chat_tui.core.errors import CommandError
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ToolUse
from chat_tui.engine.answers.comparison import Comparison, check_models
from chat_tui.tui.actions import bindings, slash_commands
from chat_tui.tui.chat.conversation.question_sender import OutgoingQuestion
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.compare.model_choice import CompareChoice
from chat_tui.tui.compare.screen import CompareScreen, LeftComparison
from chat_tui.tui.widgets.host import Host

if TYPE_CHECKING:
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.engine.engine import Engine

BLIND = "--blind"


class CompareController:
    """Chooses the models of a comparison, asks them, and opens its screen."""

    def __init__(self, chat: ChatView, engine: Engine) -> None:
        self._chat, self._engine = chat, engine
        self._blind = False
        self._last: Comparison | None = None
        self._names: Sequence[str] = ()
        """The models of the last comparison."""
        self._left_at: LeftComparison | None = None
        self._visits = 0

    @property
    def _host(self) -> Host:
        return self._chat.host

    # -- who is asked ---------------------------------------------------------------------------------------------

    async def command(self, typed: str) -> None:
        """Handle `/compare`. Raises `CommandError`."""
        given = typed.replace(",", " ").split()
        blind, given = BLIND in given, [name for name in given if name != BLIND]
        if given:
            known = [standing.model.name for standing in self._engine.models.status()]
            self._take(check_models(slash_commands.chosen_model(name, known) for name in given), blind)
        else:
            await self.choose(blind=blind)

    async def open(self) -> None:
        """Handle the key: compare answers to the text in the prompt; without text, return to the last comparison."""
        if not self._chat.prompt.draft.strip() and self._is_in_view():
            self._show(blind=False)
        else:
            await self.choose()

    async def choose(self, *, blind: bool = False) -> None:
        """Open the list of models. A text in the prompt is sent to the chosen models."""
        chat = self._chat
        self._refuse_commands()
        chosen = chat.session.compare_models or self._names or await self._best()
        screen = CompareChoice(self._engine.models.status(), chosen, self._costs)

        def take(names: tuple[str, ...] | None) -> None:
            if names is not None:
                self._take(names, blind)
                if (text := chat.prompt.draft.strip()) and self.ask(text):
                    chat.prompt.clear_draft()

        if chat.app.screen is chat.screen:
            chat.app.push_screen(screen, take)

    def _refuse_commands(self) -> None:
        if self._chat.prompt.draft.lstrip().startswith("/"):
            raise CommandError(
                "Commands can't be sent to models.", "Run or clear it first; start with // to send it as text."
            )

    async def _best(self) -> Sequence[str]:
        chat = self._chat
        try:
            return await self._engine.estimates.best_two(
                chat.session.conversation_id, chat.prompt.draft, chat.session.settings()
            )
        except CommandError:
            # There are fewer than two models: the list shows which.
            return ()

    def _take(self, names: Sequence[str], blind: bool) -> None:
        self._blind = blind
        self._ask_next(names)

    def _ask_next(self, names: Sequence[str]) -> None:
        """Send the next question to these models; without models, to one."""
        self._chat.session.compare_models = tuple(names)
        self._chat.estimate.show("")
        self._chat.estimate.refresh()

    async def _costs(self, names: Sequence[str]) -> str:
        return await self._chat.estimate.costs_of_all(names, self._chat.prompt.draft)

    def leave(self) -> bool:
        """Send the next question to one model again; returns False if it was so before."""
        if not self._chat.session.compare_models:
            return False
        self._ask_next(())
        return True

    # -- asking ---------------------------------------------------------------------------------------------------

    def ask(self, text: str) -> bool:
        """Ask the chosen models; returns False while an answer runs."""
        chat, names = self._chat, tuple(self._chat.session.compare_models)
        if not chat.conversation.can_change():
            return False
        question = chat.sender.take_question(text, chat.session.settings())
        # A model that takes no images says so in its column. Tools are not offered, so no server is started for them.
        settings = question.settings.replace(tool_use=ToolUse())
        question = msgspec.structs.replace(question, refuses_images=False, settings=settings)
        chat.sender.send(question, partial(self._ask, names, self._blind))
        return True

    async def _ask(
        self,
        names: Sequence[str],
        blind: bool,
        engine: Engine,
        question: OutgoingQuestion,
        files: Sequence[Attachment],
    ) -> Answer:
        chat, edited = self._chat, question.edited
        comparison = await engine.compare(
            question.visit.conversation_id or question.new_conversation,
            question.text,
            names,
            question.settings,
            attachments=files,
            edited=edited.id if edited is not None else "",
        )
        self._last, self._names, self._left_at = comparison, names, None
        self._ask_next(())
        # The screen does not cover another conversation that was opened meanwhile.
        if question.visit is chat.session.visit:
            if edited is not None:
                chat.sender.show_edited(edited, comparison.answers[0])
            else:
                chat.transcript.add(comparison.question)
            self._show(blind=blind)
        for answer in comparison.answers[1:]:
            chat.conversation.announce_end(answer)
        return comparison.answers[0]

    def _is_in_view(self) -> bool:
        """Return whether the question of the last comparison is the last one in the chat."""
        turns, last = self._chat.transcript.turns, self._last
        return last is not None and bool(turns) and any(turns[-1].id == answer.turn.id for answer in last.answers)

    async def stop(self) -> bool:
        """Cancel the running answers of the comparison in view; returns False if there are none."""
        if self._last is None or self._last.ended or not self._is_in_view():
            return False
        await self._last.cancel_all()
        return True

    # -- the way there and back -----------------------------------------------------------------------------------

    def _show(self, *, blind: bool) -> None:
        assert self._last is not None
        self._visits += 1
        display = self._engine.config.display
        screen = CompareScreen(self._last, blind=blind, left=self._left_at, display=display)

        def back(kept: Conversation | None) -> None:
            self._left_at = screen.left
            self._chat.run_worker(
                self._announce_kept(screen, kept)
                if kept is not None
                else self._return_without_choice(screen.comparison),
                group="beside",
            )

        self._chat.app.push_screen(screen, back)

    async def _announce_kept(self, screen: CompareScreen, kept: Conversation) -> None:
        chosen = kept.path[-1]
        others = [column for column in screen.columns if column.answer.turn.id != chosen.id]
        told = [shorten(f"{column.label} was {column.model}" * bool(column.label), 80) for column in others]
        more = "Left and Right on the answer show the other versions."
        self._host.say(f"Kept: {shorten(chosen.model, 80)}", " · ".join([*filter(None, told), more]), long=True)
        await self._chat.versions.show_chosen(kept)
        # The conversation may not have it yet.
        self._chat.transcript.set_verdict(chosen.id, True)

    async def _return_without_choice(self, comparison: Comparison) -> None:
        key, visit = bindings.first_key("compare.open", self._host.changed_keys), self._visits
        if comparison.kept is None and not comparison.ended:
            self._host.say("The answers keep running", f"{key} returns to them.")
        await comparison.settle()
        # If the user has come back meanwhile, the next leaving handles this.
        if comparison.kept is not None or visit != self._visits:
            return
        conversation = await self._engine.conversations.conversation(comparison.conversation_id)
        if self._is_in_view() and conversation.path:
            await self._chat.versions.show_chosen(conversation)
            stands = shorten(conversation.path[-1].model, 80)
            self._host.say(
                f"No answer was chosen: {stands} is shown", f"{key} goes back, Left and Right show the others."
            )
