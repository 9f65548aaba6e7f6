"""The actions of lists, of dialogs over the chat, and of models side by side."""

from __future__ import annotations

from chat_tui.tui.actions.action import Action

LISTS = (
    Action(
        "list.choose",
        "Open",
        "enter",
        "choose",
        "lists",
        help="open the conversation, or choose the current row",
        label="open",
    ),
    Action("list.up", "Move up a row", "up", "move(-1)", "lists"),
    Action("list.down", "Move down a row", "down", "move(1)", "lists"),
    Action("list.page_up", "Move up a page", "pageup", "page(-1)", "lists"),
    Action("list.page_down", "Move down a page", "pagedown", "page(1)", "lists"),
    Action(
        "list.first",
        "First row",
        "home",
        "move(-1000000)",
        "lists",
        help="go to the first row; Ctrl+Home while filtering",
    ),
    Action(
        "list.last", "Last row", "end", "move(1000000)", "lists", help="go to the last row; Ctrl+End while filtering"
    ),
)

DIALOGS = (
    Action("screen.close", "Close the dialog", "escape,ctrl+c", "close", "screens", label="close"),
    Action(
        "text.close",
        "Close",
        "q",
        "screen.close",
        "texts",
        help="close; the key that opened it also closes it",
        label="close",
    ),
    Action("text.up", "Scroll up a line", "up,k", "scroll_up", "texts"),
    Action("text.down", "Scroll down a line", "down,j", "scroll_down", "texts", label="scroll"),
    Action("text.page_up", "Scroll up a page", "pageup", "page_up", "texts"),
    Action("text.page_down", "Scroll down a page", "pagedown,space", "page_down", "texts", label="page"),
    Action("text.begin", "Jump to the beginning", "home,g", "scroll_home", "texts"),
    Action("text.end", "Jump to the end", "end,G", "scroll_end", "texts"),
    Action("other.before", "Compare with the previous version", "left", "other(-1)", "comparison", label="previous"),
    Action("other.after", "Compare with the next version", "right", "other(1)", "comparison", label="next"),
    Action(
        "exchange.next",
        "Include, exclude or auto",
        "space",
        "keep('next')",
        "context",
        help="switch between include, exclude and auto",
        label="include / exclude / auto",
    ),
    Action(
        "exchange.keep",
        "Include the exchange",
        "k",
        "keep('in')",
        "context",
        help="always include the exchange, or back to auto",
        label="include",
    ),
    Action(
        "exchange.leave",
        "Exclude the exchange",
        "x",
        "keep('out')",
        "context",
        help="always exclude the exchange, or back to auto",
        label="exclude",
    ),
)

COMPARISON = (
    Action("comparison.next", "Go to the next answer", "tab,right", "column(1)", "side by side", label="next"),
    Action("comparison.before", "Go to the previous answer", "shift+tab,left", "column(-1)", "side by side"),
    Action(
        "comparison.keep",
        "Keep this answer",
        "1–4",
        where="side by side",
        help="keep this answer in the conversation; the others are stopped",
        fixed="the digits are the answers' numbers",
    ),
    Action(
        "comparison.stop",
        "Stop this answer",
        "x",
        "stop",
        "side by side",
        help="stop this answer and keep what arrived; Esc stops all",
        label="stop",
    ),
    Action(
        "comparison.blind",
        "Hide or show model names",
        "b",
        "blind",
        "side by side",
        help="hide or show model names until an answer is kept",
        label="blind",
    ),
    Action(
        "rival.toggle",
        "Select or deselect a model",
        "space",
        "screen.toggle_rival",
        "choice",
        label="choose",
    ),
)
