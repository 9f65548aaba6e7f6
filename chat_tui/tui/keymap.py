"""Every key in one table. Bindings, the footer, the help and the README's table are made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from textual.binding import Binding

from chat_tui.errors import KeymapError
from chat_tui.text_safety import clean_line

Where = Literal["everywhere", "prompt", "transcript", "selection", "find bar", "history list"]


class Key(msgspec.Struct, frozen=True):
    """One row of the table."""

    id: str
    """`noun.verb`; what `[keys]` in the config rebinds."""
    keys: str
    """As Textual writes them, with commas between."""
    action: str
    """Empty for a key that its widget handles by itself."""
    help: str
    where: Where = "everywhere"
    label: str = ""
    """A short word for the footer."""


TABLE: tuple[Key, ...] = (
    Key("conversation.new", "ctrl+n", "new_conversation", "begin a new conversation", label="new"),
    Key("models.open", "ctrl+o", "open_models", "open the list of models", label="models"),
    Key("strategy.next", "ctrl+t", "next_strategy", "go to the next strategy", label="strategy"),
    Key(
        "history.open",
        "ctrl+r",
        "open_history",
        "search all turns, or open the history",
        label="search",
    ),
    Key("history.toggle", "ctrl+l,f2", "toggle_history", "show or hide the history list"),
    Key("stats.toggle", "f3", "toggle_stats", "show or hide the stats panel"),
    Key("find.open", "ctrl+f", "find", "find words in this conversation"),
    Key("prompt.write_outside", "ctrl+g", "write_outside", "write in your own editor: $VISUAL or $EDITOR"),
    Key("conversation.export", "f7", "act('export')", "export the conversation as Markdown into the current folder"),
    Key("context.open", "f9", "show_context", "show what of the conversation is sent, and keep exchanges in or out"),
    Key("conversation.private", "f12", "begin_private", "begin a private conversation, which is never saved"),
    Key("preset.open", "f10", "open_presets", "open the list of presets"),
    Key("history.import", "f11", "begin_import", "import conversations: write the file's name behind /import"),
    Key("palette.open", "ctrl+p", "command_palette", "open the command palette"),
    Key("help.open", "f1", "help", "open the help: every key and command", label="help"),
    Key("answer.pause", "f6", "pause_or_resume", "pause the answer, or go on", label="pause"),
    Key("answer.cancel", "escape", "cancel", "close a list, cancel the answer, or stop a download", label="cancel"),
    Key(
        "copy.or_cancel",
        "ctrl+c",
        "copy_or_cancel",
        "copy the selection; else cancel the answer; else clear the draft; twice: quit",
    ),
    Key("app.quit", "ctrl+q", "quit", "quit; what runs is cancelled and its part is kept", label="quit"),
    Key(
        "prompt.send",
        "enter",
        "",
        "send; while an answer runs: queue the words, or steer it",
        "prompt",
        "send",
    ),
    Key("prompt.new_line", "ctrl+j,shift+enter", "", "make a new line", "prompt", "new line"),
    Key("prompt.recall", "up,down", "", "at the edges: earlier prompts", "prompt"),
    Key("prompt.undo", "ctrl+z,ctrl+y", "", "undo, redo", "prompt"),
    Key("prompt.words", "ctrl+left,ctrl+right,alt+b,alt+f", "", "move by words; Ctrl+W deletes one", "prompt"),
    Key("prompt.page", "pageup,pagedown", "", "scroll the conversation by a page", "prompt"),
    Key("prompt.complete", "tab", "", "take the completion, or steer the answer; else go to the transcript", "prompt"),
    Key("transcript.turn", "up,down", "", "the turn before or after", "transcript"),
    Key("transcript.page", "pageup,pagedown", "", "scroll by a page", "transcript"),
    Key("transcript.edge", "home,end,g,G", "", "go to the beginning or the end", "transcript"),
    Key("transcript.fold", "t", "", "fold the thinking away, or unfold it", "transcript"),
    Key("transcript.copy", "y", "", "copy the answer", "transcript", "copy"),
    Key("transcript.copy_code", "1–9", "", "copy a code block by its number", "transcript"),
    Key("transcript.select", "v", "select", "select by keyboard", "transcript", "select"),
    Key("selection.move", "up,down,left,right", "", "move; so do Home, End, PageUp, PageDown", "selection", "move"),
    Key(
        "selection.begin", "v,space", "", "begin the selection here; what comes after extends it", "selection", "begin"
    ),
    Key("selection.copy", "y,enter", "", "copy the selection, else the line", "selection", "copy"),
    Key("selection.leave", "escape", "", "leave", "selection", "leave"),
    Key("code.copy", "Y", "copy_code", "copy the marked code block, or choose one from a list", "transcript"),
    Key("code.save", "s", "save_code", "save the marked code block into a file, or choose one", "transcript", "save"),
    Key(
        "code.after",
        "right_square_bracket",
        "code(1)",
        "go to the code block after, and mark it",
        "transcript",
        "code",
    ),
    Key("table.after", "greater_than_sign", "table(1)", "scroll wide tables to their next column", "transcript"),
    Key("table.before", "less_than_sign", "table(-1)", "scroll wide tables back", "transcript"),
    Key("code.before", "left_square_bracket", "code(-1)", "go to the code block before", "transcript"),
    Key("conversation.copy", "A", "copy_all", "copy the whole conversation", "transcript"),
    Key(
        "version.before",
        "left",
        "version(-1)",
        "show the version before of a turn that has several",
        "transcript",
        "older",
    ),
    Key("version.after", "right", "version(1)", "show the version after", "transcript", "newer"),
    Key("version.compare", "d", "compare", "show word by word how the versions differ", "transcript", "compare"),
    Key("question.edit", "e", "edit", "edit a question, and send it as another version", "transcript", "edit"),
    Key("answer.regenerate", "r", "screen.regenerate", "ask for another version of the answer", "transcript", "again"),
    Key(
        "answer.regenerate_with",
        "R",
        "screen.regenerate_with",
        "ask for another version by a model chosen for this once",
        "transcript",
    ),
    Key(
        "turn.branch",
        "b",
        "branch",
        "end the conversation at this turn: what comes next branches off",
        "transcript",
        "branch",
    ),
    Key("answer.continue", "c", "screen.go_on", "let an answer go on that was cut, or ask anew", "transcript"),
    Key("answer.figures", "f", "figures", "show what each answer took, or hide it", "transcript", "figures"),
    Key(
        "answer.route",
        "question_mark",
        "screen.show_route",
        "show how the answer was routed, and why",
        "transcript",
        "why",
    ),
    Key("answer.good", "plus", "judge(1)", "a good answer: the strategies note it", "transcript"),
    Key("answer.bad", "minus", "judge(0)", "a bad answer", "transcript"),
    Key(
        "insights.toggle",
        "i",
        "screen.toggle_insights",
        "show or hide what can be said of the answer: sentiment, keywords, reading time",
        "transcript",
    ),
    Key("change.undo", "u", "undo", "undo what was done last to a conversation", "transcript", "undo"),
    Key("history.choose", "enter", "", "open the conversation", "history list", "open"),
    Key("find.next", "enter,down", "", "the next place; Ctrl+F does too", "find bar", "next"),
    Key("find.before", "up", "", "the place before", "find bar", "before"),
    Key("find.close", "escape", "", "close it and stay at this place", "find bar", "close"),
    Key("history.filter", "slash", "", "filter by title; so does typing", "history list", "filter"),
    Key("conversation.rename", "f4", "screen.act('rename')", "rename the conversation", "history list", "rename"),
    Key("conversation.pin", "f5", "screen.act('pin')", "pin the conversation, or no longer", "history list", "pin"),
    Key(
        "conversation.delete",
        "f8,delete",
        "screen.act('delete')",
        "delete the conversation; undo brings it back for 10 seconds",
        "history list",
        "delete",
    ),
    Key(
        "undo.take",
        "ctrl+z",
        "screen.undo",
        "undo what was done last to a conversation",
        "history list",
        "undo",
    ),
)

_NAMES = {
    "escape": "Esc",
    "enter": "Enter",
    "pageup": "PageUp",
    "pagedown": "PageDown",
    "slash": "/",
    "left": "Left",
    "right": "Right",
    "up": "Up",
    "down": "Down",
    "home": "Home",
    "end": "End",
    "tab": "Tab",
    "question_mark": "?",
    "left_square_bracket": "[",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
}


def bindings(where: Where = "everywhere") -> list[Binding]:
    """Textual's bindings for the rows that have an action."""
    return [
        Binding(row.keys, row.action, row.help, id=row.id, show=False, priority=_goes_first(row))
        for row in TABLE
        if row.action and row.where == where
    ]


