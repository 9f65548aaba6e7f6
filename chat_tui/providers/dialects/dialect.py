"""What a dialect is: the wire format of a server, as pure functions."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from chat_tui.core.attachments.attachment import Attachment, spoken_text
from chat_tui.core.chunks import Chunk
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.dialects.model_list import ModelList
from chat_tui.providers.dialects.model_probe import ModelProbe

Json = Any
"""A JSON value of unknown shape, as servers send it."""

SYSTEM = "system"
"""The quirk of a model without a system role."""
WHOLE = "whole"
"""The quirk of a model that cannot stream."""
MAX_TOKENS = "max_tokens:"
"""Begins the quirk of a model with a limit of output tokens."""
ROOM = "room:"
"""Begins the quirk of one request for which the model's window has this many tokens left."""

GO_ON = "Go on exactly where your answer stopped. Repeat nothing of it and say nothing else."
"""Asks for the rest of an answer if the server does not accept the beginning of one."""


class Call(msgspec.Struct, frozen=True):
    """A request as it is sent."""

    path: str
    """Relative to the provider's base URL."""
    body: bytes
    headers: Mapping[str, str] = {}
    quirks: frozenset[str] = frozenset()
    """What the server does not accept, as known when this was encoded."""
    images: bool = False
    """Whether it contains images."""


class Reading(Protocol):
    """Turns the events of one reply into chunks. Raises `ProviderError` for errors that the server reports."""

    @property
    def finished(self) -> bool:
        """Whether the finish reason has come; at most usage follows."""

    def feed(self, data: bytes, name: str) -> Sequence[Chunk]:
        """Return the chunks of one event; an `End` is the last chunk of a reply."""

    def whole(self, body: bytes) -> Sequence[Chunk]:
        """Return the chunks of a reply that is one JSON body; without an `End`, `close` is called."""

    def held(self) -> Sequence[Chunk]:
        """Return the text that is held back, when the reply breaks off; nothing is held afterwards."""

    def close(self) -> Sequence[Chunk]:
        """Return the chunks at the end of the bytes. Raises `Garbled` if the reply has not ended."""


class Dialect(msgspec.Struct, frozen=True):
    """The wire format of a server."""

    name: str
    encode: Callable[[Request, Model, frozenset[str]], Call]
    """Returns the call for (request, model, what the server does not accept)."""
    reading: Callable[[], Reading]
    headers: Callable[[str], Mapping[str, str]]
    """Returns the headers of every request for a key, which may be empty."""
    quirk: Callable[[int, str], str | None]
    """Returns what the server does not accept, for (status, error text); None if that is not the reason."""
    model_list: ModelList = ModelList()
    look_up: ModelProbe = ModelProbe()
    json_lines: bool = False
    """Its streams are JSON lines, not server-sent events."""
    needed: frozenset[str] = frozenset()
    """Fields of its bodies that cannot be left out, besides the model and the turns: without them the server would
    refuse the request, or the answer would lack what was asked for."""
    root: str = "/v1"
    """Where its paths begin if an address has no path."""
    pasted: str = r"/chat/completions|/completions|/responses|/embeddings|/models"
    """A pattern of endings that are often pasted with an address."""
    embeddings_path: str = ""
    """Where the API takes requests for embeddings in OpenAI's format; empty: nowhere."""
    fetch_hint: str = ""
    """What to do if the server does not have a model; `{model}` stands for its id."""


def turns_of(request: Request, quirks: frozenset[str]) -> tuple[Turn, ...]:
    """Return the turns to be sent: without a system turn if the model has no such role (`system`), and with a request
    to continue if the server does not accept the beginning of an answer (`prefill`)."""
    turns = request.spoken()
    if not request.tools and not request.hosted_tools:
        turns = write_calls_as_text(turns)
    if SYSTEM in quirks:
        turns = _without_system(turns)
    if "prefill" in quirks and continues_answer(turns):
        return (*turns, Turn("user", GO_ON))
    return turns


