"""The command of line mode that summarises earlier messages."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial

from chat_tui.cli.line.command_registry import line_command
from chat_tui.cli.line.line_chat import LineChat, say
from chat_tui.core.text.counts import count_of
from chat_tui.engine.answers.summarizer import SummaryPlan, SummaryRun, WrittenSummary, parse_kept
from chat_tui.tui.widgets import formatting

_KEEP = "Keep it? y: keep, e: change it first, n: discard:"


@line_command("compact")
async def _compact(chat: LineChat, typed: str) -> None:
    kept = parse_kept(typed)
    conversation = await chat.conversation()
    plan = await chat.engine.summaries.plan(conversation.id, kept, chat.settings)
    messages = count_of(plan.summarized.messages, "earlier message")
    say(f"[{plan.model} would summarise {messages}: {_price(plan)}; nothing is deleted]")
    if (await chat.input.ask("Summarise? y or n:") or "").strip().casefold() not in ("y", "yes"):
        say("[nothing was sent or changed]")
        return
    written = await _write(chat, plan)
    text = await _decide(chat, written.text)
    if text is None:
        say("[the summary was discarded; nothing was changed]")
        return
    summary = (await chat.engine.summaries.keep(plan.place, written, text)).path[-1].id
    back = partial(chat.engine.summaries.take_back, conversation.id, summary)
    is_due = partial(chat.engine.summaries.is_last, conversation.id, summary)
    chat.undo.push("take back the summary", "[summary taken back: all messages are sent again]", back, is_due=is_due)
    say(f"[summary kept: it is sent in place of {messages}; /undo takes it back]")


def _price(plan: SummaryPlan) -> str:
    requests = f" in {len(plan.parts)} requests" if len(plan.parts) > 1 else ""
    price = "price not known" if plan.price is None else formatting.about_cost(plan.price) if plan.price else "free"
    return f"≈{plan.tokens:,} tokens{requests}, {price}"


async def _write(chat: LineChat, plan: SummaryPlan) -> WrittenSummary:
    """Let the model write; Ctrl-C stops it. Raises `CommandError` if no summary was made."""
    run, step = chat.engine.summaries.begin(plan), 0
    with chat.answers.interruptible() as interrupted:
        watch = asyncio.ensure_future(_cancel(interrupted, run))
        try:
            async with aclosing(run.texts()) as texts:
                say(f"[{plan.model} writes; Ctrl-C stops and keeps nothing]")
                async for _ in texts:
                    if run.step > max(step, 1):
                        say(f"[request {run.step} of {len(plan.parts)}]")
                    step = run.step
        finally:
            watch.cancel()
    written = run.result()
    say("Summary:", written.text)
    if written.is_cut:
        say("[it was cut at the limit of tokens]")
    return written


async def _cancel(interrupted: asyncio.Event, run: SummaryRun) -> None:
    await interrupted.wait()
    await run.cancel()


async def _decide(chat: LineChat, text: str) -> str | None:
    """Return the summary as a person keeps it; None if it is discarded."""
    while True:
        word = (await chat.input.ask(_KEEP) or "n").strip().casefold()
        if word in ("y", "yes"):
            return text
        if word in ("n", "no", ""):
            return None
        if word in ("e", "edit"):
            text = await chat.input.edit(text) or text
        else:
            say("[y, e or n]")
