"""A better title for a conversation than its first words, from a model that costs nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from chat_tui.config.load import Config
from chat_tui.core.conversation import TITLE_LENGTH, title_of
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.text.control_characters import clean_line
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.conversations.conversations import Conversations
from chat_tui.routing.router import Router

_LOOKED_AT = 600
"""Characters of question and answer that the model is shown."""
_ASKED = "Give this conversation a title of at most six words, in its own language. Answer with the title only."
_TITLE_TOKENS = 12
_TITLE_SECONDS = 30.0


def title_model(router: Router, *, local: bool) -> Model | None:
    """The model that a strategy for speed would take among those that cost nothing; `local`: only on this machine."""
    plan = router.plan(Request(prompt=_ASKED, strategy="speed-priority"))
    free = (model for model in plan.models if (model.local if local else model.free))
    # Nobody wants 93 MB fetched for a title.
    return next((model for model in free if not model.to_be_fetched), None)


async def better_title(router: Router, model: str, question: str, answer: str) -> str:
    """The title that this model gives; empty where it gives none."""
    said = f"User: {question[:_LOOKED_AT]}\n\nAssistant: {answer[:_LOOKED_AT]}"
    request = Request(
        prompt=f"{_ASKED}\n\n{said}\n\nTitle:",
        model=model,
        max_tokens=_TITLE_TOKENS,
        temperature=0.2,
        stop=("\n",),
        timeout_seconds=_TITLE_SECONDS,
        fallback=False,
        thinking="off",
    )
    try:
        reply = await router.process(request)
    except ChatTuiError:
        return ""
    return title_in(reply.text) if reply.end.state in {"complete", "length"} else ""


def title_in(reply: str) -> str:
    """The title in a model's reply: its first line without quotes, label and full stop; empty where that is none."""
    first = next((line for line in reply.splitlines() if line.strip()), "")
    title = clean_line(first, 200).strip().removeprefix("Title:").strip(" *#\"'“”„«»`").rstrip(".").strip()
    return title if 0 < len(title) <= TITLE_LENGTH else ""


class TitleGenerator:
    """Gives conversations better titles in the background, where the setting allows."""

    def __init__(self, config: Config, router: Router, conversations: Conversations) -> None:
        self._config, self._router, self._conversations = config, router, conversations
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def begin(self, answer: Answer) -> None:
        """An answer was saved: if it is a conversation's first one, a title is made from it."""
        if self._config.titles == "model" and not self._closed and answer.turn.state == "complete":
            task = asyncio.ensure_future(self._entitle(answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _entitle(self, answer: Answer) -> None:
        # A title is not worth a word about what went wrong; the conversation may be gone meanwhile.
        with suppress(ChatTuiError):
            conversation = await self._conversations.conversation(answer.conversation_id)
            if len(conversation.path) != 2 or conversation.title != title_of(answer.question.text):
                return
            if conversation.path[-1].id != answer.turn.id:
                # One of several that were asked for at once.
                return
            private = self._conversations.is_private(conversation.id)
            model = None if private else self._config.titles_model
            if model is None and (free := title_model(self._router, local=private)) is not None:
                model = free.name
            title = await better_title(self._router, model, answer.question.text, answer.turn.text) if model else ""
            if title and (await self._conversations.conversation(conversation.id)).title == conversation.title:
                await self._conversations.rename(conversation.id, title)

    async def quiet(self) -> None:
        """Wait until every title that was begun is there."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def close(self) -> None:
        """Leave off."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await self.quiet()
