"""Converts conversations of ChatGPT's export: trees of nodes, many of which are not visible messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import State
from chat_tui.core.conversation import now, title_of
from chat_tui.core.text.bounds import time_of_seconds
from chat_tui.history.transfer.answer_parts import tool_block
from chat_tui.history.transfer.records import (
    KEY_CHARACTERS,
    BadRecord,
    ConversationHeader,
    ImportedConversation,
    SkippedRecord,
    text_or_empty,
)
from chat_tui.history.transfer.source_messages import SourceCall, SourceMessage, SourceResult
from chat_tui.history.transfer.tree_builder import build_turns, imported_turns

_NODES = 200_000
_ASIDE = {"thoughts", "reasoning_recap", "code", "execution_output", "system_error"}
_LEFT_OUT = {"user_editable_context", "model_editable_context"}
_MARK = re.compile("\ue200([^\ue200\ue201]{0,2000})\ue201")
_LEFT_MARKS = re.compile("[\ue200-\ue206]")

Image = Callable[[str], Attachment | None]
"""Finds an image by its asset pointer."""


def is_conversation(value: Any) -> bool:
    """Whether this JSON value is a conversation of ChatGPT."""
    return isinstance(value, dict) and "mapping" in value


def convert(value: dict[str, Any], image: Image | None) -> ImportedConversation:
    """The conversation of a record. Raises `BadRecord`."""
    id = text_or_empty(value.get("conversation_id")) or text_or_empty(value.get("id"))
    if not id or len(id) > KEY_CHARACTERS:
        raise BadRecord("it has no id")
    nodes = value["mapping"]
    if not isinstance(nodes, dict) or len(nodes) > _NODES:
        raise BadRecord("its `mapping` is not valid")
    model = text_or_empty(value.get("default_model_slug"))
    steps = _with_call_ids({key: _step(key, node, model) for key, node in nodes.items()})
    current = value.get("current_node")
    drafts, lost = build_turns(steps, current if isinstance(current, str) else None)
    times = [draft.created for draft in drafts if draft.created is not None]
    created = time_of_seconds(value.get("create_time")) or min(times, default=None) or now()
    head = ConversationHeader(
        f"chatgpt:{id}",
        created,
        time_of_seconds(value.get("update_time")) or max(times, default=created),
        text_or_empty(value.get("title"))[:300]
        or title_of(next((text for draft in drafts for text in draft.texts), "")),
        _system_prompt(nodes) or None,
        pinned=value.get("is_starred") is True or time_of_seconds(value.get("pinned_time")) is not None,
    )
    notes = (
        [SkippedRecord(f"{lost} messages of {head.title or id}", "they refer to each other in a circle")]
        if lost
        else []
    )
    return ImportedConversation(head, chain(notes, imported_turns(drafts, lambda pointers: _files(pointers, image))))


def _step(id: str, node: Any, default_model: str) -> SourceMessage:
    parent = _field(node, "parent")
    parent = parent if isinstance(parent, str) and parent != id else None
    message = _field(node, "message")
    role = _field(_field(message, "author"), "role")
    content = _field(message, "content")
    if not isinstance(content, dict) or _is_hidden(message, content):
        return SourceMessage(parent=parent)
    text, files = _read_content(content)
    created = time_of_seconds(_field(message, "create_time"))
    if role == "user":
        seen = bool(text.strip() or files)
        return SourceMessage("user" if seen else "hidden", parent, _without_marks(text), files=files, created=created)
    if role not in ("assistant", "tool"):
        return SourceMessage(parent=parent)
    metadata = _field(message, "metadata")
    slug = text_or_empty(_field(metadata, "model_slug")) or default_model
    step = SourceMessage(
        "aside", parent, files=files, created=created, model=f"chatgpt/{slug[:100]}" if slug else "chatgpt"
    )
    if role == "tool":
        return msgspec.structs.replace(step, results=(_result(message, content, text),))
    if _is_call(message, content) and text.strip():
        return msgspec.structs.replace(step, calls=(_call(message, text),))
    if _is_aside(message, content):
        return msgspec.structs.replace(step, aside=_aside(message, content, text))
    state: State = "complete"
    finish = _field(_field(metadata, "finish_details"), "type")
    if finish == "max_tokens":
        state = "length"
    elif finish == "interrupted":
        state = "cancelled"
    elif _field(message, "status") == "in_progress":
        state = "broken"
    return msgspec.structs.replace(step, kind="assistant", text=_without_marks(text), state=state)


def _with_call_ids(steps: Mapping[str, SourceMessage]) -> dict[str, SourceMessage]:
    """Return the messages with the call's id for each result that directly follows one call of its tool.

    The export has no ids of calls, but a tree of messages. The results of several calls in a row follow the last one:
    like all others they are paired by the name of the tool, in order.
    """

    def tools_of(key: str | None) -> set[str]:
        return {call.name for call in steps[key].calls} if key is not None and key in steps else set()

    def with_ids(key: str, step: SourceMessage) -> SourceMessage:
        calls = [msgspec.structs.replace(call, id=key) for call in step.calls]
        results = list(step.results)
        if results and step.parent is not None and (above := tools_of(step.parent)):
            single = above - tools_of(steps[step.parent].parent)
            results = [
                msgspec.structs.replace(each, call=step.parent) if each.name in single else each for each in results
            ]
        return msgspec.structs.replace(step, calls=tuple(calls), results=tuple(results))

    return {key: with_ids(key, step) for key, step in steps.items()}


def _system_prompt(nodes: dict[str, Any]) -> str:
    """The first visible system message; empty if there is none."""
    for node in nodes.values():
        message = _field(node, "message")
        content = _field(message, "content")
        if _field(_field(message, "author"), "role") != "system" or not isinstance(content, dict):
            continue
        if not _is_hidden(message, content) and (text := _read_content(content)[0].strip()):
            return text
    return ""


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _is_hidden(message: Any, content: dict[str, Any]) -> bool:
    if text_or_empty(content.get("content_type")) in _LEFT_OUT:
        return True
    hidden = _field(_field(message, "metadata"), "is_visually_hidden_from_conversation") is True
    return hidden and _field(_field(message, "author"), "role") != "tool"


def _is_aside(message: Any, content: dict[str, Any]) -> bool:
    recipient = _field(message, "recipient")
    return recipient not in (None, "all") or text_or_empty(content.get("content_type")) in _ASIDE


def _is_call(message: Any, content: dict[str, Any]) -> bool:
    """Whether the assistant wrote this to a tool."""
    recipient = text_or_empty(_field(message, "recipient"))
    return recipient not in ("", "all") and content.get("content_type") not in ("thoughts", "reasoning_recap")


def _call(message: Any, text: str) -> SourceCall:
    tool = text_or_empty(_field(message, "recipient"))
    return SourceCall("", tool, text, tool_block(tool, text))


def _result(message: Any, content: dict[str, Any], text: str) -> SourceResult:
    """What a tool wrote, which has the tool's name only."""
    tool = text_or_empty(_field(_field(message, "author"), "name"))
    state: State = "failed" if content.get("content_type") == "system_error" else "complete"
    return SourceResult("", tool, text, state, _aside(message, content, text))