def _goes_first(row: Key) -> bool:
    """Letters are for whoever is written in."""
    return row.where == "everywhere" and row.id not in _NOT_FIRST


# A widget that has a use for these keys goes first: a popup that is open, a selection in the prompt.
_NOT_FIRST = {"answer.cancel", "copy.or_cancel"}


def shown(keys: str) -> str:
    """Keys as people read them, such as `Ctrl+L or F2`."""
    return " or ".join(_shown_one(key.strip()) for key in keys.split(","))


def _shown_one(key: str) -> str:
    if len(key) == 1:
        return key
    parts = key.split("+")
    return "+".join(
        _NAMES.get(part, part.upper() if len(part) <= 3 and part[0] == "f" else part.capitalize()) for part in parts
    )


def rebound(overrides: Mapping[str, str]) -> tuple[dict[str, str], list[KeymapError]]:
    """The rows of `[keys]` that can be used, by id, and what is wrong with the others."""
    from difflib import get_close_matches

    known = {row.id: row for row in TABLE if row.action}
    good: dict[str, list[str]] = {}
    wrong: list[KeymapError] = []
    for id, text in overrides.items():
        name, keys = clean_line(id, 60), _keys(text)
        strange = next((key for key in keys if not _is_key(key)), None)
        if id not in known:
            near = get_close_matches(id, list(known), n=2)
            hint = f"Did you mean {' or '.join(near)}?" if near else "See F1 for the ids."
            wrong.append(KeymapError(f"[keys]: there is no `{name}`.", hint))
        elif not keys:
            wrong.append(KeymapError(f"[keys]: `{name}` has no key.", "Write one such as `ctrl+k`."))
        elif strange:
            wrong.append(
                KeymapError(
                    f"[keys]: `{name}`: there is no key `{strange}`.", "Write one such as `ctrl+k`, `f10` or `g`."
                )
            )
        else:
            good[id] = keys
    while conflict := _conflict(good):
        id, owner, key = conflict
        # Its own key comes back, which may be in the way of another row: so look again.
        del good[id]
        hint = f"Give one of them another key; `{id}` keeps its own."
        wrong.append(KeymapError(f"[keys]: `{id}` takes the key `{key}` of `{owner}`.", hint))
    return {id: ",".join(keys) for id, keys in good.items()}, wrong