def write_calls_as_text(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return the turns with tool calls and their results as text, for a request without tools.

    Several servers refuse calls in a request that offers no tool."""
    if not any(turn.calls or turn.result for turn in turns):
        return tuple(turns)
    out: list[Turn] = []
    for turn in turns:
        if turn.result is not None:
            turn = Turn("user", f"[Result of the tool {turn.result.name}]\n{turn.text}", attachments=turn.attachments)
        elif turn.calls:
            calls = [f"[Call of the tool {call.name}: {call.arguments or '{}'}]" for call in turn.calls]
            turn = msgspec.structs.replace(turn, text="\n\n".join(filter(None, [turn.text, *calls])), calls=())
        if out and out[-1].role == turn.role == "user":
            before = out[-1]
            files = (*before.attachments, *turn.attachments)
            out[-1] = msgspec.structs.replace(before, text=f"{before.text}\n\n{turn.text}", attachments=files)
        else:
            out.append(turn)
    return tuple(out)


def _without_system(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Return the turns with the system prompt at the beginning of the first question."""
    system = "\n\n".join(turn.text for turn in turns if turn.role == "system")
    talk = [turn for turn in turns if turn.role != "system"]
    if not system:
        return tuple(talk)
    if not talk or talk[0].role != "user":
        return (Turn("user", system), *talk)
    first = msgspec.structs.replace(talk[0], text=f"{system}\n\n{talk[0].text}".rstrip())
    return (first, *talk[1:])


def limit_of(asked: int | None, quirks: frozenset[str]) -> int | None:
    """Return the token limit of a reply: what was asked for, or less if the server has named a limit."""
    caps = [int(quirk.removeprefix(MAX_TOKENS)) for quirk in quirks if quirk.startswith(MAX_TOKENS)]
    room = [int(quirk.removeprefix(ROOM)) for quirk in quirks if quirk.startswith(ROOM)]
    if asked is None:
        return min([*room, *caps]) if room else None
    return min([asked, *caps, *room])


def streams(request: Request, quirks: frozenset[str]) -> bool:
    """Return whether the reply is to be streamed."""
    return request.stream and WHOLE not in quirks


def continues_answer(turns: Sequence[Turn]) -> bool:
    """Return whether the last turn is the beginning of the answer."""
    return bool(turns) and turns[-1].role == "assistant"


def said_in(turn: Turn, model: Model, *, addresses: bool = False) -> tuple[str, Sequence[Attachment]]:
    """Return the text of a turn and its images; images that cannot be sent are named in the text.

    `addresses`: images that are only an address can be sent, too.
    """
    text = spoken_text(turn)
    images = [attachment for attachment in turn.attachments if attachment.is_image]
    if not images:
        return text, ()
    shown = [image for image in images if image.content or (addresses and image.address)]
    sent = shown if model.images is not False else []
    names = [f"[The image {image.name} is not shown to you.]" for image in images if image not in sent]
    return "\n\n".join(filter(None, [text, *names])), sent


def base64_of(image: Attachment) -> str:
    """Return an image as base64."""
    return b64encode(image.content).decode("ascii")


def parsed(data: bytes) -> Json:
    """Return the JSON value of some bytes. Raises ValueError for anything that is not JSON."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # The standard library accepts more: lone surrogates, numbers too large, NaN.
        return _parse_leniently(data)


def _parse_leniently(data: bytes) -> Json:
    try:
        # A character that the server itself cut in two: better one mark than a lost event.
        return json.loads(data.decode("utf-8-sig", "replace"))
    except RecursionError:
        raise ValueError("nested too deep") from None


def count(value: Json) -> int:
    """Return a number of tokens from a field that may be absent, null or malformed."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12:
        return int(value)
    return 0


def text_of(value: Json, depth: int = 3) -> str:
    """Return a string, or the texts of a part or of a list of parts; empty for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and depth:
        # An assistant's parts keep their text in an object of its own: `{"text": {"value": …}}`.
        return text_of(value.get("text") or value.get("value"), depth - 1)
    if isinstance(value, list) and depth:
        return "".join(text_of(part, depth - 1) for part in value)
    return ""
