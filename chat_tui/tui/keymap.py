"""Every key in one table. Bindings, the footer, the help and the README's table are made from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from textual.binding import Binding

Where = Literal[
    "everywhere",
    "prompt",
    "transcript",
    "selection",
    "find bar",
    "lists",
    "history list",
    "screens",
    "texts",
    "comparison",
    "context",
    "side by side",
    "choice",
]
"""Lists are in the screens too. Screens are what stands over the chat, texts those of them that are only read."""


class Key(msgspec.Struct, frozen=True):
    """One row of the table."""

    id: str
    """`noun.verb`; what `[keys]` in the config rebinds."""
    keys: str
    """As Textual writes them, with commas between."""
    action: str
    """Empty for keys that are fixed."""
    help: str
    where: Where = "everywhere"
    label: str = ""
    """A short word for the footer."""
    inner: bool = False
    """The transcript or the list itself handles it, not what stands around it."""
    fixed: str = ""
    """Why the keys cannot be others, as the end of a sentence; empty: they can."""


DIGITS = {"1–9": "123456789", "1–4": "1234"}
"""Rows of digits, as they are written, and their keys."""

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
    Key(
        "conversation.export",
        "f7",
        "act('export')",
        "export the conversation as Markdown into the current folder",
        label="export",
    ),
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
        "send",
        "send; while an answer runs: queue the words, or steer it",
        "prompt",
        "send",
    ),
    Key("prompt.new_line", "ctrl+j,shift+enter", "new_line", "make a new line", "prompt", "new line"),
    Key(
        "prompt.recall",
        "up,down",
        "",
        "move in the text; at its edges: earlier prompts",
        "prompt",
        fixed="the arrows belong to the text",
    ),
    Key(
        "adaptive.toggle",
        "f5",
        "screen.toggle_adaptive",
        "let a fast model answer at once and the best one in detail, or no longer",
        "prompt",
    ),
    Key(
        "compare.open",
        "f4",
        "screen.open_comparison",
        "ask several models side by side; without words: show the last comparison",
        "prompt",
        "compare",
    ),
    Key("prompt.undo", "ctrl+z", "undo", "undo", "prompt"),
    Key("prompt.redo", "ctrl+y", "redo", "redo", "prompt"),
    Key("prompt.word_left", "ctrl+left,alt+b", "cursor_word_left", "a word to the left", "prompt"),
    Key("prompt.word_right", "ctrl+right,alt+f", "cursor_word_right", "a word to the right", "prompt"),
    Key("prompt.delete_word", "ctrl+w", "delete_word_left", "delete the word to the left", "prompt"),
    Key(
        "prompt.complete",
        "tab",
        "complete",
        "take the completion, or steer the answer; else go to the transcript",
        "prompt",
    ),
    Key("turn.before", "up", "previous_turn", "go to the turn before", "transcript", inner=True),
    Key("turn.after", "down", "next_turn", "go to the turn after", "transcript", inner=True),
    Key("transcript.page_up", "pageup", "page(-1)", "scroll a page up, from the prompt too", "transcript", inner=True),
    Key("transcript.page_down", "pagedown", "page(1)", "scroll a page down", "transcript", inner=True),
    Key("transcript.begin", "home,g", "begin", "go to the beginning", "transcript", inner=True),
    Key("transcript.end", "end,G", "end", "go to the end", "transcript", inner=True),
    Key("transcript.fold", "t", "fold", "fold the thinking away, or unfold it", "transcript", inner=True),
    Key(
        "transcript.fold_quick",
        "T",
        "fold('quick')",
        "unfold the quick answer that the detailed one has replaced, or fold it away",
        "transcript",
        inner=True,
    ),
    Key("transcript.copy", "y", "copy_turn", "copy the answer", "transcript", "copy", inner=True),
    Key(
        "transcript.copy_code",
        "1–9",
        "",
        "copy a code block by its number",
        "transcript",
        fixed="the digits are the numbers of the code blocks",
    ),
    Key("transcript.select", "v", "select", "select by keyboard", "transcript", "select"),
    Key("selection.up", "up", "caret('up')", "a line up", "selection"),
    Key("selection.down", "down", "caret('down')", "a line down", "selection"),
    Key("selection.left", "left", "caret('left')", "a character to the left", "selection"),
    Key("selection.right", "right", "caret('right')", "a character to the right", "selection"),
    Key("selection.line_begin", "home", "caret('home')", "to the beginning of the line", "selection"),
    Key("selection.line_end", "end", "caret('end')", "to the end of the line", "selection"),
    Key("selection.page_up", "pageup", "caret('pageup')", "a page up", "selection"),
    Key("selection.page_down", "pagedown", "caret('pagedown')", "a page down", "selection"),
    Key(
        "selection.begin",
        "v,space",
        "mark",
        "begin the selection here; what comes after extends it",
        "selection",
        "begin",
    ),
    Key("selection.copy", "y,enter", "copy_selected", "copy the selection, else the line", "selection", "copy"),
    Key("selection.leave", "escape", "leave_selecting", "leave", "selection", "leave"),
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
    Key("answer.continue", "c", "screen.go_on", "let an answer go on that was cut, or ask anew", "transcript", "go on"),
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
    Key("find.next", "enter,down", "move(1)", "the next place; Ctrl+F does too", "find bar", "next"),
    Key("find.before", "up", "move(-1)", "the place before", "find bar", "before"),
    Key("find.close", "escape", "close", "close it and stay at this place", "find bar", "close"),
    Key("list.choose", "enter", "choose", "open the conversation, or take what is under the cursor", "lists", "open"),
    Key("list.up", "up", "move(-1)", "a row up", "lists"),
    Key("list.down", "down", "move(1)", "a row down", "lists"),
    Key("list.page_up", "pageup", "page(-1)", "a page up", "lists"),
    Key("list.page_down", "pagedown", "page(1)", "a page down", "lists"),
    Key("list.first", "home", "move(-1000000)", "the first row; Ctrl+Home while one filters", "lists"),
    Key("list.last", "end", "move(1000000)", "the last row; Ctrl+End while one filters", "lists"),
    Key("history.filter", "slash", "filter", "filter by title; so does typing", "history list", "filter", inner=True),
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
    Key("screen.close", "escape,ctrl+c", "close", "close what stands over the chat", "screens", "close"),
    Key("text.close", "q", "screen.close", "close a text; the key that opened it does too", "texts", "close"),
    Key("text.up", "up,k", "scroll_up", "a line up", "texts"),
    Key("text.down", "down,j", "scroll_down", "a line down", "texts", "scroll"),
    Key("text.page_up", "pageup", "page_up", "a page up", "texts"),
    Key("text.page_down", "pagedown,space", "page_down", "a page down", "texts", "page"),
    Key("text.begin", "home,g", "scroll_home", "to the beginning", "texts"),
    Key("text.end", "end,G", "scroll_end", "to the end", "texts"),
    Key("other.before", "left", "other(-1)", "compare with the version before", "comparison", "older"),
    Key("other.after", "right", "other(1)", "compare with the version after", "comparison", "newer"),
    Key("exchange.next", "space", "keep('next')", "keep it in, then out, then as it fits", "context", "in, out, fits"),
    Key("exchange.keep", "k", "keep('in')", "keep the exchange in, or as it fits", "context", "in"),
    Key("exchange.leave", "x", "keep('out')", "keep the exchange out, or as it fits", "context", "out"),
    Key("comparison.next", "tab,right", "column(1)", "the answer at the right", "side by side", "next"),
    Key("comparison.before", "shift+tab,left", "column(-1)", "the answer at the left", "side by side"),
    Key(
        "comparison.keep",
        "1–4",
        "",
        "keep this answer in the conversation; those that still run are stopped",
        "side by side",
        fixed="the digits are the numbers of the answers",
    ),
    Key("comparison.stop", "x", "stop", "stop this answer and keep its part; Esc stops all", "side by side", "stop"),
    Key("comparison.blind", "b", "blind", "hide who answers until one is kept, or no longer", "side by side", "blind"),
    Key(
        "rival.toggle",
        "space",
        "screen.toggle_rival",
        "take a model in, or leave it out",
        "choice",
        "choose",
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


def bindings(where: Where = "everywhere", *, inner: bool = False) -> list[Binding]:
    """Textual's bindings for the rows of this place, the inner ones or the others."""
    return [
        Binding(row.keys, row.action, row.help, id=row.id, show=False, priority=_goes_first(row))
        for row in TABLE
        if row.action and row.where == where and row.inner == inner
    ]


