"""The OpenAI-compatible API: any tool that uses OpenAI's API can use this router.

Nothing is saved unless a request has `store`; the config's system prompt is not added.
"""

from __future__ import annotations

from time import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.models import Model
from chat_tui.engine.engine import Engine
from chat_tui.web.api.choice.model_choice import AUTO, match_choice, unknown_model
from chat_tui.web.api.event_stream import wait_for_all
from chat_tui.web.api.events import encode_event
from chat_tui.web.api.schemas import parse_body
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.answers import answer_stream, response_headers, start_answers, with_retry_after
from chat_tui.web.openai.requests import parse_request
from chat_tui.web.openai.responses import CompletedAnswer, CompletionEvents, CompletionTally, build_completion
from chat_tui.web.openai.schemas import ModelCard, ModelCards
from chat_tui.web.state import client_of, state_of

OURS = "chat-tui"
"""Owner of `auto`, the strategies and the aliases in the list of models."""


def routes() -> list[BaseRoute]:
    """Return the routes."""
    return [
        Route("/v1/models", list_models, methods=["GET"]),
        Route("/v1/models/{id:path}", get_model, methods=["GET"]),
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
    ]


async def list_models(request: Request) -> Response:
    """List all possible values of `model`."""
    engine = await state_of(request).engine_with_models()
    return _json(ModelCards(_model_cards(engine)))


async def get_model(request: Request) -> Response:
    """Return one model or strategy."""
    wanted = request.path_params["id"]
    if not wanted:
        return await list_models(request)
    engine = await state_of(request).engine_with_models()
    if wanted not in engine.config.web.aliases:
        known = [standing.model.name for standing in engine.models.status()]
        wanted = match_choice(wanted, engine.models.strategies(), known).model or wanted
    card = next((card for card in _model_cards(engine) if card.id == wanted), None)
    if card is None:
        raise unknown_model(wanted)
    return _json(card)


def _model_cards(engine: Engine) -> list[ModelCard]:
    names = (AUTO, *engine.models.strategies(), *engine.config.web.aliases)
    ours = [ModelCard(name, 0, OURS, display_name=name) for name in names]
    return [*ours, *map(_model_card, engine.models.in_use())]


def _model_card(model: Model) -> ModelCard:
    """Return a model in OpenAI's format; its creation time is unknown."""
    window = model.context_window or msgspec.UNSET
    return ModelCard(model.name, 0, model.provider, context_window=window, display_name=model.name)


async def chat_completions(request: Request) -> Response:
    """Answer the last message, as a stream or as a whole."""
    state, asked = state_of(request), await parse_body(request, parse_request)
    answers = await start_answers(state, client_of(request), asked.question)
    id, created = f"chatcmpl-{answers[0].turn.id}", int(time())
    if asked.stream:
        tally = CompletionTally(len(answers), include_usage=asked.include_usage)
        events = [
            CompletionEvents(id, created, tally, index=index, has_functions=asked.has_functions)
            for index in range(len(answers))
        ]
        return answer_stream(state, answers, [each.of for each in events], id)
    await wait_for_all(state, answers, request.receive)
    given = asked.question.settings.part if asked.question.is_stored else ""
    ended = [CompletedAnswer(answer.turn, answer.route, answer.chunks, given) for answer in answers]
    try:
        told = build_completion(id, created, ended, has_functions=asked.has_functions)
    except ApiError as refusal:
        raise await with_retry_after(state, answers[0], refusal) from None
    return _json(told, response_headers(answers[0], id))


def _json(record: msgspec.Struct, headers: dict[str, str] | None = None) -> Response:
    return Response(encode_event(record), headers=headers, media_type="application/json")
