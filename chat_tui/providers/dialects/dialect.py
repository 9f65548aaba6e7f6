"""What a dialect is: how to speak, as pure functions. Where to speak is a provider's row."""

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
"""The quirk of a model that knows no system role."""
WHOLE = "whole"
"""The quirk of a model that is not streamed."""
MAX_TOKENS = "max_tokens:"
"""Begins the quirk of a model that writes at most so many tokens."""
ROOM = "room:"
"""Begins the quirk of one request, for which the model's window leaves so many tokens."""

GO_ON = "Go on exactly where your answer stopped. Repeat nothing of it and say nothing else."
"""Asks for the rest of an answer where the server does not take the beginning of one."""


class Call(msgspec.Struct, frozen=True):
    """A request as it goes over the wire."""

    path: str
    """Relative to the provider's base URL."""
    body: bytes
    headers: Mapping[str, str] = {}
    quirks: frozenset[str] = frozenset()
    """What the server will not take, as it was known when this was made."""
    images: bool = False
    """There are images in it."""


class Reading(Protocol):
    """Turns one reply's events into chunks. Raises `ProviderError` for what the server says went wrong."""

    @property
    def finished(self) -> bool:
        """The reply has said why it ended; what follows is figures at most."""

    def feed(self, data: bytes, name: str) -> Sequence[Chunk]:
        """The chunks of one event; an `End` is the last."""

    def whole(self, body: bytes) -> Sequence[Chunk]:
        """The chunks of a reply that came as one plain JSON body; without an `End`, `close` has the last word."""

    def held(self) -> Sequence[Chunk]:
        """The text that waits for more to be decided, given out where the reply breaks off; empty afterwards."""

    def close(self) -> Sequence[Chunk]:
        """The chunks at the end of the bytes; `Garbled` where the reply has not ended."""


class Dialect(msgspec.Struct, frozen=True):
    """One way to speak."""

    name: str
    encode: Callable[[Request, Model, frozenset[str]], Call]
    """(request, model, what this server will not take) to a call."""
    reading: Callable[[], Reading]
    headers: Callable[[str], Mapping[str, str]]
    """The headers for a key, or for none; they go with every request."""
    quirk: Callable[[int, str], str | None]
    """(status, error text) to what this server will not take, None when that is not the matter."""
    model_list: ModelList = ModelList()
    look_up: ModelProbe = ModelProbe()
    json_lines: bool = False
    """Its streams are JSON lines, not server-sent events."""
    needed: frozenset[str] = frozenset()
    """Fields of its bodies that cannot be left out, besides the model and the turns."""
    root: str = "/v1"
    """Where the paths begin on a server whose address is pasted without one."""
    pasted: str = r"/chat/completions|/completions|/responses|/embeddings|/models"
    """A pattern of the endings that people paste along with an address."""
    fetch_hint: str = ""
    """What to do about a model that the server has not got; `{model}` stands for its id."""


def turns_of(request: Request, quirks: frozenset[str]) -> tuple[Turn, ...]:
    """What is sent: without a system turn where the model knows none (`system`); and where the server does not take the
    beginning of an answer (`prefill`), with a request to go on."""
    turns = request.spoken()
    if SYSTEM in quirks:
        turns = _without_system(turns)
    if "prefill" in quirks and continues_answer(turns):
        return (*turns, Turn("user", GO_ON))
    return turns


def _without_system(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The turns with the system prompt in front of the first question."""
    system = "\n\n".join(turn.text for turn in turns if turn.role == "system")
    talk = [turn for turn in turns if turn.role != "system"]
    if not system:
        return tuple(talk)
    if not talk or talk[0].role != "user":
        return (Turn("user", system), *talk)
    first = msgspec.structs.replace(talk[0], text=f"{system}\n\n{talk[0].text}".rstrip())
    return (first, *talk[1:])


def limit_of(asked: int | None, quirks: frozenset[str]) -> int | None:
    """The tokens that a reply may have: what was asked for, or less where the server has named a limit."""
    caps = [int(quirk.removeprefix(MAX_TOKENS)) for quirk in quirks if quirk.startswith(MAX_TOKENS)]
    room = [int(quirk.removeprefix(ROOM)) for quirk in quirks if quirk.startswith(ROOM)]
    if asked is None:
        return min([*room, *caps]) if room else None
    return min([asked, *caps, *room])


def streams(request: Request, quirks: frozenset[str]) -> bool:
    """The reply is asked for piece by piece."""
    return request.stream and WHOLE not in quirks


def continues_answer(turns: Sequence[Turn]) -> bool:
    """The last turn is the beginning of the answer."""
    return bool(turns) and turns[-1].role == "assistant"


def said_in(turn: Turn, model: Model) -> tuple[str, Sequence[Attachment]]:
    """The words of a turn and its images; an image that cannot be sent is named among the words."""
    text = spoken_text(turn)
    images = [attachment for attachment in turn.attachments if attachment.is_image]
    if not images:
        return text, ()
    sent = [image for image in images if image.content] if model.images is not False else []
    names = [f"[The image {image.name} is not shown to you.]" for image in images if image not in sent]
    return "\n\n".join(filter(None, [text, *names])), sent


def base64_of(image: Attachment) -> str:
    """An image as JSON can hold it."""
    return b64encode(image.content).decode("ascii")


def parsed(data: bytes) -> Json:
    """The JSON value of some bytes. Raises ValueError for whatever is not JSON, however it is wrong."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # The standard library bears more: lone surrogates, numbers too large, NaN.
        return _parse_leniently(data)


def _parse_leniently(data: bytes) -> Json:
    try:
        # A character that the server itself cut in two: better one mark than a lost event.
        return json.loads(data.decode("utf-8-sig", "replace"))
    except RecursionError:
        raise ValueError("nested too deep") from None


def count(value: Json) -> int:
    """A number of tokens from a field that may be absent, null or odd."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12:
        return int(value)
    return 0


def text_of(value: Json, depth: int = 3) -> str:
    """A string, or the texts of a part or of a list of parts; anything else is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and depth:
        # An assistant's parts keep their text in an object of its own: `{"text": {"value": …}}`.
        return text_of(value.get("text") or value.get("value"), depth - 1)
    if isinstance(value, list) and depth:
        return "".join(text_of(part, depth - 1) for part in value)
    return ""
