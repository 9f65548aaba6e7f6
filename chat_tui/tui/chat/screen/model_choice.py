"""Which model answers: the choice, the list of models, and the fetch of the built-in one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on
from textual.timer import Timer

from chat_tui.config.limits import Adaptive
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.core.request import Request
from chat_tui.tui.actions import slash_commands
from chat_tui.tui.actions.slash_commands import CompletionSources
from chat_tui.tui.chat.screen.layout import ChatLayout
from chat_tui.tui.panels.download_bar import DownloadBar
from chat_tui.tui.panels.model_picker import ModelPicker
from chat_tui.tui.prompt.completion import CompletionItem
from chat_tui.tui.theme.palette import theme_folders

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

COUNT_SECONDS = 1.0
"""Between two looks at how the models fare, while their list is open."""


class ChatChoice(ChatLayout):
    """The model and strategy in use, and the engine that knows them as soon as it is open."""

    def __init__(self, *, model: str | None, strategy: str, adaptive: Adaptive, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.model, self.strategy = model, strategy
        self.adaptive = adaptive.enabled
        """A quick answer comes first; the detailed one is the model's in use, else the best one's."""
        self._phases = adaptive
        self._engine: Engine | None = None
        self._opened = asyncio.Event()
        self._once: Callable[[str | None], None] | None = None
        self._counting: Timer | None = None

    def on_mount(self) -> None:
        """Model and strategy in use are in sight from the first paint on."""
        self._show_choice()

    def _complete(self, text: str) -> list[CompletionItem]:
        """What the prompt offers for a text that begins with a slash."""
        engine = self._engine
        known = CompletionSources(
            models=lambda: engine.models() if engine is not None else (),
            strategies=lambda: engine.strategies() if engine is not None else (),
            themes=lambda: [path.stem for folder in theme_folders() for path in sorted(folder.glob("*.toml"))],
            titles=lambda: self.history.titles,
            presets=lambda: self.presets,
        )
        return [CompletionItem(text=whole, help=help) for whole, help in slash_commands.completions(text, known)]

    async def opened(self) -> Engine:
        """The engine, as soon as it is open."""
        await self._opened.wait()
        assert self._engine is not None
        return self._engine

    def _with_engine(self, act: Callable[[Engine], None]) -> None:
        """Act now, or as soon as the engine is open: a key pressed right after the first paint is not lost."""
        if self._engine is not None:
            act(self._engine)
        else:
            self.run_worker(self._act_later(act), group="command")

    async def _act_later(self, act: Callable[[Engine], None]) -> None:
        act(await self.opened())

    def _show_choice(self) -> None:
        strategy = self._phases.second_strategy if self.adaptive else self.strategy
        model = self.model or self.stats.figures.model
        if not model and self._engine is not None:
            model = self._engine.first_choice(strategy)
        self.picker.show(model, "adaptive" if self.adaptive else self.strategy, fixed=self.model is not None)

    def settings(self) -> Request:
        """How the next question is asked."""
        if self.adaptive:
            return Request(model=self.model, strategy=self._phases.second_strategy, adaptive=True)
        return Request(model=self.model, strategy=self.strategy)

    def action_toggle_adaptive(self) -> None:
        """Let a quick answer come before the detailed one, or no longer."""
        self.set_adaptive(not self.adaptive)
        more = "A fast model answers at once, the best one in detail." if self.adaptive else ""
        self.host.say(f"Adaptive answers are {'on' if self.adaptive else 'off'}", more)

    def set_adaptive(self, adaptive: bool) -> None:
        """Let a quick answer come before the detailed one from the next question on, or no longer."""
        self.adaptive = adaptive
        self._show_choice()
        self.chat.files.foresee()

    def action_open_models(self) -> None:
        """Open the list of models in place."""
        self._with_engine(self._open_models)

    def choose_once(self, then: Callable[[str | None], None]) -> None:
        """Open the list of models for a choice that is for `then` only, and changes nothing for later questions."""
        self._once = then
        self.action_open_models()

    def _open_models(self, engine: Engine) -> None:
        self.picker.set_standings(engine.models())
        self.picker.open()
        if self._counting is None:
            self._counting = self.set_interval(COUNT_SECONDS, self._count)

    def _count(self) -> None:
        """While the list is open, rests count down and what is measured is told."""
        if self.picker.is_open and self._engine is not None:
            self.picker.set_standings(self._engine.models())
        elif self._counting is not None:
            self._counting.stop()
            self._counting = None

    def action_next_strategy(self) -> None:
        """Go to the next strategy; it chooses from now on. From a fixed model, and from adaptive answers, it leads back
        to the strategy in use."""
        self._with_engine(self._next_strategy)

    def _next_strategy(self, engine: Engine) -> None:
        names = list(engine.strategies())
        step = 0 if self.adaptive or self.model is not None else 1
        self.adaptive = False
        place = names.index(self.strategy) + step if self.strategy in names else 0
        self.choose(None, names[place % len(names)])

    def choose(self, model: str | None, strategy: str) -> None:
        """From the next question on this model answers; None: the one that the strategy chooses.

        Another strategy ends adaptive answers.
        """
        self.adaptive = self.adaptive and strategy == self.strategy
        self.model, self.strategy = model, strategy
        self._show_choice()
        self.chat.files.foresee()
        if model is not None and self._engine is not None:
            self.run_worker(self._use(self._engine, model), group="use")

    async def _use(self, engine: Engine, model: str) -> None:
        await engine.use(model)
        self.picker.set_standings(engine.models())

    @on(ModelPicker.Chosen)
    def take_model(self, event: ModelPicker.Chosen) -> None:
        """A model was chosen, or the choice was given back to the strategy."""
        if self._once is not None:
            self.chat.transcript.focus()
            once, self._once = self._once, None
            once(event.model)
            return
        self.choose(event.model, self.strategy)
        self.chat.prompt.focus()
        if event.model == LOCAL_MODEL:
            self.fetch()

    @on(ModelPicker.Declined)
    def say_why_not(self, event: ModelPicker.Declined) -> None:
        """A model that cannot be used now."""
        self.host.say(f"{event.standing.model.name} cannot be used now", event.standing.state)

    @on(ModelPicker.Closed)
    def back_to_prompt(self) -> None:
        """The list was closed."""
        self._once = None
        self.chat.prompt.focus()

    def fetch(self) -> None:
        """Fetch the built-in model where it is not there yet."""
        if self._engine is None:
            return
        if self._engine.weights.ready:
            self.chat.fetch_line.hide()
        else:
            self.chat.fetch_line.begin(self._engine.weights)

    @on(DownloadBar.Ended)
    def show_standings(self) -> None:
        """The weights are there, or not."""
        if self._engine is not None:
            self.picker.set_standings(self._engine.models())