def _aside(message: Any, content: dict[str, Any], text: str) -> str:
    """The text of a thought, or of what a tool wrote."""
    kind = content.get("content_type")
    if kind == "thoughts":
        return text
    if kind == "reasoning_recap" or not text.strip():
        return ""
    author = _field(message, "author")
    tool = _field(author, "name") if _field(author, "role") == "tool" else _field(message, "recipient")
    return tool_block(text_or_empty(tool), text)


def _read_content(content: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The text of a message, and the pointers of its images."""
    texts: list[str] = []
    pointers: list[str] = []
    parts = content.get("parts")
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            kind = text_or_empty(part.get("content_type"))
            if "image" in kind and isinstance(part.get("asset_pointer"), str):
                pointers.append(part["asset_pointer"])
            elif kind == "audio_transcription":
                texts.append(text_or_empty(part.get("text")))
            elif kind:
                texts.append(f"[{kind[:60]}: not part of the text]")
    thoughts = content.get("thoughts")
    for thought in thoughts if isinstance(thoughts, list) else []:
        texts.append(
            "\n".join(
                filter(None, [text_or_empty(_field(thought, "summary")), text_or_empty(_field(thought, "content"))])
            )
        )
    texts += [text_or_empty(content.get(name)) for name in ("text", "result", "content") if not isinstance(parts, list)]
    return "\n\n".join(filter(None, texts)), tuple(pointers)


def _files(pointers: tuple[str, ...], image: Image | None) -> tuple[list[Attachment], list[str]]:
    files: list[Attachment] = []
    missing: list[str] = []
    for pointer in pointers:
        found = image(pointer) if image else None
        if found is None:
            missing.append(f"[image: {pointer.rpartition('/')[2][:100]}, not included in the export]")
        else:
            files.append(found)
    return files, missing


def _without_marks(text: str) -> str:
    """The text without citation marks; the names of linked entities stay."""
    if not _LEFT_MARKS.search(text):
        return text
    return _LEFT_MARKS.sub("", _MARK.sub(_mark_text, text))


def _mark_text(mark: re.Match[str]) -> str:
    kind, _, rest = mark[1].partition("\ue202")
    if kind != "entity":
        return ""
    try:
        names = msgspec.json.decode(rest, type=list[str])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return names[1] if len(names) > 1 else ""
