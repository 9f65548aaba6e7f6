"""The deleted conversations: listed, and erased for good. Private conversations are never included."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import days_left, now
from chat_tui.engine.engine import Engine
from chat_tui.web.api.conversation_schemas import ListedDeletion, ListedDeletions
from chat_tui.web.api.conversations import encode_record
from chat_tui.web.errors import ApiError
from chat_tui.web.state import state_of

ALL = 1_000_000


def routes() -> list[BaseRoute]:
    """Return the routes of the deleted conversations."""
    return [
        Route("/api/deleted", list_deleted, methods=["GET"]),
        Route("/api/deleted", erase_all, methods=["DELETE"]),
        Route("/api/deleted/{id}", erase, methods=["DELETE"]),
    ]


async def list_deleted(request: Request) -> Response:
    """List the deleted conversations that can be restored, the last deleted one first."""
    engine, moment = await state_of(request).engine(), now()
    rows = [
        ListedDeletion(row.summary.id, row.summary.title, row.deleted, days_left(row.deleted, moment))
        for row in await engine.conversations.deletion.list_deleted(ALL, private=False)
    ]
    return Response(encode_record(ListedDeletions(rows)), media_type="application/json")


async def erase(request: Request) -> Response:
    """Erase a deleted conversation for good; one that is not deleted is not found."""
    engine, conversation_id = await state_of(request).engine(), str(request.path_params["id"])
    if not await _is_deleted(engine, conversation_id):
        raise ApiError(404, "Deleted conversation not found: it may have been restored or erased.")
    await engine.conversations.deletion.erase_one(conversation_id)
    return Response(status_code=204)


async def erase_all(request: Request) -> Response:
    """Erase all deleted conversations for good."""
    engine = await state_of(request).engine()
    await engine.conversations.deletion.erase_all(private=False)
    return Response(status_code=204)


async def _is_deleted(engine: Engine, conversation_id: str) -> bool:
    rows = await engine.conversations.deletion.list_deleted(ALL, private=False)
    return any(row.summary.id == conversation_id for row in rows)
