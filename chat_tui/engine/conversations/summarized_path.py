"""What is sent of a path with a summary: the summary, and the turns that it does not replace."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from chat_tui.core.conversation import SummarizedTurns, Turn

SENT_SUMMARY = "[Summary of the earlier part of this conversation:]\n{text}\n[End of the summary]"
"""How a summary is sent, in front of the first message that follows it."""


def summary_place(path: Sequence[Turn]) -> int | None:
    """Return the place of the summary that is sent: the last one of the path; None if there is none."""
    places = (place for place in range(len(path) - 1, -1, -1) if path[place].role == "summary")
    return next(places, None)


def replaced_turns(path: Sequence[Turn], place: int) -> int:
    """Return how many turns from the beginning of a path the summary at this place replaces."""
    # A number from an imported file may be anything.
    turns = (path[place].summarized or SummarizedTurns(place)).turns
    return min(max(turns, 0), place)


def replace_summarized(path: Sequence[Turn]) -> Sequence[Turn]:
    """Return the turns to send: the last summary, what the user always keeps of the turns that it replaces, the turns
    between these and the summary, and what follows it. A path without a summary is returned as it is."""
    place = summary_place(path)
    if place is None or (place == 0 and path[0].summarized is None):
        return path
    end = replaced_turns(path, place)
    summary = replace(path[place], text=SENT_SUMMARY.format(text=path[place].text), summarized=None)
    rest = [*_always_kept(path[:end]), *path[end:place], *path[place + 1 :]]
    return [summary, *(turn for turn in rest if turn.role != "summary")]


def _always_kept(turns: Sequence[Turn]) -> Sequence[Turn]:
    """Return the exchanges whose question the user has marked to be always sent."""
    kept: list[Turn] = []
    is_kept = False
    for turn in turns:
        if turn.role == "user":
            is_kept = turn.kept is True
        if is_kept:
            kept.append(turn)
    return kept
