"""Resources of tool servers as `@server:uri` in the prompt: completed, and found by their names, too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from chat_tui.core.attachments.mentions import mention_of
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.files.path_text import can_be_written
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ServerResource, ToolServerStatus
from chat_tui.tui.prompt.completion import CompletionItem
from chat_tui.tui.widgets.formatting import byte_size

MOST_ROWS = 50
_SENTENCE_END = ".,;:!?)]}>'\""


def resource_rows(mention: str, statuses: Sequence[ToolServerStatus]) -> list[CompletionItem]:
    """Return the completions of a mention that is typed so far, `@` included: those that begin so first, then those
    whose URI, name or title has the letters."""
    typed = mention.removeprefix("@").strip('"').casefold()
    all_named = [(f"{status.name}:{resource.uri}", resource) for status in statuses for resource in status.resources]
    first = [pair for pair in all_named if pair[0].casefold().startswith(typed)]
    rows = list(islice(_rows(first), MOST_ROWS))
    if len(rows) < MOST_ROWS:
        rest = (pair for pair in all_named if not pair[0].casefold().startswith(typed) and _has_letters(typed, *pair))
        rows += islice(_rows(rest), MOST_ROWS - len(rows))
    return rows


def _has_letters(typed: str, named: str, resource: ServerResource) -> bool:
    return any(typed in text.casefold() for text in (named, resource.name, resource.title))


def _rows(pairs: Iterable[tuple[str, ServerResource]]) -> Iterator[CompletionItem]:
    return (_row(named, resource) for named, resource in pairs if can_be_written(named))


def _row(named: str, resource: ServerResource) -> CompletionItem:
    title = resource.title or resource.name
    if resource.is_template:
        # What is in braces is typed by the person.
        return CompletionItem(mention_of(named.partition("{")[0], whole=False), f"{title} · {resource.uri}")
    size = byte_size(resource.size_bytes) if resource.size_bytes else ""
    return CompletionItem(mention_of(named) + " ", " · ".join(filter(None, (title, resource.media_type, size))))


def resource_uri(status: ToolServerStatus, text: str) -> str:
    """Return the URI that a text means: a URI, or the name or title of a resource that the server lists. Raises
    `AttachmentRefused` if it is neither."""
    listed = [resource for resource in status.resources if not resource.is_template]
    for wanted in dict.fromkeys((text, text.rstrip(_SENTENCE_END))):
        for resource in listed:
            if wanted == resource.uri:
                return resource.uri
        for resource in listed:
            if wanted and wanted.casefold() in (resource.name.casefold(), resource.title.casefold()):
                return resource.uri
    if ":" in text:
        # Servers need not list all that they have.
        return text
    raise AttachmentRefused(
        f"{status.name} has no resource {shorten(text, 80) or 'without a name'}.",
        f"@{status.name}: lists them; nothing was sent.",
    )
