"""The settings of conversations for the web page: which there are, and those of one conversation."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.web.api.choice.setting_choice import SettingChanges, change_settings, setting_choices, shown_settings
from chat_tui.web.api.conversations import find_short
from chat_tui.web.api.schemas import read_body
from chat_tui.web.state import state_of


def routes() -> list[BaseRoute]:
    """Return the routes of settings."""
    one = "/api/conversations/{id}/settings"
    return [
        Route("/api/settings", list_settings, methods=["GET"]),
        Route(one, show_settings, methods=["GET"]),
        Route(one, set_settings, methods=["PATCH"]),
    ]


async def list_settings(request: Request) -> Response:
    """Return the presets, and what is usual where a conversation sets nothing."""
    state = state_of(request)
    return _json(await setting_choices(state.config, can_be_private=state.private.are_possible))


async def show_settings(request: Request) -> Response:
    """Return the settings that a conversation has of its own."""
    return _json(shown_settings(await find_short(await state_of(request).engine(), request)))


async def set_settings(request: Request) -> Response:
    """Change settings of a conversation, and return them all."""
    state, asked = state_of(request), await read_body(request, SettingChanges)
    engine = await state.engine()
    await change_settings(engine, await find_short(engine, request), asked)
    state.monitor.hurry()
    return _json(shown_settings(await find_short(engine, request)))


def _json(record: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(record), media_type="application/json")
