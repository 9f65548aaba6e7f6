"""Rows of the history list, from the disk and from memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chat_tui.core.conversation import Conversation, ConversationSummary, now


def list_page(
    private: Sequence[ConversationSummary],
    unsaved: Sequence[Conversation],
    saved: Sequence[ConversationSummary],
    *,
    first: bool,
) -> list[ConversationSummary]:
    """A page of the history list: on the `first` page, private conversations, then unsaved ones, newest first.

    Unsaved conversations are left out of the `saved` rows.
    """
    ids = {conversation.id for conversation in unsaved}
    rows = [summary for summary in saved if summary.id not in ids]
    if not first:
        return rows
    newest = sorted(map(summary_of, unsaved), key=lambda summary: summary.updated, reverse=True)
    return [*(msgspec.structs.replace(summary, private=True) for summary in private), *newest, *rows]


def summary_of(conversation: Conversation) -> ConversationSummary:
    """The row of a conversation in memory, from its current path."""
    answers = [turn for turn in conversation.path if turn.role == "assistant"]
    costs = [turn.cost for turn in answers if turn.cost is not None]
    created = conversation.created or now()
    return ConversationSummary(
        conversation.id,
        conversation.title,
        created,
        max([turn.created or created for turn in conversation.path], default=conversation.updated or created),
        len(conversation.path),
        answers[-1].model if answers else "",
        conversation.pinned,
        cost=sum(costs) if costs else None,
    )
