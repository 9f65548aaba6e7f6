"""The tables of actions in the README and in docs/keys.md."""

from __future__ import annotations

from collections.abc import Mapping

from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.action import Action
from chat_tui.tui.actions.table import BY_ID, TOPICS

ESSENTIALS = (
    ("prompt.send", "send"),
    ("prompt.new_line", ""),
    ("answer.cancel", "stop the answer; what arrived is kept"),
    ("answer.regenerate", "regenerate the answer"),
    ("question.edit", "edit the question and send it again"),
    ("code.copy", "copy a code block"),
    ("models.open", "switch the model"),
    ("history.open", "search messages and conversations"),
    ("file.attach", "attach a file"),
    ("palette.open", "all commands and settings, by name"),
)
"""The ten things that people do, and how they are put where the table says more."""


def essentials(changed: Mapping[str, str]) -> list[tuple[str, str]]:
    """(keys, what they do) for the ten things that people do; `changed` holds rebound keys by id."""
    return [(_way(BY_ID[id], changed), words or BY_ID[id].description) for id, words in ESSENTIALS]


def _way(action: Action, changed: Mapping[str, str]) -> str:
    """How an action is reached from the prompt: its key, its command, or both."""
    key = bindings.first_key(action.id, changed) if action.keys or action.id in changed else ""
    if key and action.where == "transcript":
        key = f"{bindings.first_key('prompt.complete', changed)} {key}"
    command = action.usage.partition(" [")[0]
    if action.asks:
        command += ", or @"
    return " or ".join(way for way in (key, command) if way)


def essentials_table() -> str:
    """The README's table."""
    lines = ["| keys | what they do |", "|---|---|"]
    lines += [f"| {way} | {help} |" for way, help in essentials({})]
    return "\n".join(lines) + "\n"


def reference_page() -> str:
    """docs/keys.md."""
    lines = ["# Keys and commands", "", _PREFACE]
    for topic, actions in TOPICS.items():
        lines += [
            "",
            f"## {topic}",
            "",
            "| action | keys | command | what it does | where | id |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(action) for action in actions]
    return "\n".join(lines) + "\n"


def _row(action: Action) -> str:
    id = f"fixed: {action.fixed}" if action.fixed else f"`{action.id}`"
    command = f"`{action.usage}`".replace("|", "\\|") if action.usage else ""
    also = ", ".join(f"`/{name}`" for name in action.aliases)
    keys = bindings.format_keys(action.keys) if action.keys else ""
    commands = f"{command}, also {also}" if also else command
    return f"| {action.name} | {keys} | {commands} | {action.description} | {action.where} | {id} |"


_PREFACE = """\
Written by `python -m tests.readme` from the table of actions. **Ctrl+P** finds all of these by their names, and by
other words that people use for them.

Every action with an id can have other keys in the config: `[keys]`, then `"answer.pause" = "ctrl+k"`; separate several
keys with commas. To send with another key and let Enter start a new line: `"prompt.send" = "ctrl+s"` and
`"prompt.new_line" = "enter"`. `//text` sends a text that begins with a slash."""
