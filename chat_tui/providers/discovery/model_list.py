"""Lists the models of a server, and asks it about each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import Model, Provider
from chat_tui.core.text.control_characters import clean_line
from chat_tui.providers.dialects import dialect
from chat_tui.providers.dialects.dialect import Json
from chat_tui.providers.dialects.model_list import ModelList
from chat_tui.providers.dialects.model_probe import ProbeRequest
from chat_tui.providers.endpoint import url_of

MODELS_LIMIT = 5000
"""The most models that are read of one server's list."""
PAGES_LIMIT = 20
"""The most pages that are read of one server's list."""
LOOKED_UP = 100
"""The most models of one server that are looked up one by one."""
AT_ONCE = 8
"""Concurrent requests to one server."""


async def fetch_list(page: Callable[[str], Awaitable[Json]], provider: Provider, rows: ModelList) -> Json:
    """Return a server's list of models, all pages under the key of the first; `page` fetches a page by its URL."""
    first: Json = None
    path, asked = rows.path, set[str]()
    while path and path not in asked and len(asked) < PAGES_LIMIT:
        asked.add(path)
        elsewhere = provider.models_url if len(asked) == 1 else ""
        got = await page(elsewhere or url_of(provider, path))
        told = got.get(rows.key) if isinstance(got, dict) else None
        if first is None:
            first = got
        elif isinstance(told, list):
            first[rows.key] += told
        path = rows.more(got) if isinstance(told, list) else ""
    return first


async def look_up_models(
    ask: Callable[[ProbeRequest], Awaitable[Json]], provider: Provider, models: Sequence[Model], seconds: float
) -> list[Model]:
    """Return those models about which the server says more within the time, with what it says."""
    spoken = dialect(provider.dialect).look_up
    asked = {model.name: spoken.questions(model) for model in models[:LOOKED_UP]}
    turns = asyncio.Semaphore(AT_ONCE)

    async def answer(question: ProbeRequest) -> Json:
        async with turns:
            try:
                return await ask(question)
            except ChatTuiError:
                return None

    questions = dict.fromkeys(question for each in asked.values() for question in each)
    asking = {question: asyncio.ensure_future(answer(question)) for question in questions}
    if not asking:
        return []
    try:
        done, _ = await asyncio.wait(asking.values(), timeout=seconds)
        answers = {question: task.result() if task in done else None for question, task in asking.items()}
    finally:
        for task in asking.values():
            task.cancel()
        await asyncio.gather(*asking.values(), return_exceptions=True)
    told = [spoken.learned(model, [answers[each] for each in asked[model.name]]) for model in models[:LOOKED_UP]]
    return [now for model, now in zip(models, told, strict=False) if now != model]


def models_of(provider: Provider, listing: Json) -> tuple[Model, ...]:
    """Return the models in a server's list, with their windows as far as they are listed."""
    spoken = dialect(provider.dialect).model_list
    rows = listing.get(spoken.key) if isinstance(listing, dict) else listing
    if not isinstance(rows, list):
        return ()
    models = []
    for row in rows[:MODELS_LIMIT]:
        listed = spoken.read(row) if isinstance(row, dict) else None
        if listed is not None:
            name = f"{provider.name}/{clean_line(listed.id, 200)}"
            # What leaves this machine by way of a server on it is taken only by name.
            here = provider.local and not listed.passed_on
            selectable = here or not provider.local
            model = Model(name, listed.context_window, local=here, selectable=selectable)
            models.append(
                msgspec.structs.replace(
                    model,
                    images=listed.images,
                    server=listed.server,
                    max_output=listed.max_output,
                    not_for_chat=listed.not_for_chat,
                    billions=listed.billions,
                    tools=listed.tools,
                    schemas=listed.schemas,
                    **msgspec.structs.asdict(listed.prices),
                )
            )
    return tuple(models)
