"""What may follow a slash command, as it is offered while it is typed: models, strategies, themes, titles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from chat_tui.core.models import ModelStatus
from chat_tui.core.text.control_characters import clean_line
from chat_tui.tui.widgets import formatting

MOST = 50
_ENOUGH = 2
"""Models that can be compared."""
FILE_COMMANDS = ("/attach ", "/analyse ", "/import ")
"""What follows them is a file's path."""


class CompletionSources(Struct):
    """Where the choices come from; each is asked when it is needed."""

    models: Callable[[], Sequence[ModelStatus]]
    strategies: Callable[[], Sequence[str]]
    themes: Callable[[], Sequence[str]]
    titles: Callable[[], Sequence[str]]


def offered(text: str, known: CompletionSources) -> list[tuple[str, str]]:
    """(the prompt's text after it is taken, help) for a command and the beginning of what follows it, best first."""
    command, space, typed = text.partition(" ")
    if not space:
        return []
    match command:
        case "/model" | "/retry":
            rows = [(standing.model.name, _price(standing)) for standing in known.models()]
        case "/compare":
            command, typed, rows = _next_of_several(text, known.models())
        case "/strategy":
            rows = [(name, "") for name in known.strategies()]
        case "/adaptive":
            rows = [("on", ""), ("off", "")]
        case "/theme":
            rows = [(name, "") for name in known.themes()]
        case "/open":
            rows = [(title, "") for title in dict.fromkeys(known.titles())]
        case _:
            return []
    begun = command if command[-1] in " ," else f"{command} "
    return [(f"{begun}{name}", help) for name, help in _matching(typed, rows)]


def _next_of_several(text: str, models: Sequence[ModelStatus]) -> tuple[str, str, list[tuple[str, str]]]:
    """What stands before the last name, what is typed of it, and which models are not named yet."""
    at = max(text.rfind(" "), text.rfind(",")) + 1
    named = set(text[:at].replace(",", " ").split()[1:])
    if text[at:] or len(named) < _ENOUGH:
        rows = [(one.model.name, _price(one)) for one in models if one.model.name not in named]
    else:
        # Enter shall send what is there, and not take another.
        rows = []
    return text[:at], text[at:], rows


def _matching(typed: str, rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that begin with what is typed, then those that have it anywhere."""
    wanted = typed.strip().casefold()
    clean_rows = [(clean_line(name, 200), help) for name, help in rows]
    first = [row for row in clean_rows if row[0].casefold().startswith(wanted)]
    rest = [row for row in clean_rows if wanted in row[0].casefold() and row not in first]
    return [*first, *rest][:MOST]


def _price(standing: ModelStatus) -> str:
    model = standing.model
    price = "free" if model.free else formatting.price(model.price_in, model.price_out)
    return f"{standing.state} · {price}" if price != formatting.UNKNOWN else standing.state
