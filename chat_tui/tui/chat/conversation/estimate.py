"""The estimated cost of the next question, shown at the prompt beside its model and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ToolUse
from chat_tui.tui.actions.bindings import first_key
from chat_tui.tui.chat.conversation.session import ConversationSession
from chat_tui.tui.prompt.attachments import PromptAttachments
from chat_tui.tui.prompt.prompt import Prompt, has_shell_command
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import EDGES, crop

if TYPE_CHECKING:
    from chat_tui.core.context import Context

_TOOLS = 40
"""Characters of the names of the tool servers that are on."""
_SHORTEST = 12
"""Cells; a shorter part of a name beside the price says nothing."""


class QuestionEstimate:
    """Estimates the question in the prompt with its files."""

    def __init__(self, session: ConversationSession, prompt: Prompt, files: PromptAttachments) -> None:
        self._session, self._prompt, self._files = session, prompt, files
        files.on_change, files.on_taken = self.refresh, self.clear
        self._shown = ""
        self._asked = 0
        self.changed_keys: Mapping[str, str] = {}
        """Rebound keys by id."""

    def refresh(self) -> None:
        self._asked += 1
        self._prompt.run_worker(self._refresh(self._asked), group="beside")

    def clear(self) -> None:
        """Remove the estimate, since the question was sent."""
        self._asked += 1
        self._files.refuse_images(False)
        self.show("")

    def show(self, estimate: str | None = None) -> None:
        """Show the estimate at the prompt, beside the preset, the settings and the models to compare; None: the last
        estimate."""
        if estimate is not None:
            self._shown = estimate
        preset, models, own = self._session.preset, self._session.compare_models, self._session.own_settings
        compared = f"compare {shorten(', '.join(models), 60)}" if models else ""
        # The price is shown in full; the other parts share the remaining room.
        room = (self._prompt.outer_size.width or 200) - EDGES - cell_len(self._shown)
        shown = [self._shown]
        tools = tools_label(own.tools)
        settings = " · ".join(filter(None, ("without tools" if tools and models else tools, *own.labels())))
        for text, place in ((compared, 1), (settings, 0), (preset.words() if preset is not None else "", 0)):
            if text and room > _SHORTEST:
                shown.insert(place, crop(text, room - len(" · ")))
                room -= cell_len(shown[place]) + len(" · ")
        self._prompt.border_subtitle = Content(" · ".join(filter(None, shown)))

    async def _refresh(self, number: int) -> None:
        if number != self._asked:
            # The text has changed since.
            return
        text, files = self._prompt.draft, self._files.attachments
        context: Context | None = None
        estimate = self._argument_help(text) if text.startswith("/") else ""
        is_shell = has_shell_command(self._prompt)
        if is_shell:
            estimate = "Enter runs this command in your shell"
        elif files or (text.strip() and not text.startswith("/")):
            try:
                context = await self._context(text, files)
            except ChatTuiError:
                # Sending the question will report it.
                pass
        if number != self._asked:
            return
        self._files.refuse_images(context is not None and context.refuses_images)
        if (models := self._session.compare_models) and not is_shell:
            estimate = await self.costs_of_all(models, text)
            if number != self._asked:
                return
        elif context is not None:
            both = " for both answers" if context.quick else ""
            price = f"{formatting.about_cost(context.price)}{both}" if context.price else ""
            tokens = f"{formatting.tokens(context.tokens, True)} tokens"
            estimate = " · ".join(filter(None, [self._help_key(text), tokens, price]))
        self.show(estimate)

    def _argument_help(self, text: str) -> str:
        """What the slash command that is written takes, in as many words as the prompt's edge has room for."""
        told = self._prompt.command_argument(text)
        room = (self._prompt.outer_size.width or 200) - EDGES
        return next((words for words in told if cell_len(words) <= room), told[-1] if told else "")

    def _help_key(self, text: str) -> str:
        """Name the key for help beside a lone question mark, which is text here and a key for help elsewhere."""
        return f"{first_key('help.open', self.changed_keys)}: help" if text.strip() == "?" else ""

    async def costs_of_all(self, models: Sequence[str], text: str) -> str:
        """Return the cost of several models' answers to this text, such as `≈12 tokens · ≈$0.02 for 3`."""
        session = self._session
        if session.engine is None or not models:
            return ""
        try:
            prices = await session.engine.estimates.prices(
                session.target,
                text,
                models,
                session.settings(),
                attachments=self._files.attachments,
                edited=self._edited,
            )
        except ChatTuiError:
            # Sending the question will report it.
            return ""
        costs = formatting.about_cost(prices.dollars)
        if prices.unknown:
            costs = f"{costs} and more" if prices.dollars else "price not known"
        return f"{formatting.tokens(prices.tokens, True)} tokens · {costs} for {len(models)}"

    async def check_images(self, text: str, files: Sequence[Attachment]) -> None:
        """Raise `AttachmentRefused` if there are images and the model that would be asked takes none."""
        names = [file.name for file in files if file.is_image]
        context = await self._context(text, files) if names else None
        if context is not None and context.refuses_images:
            hint = f"Choose one that does with Ctrl+O, or /detach {shorten(names[0], 60)}."
            raise context.image_refusal(hint)

    async def _context(self, text: str, files: Sequence[Attachment]) -> Context | None:
        session = self._session
        if session.engine is None:
            return None
        return await session.engine.estimates.estimate(
            session.target, text, session.settings(), attachments=files, edited=self._edited
        )

    @property
    def _edited(self) -> str:
        """The id of the question that is being edited; empty if none is."""
        edited = self._session.edited
        return edited.id if edited is not None else ""


def tools_label(use: ToolUse | None) -> str:
    """Return the tool servers that are on, such as `tools: files, time`; empty if none is."""
    return f"tools: {shorten(', '.join(use.servers), _TOOLS)}" if use is not None and use.servers else ""
