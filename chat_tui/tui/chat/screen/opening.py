"""What the screen begins with: a question, files, or an earlier conversation, as the command line has named them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from chat_tui.core.errors import ChatTuiError, ConversationNotFound

if TYPE_CHECKING:
    from chat_tui.core.settings.preset import Preset
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.chat.commands.context import CommandContext
    from chat_tui.tui.prompt.attachments_line import PendingAttachment


class Opening(msgspec.Struct, frozen=True):
    """What the screen begins with."""

    preset: Preset | None = None
    question: str = ""
    """Asked as soon as the engine is open; empty: none."""
    files: tuple[str, ...] = ()
    """Paths of the files that are attached to it."""
    conversation: str = ""
    """The id, a part of it, or the title of the conversation to open, or `last`; empty: a new one, or the one that was
    in view when the program was ended."""
    searches: bool = False
    """Whether all messages are searched for the words in `conversation` if no id and no title fits."""
    system_prompt: str | None = None
    """The system prompt of the conversation; None: as it is."""
    keeps_model: bool = False
    """Whether the model or the strategy was named too, so that the conversation's own is not used."""

    async def begin(self, context: CommandContext, engine: Engine) -> None:
        """Open the conversation that is named, attach the files, and ask the question, as if it had been typed: `@path`
        in it attaches a file, too. A draft that was left in the prompt stays there.

        Where there is no such conversation, that is told, and the question stays in the prompt.
        """
        chat = context.chat
        if self.conversation and not await _open(self, context, engine):
            chat.prompt.set_draft(self.question)
            return
        if self.system_prompt is not None:
            await chat.session.set_system_prompt(self.system_prompt)
            chat.estimate.show()
        kept = chat.files.set_aside() if self.question else []
        for file in self.files:
            try:
                await chat.files.attach(file)
            except ChatTuiError as error:
                context.host.tell(error)
                chat.prompt.set_draft(self.question)
                chat.files.give_back(kept)
                return
        if self.question:
            self._ask(context, kept)

    def _ask(self, context: CommandContext, kept: Sequence[PendingAttachment]) -> None:
        """Ask the question; `kept` are the files of the draft in the prompt."""
        from chat_tui.core.attachments.mentions import mentions

        prompt = context.chat.prompt
        draft = prompt.draft
        prompt.set_draft(self.question)
        for mention in (mention for line in self.question.splitlines() for mention in mentions(line)):
            prompt.named.restore(mention.path)
        context.submission.ask(self.question)
        prompt.clear_draft()
        if draft:
            prompt.set_draft(draft)
        for going in kept:
            prompt.named.restore(going.named)
        context.chat.files.give_back(kept)


async def _open(opening: Opening, context: CommandContext, engine: Engine) -> bool:
    from chat_tui.engine.conversations.continuation import find_continuation

    try:
        found = await find_continuation(engine.conversations, opening.conversation)
    except ConversationNotFound as error:
        if opening.searches:
            await context.views.open_history(opening.conversation)
        else:
            context.host.tell(error)
        return False
    await context.chat.open(found.conversation.id)
    model, strategy = found.choice(engine.models.strategies())
    if not opening.keeps_model and (model or strategy):
        context.models.choose(model, strategy or context.models.strategy)
    if goes_on := found.labels(own_model=not opening.keeps_model):
        context.host.say("The conversation goes on", f"with {', '.join(goes_on)}", long=True)
    return True
