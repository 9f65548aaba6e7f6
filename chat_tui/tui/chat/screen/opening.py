"""What the screen begins with: a question, files, or an earlier conversation, as the command line has named them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chat_tui.core.errors import ChatTuiError, ConversationNotFound

if TYPE_CHECKING:
    from chat_tui.core.settings.preset import Preset
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.chat.commands.context import CommandContext


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
        """Open the conversation that is named, attach the files, and ask the question.

        Where there is no such conversation, that is told, and the question stays in the prompt.
        """
        chat = context.chat
        if self.conversation and not await _open(self, context, engine):
            chat.prompt.set_draft(self.question)
            return
        if self.system_prompt is not None:
            await chat.session.set_system_prompt(self.system_prompt)
            chat.estimate.show()
        for file in self.files:
            try:
                await chat.files.attach(file)
            except ChatTuiError as error:
                context.host.tell(error)
                chat.prompt.set_draft(self.question)
                return
        if self.question:
            context.submission.ask(self.question)


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
