"""What a conversation asks for: its turns, and the settings that the asker, the preset and the config give."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from chat_tui.config.schema import Config
from chat_tui.core.conversation import STEERED, Conversation, Turn, chain_turns, new_id, now, title_of
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation, decode_settings, encode_settings
from chat_tui.core.settings.preset import Preset, decode_preset, encode_preset
from chat_tui.core.text.memory_text import MemoryText, with_memory
from chat_tui.engine.conversations.conversations import Conversations
from chat_tui.engine.conversations.memory import Memory
from chat_tui.engine.conversations.summarized_path import replace_summarized

_GO_ON = "(You were stopped so that these words could be added. Go on from where you stopped, and repeat nothing.)"


class RequestBuilder:
    """Builds requests from conversations. Its methods raise `HistoryError`."""

    def __init__(self, config: Config, conversations: Conversations, memory: Memory) -> None:
        self._config, self._conversations, self._memory = config, conversations, memory

    async def conversation(self, conversation: str | NewConversation | None, text: str) -> Conversation:
        """The stored conversation with this id, or a new one, not stored yet, whose title comes from `text`."""
        if isinstance(conversation, str):
            return await self._conversations.conversation(conversation)
        given = conversation or NewConversation()
        new = Conversation(new_id(), title_of(text), given.system_prompt, created=now(), updated=now())
        settings = encode_settings(given.settings)
        return replace(new, path=chain_turns(given.earlier), preset=encode_preset(given.preset), settings=settings)

    async def build(self, conversation: Conversation, path: Sequence[Turn], settings: Request) -> Request:
        """The request for these turns, with the content of their attachments."""
        turns = await self._conversations.with_contents(conversation, replace_summarized(path))
        return build_request(self._config, conversation, turns, settings, await self.memory_for(conversation, settings))

    async def memory_for(self, conversation: Conversation, settings: Request) -> tuple[MemoryText, ...]:
        """The memory that is sent with a question of this conversation; none of a private one."""
        own = decode_settings(conversation.settings).memory
        is_on = self._config.memory.enabled if own is None else own
        if not (settings.uses_memory and is_on) or self._conversations.is_private(conversation.id):
            return ()
        return await self._memory.texts()

    async def build_next(self, before: Conversation, question: Turn, settings: Request | None) -> Request:
        """The request for a question at the end of the path, without the question's id and time: two questions with the
        same text and attachments give equal requests."""
        request = await self.build(before, (*before.path, question), settings or Request())
        *turns, last = request.turns
        return request.replace(turns=(*turns, replace(last, id="", created=None)))


def build_request(
    config: Config,
    conversation: Conversation,
    path: Sequence[Turn],
    settings: Request,
    memory: tuple[MemoryText, ...] = (),
) -> Request:
    """The request for these turns; what `settings` leaves unset comes from the conversation's own settings, from the
    preset, then from the config. `memory` follows the system prompt, whichever that is."""
    defaults = config.request
    preset = decode_preset(conversation.preset) or Preset()
    settings = preset.settings(decode_settings(conversation.settings).apply(settings))
    path = replace_summarized(path)
    if preset.prompt:
        path = [replace(turn, text=preset.fill_prompt(turn.text)) if turn.role == "user" else turn for turn in path]
    path = mark_steering(path)
    if preset.document:
        # What was found in it goes on; the document itself would push that out of the window.
        path = [*(replace(turn, attachments=()) for turn in path[:-1]), *path[-1:]]
    given = {name: getattr(settings, name) for name in ("max_tokens", "temperature", "top_p", "seed", "thinking")}
    unset = {name: getattr(defaults, name) for name, value in given.items() if value is None}
    own_strategy = settings.strategy or (config.adaptive.second_strategy if settings.adaptive else None)
    by_strategy = own_strategy is not None and settings.model is None
    return settings.replace(
        prompt="",
        turns=(*_system(config, conversation, preset, memory), *path),
        memory=memory,
        model=settings.model if settings.model or by_strategy else config.model,
        strategy=own_strategy or config.strategy,
        stop=settings.stop or defaults.stop,
        fallback=settings.fallback and config.fallback,
        prompt_cache=settings.prompt_cache and defaults.prompt_cache,
        **unset,
    )


def mark_steering(path: Sequence[Turn]) -> Sequence[Turn]:
    """Return the turns with steering messages marked as such.

    An answer that was still empty is left out, so that the message follows the question."""
    said: list[Turn] = []
    for turn in path:
        before = said[-1] if said else None
        if turn.role == "user" and before is not None and before.finish_reason == STEERED:
            if before.text.strip():
                turn = replace(turn, text=f"{turn.text}\n\n{_GO_ON}")
            else:
                said.pop()
        said.append(turn)
    return said


def _system(
    config: Config, conversation: Conversation, preset: Preset, memory: tuple[MemoryText, ...]
) -> Sequence[Turn]:
    """The conversation's own system prompt goes before the preset's, that before the config's."""
    said = (conversation.system_prompt, preset.system(), config.system_prompt)
    text = with_memory(next(text for text in said if text is not None), memory)
    return (Turn("system", text),) if text.strip() else ()
