"""Makes better titles for conversations than their first words, with a free model."""

from __future__ import annotations

from contextlib import suppress

from chat_tui.config.schema import Config
from chat_tui.core.conversation import TITLE_LENGTH, title_of
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import LOCAL_MODEL, Model
from chat_tui.core.request import Request
from chat_tui.core.text.control_characters import clean_line
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.background_tasks import BackgroundTasks
from chat_tui.engine.conversations.conversations import Conversations
from chat_tui.routing.router import Router

_LOOKED_AT = 600
"""Characters of the question, and of the answer, that the model is shown."""
_ASKED = "Give this conversation a title of at most six words, in its own language. Answer with the title only."
_TITLE_TOKENS = 12
_TITLE_SECONDS = 30.0


def title_model(router: Router, *, local: bool) -> Model | None:
    """The fastest free model that needs no download, or the fastest local one; None if there is none."""
    plan = router.plan(Request(prompt=_ASKED, strategy="speed-priority"))
    free = (model for model in plan.models if (model.local if local else model.free))
    return next((model for model in free if not model.to_be_fetched), None)


async def better_title(router: Router, model: str, question: str, answer: str) -> str:
    """The title that this model gives; empty if it gives none."""
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
    """The first line of a model's reply without quotes, label and full stop; empty if that is too long for a title."""
    first = next((line for line in reply.splitlines() if line.strip()), "")
    title = clean_line(first, 200).strip().removeprefix("Title:").strip(" *#\"'“”„«»`").rstrip(".").strip()
    return title if 0 < len(title) <= TITLE_LENGTH else ""


class TitleGenerator:
    """Gives conversations better titles in the background, if `titles = "model"`."""

    def __init__(self, config: Config, router: Router, conversations: Conversations) -> None:
        self._config, self._router, self._conversations = config, router, conversations
        self._tasks = BackgroundTasks()
        self._closed = False

    def offer(self) -> str:
        """The free local model that could make the titles, if the config does not ask for them; empty if none could.

        The built-in model is too small for that.
        """
        if self._config.titles == "model":
            return ""
        model = title_model(self._router, local=True)
        return model.name if model is not None and model.name != LOCAL_MODEL else ""

    def begin(self, answer: Answer) -> None:
        """Make a title from a saved answer if it is the first of its conversation; what a model says before its tool
        calls is no answer yet."""
        ended = answer.turn.state == "complete" and not answer.turn.calls
        if self._config.titles == "model" and not self._closed and ended:
            self._tasks.start(self._entitle(answer))

    async def _entitle(self, answer: Answer) -> None:
        # A missing title is not worth an error message; the conversation may be gone by now.
        with suppress(ChatTuiError):
            conversation = await self._conversations.conversation(answer.conversation_id)
            questions = sum(turn.role == "user" for turn in conversation.path)
            if questions != 1 or conversation.title != title_of(answer.question.text):
                return
            if conversation.path[-1].id != answer.turn.id:
                # One of several answers of a comparison.
                return
            private = self._conversations.is_private(conversation.id)
            model = None if private else self._config.titles_model
            if model is None and (free := title_model(self._router, local=private)) is not None:
                model = free.name
            title = await better_title(self._router, model, answer.question.text, answer.turn.text) if model else ""
            if title and (await self._conversations.conversation(conversation.id)).title == conversation.title:
                await self._conversations.rename(conversation.id, title)

    async def wait(self) -> None:
        """Wait until all titles that were begun are made."""
        await self._tasks.wait()

    async def close(self) -> None:
        """Stop making titles."""
        self._closed = True
        await self._tasks.cancel()
