"""The actions around what the user has asked to remember."""

from __future__ import annotations

from chat_tui.tui.actions.action import command_action

MEMORY = (
    command_action(
        "remember",
        "memory.remember",
        "Remember something",
        words="about me, keep in mind, learn, note",
        asks=True,
    ),
    command_action(
        "memory",
        "memory.show",
        "Memory: what is remembered",
        words="remembered, my memory, agents.md, folder notes, project notes, instructions, about me",
    ),
    command_action(
        "forget",
        "models.forget",
        "Forget a memory or found model",
        words="forget, remove memory, delete memory, remove model, remove provider, logout, log out",
        grave=True,
    ),
)
