"""The table of slash commands that all faces have, in the order of the help."""

from __future__ import annotations

from collections.abc import Mapping

from chat_tui.config.commands.slash_command import SlashCommand

TOPICS: Mapping[str, tuple[SlashCommand, ...]] = {
    "Prompt": (
        SlashCommand(
            "attach",
            "attach a file or a web page to your next message; @path or @https://… in the text does the same",
            argument="FILE",
            aliases=("file", "upload"),
        ),
        SlashCommand("paste", "attach the image in the clipboard, or paste its text"),
        SlashCommand("detach", "remove an attached file; without a name, the last one", argument="[name]"),
        SlashCommand(
            "analyse", "analyse a text file; a long one part by part", argument="FILE [question]", aliases=("analyze",)
        ),
    ),
    "Answers": (
        SlashCommand(
            "retry",
            "regenerate the answer, with this model or the current choice",
            argument="[provider/model]",
            aliases=("regenerate", "regen", "redo"),
        ),
        SlashCommand("continue", "continue an incomplete answer, or ask again"),
        SlashCommand("edit", "edit the chosen question, or the last one, and send it as a new version"),
        SlashCommand(
            "version", "show the previous version of a message, or the one with this number", argument="[number]"
        ),
        SlashCommand("diff", "compare the versions of a message word by word"),
        SlashCommand("undo", "undo the last change to a conversation"),
        SlashCommand("why", "show how the answer was routed, and why", aliases=("route",)),
        SlashCommand("info", "show or hide tokens, speed and cost of each answer", aliases=("tokens",)),
        SlashCommand("good", "rate the answer as good; strategies learn from it"),
        SlashCommand("bad", "rate the answer as bad"),
        SlashCommand("insights", "show or hide insights: sentiment, keywords, reading time"),
    ),
    "Copy and save": (
        SlashCommand(
            "copy",
            "copy the answer; the command also copies one of its code blocks, or the whole conversation",
            argument="[number|all]",
        ),
        SlashCommand(
            "save",
            "save a code block to a file: the current one, or the one with this number",
            argument="[number] [file]",
        ),
    ),
    "Models": (
        SlashCommand(
            "model", "choose a model; without a name, list them", argument="[provider/model]", aliases=("models",)
        ),
        SlashCommand("auto", "let the strategy choose the model"),
        SlashCommand("strategy", "choose a strategy; without a name, switch to the next", argument="[name]"),
        SlashCommand(
            "adaptive", "toggle adaptive answers: a quick one first, then a detailed one", argument="[on|off]"
        ),
        SlashCommand(
            "compare",
            "ask 2 to 4 models the same question, and compare their answers",
            argument="[models] [--blind]",
        ),
        SlashCommand(
            "preset",
            "use a preset; without a name, list them; `none` stops using one",
            argument="[name] [values]",
            aliases=("presets",),
        ),
        SlashCommand(
            "system",
            "set this conversation's system prompt; without text, show it; `default` resets it",
            argument="[text]",
        ),
        SlashCommand(
            "temperature",
            "set how varied this conversation's answers are, from 0 to 2; `default` resets",
            argument="[number|default]",
            aliases=("temp",),
        ),
        SlashCommand(
            "set",
            "set temperature, max_tokens, top_p, stop, seed, thinking, web_search or memory here; `default` resets",
            argument="[name value]",
        ),
        SlashCommand(
            "thinking",
            "set this conversation's reasoning effort; `default` resets",
            argument="[off|low|medium|high|default]",
            aliases=("effort",),
        ),
        SlashCommand(
            "max-tokens",
            "set the maximum length of this conversation's answers in tokens; `default` resets",
            argument="[number|default]",
            aliases=("max_tokens",),
        ),
        SlashCommand("fetch", "download the built-in model (about 130 MB)", aliases=("download",)),
    ),
    "Tools": (
        SlashCommand(
            "tools",
            "switch tool servers, and single tools, on or off in this conversation; with a name, that server",
            argument="[server]",
            aliases=("mcp", "functions"),
        ),
    ),
    "Memory": (
        SlashCommand(
            "remember",
            "remember words: a line of your memory, which is sent with your questions",
            argument="WORDS",
        ),
        SlashCommand(
            "memory",
            "show what is remembered; `folder on` also sends the notes of this folder, `folder off` does not",
            argument="[folder on|folder off]",
        ),
        SlashCommand(
            "forget",
            "forget remembered lines with these words, or stop using a discovered model or provider; without words,"
            " list these models",
            argument="[words|model]",
        ),
    ),
    "Conversations": (
        SlashCommand("clear", "start a new conversation; this one stays in the history", aliases=("new",)),
        SlashCommand("private", "start a private conversation, which is never saved", aliases=("incognito",)),
        SlashCommand("history", "search messages, or browse the history"),
        SlashCommand("search", "search messages; without words, browse the history", argument="[words]"),
        SlashCommand(
            "open",
            "open a saved conversation by its title; without one, browse the history",
            argument="[title]",
            aliases=("resume", "load"),
        ),
        SlashCommand("find", "find text in this conversation", argument="[words]"),
        SlashCommand("rename", "rename the conversation", argument="[title]", aliases=("title",)),
        SlashCommand("pin", "pin or unpin the conversation", aliases=("unpin",)),
        SlashCommand("delete", "delete the conversation; it can be restored for 30 days"),
        SlashCommand(
            "deleted", "show deleted conversations, to restore them or delete them for good", aliases=("trash", "bin")
        ),
        SlashCommand(
            "export",
            "export the conversation as Markdown to the current folder; the command also writes HTML and JSON",
            argument="[markdown|html|json] [file]",
            aliases=("share",),
        ),
        SlashCommand("import", "import conversations from ChatGPT, llm, elia or chat-tui's JSON", argument="FILE"),
        SlashCommand(
            "context",
            "show what will be sent; with a number, include or exclude that exchange",
            argument="[number include|exclude|auto]",
        ),
        SlashCommand(
            "compact",
            "summarise what no longer fits the context window, or all but the last N messages; /undo takes it back",
            argument="[N]",
            aliases=("summarise", "summarize"),
        ),
    ),
    "Program": (
        SlashCommand("help", "show help: all keys and commands", aliases=("keys", "shortcuts", "?")),
        SlashCommand(
            "stats", "show statistics of the last 30 days by day, model and strategy", aliases=("cost", "usage")
        ),
        SlashCommand(
            "settings", "show all settings, and change them in the config file", aliases=("config", "preferences")
        ),
        SlashCommand("exit", "quit; running answers are stopped, and what arrived is kept", aliases=("quit", "q")),
    ),
}
"""The commands by what they are about."""

COMMANDS: Mapping[str, SlashCommand] = {row.name: row for topic in TOPICS.values() for row in topic}
"""The commands by their names."""
