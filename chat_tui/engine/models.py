"""The models that can be asked, which of the offered ones were chosen, and what the next question needs of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import time

import msgspec

from chat_tui.config.schema import Config
from chat_tui.core.models import LOCAL_MODEL, Model, ModelStatus
from chat_tui.core.request import Request
from chat_tui.core.route import Route
from chat_tui.engine.conversations.places import Places
from chat_tui.engine.protocols import LocalWeights, ModelBackend
from chat_tui.routing.router import Router

LEARNED = "learned of models"
"""The place in the store for what routing has learned of the models."""
CHOSEN = "models chosen"
"""The place in the store for the offered models that were chosen: one a line, a tab, and the server that the user
agreed to. Earlier versions wrote no server."""
CHOSEN_LIMIT = 200


class ModelRegistry:
    """Made by the engine as `engine.models`."""

    def __init__(
        self, config: Config, router: Router, places: Places, weights: LocalWeights, backend: ModelBackend
    ) -> None:
        self._config, self._router, self._backend = config, router, backend
        self._weights, self._places = weights, places

    def status(self) -> Sequence[ModelStatus]:
        """Every model and how it fares, for the picker."""
        return self._backend.statuses()

    def window_of(self, model: str) -> int | None:
        """A model's window in tokens; None where that, or the model, is not known."""
        return next((known.context_window for known in self._router.models if known.name == model), None)

    def strategies(self) -> Sequence[str]:
        """The strategies' names, in the order in which a key walks through them."""
        return self._router.strategies()

    def first_choice(self, strategy: str) -> str:
        """The model that this strategy would ask first now, empty when there is none."""
        plan = self._router.plan(Request(prompt=" ", strategy=strategy))
        return plan.models[0].name if plan.models else ""

    def preview_route(self, request: Request) -> tuple[str, Route]:
        """Return the model that would be asked now, and why; nobody is asked. Raises `NoModel`."""
        name, route = self._router.preview(request)
        model = next((known for known in self._router.models if known.name == name), Model(name))
        remarks = [remark.reason for remark in self._backend.remarks(model, request)]
        return name, msgspec.structs.replace(route, notes=(*route.notes, *remarks))

    def knows(self, model: str) -> bool:
        """Return whether a model of this name can be asked. One of a known provider is added if it was not listed."""
        self._backend.admit(model)
        return any(known.name == model for known in self._router.models)

    def in_use(self) -> Sequence[Model]:
        """The models that can be asked by name without choosing them first."""
        return [model for model in self._router.models if not model.named]

    def resting_seconds(self, model: str) -> float:
        """Seconds that are left of a model's cooldown; 0 if it has none."""
        return self._router.health.resting_seconds(model)

    async def discover(self) -> None:
        """Ask the configured servers for their models; `status()` and `strategies()` have all afterwards."""
        await asyncio.gather(self._backend.discover(), asyncio.to_thread(self._router.load_plug_ins))

    async def look_up(self, model: str) -> None:
        """Ask the model's server for its context window if it is unknown."""
        await self._backend.look_up(model)

    async def recall(self) -> None:
        """Restore what earlier sessions learned of the models (older knowledge counts less) and the chosen ones."""
        self._router.health.load_json(await self._places.get(LEARNED), time())
        self._backend.take(await self._read_agreed())

    async def save_learned(self) -> None:
        """Store what was learned of the models, for `recall` at the next start."""
        await self._places.set(LEARNED, self._router.health.to_json(time()))

    def note_verdict(self, model: str, kind: str, good: bool | None, *, before: bool | None) -> None:
        """Note a person's verdict on an answer to a question of this kind, in place of the verdict before."""
        health = self._router.health
        if before is not None:
            health.withdraw_verdict(model, float(before), kind)
        if good is not None:
            health.note_verdict(model, float(good), kind)

    async def use(self, model: str) -> None:
        """Put a chosen model to use; a model that was only offered stays in use after a restart."""
        if self._backend.offers(model):
            server = self._backend.server_of(model)
            self._backend.take({model: server})
            await self._keep_agreed({**await self._read_agreed(), model: server})

    async def forget(self, name: str) -> Sequence[str]:
        """Take back that this model, or every model of this provider, was chosen where it was merely offered.

        Gives the models that are not in use any more.
        """
        agreed = await self._read_agreed()
        taken_back = [model for model in agreed if name in {model, model.partition("/")[0]}]
        if taken_back:
            self._backend.drop(taken_back)
            await self._keep_agreed({model: server for model, server in agreed.items() if model not in taken_back})
        return taken_back

    async def chosen_models(self) -> Sequence[str]:
        """The offered models that the user has chosen."""
        return list(await self._read_agreed())

    async def _read_agreed(self) -> dict[str, str]:
        """The chosen models, each with the server that was agreed to."""
        lines = (await self._places.get(CHOSEN)).splitlines()
        return {model: server for model, _, server in (line.partition("\t") for line in lines)}

    async def _keep_agreed(self, agreed: Mapping[str, str]) -> None:
        lines = [f"{model}\t{server}" if server else model for model, server in agreed.items()]
        await self._places.set(CHOSEN, "\n".join(lines[-CHOSEN_LIMIT:]))

    async def warm(self, model: str | None = None, strategy: str | None = None) -> None:
        """Load what the next question will need, so that its first token comes sooner."""
        plan = self._router.plan(Request(prompt=" ", model=model, strategy=strategy))
        if plan.models:
            await self._backend.warm(plan.models[0].name)

    def needs_download(self, model: str | None, strategy: str) -> bool:
        """The built-in model is the one that would answer, and its weights are not there; sure after `discover`."""
        if self._weights.ready:
            return False
        if model is not None:
            return model == LOCAL_MODEL
        # A server of the config that is silent now will be back.
        return not self._config.providers and self.first_choice(strategy) in {LOCAL_MODEL, ""}
