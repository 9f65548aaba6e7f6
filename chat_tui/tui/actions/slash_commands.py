"""The slash commands: one table that feeds the prompt's completion, the help and what is carried out."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import msgspec

from chat_tui.core.errors import CommandError
from chat_tui.core.text.control_characters import clean_line


class Command(msgspec.Struct, frozen=True):
    """One slash command."""

    name: str
    help: str
    argument: str = ""
    """What may follow, as the help shows it."""


TABLE: tuple[Command, ...] = (
    Command("adaptive", "let a fast model answer at once and the best one in detail, or no longer", "[on|off]"),
    Command("analyse", "work through a text file, part by part where it is long", "FILE [question]"),
    Command("attach", "let a file go along with the next question; so does @path in its text", "FILE"),
    Command("bad", "note that the answer was bad"),
    Command("branch", "end the conversation at the chosen turn: what is asked next branches off"),
    Command("clear", "begin a fresh conversation; this one stays in the history, and /undo leads back"),
    Command("compare", "ask 2 to 4 models at once, side by side; without names, choose them", "[models] [--blind]"),
    Command("context", "show what of this conversation is sent, and keep exchanges in or out"),
    Command("continue", "let the last answer go on that was cut, or ask anew where nothing had come"),
    Command("copy", "copy the answer, one of its code blocks, or the whole conversation", "[number|all]"),
    Command("delete", "delete this conversation; /undo brings it back for 10 seconds"),
    Command("detach", "take a file off that would go along, by default the last", "[name]"),
    Command("diff", "show word by word how the versions of a turn differ"),
    Command("edit", "edit the chosen question, else the last, and send it as another version"),
    Command("exit", "quit"),
    Command("export", "write this conversation into a new file", "[markdown|json] [file]"),
    Command("fetch", "fetch the built-in model (about 130 MB)"),
    Command("find", "find words in this conversation", "[words]"),
    Command("forget", "use a found model, or all of a provider, no longer; without a name, show them", "[model]"),
    Command("good", "note that the answer was good: the strategies note it"),
    Command("help", "show keys and commands"),
    Command("history", "show this conversation in short, and all saved ones"),
    Command("import", "bring in the conversations of ChatGPT's export, llm, elia or our own JSON", "FILE"),
    Command("insights", "show or hide what can be said of the answer: sentiment, keywords, reading time"),
    Command("info", "show under each answer its tokens, speed and cost, or hide them"),
    Command("model", "choose a model; without a name, open the list", "[provider/model]"),
    Command("open", "open a saved conversation by its title; without one, show the history", "[title]"),
    Command("pause", "pause the answer, or let it go on"),
    Command("pin", "let this conversation stand before the others, or no longer"),
    Command("preset", "use a preset; without a name, open the list; `none` ends it", "[name] [values]"),
    Command("private", "begin a private conversation, which is never saved"),
    Command("rename", "give this conversation another title", "[title]"),
    Command("retry", "ask for another version of the answer, by this model or as it is chosen now", "[provider/model]"),
    Command("save", "write a code block of the answer into a new file", "[number] [file]"),
    Command("search", "search all turns; without words, show the history", "[words]"),
    Command("stats", "show what answers took in the last 30 days: by day, model and strategy"),
    Command("strategy", "choose a strategy; without a name, go to the next", "[name]"),
    Command("system", "set this conversation's system prompt; without text, show it; `default` resets it", "[text]"),
    Command("theme", "choose a theme; without a name, open the list", "[name]"),
    Command("undo", "undo what was done last to a conversation"),
    Command("version", "show another version of a turn: of this number, or the one before", "[number]"),
    Command("why", "show how the answer was routed: candidates, scores, tries, and what other strategies would do"),
)


class CommandCall(msgspec.Struct, frozen=True):
    """A command as it was typed."""

    name: str
    argument: str = ""


def parse(text: str) -> CommandCall | str:
    """A typed text as the command it calls, or as the words to be sent (`//` stands for a literal slash).

    Raises `CommandError` for a command that is not there.
    """
    stripped = text.strip()
    if not stripped.startswith("/"):
        return text
    if stripped.startswith("//"):
        return stripped[1:]
    words = stripped[1:].split(maxsplit=1)
    name = words[0].casefold() if words else ""
    argument = words[1].strip() if len(words) > 1 else ""
    if any(command.name == name for command in TABLE):
        return CommandCall(name, argument)
    raise CommandError(f"There is no command /{clean_line(name, 40)}; nothing was sent.", _near(name))


def _near(name: str) -> str:
    names = [command.name for command in TABLE]
    begun = [known for known in names if name and known.startswith(name)]
    near = (
        begun
        or get_close_matches(name, names, n=3, cutoff=0.5)
        or [known for known in names if name and known.startswith(name[0])]
    )
    hint = f"Did you mean {' or '.join(f'/{word}' for word in near)}?" if near else "See /help."
    return f"{hint} A text that begins with a slash is sent with two: //{clean_line(name, 40)}"


def completions(text: str) -> Sequence[tuple[str, str]]:
    """(the prompt's text after it is taken, help) for what is typed so far, best first."""
    if not text.startswith("/") or text.startswith("//") or " " in text:
        return ()
    typed = text[1:].casefold()
    first = [command for command in TABLE if command.name.startswith(typed)]
    rest = [command for command in TABLE if typed in command.name and command not in first]
    return [
        (f"/{command.name} ", f"{command.argument} · {command.help}")
        if command.argument
        else (f"/{command.name}", command.help)
        for command in (*first, *rest)
    ]


def argument(text: str) -> str:
    """What may follow the command that is being written, and what it does: `FILE · bring in …`; empty where nothing may
    follow."""
    name = text[1:].partition(" ")[0].casefold() if text.startswith("/") and " " in text else ""
    found = next((command for command in TABLE if command.name == name), None)
    return f"{found.argument} · {found.help}" if found is not None and found.argument else ""


def chosen_model(name: str, known: Sequence[str]) -> str:
    """The model that a name means: a known one, or any of a server's that may know more than it lists.

    Raises `CommandError`.
    """
    provider, slash, id = name.partition("/")
    servers = {model.partition("/")[0] for model in known} - {"local", "scripted"}
    if name in known or (slash and id and provider in servers):
        return name
    near = get_close_matches(name, known, n=3, cutoff=0.3) or list(known[:4])
    raise CommandError(f"There is no model {clean_line(name, 80)}.", f"Near it: {', '.join(near)}. Ctrl+O lists all.")


def chosen_strategy(name: str, known: Sequence[str]) -> str:
    """The strategy that a name means. Raises `CommandError`."""
    if name.casefold() in known:
        return name.casefold()
    raise CommandError(f"There is no strategy {clean_line(name, 60)}.", f"There are: {', '.join(known)}.")


def markdown() -> str:
    """The README's table."""
    lines = ["| command | what it does |", "|---|---|"]
    for command in TABLE:
        shown = f"/{command.name} {command.argument}".strip()
        lines.append(f"| `{shown}` | {command.help} |")
    return "\n".join(lines) + "\n"
