"""Rows of the history list and results of searches, from several stores and from memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chat_tui.core.conversation import Conversation, ConversationSummary, SearchStep, now


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


def join_steps(steps: Sequence[SearchStep]) -> SearchStep:
    """Everything that the steps of a search found, as one step."""
    if not steps:
        return SearchStep(complete=True)
    return msgspec.structs.replace(
        steps[-1],
        hits=tuple(hit for step in steps for hit in step.hits),
        titles=tuple(title for step in steps for title in step.titles),
    )


def mark_private(step: SearchStep) -> SearchStep:
    """The step of a search in private conversations, whose rows say that they are private."""
    titles = (
        msgspec.structs.replace(title, summary=msgspec.structs.replace(title.summary, private=True))
        for title in step.titles
    )
    return msgspec.structs.replace(step, titles=tuple(titles))


def follow_step(before: SearchStep, step: SearchStep) -> SearchStep:
    """A step of the search that follows another one: what that has found comes first, and is counted."""
    return msgspec.structs.replace(
        step,
        hits=(*before.hits, *step.hits),
        titles=(*before.titles, *step.titles),
        messages=before.messages + step.messages,
        conversations=before.conversations + step.conversations,
    )