def _goes_first(row: Key) -> bool:
    """Letters are for whoever is written in."""
    return row.where == "everywhere" and row.id not in _NOT_FIRST


# Their names mean these in sentences, though other places have the same keys.
_TOLD = {"transcript.end", "prompt.send"}
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


def first_key(id: str, changed: Mapping[str, str]) -> str:
    """A row's first key as people read it; `changed` holds rebound keys by id."""
    keys = changed.get(id) or next(row.keys for row in TABLE if row.id == id)
    return _shown_one(keys.split(",")[0])


def as_bound(text: str, changed: Mapping[str, str]) -> str:
    """A sentence that names keys as they come along, with those that are bound now; letters are no names in it."""
    rows = [row for row in TABLE if row.id in changed and (row.where == "everywhere" or row.id in _TOLD)]
    names = {first_key(row.id, {}): first_key(row.id, changed) for row in rows}
    if not names:
        return text
    known = "|".join(map(re.escape, names))
    return re.sub(rf"(?<![\w+])(?:{known})(?![\w+])", lambda found: names[found[0]], text)


def footer(ids: Iterable[str], changed: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """(key, word) for the footer, in this order; `changed` holds rebound keys by id."""
    rows = {row.id: row for row in TABLE}
    return [(first_key(id, changed), rows[id].label) for id in ids]


def markdown() -> str:
    """The README's table."""
    lines = ["| where | key | what it does | id |", "|---|---|---|---|"]
    for row in TABLE:
        id = f"fixed: {row.fixed}" if row.fixed else f"`{row.id}`"
        lines.append(f"| {row.where} | {shown(row.keys)} | {row.help} | {id} |")
    return "\n".join(lines) + "\n"
