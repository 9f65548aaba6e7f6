"""The lines of results."""

from __future__ import annotations

import msgspec

from chat_tui.core.chunks import ErrorInfo, State, Timings, Usage, has_answered
from chat_tui.core.text.control_characters import escaped_json
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.batch.prompts import BatchPrompt


class BatchResult(msgspec.Struct, frozen=True):
    """The result of a prompt. Its line also has the other fields of the prompt's line."""

    index: int
    id: str | int | None
    prompt: str
    response: str
    """The answer; after a failure, the part that arrived."""
    model: str
    """The model that answered, or was asked last."""
    state: State
    usage: Usage | None = None
    timings: Timings = Timings()
    cost: float | None = None
    """In US dollars; None if that is not known."""
    error: ErrorInfo | None = None

    @property
    def failed(self) -> bool:
        """Whether there is no answer, so that the prompt can be asked again."""
        return not has_answered(self.state, self.response)

    @property
    def why(self) -> str:
        """What went wrong, in one line."""
        return _why(self.state, self.error)


class EarlierResult(msgspec.Struct, frozen=True):
    """The fields of an earlier result line that are needed to continue a batch."""

    index: int
    prompt: str
    state: State
    error: ErrorInfo | None = None
    response: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is no answer, so that the prompt can be asked again."""
        return not has_answered(self.state, self.response)

    @property
    def why(self) -> str:
        """What went wrong, in one line."""
        return _why(self.state, self.error)


def _why(state: State, error: ErrorInfo | None) -> str:
    if error is not None:
        return shorten(error.title)
    return "The model refused to answer." if state == "refused" else state


_earlier = msgspec.json.Decoder(EarlierResult)


def encode_line(prompt: BatchPrompt, result: BatchResult) -> bytes:
    """The result as a JSON line without control characters, with `index` first."""
    ours = {name: getattr(result, name) for name in result.__struct_fields__}
    more = {name: value for name, value in prompt.carried.items() if name not in ours}
    text = msgspec.json.encode({**ours, **more}).decode("utf-8")
    return (escaped_json(text) + "\n").encode("utf-8")


def parse(line: bytes) -> EarlierResult | None:
    """The result in a line; None if it is no result."""
    try:
        return _earlier.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def may_begin(torn: bytes) -> bool:
    """Whether a line without its end can be the beginning of a result."""
    begins = b'{"index":'
    return begins.startswith(torn[: len(begins)])
