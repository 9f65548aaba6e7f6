"""`POST /v1/completions`, OpenAI's old API: each prompt is answered like a question."""

from __future__ import annotations

from collections.abc import Sequence
from time import time
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.chunks import Chunk, End, Error, ErrorInfo, Metadata, Start, Token, sum_usages
from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request as Settings
from chat_tui.core.request import Sampling
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.engine.answers.answer import Answer
from chat_tui.web.api.event_stream import cancel_all, wait_for_all
from chat_tui.web.api.events import encode_event
from chat_tui.web.api.schemas import decode, parse_body
from chat_tui.web.errors import OPENAI_PATH, ApiError, error_body
from chat_tui.web.gateway.answers import answer_stream, response_headers, start_answers, with_retry_after
from chat_tui.web.gateway.failures import incomplete_error
from chat_tui.web.gateway.question import GatewayQuestion
from chat_tui.web.openai.responses import DONE, CompletionTally, convert_usage, finish_reason_of, to_event
from chat_tui.web.openai.schemas import (
    CHOICES_LIMIT,
    Bias,
    Count,
    FinishReason,
    OpenAiUsage,
    Penalty,
    Stop,
    StreamOptions,
    Word,
)
from chat_tui.web.state import AppState, client_of, state_of


class LegacyRequest(msgspec.Struct, frozen=True):
    """The body of `POST /v1/completions`."""

    prompt: str | Annotated[list[str], Meta(min_length=1, max_length=CHOICES_LIMIT)]
    model: Annotated[
        str, Meta(max_length=300, description="A model, a strategy, an alias, or `auto` for the default of the config.")
    ] = "auto"
    max_tokens: Count | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=CHOICES_LIMIT)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: Stop | Annotated[list[Stop], Meta(max_length=16)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    echo: bool | None = None
    """Whether the prompt comes before each answer."""
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: Annotated[dict[str, Bias], Meta(max_length=1024)] | None = None
    user: Word | None = None
    suffix: Annotated[str, Meta(max_length=0)] | None = None
    logprobs: Annotated[int, Meta(ge=0, le=0)] | None = None


class LegacyChoice(msgspec.Struct, frozen=True, gc=False):
    """An answer, or a new part of it."""

    text: str
    index: int
    finish_reason: FinishReason | None = None
    logprobs: None = None


class LegacyCompletion(msgspec.Struct, frozen=True):
    """The reply to `POST /v1/completions`, and each event of its stream."""

    id: str
    created: int
    model: Annotated[str, Meta(description="The `provider/model` that answered.")]
    choices: tuple[LegacyChoice, ...]
    object: Literal["text_completion"] = "text_completion"
    usage: OpenAiUsage | UnsetType = UNSET


def routes() -> list[BaseRoute]:
    """Return the routes."""
    return [Route("/v1/completions", complete, methods=["POST"])]


async def complete(request: Request) -> Response:
    """Answer the prompts, as a stream or as a whole."""
    state, body = state_of(request), await parse_body(request, lambda raw: decode(raw, LegacyRequest))
    questions = build_questions(body)
    answers = await _start(state, client_of(request), questions)
    prompts = [question.turns[0].text for question in questions for _ in range(question.count)]
    echoes = prompts if body.echo else [""] * len(answers)
    id, created = f"cmpl-{answers[0].turn.id}", int(time())
    if body.stream:
        tally = CompletionTally(
            len(answers), include_usage=bool(body.stream_options and body.stream_options.include_usage)
        )
        events = [LegacyEvents(id, created, tally, index, echo) for index, echo in enumerate(echoes)]
        return answer_stream(state, answers, [each.of for each in events], id)
    await wait_for_all(state, answers, request.receive)
    try:
        choices = [_choice(answer, index, echoes[index]) for index, answer in enumerate(answers)]
    except ApiError as refusal:
        raise await with_retry_after(state, answers[0], refusal) from None
    usage = sum_usages([answer.turn.usage for answer in answers if answer.turn.usage is not None])
    told = LegacyCompletion(
        id, created, answers[0].turn.model, tuple(choices), usage=UNSET if usage is None else convert_usage(usage)
    )
    return Response(encode_event(told), headers=response_headers(answers[0], id), media_type="application/json")


def build_questions(body: LegacyRequest) -> Sequence[GatewayQuestion]:
    """Return a question for each prompt. Raises `ApiError`."""
    prompts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    count = body.n or 1
    if len(prompts) * count > CHOICES_LIMIT:
        raise ApiError(400, f"There can be at most {CHOICES_LIMIT} answers to one request.", param="n")
    settings = Settings(
        max_tokens=body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        stop=tuple(filter(None, (body.stop,) if isinstance(body.stop, str) else body.stop or ())),
        seed=body.seed,
        sampling=Sampling(
            frequency_penalty=body.frequency_penalty,
            presence_penalty=body.presence_penalty,
            logit_bias=body.logit_bias or {},
            user=clean_line(body.user or "", 1000),
        ),
    )
    turns = [(Turn("user", clean(prompt)),) for prompt in prompts]
    return [GatewayQuestion(body.model, turn, "", settings, count=count) for turn in turns]


async def _start(state: AppState, client: str, questions: Sequence[GatewayQuestion]) -> Sequence[Answer]:
    """Start the answers to all questions; none if not all of them may be."""
    answers: list[Answer] = []
    done = False
    try:
        for question in questions:
            answers += await start_answers(state, client, question)
        done = True
    finally:
        if not done:
            await cancel_all(answers)
    return answers


def _choice(answer: Answer, index: int, echo: str) -> LegacyChoice:
    turn = answer.turn
    reason = finish_reason_of(turn.state, turn.finish_reason, answer.route)
    if reason is None:
        raise incomplete_error(turn.error, answer.route, turn.state)
    return LegacyChoice(echo + turn.text, index, reason)


class LegacyEvents:
    """Encodes the events of one answer. Thinking has no place in this API."""

    def __init__(self, id: str, created: int, tally: CompletionTally, index: int, echo: str) -> None:
        self._id, self._created, self._tally, self._index = id, created, tally, index
        self._echo = echo
        """What comes before the text; empty once it was sent."""
        self._model = ""
        self._failure: ErrorInfo | None = None

    def of(self, chunks: Sequence[Chunk]) -> bytes:
        """Return the events of these chunks, possibly none; the last ones are those of `End`."""
        return b"".join(map(self._of, chunks))

    def _of(self, chunk: Chunk) -> bytes:
        if self._tally.has_failed:
            return b""
        if isinstance(chunk, Token):
            return self._event(chunk.token) if chunk.token and chunk.kind == "text" else b""
        if isinstance(chunk, (Start, Metadata)):
            self._model = chunk.model or self._model
        elif isinstance(chunk, Error):
            self._failure = chunk.error
        elif isinstance(chunk, End):
            return self._ended(chunk)
        return b""

    def _event(self, text: str, reason: FinishReason | None = None) -> bytes:
        choice = LegacyChoice(self._echo + text, self._index, reason)
        self._echo = ""
        return to_event(LegacyCompletion(self._id, self._created, self._model, (choice,)))

    def _ended(self, end: End) -> bytes:
        self._model = end.model or self._model
        reason = finish_reason_of(end.state, end.finish_reason, end.route)
        if reason is None:
            self._tally.has_failed = True
            return to_event(error_body(OPENAI_PATH, incomplete_error(self._failure, end.route, end.state)))
        told = self._event("", reason)
        if not self._tally.end(end.usage):
            return told
        usage = self._tally.usage
        if self._tally.include_usage and usage is not None:
            told += to_event(LegacyCompletion(self._id, self._created, self._model, (), usage=convert_usage(usage)))
        return told + DONE
