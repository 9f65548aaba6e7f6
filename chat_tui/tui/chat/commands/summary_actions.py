"""What `/compact` does: offers a summary of earlier messages, shows it once it is kept, and takes it back."""

from __future__ import annotations

from functools import partial

from chat_tui.core.conversation import Conversation
from chat_tui.core.errors import CommandError
from chat_tui.core.text.counts import count_of
from chat_tui.engine.answers.summarizer import SummaryPlan, parse_kept
from chat_tui.engine.engine import Engine
from chat_tui.tui.chat.commands.context import CommandContext
from chat_tui.tui.dialogs.summary import SummaryDialog


async def compact(context: CommandContext, engine: Engine, typed: str) -> None:
    """Offer to summarise all but the last so many messages; without a number, what no longer fits the context window.

    Raises `ChatTuiError`.
    """
    chat, kept = context.chat, parse_kept(typed)
    conversation_id = chat.session.conversation_id
    if conversation_id is None or not chat.conversation.turns:
        raise CommandError("This conversation is empty.", "There is nothing to summarise yet.")
    if not chat.conversation.can_change():
        return
    await chat.conversation.read_settled(conversation_id)
    plan = await engine.summaries.plan(conversation_id, kept, context.models.settings())
    if chat.app.screen is chat.screen:
        await chat.app.push_screen(SummaryDialog(engine, plan), partial(_show, context, engine, plan))


def _show(context: CommandContext, engine: Engine, plan: SummaryPlan, kept: Conversation | None) -> None:
    """Show the conversation with its summary; None: none was kept."""
    if kept is None:
        return
    chat, summary = context.chat, kept.path[-1].id
    back = partial(_take_back, context, engine, kept.id, summary)
    chat.undo.push(
        "take back the summary",
        "Summary taken back: all messages are sent again",
        back,
        is_due=partial(engine.summaries.is_last, kept.id, summary),
    )
    if chat.session.conversation_id == kept.id:
        chat.conversation.show_path(kept)
        chat.transcript.viewport.follow()
    messages = count_of(plan.summarized.messages, "earlier message")
    chat.host.say("Summary kept", f"It is sent in place of {messages}. /undo takes it back.")


async def _take_back(context: CommandContext, engine: Engine, conversation_id: str, summary: str) -> None:
    chat = context.chat
    if chat.session.conversation_id != conversation_id:
        await chat.open(conversation_id)
    async with chat.session.changing:
        chat.conversation.show_path(await engine.summaries.take_back(conversation_id, summary))
