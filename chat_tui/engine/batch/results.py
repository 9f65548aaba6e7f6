"""What a result line says."""

from __future__ import annotations

import msgspec

from chat_tui.core.chunks import ErrorInfo, State, Timings, Usage, has_answered
from chat_tui.core.text.control_characters import clean_line, escaped_json
from chat_tui.engine.batch.prompts import BatchPrompt


class BatchResult(msgspec.Struct, frozen=True):
    """What became of a prompt; the line has what the prompt's own line carried along, too."""

    index: int
    id: str | int | None
    prompt: str
    response: str
    """Of a failure the part that arrived, empty where there is none."""
    model: str
    """That answered or was asked last."""
    state: State
    usage: Usage | None = None
    timings: Timings = Timings()
    cost: float | None = None
    """US dollars; None when not known."""
    error: ErrorInfo | None = None

    @property
    def failed(self) -> bool:
        """There is no answer; it may be asked again."""
        return not has_answered(self.state, self.response)

    @property
    def why(self) -> str:
        """What went wrong, on one line."""
        return _why(self.state, self.error)


class EarlierResult(msgspec.Struct, frozen=True):
    """As much of a line that was written before as is needed to go on behind it."""

    index: int
    prompt: str
    state: State
    error: ErrorInfo | None = None
    response: str = ""

    @property
    def failed(self) -> bool:
        """There is no answer; it may be asked again."""
        return not has_answered(self.state, self.response)

    @property
    def why(self) -> str:
        """What went wrong, on one line."""
        return _why(self.state, self.error)


def _why(state: State, error: ErrorInfo | None) -> str:
    if error is not None:
        return clean_line(error.title)
    return "The model refused to answer." if state == "refused" else state


_earlier = msgspec.json.Decoder(EarlierResult)


def line_of(prompt: BatchPrompt, result: BatchResult) -> bytes:
    """The result as a line of JSON that no terminal obeys; `index` stands first."""
    ours = {name: getattr(result, name) for name in result.__struct_fields__}
    more = {name: value for name, value in prompt.carried.items() if name not in ours}
    text = msgspec.json.encode({**ours, **more}).decode("utf-8")
    return (escaped_json(text) + "\n").encode("utf-8")


def read(line: bytes) -> EarlierResult | None:
    """What a line says; None where it is no result."""
    try:
        return _earlier.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def may_begin(torn: bytes) -> bool:
    """A line without its end may be the beginning of a result."""
    begins = b'{"index":'
    return begins.startswith(torn[: len(begins)])
