"""Finds words in the messages of one conversation, however long it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import Turn
from chat_tui.core.text.text_match import find
from chat_tui.web.api.conversations import find_conversation
from chat_tui.web.api.schemas import parse_query
from chat_tui.web.state import state_of


class FindQuery(msgspec.Struct, frozen=True):
    """Parameters of the URL."""

    query: Annotated[str, Meta(min_length=1, max_length=1000)]
    """What is looked for, as one passage; case, accents and the kind of white space do not matter."""


class FoundTurns(msgspec.Struct, frozen=True):
    """The messages that contain it."""

    turns: tuple[str, ...]
    """Ids of questions, answers and summaries of the current branch, in their order."""


def routes() -> list[BaseRoute]:
    """Return the route of finding."""
    return [Route("/api/conversations/{id}/find", find_words, methods=["GET"])]


async def find_words(request: Request) -> Response:
    """Find a passage in the messages of a conversation."""
    asked, engine = parse_query(request, FindQuery), await state_of(request).engine()
    conversation = await find_conversation(engine, request)
    found = FoundTurns(await asyncio.to_thread(_turns_with, conversation.path, asked.query))
    return Response(msgspec.json.encode(found), media_type="application/json")


def _turns_with(turns: Sequence[Turn], words: str) -> tuple[str, ...]:
    return tuple(turn.id for turn in turns if turn.role != "tool" and find(turn.text, words))
