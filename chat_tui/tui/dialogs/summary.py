"""The dialog of `/compact`: what a summary would take, the text as it is written, and to be changed and kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from chat_tui.core.conversation import Conversation
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.counts import count_of
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.host import Host

if TYPE_CHECKING:
    from chat_tui.engine.answers.summarizer import SummaryPlan, SummaryRun, WrittenSummary
    from chat_tui.engine.engine import Engine

_SHOW_SECONDS = 0.1
"""Between two updates of the growing text."""


class SummaryDialog(FramedScreen[Conversation | None]):
    """Dismissed with the conversation once the summary is kept, or with None: then nothing was changed, which a notice
    says."""

    DEFAULT_CSS = """
    SummaryDialog > .frame { width: 90; height: auto; }
    SummaryDialog > .frame.-text { height: 80%; }
    SummaryDialog TextArea, SummaryDialog TextArea:focus {
        height: 1fr; border: none; padding: 0 1; background: $surface;
    }
    SummaryDialog Static { height: auto; padding: 0 1; }
    SummaryDialog #status { color: $text-muted; }
    SummaryDialog #status.-error { color: $text-error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "Summarise", show=False),
        Binding("f2", "keep", "Keep", show=False),
    ]

    def __init__(self, engine: Engine, plan: SummaryPlan) -> None:
        super().__init__("Summarise earlier messages")
        self._engine, self._plan = engine, plan
        self._stage: Literal["offered", "writing", "written"] = "offered"
        self._run: SummaryRun | None = None
        self._written: WrittenSummary | None = None
        self._is_stopped = False
        self._lead = Static(Content(_offer(plan)), id="lead")
        self._editor = TextArea("", soft_wrap=True, tab_behavior="focus", read_only=True)
        self._editor.display = False
        self._status = Static("", id="status", markup=False)

    def compose(self) -> ComposeResult:
        """What it would take; then the text, and below it how far it is."""
        with self.in_frame(Vertical()):
            yield self._lead
            yield self._editor
            yield self._status

    def on_mount(self) -> None:
        """Ask before anything is sent."""
        self._say(f"{_price(self._plan)}. Nothing is deleted, and /undo takes it back.")

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """What can be done now."""
        if self._stage == "offered":
            return [("Enter", "summarise"), ("Esc", "cancel")]
        if self._stage == "writing":
            return [("Esc", "stop, keep nothing")]
        return [("F2", "keep"), ("Esc", "discard")]

    def action_begin(self) -> None:
        """Let the model write."""
        if self._stage != "offered":
            return
        self._stage = "writing"
        self._lead.display, self._editor.display = False, True
        self.query_one(".frame").add_class("-text")
        self.name_keys()
        self._run = self._engine.summaries.begin(self._plan)
        self.run_worker(self._write(self._run))

    async def _write(self, run: SummaryRun) -> None:
        due, text = 0.0, ""
        try:
            async with aclosing(run.texts()) as texts:
                self._say(self._progress(1))
                async for text in texts:
                    if time.monotonic() >= due:
                        due = time.monotonic() + _SHOW_SECONDS
                        self._show(text, run.step)
        except ChatTuiError as error:
            self._leave(error)
            return
        self._written, self._stage = run.result(), "written"
        self._show(text, run.step)
        self._editor.read_only = False
        self._editor.move_cursor((0, 0))
        self._editor.focus()
        self._say(self._figures(self._written))
        self.name_keys()

    def _show(self, text: str, step: int) -> None:
        self._editor.load_text(text)
        self._editor.scroll_end(animate=False)
        self._say(self._progress(step))

    def _progress(self, step: int) -> str:
        parts = len(self._plan.parts)
        return (
            f"{shorten(self._plan.model, 60)} writes · request {step} of {parts}"
            if parts > 1
            else (f"{shorten(self._plan.model, 60)} writes")
        )

    def _figures(self, written: WrittenSummary) -> str:
        told = [formatting.cost(written.cost)] if written.cost is not None else []
        told += ["cut at the limit of tokens"] if written.is_cut else []
        return " · ".join(["You can change it before you keep it", *told])

    def action_keep(self) -> None:
        """Keep what is written."""
        if self._stage == "written":
            self.run_worker(self._keep(), exclusive=True)

    async def _keep(self) -> None:
        assert self._written is not None
        try:
            self.dismiss(await self._engine.summaries.keep(self._plan.place, self._written, self._editor.text))
        except ChatTuiError as error:
            self._say(f"{error.title} {error.hint}", is_error=True)

    def action_close(self) -> None:
        """Stop or discard it: nothing is kept."""
        if self._stage == "writing" and self._run is not None:
            # Its worker closes the dialog when the request has ended.
            self._is_stopped = True
            self.run_worker(self._run.cancel())
            return
        told = ("The summary was discarded", "Nothing was changed.")
        if self._stage == "offered":
            told = ("No summary was made", "Nothing was sent or changed.")
        cast("Host", self.app).say(*told)
        self.dismiss(None)

    def _leave(self, error: ChatTuiError) -> None:
        host = cast("Host", self.app)
        if self._is_stopped:
            # What a person has asked for is no error.
            host.say(error.title, error.hint)
        else:
            host.tell(error)
        self.dismiss(None)

    def _say(self, text: str, *, is_error: bool = False) -> None:
        self._status.set_class(is_error, "-error")
        self._status.update(Content(text))


def _offer(plan: SummaryPlan) -> str:
    messages = count_of(plan.summarized.messages, "earlier message")
    return (
        f"{shorten(plan.model, 60)} summarises {messages}. You see the summary, and can change it, before it is kept."
        " From then on it is sent in their place."
    )


def _price(plan: SummaryPlan) -> str:
    """Return the estimated tokens and price, such as `≈6,200 tokens in 2 requests, ≈$0.0031`."""
    requests = f" in {len(plan.parts)} requests" if len(plan.parts) > 1 else ""
    price = "price not known" if plan.price is None else formatting.about_cost(plan.price) if plan.price else "free"
    return f"{formatting.tokens(plan.tokens, True)} tokens{requests}, {price}"
