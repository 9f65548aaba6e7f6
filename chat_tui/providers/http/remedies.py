"""Finds out from a server's error how to change a refused request so that the next one can succeed.

A remedy is a quirk: a string that the dialect's `encode`, or `refused_fields.without_fields`, acts on. Quirks common to
all dialects are found here; those of a single dialect, in its own `quirk`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from chat_tui.core.request import Request
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.providers.dialects.dialect import MAX_TOKENS, ROOM, SYSTEM, WHOLE, Dialect, parsed
from chat_tui.providers.dialects.parsing.output_limits import output_limit
from chat_tui.providers.dialects.parsing.refused_fields import WITHOUT, field_of, refused_field
from chat_tui.providers.dialects.parsing.server_errors import server_error_of
from chat_tui.providers.dialects.parsing.tool_refusals import refuses_tools

Json = Any

_NO_SYSTEM = lazy_pattern(
    r"system\W{0,3} ?(?:role|message|prompt|instruction|turn)s?.{0,60}?(?:n[o']t|un)\W?(?: be | are | currently )?"
    r"\W?(?:support|allow|enabl|accept|permit|available|valid)"
    r"|(?:not|n't|never|un)[ -]?(?:support|allow|accept|recogni[sz]e|permit|have)\w{0,3} (?:\S{1,40} ){0,4}?"
    r"\W{0,2}system\b"
    r"|no system (?:role|message|prompt)|role\W{1,3}system\W{1,3}(?:is |are )?(?:not|un)|\bsystem\W{1,3}extra inputs"
    r"|developer instruction is not"
    r"|(?<!message, )conversation roles must alternate"
    r"|only (?:\w{1,12} ){0,3}\W?user\b.{1,12}\b(?:assistant|model)\b"
    r"|first message\b.{1,30}\buser\b"
    r"|不支持 ?\W?(?:system|系统)|(?:system|系统)\W{0,3}(?:角色|消息|提示词?)?不(?:被|受)?支持"
    r"|(?:unsupported|unexpected|unknown|invalid|unrecogni[sz]ed)[ _](?:message )?(?:role|value)\W{1,4}system\b"
    r"|\bsystem\b\W{1,3}(?:is |was )?(?:not one of|not (?:a )?valid|not in|an? (?:invalid|unknown|unsupported))"
    r"|role.{0,60}(?:should be|must be|expected|one of).{0,20}user\W{1,4}(?:and |or )?\W?(?:assistant|model)",
    re.IGNORECASE | re.DOTALL,
)
_TEMPLATE = lazy_pattern(r"jinja|template ?error|chat[ _]template|raise_exception", re.IGNORECASE)
_NO_STREAM = lazy_pattern(
    r"to stream this model|(?<![\w-])stream(?:ing|ed)?\b.{0,60}?(?:(?:not|n't) (?:yet |currently |be )?(?:support"
    r"|allow|enabl|permit|available|implement|possible|accept)|unsupported|disabled"
    r"|unavailable|must be (?:set to )?false"
    r"|(?:does not|doesn't) support true)"
    r"|(?:not|n't|cannot|un)[ -]?(?:support|allow|do|permit)\w{0,3} (?:\S{1,40} ){0,3}?\W?stream(?:ing|ed)?\b"
    r"|only \S{0,20} ?non-?stream"
    r"|(?<![\w-])stream\W{1,3}(?:input )?(?:is |must be |should be |to |=|: )\W?false",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST = 4000
"""The characters of an error that are searched."""
_LIMITS = ("max_tokens", "max_completion_tokens", "maxOutputTokens", "num_predict")
_REFUSED = frozenset({400, 404, 405, 413, 422})
"""Status codes for a refused request."""
_SILENT = frozenset({"stream_options", "prefill", "prefix", "continue", "thinking_first", "adaptive", "max_tokens"})
"""Quirks that change nothing the user asked for."""
_PARAMETERS = {"temperature": "`temperature`", "top_p": "`top_p`", "seed": "`seed`"}

_NEXT = {"json_schema": "json_object", "named_tool": "tool_choice"}
"""What is tried where the first quirk of a refusal has not helped."""
_IN_WORDS = {
    "json_schema": "this model cannot be held to a schema, so it was told the schema in words",
    "output_format": "this model cannot be held to a schema by the API, so it was asked in another way",
    "tool_choice": "this model cannot be made to call a tool, so it was asked to in words",
}
"""Notes of what had no field."""

_SYSTEM_NOTE = "this model accepts no system prompt, so it was sent with the first question"
_MODEL_LIMIT = "the most that this model accepts"
_WHOLE_NOTE = "this model does not support streaming, so the reply arrives all at once"


class Remedy(msgspec.Struct, frozen=True):
    """A change to the request."""

    quirk: str
    note: str = ""
    """The note for the user, without the server's name; empty if nothing that they asked for changes."""

    def note_for(self, request: Request) -> str:
        """The note for this request; empty for a limit that the dialect chose and not the user."""
        limits = self.quirk.startswith((MAX_TOKENS, ROOM))
        return "" if limits and request.max_tokens is None else self.note

    @property
    def for_once(self) -> bool:
        """Whether it applies to this request only and is not remembered for the model."""
        return self.quirk.startswith(ROOM)


