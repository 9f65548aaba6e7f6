"""The table of actions. Bindings, palette, help, footer, slash commands, README and docs/keys.md are made from it."""

from __future__ import annotations

from collections.abc import Mapping

from chat_tui.tui.actions.action import Action
from chat_tui.tui.actions.chat_topics import CONVERSATIONS, MODELS, PROMPT, SCREEN
from chat_tui.tui.actions.list_topics import COMPARISON, DIALOGS, LISTS
from chat_tui.tui.actions.memory_topics import MEMORY
from chat_tui.tui.actions.message_topics import ANSWERS, COPYING, READING
from chat_tui.tui.actions.tool_topics import TOOLS

TOPICS: Mapping[str, tuple[Action, ...]] = {
    "Prompt": PROMPT,
    "Answers": ANSWERS,
    "Copy and save": COPYING,
    "Models": MODELS,
    "Tools": TOOLS,
    "Memory": MEMORY,
    "Conversations": CONVERSATIONS,
    "Screen": SCREEN,
    "Reading": READING,
    "Lists": LISTS,
    "Dialogs": DIALOGS,
    "Compare models": COMPARISON,
}
"""The actions by what they are about, in the order of the help."""

TABLE: tuple[Action, ...] = tuple(action for topic in TOPICS.values() for action in topic)

BY_ID: Mapping[str, Action] = {action.id: action for action in TABLE}