def _conflict(changed: Mapping[str, Sequence[str]]) -> tuple[str, str, str] | None:
    """A rebound row, another row that acts in the same place, and the key that both have."""
    rows = {row.id: row for row in TABLE}
    for id, keys in changed.items():
        fresh = set(keys) - set(rows[id].keys.split(","))
        for other in TABLE:
            theirs = changed.get(other.id, other.keys.split(","))
            meets = other.where == rows[id].where or "everywhere" in (other.where, rows[id].where)
            if other.id != id and meets and (both := fresh.intersection(theirs)):
                return id, other.id, min(both)
    return None


def _is_key(key: str) -> bool:
    """Whether Textual knows a key of this name."""
    from textual.keys import Keys, _character_to_key

    *modifiers, last = key.split("+") if key != "+" else [key]
    named = {str(one.value) for one in Keys} | {_character_to_key(chr(code)) for code in range(33, 127)}
    return set(modifiers) <= {"ctrl", "shift", "alt", "super"} and (len(last) == 1 or last in named or key in named)


def _keys(text: str) -> list[str]:
    """The keys as Textual writes them: names in lower case; a letter alone as it stands, since `R` is not `r`."""
    keys = [part.strip() for part in clean_line(text, 80).split(",")]
    return [key if len(key) == 1 else key.lower() for key in keys if key]


def first_key(id: str, changed: Mapping[str, str]) -> str:
    """A row's first key as people read it; `changed` holds rebound keys by id."""
    keys = changed.get(id) or next(row.keys for row in TABLE if row.id == id)
    return _shown_one(keys.split(",")[0])


def footer(ids: Iterable[str], changed: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """(key, word) for the footer, in this order; `changed` holds rebound keys by id."""
    rows = {row.id: row for row in TABLE}
    return [(first_key(id, changed), rows[id].label) for id in ids]


def markdown() -> str:
    """The README's table."""
    lines = ["| where | key | what it does | id |", "|---|---|---|---|"]
    for row in TABLE:
        id = f"`{row.id}`" if row.action else ""
        lines.append(f"| {row.where} | {shown(row.keys)} | {row.help} | {id} |")
    return "\n".join(lines) + "\n"