def remedy(status: int, body: bytes, sent: Json, spoken: Dialect, tried: Collection[str]) -> Remedy | None:
    """The remedy for a request with the body `sent` that was refused with this error; None if none is known.

    `tried` are the quirks that the request already had.
    """
    text = body.decode("utf-8", "replace")
    try:
        error: Json = parsed(body)
    except ValueError:
        error = None
    complaint = server_error_of(error, text)
    said = (complaint.said or text)[:_LONGEST]
    found = _common_remedy(status, said, text, error, sent) if isinstance(sent, dict) else None
    if found is not None and found.quirk not in tried:
        return found
    own = spoken.quirk(status, text)
    if own is not None and own in tried:
        own = _NEXT.get(own)
    if own is not None and own not in tried:
        return Remedy(own, _note_of(own))
    if offers_tools(sent) and refuses_tools(said):
        return None
    misnamed = status == 500 and "unexpected keyword argument" in said
    if not (status in {400, 422} or misnamed) or not isinstance(sent, dict):
        return None
    if complaint.too_long or complaint.no_credit or complaint.wrong_key:
        return None
    field = refused_field(said, error, sent, spoken.needed)
    if field is None or field.quirk in tried:
        return None
    silent = field.name.partition(".")[0] in _SILENT - {"max_tokens"}
    return Remedy(field.quirk, "" if silent else _note_of(field.quirk))


def is_filtered(status: int, body: bytes) -> bool:
    """Whether a content filter rejected the question, which no remedy can change."""
    if status not in {400, 422, 451}:
        return False
    try:
        error: Json = parsed(body)
    except ValueError:
        error = None
    return server_error_of(error, body.decode("utf-8", "replace")).filtered


def _common_remedy(status: int, said: str, text: str, error: Json, sent: Mapping[str, Json]) -> Remedy | None:
    if status not in _REFUSED | {403, 500, 501}:
        return None
    if _streams(sent) and (_NO_STREAM.search(said) or _param(error) == "stream"):
        return Remedy(WHOLE, _WHOLE_NOTE)
    if (
        status != 403
        and _has_system(sent)
        and (_NO_SYSTEM.search(said) or (status == 500 and _TEMPLATE.search(text[:_LONGEST])))
    ):
        return Remedy(SYSTEM, _SYSTEM_NOTE)
    if status not in {400, 413, 422}:
        return None
    asked = _limit_in(sent)
    limit = output_limit(f"{said} {_param(error)}", asked)
    if limit is None:
        return None
    if limit.of_model and asked:
        return Remedy(f"{MAX_TOKENS}{limit.tokens}", _lowered_note(asked, limit.tokens, _MODEL_LIMIT))
    return Remedy(f"{ROOM}{limit.tokens}", _lowered_note(asked, limit.tokens, "the space left in the context window"))


def note_of_known(quirk: str, request: Request, left_out: Iterable[str]) -> str:
    """The note for a remembered quirk; empty if it does not change this request.

    `left_out` are the quirks that removed a field from it.
    """
    if quirk.startswith(MAX_TOKENS):
        most = int(quirk.removeprefix(MAX_TOKENS))
        asked = request.max_tokens
        return _lowered_note(asked, most, _MODEL_LIMIT) if asked is not None and asked > most else ""
    if quirk == SYSTEM:
        return _SYSTEM_NOTE if any(turn.role == "system" for turn in request.turns) else ""
    if quirk == WHOLE:
        return _WHOLE_NOTE if request.stream else ""
    if quirk.startswith(WITHOUT):
        silent = field_of(quirk).partition(".")[0] in _SILENT - {"max_tokens"}
        return _note_of(quirk) if quirk in left_out and not silent else ""
    if quirk in _PARAMETERS:
        return _note_of(quirk) if getattr(request, quirk) is not None else ""
    if quirk in _IN_WORDS:
        applies = request.tool_choice.mode == "required" if quirk == "tool_choice" else _has_schema(request)
        return _IN_WORDS[quirk] if applies else ""
    return _note_of(quirk) if quirk.startswith("thinking") and request.thinking is not None else ""


def _has_schema(request: Request) -> bool:
    return request.output is not None and request.output.schema is not None


def _lowered_note(before: int | None, now: int, limit: str) -> str:
    """The note that `max_tokens` was lowered to a limit; `before` is None or 0 if the request set none."""
    change = f"from {before:,} to {now:,}" if before else f"to {now:,}"
    return f"`max_tokens` was lowered {change}, {limit}"


def _note_of(quirk: str) -> str:
    if quirk in _SILENT:
        return ""
    if quirk.startswith(WITHOUT):
        name = field_of(quirk)
        what = f"this value of `{name}`" if "=" in quirk else f"`{name}`"
        return f"this model does not accept {what}, so it was left out"
    if quirk in _IN_WORDS:
        return _IN_WORDS[quirk]
    if quirk in _PARAMETERS:
        return f"this model does not accept {_PARAMETERS[quirk]}, so it was left out"
    if quirk.startswith("thinking"):
        return "this model does not accept the chosen level of thinking, so it was changed or left out"
    return ""


def _streams(sent: Mapping[str, Json]) -> bool:
    # Gemini selects streaming by the path of the URL.
    return sent.get("stream") is True or "contents" in sent


def offers_tools(sent: Json) -> bool:
    """Return whether a request with this body offers tools."""
    return isinstance(sent, dict) and bool(sent.get("tools") or sent.get("functions"))


def _has_system(sent: Mapping[str, Json]) -> bool:
    messages = sent.get("messages")
    among = any(isinstance(each, dict) and each.get("role") == "system" for each in messages or ())
    return among or "system" in sent or "systemInstruction" in sent


def _limit_in(sent: Mapping[str, Json]) -> int | None:
    holders = [each for each in (sent, sent.get("generationConfig"), sent.get("options")) if isinstance(each, Mapping)]
    limits = (holder.get(name) for holder in holders for name in _LIMITS)
    return next((limit for limit in limits if isinstance(limit, int)), None)


def _param(error: Json) -> str:
    inner = error.get("error") if isinstance(error, dict) else None
    param = inner.get("param") if isinstance(inner, dict) else None
    return param[:100] if isinstance(param, str) else ""
