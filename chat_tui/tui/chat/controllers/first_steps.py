"""The text of an empty conversation: the first keys and, at the first start, the models that were found; and the offer
of a folder's notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import ModelStatus
from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.table import BY_ID
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.panels.welcome import has_only_built_in
from chat_tui.tui.widgets import formatting

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine


class FirstSteps:
    """Writes the text of an empty conversation."""

    def __init__(self, chat: ChatView) -> None:
        self._chat = chat
        self._models: Sequence[ModelStatus] = ()

    def show(self) -> None:
        """Show the keys; until the first question, the three most important ones with longer descriptions."""
        self._chat.welcome.show(self._keys())
        if self._models:
            self.show_found(self._models)

    def _keys(self) -> list[tuple[str, str]]:
        changed = self._chat.host.changed_keys
        if not self._chat.host.kept.welcomed:
            send, models, help = (bindings.first_key(id, changed) for id in ("prompt.send", "models.open", "help.open"))
            return [
                (send, "send a question, such as: What can you do?"),
                (models, "choose a model"),
                (help, "show all keys and commands"),
            ]
        ids = ("models.open", "strategy.next", "history.open", "help.open")
        keys = [(bindings.format_keys(changed.get(id, BY_ID[id].keys)), BY_ID[id].name.lower()) for id in ids]
        return [*keys, ("/", "show the commands")]

    def show_found(self, models: Sequence[ModelStatus], *, is_all: bool = True) -> None:
        """Show which models were found: at the first start, and while only the built-in one is known. `is_all`
        is false while the search for servers runs."""
        only_built_in = is_all and has_only_built_in(models)
        self._models = models if is_all else ()
        is_shown = only_built_in or not self._chat.host.kept.welcomed
        self._chat.welcome.show_found(models if is_shown else (), only_built_in=only_built_in)

    async def offer_notes(self, engine: Engine) -> None:
        """Tell once that the folder has notes that can be sent with questions."""
        if not engine.config.memory.enabled:
            return
        try:
            offer = await engine.memory.new_offer()
        except ChatTuiError as error:
            self._chat.host.tell(error)
            return
        if offer is not None:
            tokens = formatting.tokens(offer.tokens, estimated=True)
            more = f"/memory shows it ({tokens} tokens); /memory folder on sends it with your questions."
            self._chat.host.say(offer.title, more, long=True)

    def finish(self) -> None:
        """Record that a question was asked: from now on the short list of keys is shown."""
        host = self._chat.host
        if not host.kept.welcomed:
            host.keep(msgspec.structs.replace(host.kept, welcomed=True))
            self.show()
