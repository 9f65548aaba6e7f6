"""The commands of line mode on conversations and the history."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial

from chat_tui.cli.line.command_registry import line_command
from chat_tui.cli.line.line_chat import LineChat, say, speaker_of
from chat_tui.cli.line.word_completion import WordCompletion, complete_argument
from chat_tui.core.context import Exchange
from chat_tui.core.conversation import RESTORABLE_DAYS, ConversationSummary, days_left, now
from chat_tui.core.errors import CommandError
from chat_tui.core.settings.exchange_choice import parse_choice
from chat_tui.core.text.counts import count_of
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.search_progress import search_count
from chat_tui.engine.conversations.listing import join_steps

_LISTED = 20
_LEFT_OUT = {
    "window": "left out, the context window is full",
    "exchanges": "left out, there are more exchanges than are sent",
    "kept out": "left out, excluded by you",
    "empty": "left out, its answer is empty",
}


def _complete_title(chat: LineChat, typed: str) -> list[WordCompletion]:
    return complete_argument(typed, chat.titles)


@line_command("clear")
async def _clear(chat: LineChat, _: str) -> None:
    _note_leaving(chat)
    chat.begin()
    say("[new conversation]")


def _note_leaving(chat: LineChat) -> None:
    """Let `/undo` return to the conversation in use."""
    if chat.conversation_id is not None:
        back = partial(chat.open, chat.conversation_id)
        chat.undo.push("return to the conversation before", "[back in the conversation before]", back)


@line_command("private")
async def _private(chat: LineChat, _: str) -> None:
    _note_leaving(chat)
    chat.begin()
    chat.conversation_id = (await chat.engine.conversations.begin_private()).id
    say("[new private conversation: it is never saved, and gone when chat-tui ends]")


@line_command("history")
async def _history(chat: LineChat, words: str) -> None:
    if words:
        await _search(chat, words)
        return
    found = await chat.engine.conversations.summaries(_LISTED)
    say(*[_row(row) for row in found] or ["[no conversations yet]"])
    if found:
        say("[/open ID goes on with one; /search WORDS searches all messages]")


def _row(row: ConversationSummary) -> str:
    marks = f"{', pinned' if row.pinned else ''}{', private' if row.private else ''}"
    return f"{row.id}: {shorten(row.title, 100)}, {row.updated.astimezone():%Y-%m-%d %H:%M}{marks}"


@line_command("search")
async def _search(chat: LineChat, words: str) -> None:
    if not words:
        await _history(chat, "")
        return
    async with aclosing(chat.engine.conversations.search_steps(words, _LISTED, counts=True)) as steps:
        found = join_steps([step async for step in steps])
    for title in found.titles[:_LISTED]:
        say(f"{title.summary.id}: {shorten(title.summary.title, 60)}, title")
    for hit in found.hits[: max(0, _LISTED - len(found.titles))]:
        speaker = "you" if hit.role == "user" else hit.model or hit.role
        say(f"{hit.conversation}: {shorten(hit.conversation_title, 60)}, {speaker}: {shorten(hit.snippet, 200)}")
    total = search_count(found.messages, len(found.titles), found.conversations, complete=found.complete)
    say(f"[{total}; /open ID goes on with one]" if total else "[nothing found]")


@line_command("open", _complete_title)
async def _open(chat: LineChat, name: str) -> None:
    left = chat.conversation_id
    if not name:
        await _history(chat, "")
        return
    await chat.open(name)
    if left is not None and left != chat.conversation_id:
        back = partial(chat.open, left)
        chat.undo.push("return to the conversation before", "[back in the conversation before]", back)


@line_command("find")
async def _find(chat: LineChat, words: str) -> None:
    if not words:
        raise CommandError("No words were given.", "For example: /find recipe")
    wanted, found = words.casefold(), 0
    for number, turn in enumerate((await chat.conversation()).path, 1):
        for line in turn.text.splitlines():
            at = line.casefold().find(wanted)
            if at >= 0:
                found += 1
                say(f"message {number}, {speaker_of(turn)}: {shorten(line[max(0, at - 60) :], 200)}")
    say(f"[{count_of(found, 'line')} found]" if found else "[nothing found in this conversation]")


@line_command("rename")
async def _rename(chat: LineChat, title: str) -> None:
    conversation = await chat.conversation()
    if not title:
        say(f"[title: {conversation.title}]")
        return
    rename = chat.engine.conversations.rename
    told = await rename(conversation.id, title, whole=True)
    back = partial(rename, conversation.id, conversation.title, whole=True)
    chat.undo.push("restore the title", f"[title: {conversation.title}]", back)
    say(f"[title: {told}]")


@line_command("pin")
async def _pin(chat: LineChat, _: str) -> None:
    conversation = await chat.conversation()
    pin = chat.engine.conversations.pin
    await pin(conversation.id, not conversation.pinned)
    told = {True: "[pinned]", False: "[no longer pinned]"}
    back = partial(pin, conversation.id, conversation.pinned)
    chat.undo.push("undo pinning", told[conversation.pinned], back)
    say(told[not conversation.pinned])


@line_command("delete")
async def _delete(chat: LineChat, _: str) -> None:
    conversation = await chat.conversation()
    title = shorten(conversation.title, 60)
    await chat.engine.delete(conversation.id)
    chat.begin()

    async def restore() -> None:
        await chat.engine.conversations.deletion.restore(conversation.id)
        await chat.open(conversation.id)

    is_due = partial(chat.engine.conversations.deletion.can_restore, conversation.id)
    chat.undo.push("restore the conversation", f"[restored: {title}]", restore, is_due=is_due)
    say(f"[deleted: {title}; /undo restores it, and for {RESTORABLE_DAYS} days `chat-tui history restore`]")


@line_command("deleted")
async def _deleted(chat: LineChat, _: str) -> None:
    found = await chat.engine.conversations.deletion.list_deleted(_LISTED)
    for each in found:
        left = count_of(days_left(each.deleted, now()), "day")
        say(f"{each.summary.id}: {shorten(each.summary.title, 100)}, {left} left")
    say("[`chat-tui history restore ID` restores one]" if found else "[no deleted conversations]")


@line_command("context")
async def _context(chat: LineChat, typed: str) -> None:
    conversation = await chat.conversation()
    context = await chat.engine.estimates.context(conversation.id, chat.settings)
    if typed:
        choice = parse_choice(typed, context)
        await chat.engine.conversations.keep(conversation.id, choice.exchange.question, choice.kept)
        say(f"[{choice.told}]")
        return
    texts = {turn.id: turn.text for turn in conversation.path}
    number = 0
    for exchange in context.exchanges:
        number += not exchange.is_summary
        name = "Summary" if exchange.is_summary else f"{number}."
        say(f"{name} {_exchange(exchange)}: {shorten(texts.get(exchange.question, ''), 100)}")
    window = f" of {context.window:,}" if context.window else ""
    model = f" to {context.model}" if context.model else ""
    say(f"[≈{context.tokens:,}{window} tokens would be sent{model} before the next message]")


def _exchange(exchange: Exchange) -> str:
    state = _LEFT_OUT.get(exchange.why_not, "always sent" if exchange.kept else "sent")
    return f"{state}, ≈{exchange.tokens:,} tokens"
