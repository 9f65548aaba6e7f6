"""A better title for a conversation than its first words, from a model that costs nothing."""

from __future__ import annotations

from chat_tui.conversation import TITLE_LENGTH
from chat_tui.errors import ChatTuiError
from chat_tui.models import Model
from chat_tui.request import Request
from chat_tui.routing.router import Router
from chat_tui.text_safety import clean_line

_LOOKED_AT = 600
"""Characters of question and answer that the model is shown."""
_ASKED = "Give this conversation a title of at most six words, in its own language. Answer with the title only."
_TITLE_TOKENS = 16
_TITLE_SECONDS = 30.0


def title_model(router: Router, *, local: bool) -> Model | None:
    """The model that a strategy for speed would take among those that cost nothing; `local`: only on this machine."""
    plan = router.plan(Request(prompt=_ASKED, strategy="speed-priority"))
    free = (model for model in plan.models if model.local or (model.price_in == 0 and model.price_out == 0))
    return next((model for model in free if model.local or not local), None)


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
