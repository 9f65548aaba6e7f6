"""The model that answers: its selection, the list of models, and the download of the built-in one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual.timer import Timer

from chat_tui.config.schema import Adaptive
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.core.request import Request
from chat_tui.core.settings.preferred_models import ModelPreferences
from chat_tui.tui.chat.controllers.pending_engine import PendingEngine
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.panels.model_picker import ModelPicker
from chat_tui.tui.panels.stats_panel import StatsPanel
from chat_tui.tui.widgets.host import ListChoice, report_errors

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

COUNT_SECONDS = 1.0
"""Time between two updates of the models' status while their list is open."""


class ModelSelection:
    """The model and strategy in use. `adaptive` holds the strategies of the two replies of an adaptive answer."""

    def __init__(
        self,
        chat: ChatView,
        picker: ModelPicker,
        stats: StatsPanel,
        engine: PendingEngine,
        *,
        model: str | None,
        strategy: str,
        adaptive: Adaptive,
    ) -> None:
        self._chat, self._picker, self._stats, self._pending = chat, picker, stats, engine
        self.model, self.strategy = model, strategy
        self.adaptive = adaptive.enabled
        """Whether a quick answer precedes the detailed one, which the model in use gives, else the best model."""
        self._phases = adaptive
        self._preferences = ModelPreferences()
        self._once: Callable[[str | None], None] | None = None
        self._counting: Timer | None = None

    @property
    def _engine(self) -> Engine | None:
        return self._pending.engine

    def _with_engine(self, act: Callable[[Engine], None]) -> None:
        """Call `act` now, or once the engine is open: a key pressed right after the first paint is not lost."""
        if self._engine is not None:
            act(self._engine)
        else:
            self._chat.run_worker(self._act_later(act), group="command")

    async def _act_later(self, act: Callable[[Engine], None]) -> None:
        act(await self._pending.wait())

    def show(self) -> None:
        """Show the model or strategy in use."""
        strategy = self._phases.second_strategy if self.adaptive else self.strategy
        model = self.model or self._stats.figures.model
        if self._engine is not None and not self.model and not self._can_answer(self._engine, model):
            model = self._engine.models.first_choice(strategy)
        self._picker.show(model, "adaptive" if self.adaptive else self.strategy, fixed=self.model is not None)

    def _can_answer(self, engine: Engine, model: str) -> bool:
        """Whether the model of the answer in view can answer again: that of an imported one may be unknown here."""
        return self._chat.conversation.is_busy or any(known.name == model for known in engine.models.in_use())

    def settings(self) -> Request:
        """The model and strategy of the next question, as a request without a prompt."""
        if self.adaptive:
            return Request(model=self.model, strategy=self._phases.second_strategy, adaptive=True, uses_memory=True)
        return Request(model=self.model, strategy=self.strategy, uses_memory=True)

    def toggle_adaptive(self) -> None:
        """Switch adaptive answers on or off."""
        self.set_adaptive(not self.adaptive)
        more = "A fast model answers first, then the best one in detail." if self.adaptive else ""
        self._chat.host.say(f"Adaptive answers are {'on' if self.adaptive else 'off'}", more)

    def set_adaptive(self, adaptive: bool) -> None:
        """Set whether answers are adaptive, from the next question on."""
        self.adaptive = adaptive
        self.show()
        self._chat.estimate.refresh()

    def open_models(self) -> None:
        """Open the list of models within the screen."""
        self._with_engine(self._open_models)

    def choose_once(self, then: Callable[[str | None], None]) -> None:
        """Open the list of models for a choice that is passed to `then` and does not affect later questions."""
        self._once = then
        self.open_models()

    def _open_models(self, engine: Engine) -> None:
        self._picker.set_standings(engine.models.status())
        self._picker.open()
        self._chat.run_worker(self._reload(engine), group="beside")
        if self._counting is None:
            self._counting = self._picker.set_interval(COUNT_SECONDS, self._count)

    async def _reload(self, engine: Engine) -> None:
        """List what was added on the command line meanwhile, and the favourites that the web page has set."""
        await self.restore_preferences(engine)
        await report_errors(self._chat.host, engine.setup.reload())
        self.refresh_list()

    def _count(self) -> None:
        """Update cooldowns and measurements while the list is open."""
        if self._picker.is_open and self._engine is not None:
            self._picker.set_standings(self._engine.models.status())
        elif self._counting is not None:
            self._counting.stop()
            self._counting = None

    def next_strategy(self) -> None:
        """Use the next strategy from now on. From a fixed model, or from adaptive answers, return to the
        strategy in use."""
        self._with_engine(self._next_strategy)

    def _next_strategy(self, engine: Engine) -> None:
        names = list(engine.models.strategies())
        step = 0 if self.adaptive or self.model is not None else 1
        self.adaptive = False
        place = names.index(self.strategy) + step if self.strategy in names else 0
        self.choose(None, names[place % len(names)])

    def choose_strategy(self) -> None:
        """Open the list of strategies; the one that is chosen chooses the models from now on."""
        self._with_engine(self._choose_strategy)

    def _choose_strategy(self, engine: Engine) -> None:
        from chat_tui.config.strategy_help import STRATEGY_HELP

        rows = [
            ListChoice(
                name,
                partial(self.choose, None, name),
                help=STRATEGY_HELP.get(name, ""),
                note="in use" if name == self.strategy else "",
                marked=name == self.strategy,
            )
            for name in engine.models.strategies()
        ]
        self._chat.host.choose("Strategies: how Auto chooses a model", rows)

    def choose(self, model: str | None, strategy: str) -> None:
        """Use this model from the next question on; None: the one that the strategy chooses. Choosing another
        strategy ends adaptive answers."""
        self.adaptive = self.adaptive and strategy == self.strategy
        self.model, self.strategy = model, strategy
        self.show()
        self._chat.estimate.refresh()
        if model is not None:
            self.use(model)

    def use(self, model: str) -> None:
        """Record that a model was chosen; one that was only discovered is used from now on."""
        if self._engine is not None:
            self._chat.run_worker(self._use(self._engine, model), group="beside")

    async def _use(self, engine: Engine, model: str) -> None:
        await engine.models.use(model)
        await self._preferences.note_chosen(engine.places, model)
        self._picker.show_preferred(self._preferences.models)
        self._picker.set_standings(engine.models.status())

    async def restore_preferences(self, engine: Engine) -> None:
        """Restore the favourite and recently chosen models, which come first in the list."""
        await self._preferences.restore(engine.places)
        self._picker.show_preferred(self._preferences.models)

    def toggle_favourite(self, model: str) -> None:
        """Add a model to the favourites, or remove it."""
        if self._engine is not None:
            self._chat.run_worker(self._toggle_favourite(self._engine, model), group="beside")

    async def _toggle_favourite(self, engine: Engine, model: str) -> None:
        favourite = model not in self._preferences.models.favourites
        await self._preferences.set_favourite(engine.places, model, favourite=favourite)
        self._picker.show_preferred(self._preferences.models)

    def fix(self, model: str) -> None:
        """Use this model from the next question on, and say which key returns to the strategy."""
        self.choose(model, self.strategy)
        self._chat.host.say(
            f"{model} answers from now on", f"Ctrl+T or /auto: back to Auto ({self.strategy})", long=True
        )

    def take(self, model: str | None) -> None:
        """Handle the choice in the list: a model, or None for the strategy."""
        if self._once is not None:
            self._chat.transcript.focus()
            once, self._once = self._once, None
            once(model)
            return
        self._chat.prompt.focus()
        if model == self.model:
            # It is already in use: nothing changes, and no download begins.
            return
        if model is None:
            self.choose(None, self.strategy)
            return
        self.fix(model)
        if model == LOCAL_MODEL:
            self.fetch()

    def list_closed(self) -> None:
        """Handle a list that was closed without a choice."""
        self._once = None
        self._chat.prompt.focus()

    async def warm(self, engine: Engine) -> None:
        """Prepare the next answer: load its model. Raises `ChatTuiError`."""
        asked = self.settings()
        await engine.models.warm(asked.model, asked.strategy)
        if asked.adaptive:
            await engine.models.warm(None, self._phases.first_strategy)

    def fetch_if_needed(self, engine: Engine) -> None:
        """Download the built-in model if it would answer the next question."""
        if engine.models.needs_download(self.model, self.strategy):
            self._chat.fetch_line.begin(engine.weights)

    def fetch(self) -> None:
        """Download the built-in model if it is missing."""
        if self._engine is None:
            return
        if self._engine.weights.ready:
            self._chat.fetch_line.hide()
        else:
            self._chat.fetch_line.begin(self._engine.weights)

    def refresh_list(self) -> None:
        """Update the models' status in the list."""
        if self._engine is not None:
            self._picker.set_standings(self._engine.models.status())
