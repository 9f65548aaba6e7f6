"""Stops, pauses and resumes running answers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.conversation import Conversation
from chat_tui.engine.tools.decision_relay import Control, has_open_call
from chat_tui.web.api.conversations import find_conversation
from chat_tui.web.errors import ApiError
from chat_tui.web.state import AppState, state_of


def routes() -> list[BaseRoute]:
    """Return the routes of what one can do with a running answer."""
    one = "/api/conversations/{id}"
    return [
        Route(f"{one}/stop", stop, methods=["POST"]),
        Route(f"{one}/pause", pause, methods=["POST"]),
        Route(f"{one}/resume", resume, methods=["POST"]),
    ]


async def stop(request: Request) -> Response:
    """Stop the answer of a conversation, and its tool calls, in whichever process they run."""
    return await _control(request, "stop")


async def pause(request: Request) -> Response:
    """Pause the answer of a conversation: its model is not read any more."""
    return await _control(request, "pause")


async def resume(request: Request) -> Response:
    """Continue after a pause."""
    return await _control(request, "resume")


async def _control(request: Request, control: Control) -> Response:
    state = state_of(request)
    conversation = await find_conversation(await state.engine(), request)
    if not await control_answer(state, conversation, control) and control in ("pause", "resume"):
        raise ApiError(409, "No answer is running.")
    return Response(status_code=204)


async def control_answer(state: AppState, conversation: Conversation, control: Control) -> bool:
    """Control the answer of a conversation, in whichever process it runs; False if none runs.

    Raises `ApiError` if the other process does not take it.
    """
    engine = await state.engine()
    if await engine.controls.control(conversation.id, control):
        state.monitor.hurry()
        return True
    if conversation.id in state.private or not _may_run_elsewhere(conversation, calls=control in ("stop", "steer")):
        return False
    if await engine.controls.control_elsewhere(conversation.id, control):
        return True
    does = "stop" if control == "steer" else control
    raise ApiError(409, f"Another program writes this answer and does not {does} it. {does.capitalize()} it there.")


def _may_run_elsewhere(conversation: Conversation, *, calls: bool) -> bool:
    if any(turn.state == "streaming" for turn in conversation.path[-1:]):
        return True
    last = next((turn for turn in reversed(conversation.path) if turn.role == "assistant"), None)
    return calls and last is not None and any(has_open_call(conversation, call.id) for call in last.calls)
