"""The first words in an empty conversation: what to try, and at the first start what was found."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from chat_tui.core.models import LOCAL_MODEL, SCRIPTED_MODEL, ModelStatus
from chat_tui.tui.actions.bindings import as_bound
from chat_tui.tui.panels.model_sources import WAYS
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, crop, wrap

_LEAD = "Ask anything below. The answer streams here; Esc stops it and keeps what arrived."
_TINY = "The built-in model is tiny (135M parameters): good for trying chat-tui out. Better models are one step away:"
_SOURCES = 4
"""So many are told; with them the welcome fits 60 columns and 20 rows."""
_BUILT_IN = {
    "not fetched": "downloads when first needed",
    "fetching": "is downloading… you can ask now",
}


class Welcome(StyledLines):
    """The text of an empty conversation: what this is and what to do first."""

    DEFAULT_CSS = "Welcome { width: 1fr; height: 1fr; padding: 1 2; background: $background; }"

    class SourceWanted(Message):
        """A way to more models was clicked, by its name."""

        def __init__(self, way: str) -> None:
            super().__init__()
            self.way = way

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: Sequence[tuple[str, str]] = ()
        self._found: Sequence[Line] = ()
        self._is_tiny = False
        self._ways_at = 0
        """The row of the first way."""

    def show(self, keys: Sequence[tuple[str, str]]) -> None:
        """These keys, with what they do."""
        self._keys, self._found, self._is_tiny = keys, (), False
        self.redraw()

    def show_found(self, standings: Sequence[ModelStatus], *, only_built_in: bool = False) -> None:
        """Show the models and servers that were found, below the rest, so that nothing moves; with `only_built_in`
        also the ways to more."""
        self._is_tiny = only_built_in
        self._found = found_lines([each for each in standings if not self._is_tiny or each.model.name != LOCAL_MODEL])
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """A title, a sentence, the keys, what was found; on a low screen without the sentence or the keys."""
        title: list[Line] = [(Span("chat-tui", "accent"),), ()]
        lead: list[Line] = [(Span(text),) for text in wrap(as_bound(_LEAD, self.changed_keys), width, 3)]
        keys, found = self._key_lines(width), self._found_lines(width)
        for rows in ([*title, *lead, (), *keys], [*title, *lead], [*title, *keys], title[:1], []):
            gap: list[Line] = [()] if found and rows else []
            if len(rows) + len(gap) + len(found) <= max(self.size.height, 1) or not found:
                break
        self._ways_at = len(rows) + len(gap) + len(found) - len(WAYS) if self._is_tiny else 0
        return [*rows, *gap, *found]

    def _key_lines(self, width: int) -> list[Line]:
        column = max((len(key) for key, _ in self._keys), default=0) + 2
        rows: list[Line] = []
        for key, word in self._keys:
            for number, part in enumerate(wrap(word, width - column, 2)):
                rows.append((Span(("" if number else key).ljust(column), "strong"), Span(part, "dim")))
        return rows

    def _found_lines(self, width: int) -> list[Line]:
        found: list[Line] = [(*line[:-1], Span(crop(line[-1].text, width - 18), line[-1].role)) for line in self._found]
        if not self._is_tiny:
            return [(Span("Found", "accent"),), *found] if found else []
        tiny: list[Line] = [(Span(text, "warning"),) for text in wrap(_TINY, width, 3)]
        column = max(len(way.command) for way in WAYS) + 2
        ways: list[Line] = []
        for way in WAYS:
            whole = f"{way.title}: {way.help}"
            told = whole if len(whole) <= width - column else crop(way.title, width - column)
            ways.append((Span(way.command.ljust(column), "strong"), Span(told, "dim")))
        return [*tiny, *found, *ways]

    def on_resize(self) -> None:
        """What fits depends on the height too."""
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """A click on a way takes it."""
        place = event.get_content_offset(self)
        if self._ways_at and place is not None and 0 <= place.y - self._ways_at < len(WAYS):
            event.stop()
            self.post_message(self.SourceWanted(WAYS[place.y - self._ways_at].name))


def has_only_built_in(standings: Sequence[ModelStatus]) -> bool:
    """Return whether the built-in model is the only one that answers without a further step."""
    usable = {each.model.name for each in standings if each.usable and not each.state.startswith("found")}
    return LOCAL_MODEL in usable and usable <= {LOCAL_MODEL, SCRIPTED_MODEL}


def found_lines(standings: Sequence[ModelStatus]) -> list[Line]:
    """Return a line for the built-in model and one for each server or key; what is ready comes first."""
    sources: dict[str, list[ModelStatus]] = {}
    for standing in standings:
        if standing.model.name != SCRIPTED_MODEL:
            built_in = standing.model.name == LOCAL_MODEL
            sources.setdefault("" if built_in else standing.model.name.partition("/")[0], []).append(standing)
    rows = sorted((_source(name, models) for name, models in sources.items()), key=lambda row: row[0])
    lines: list[Line] = [line for _, line in rows[:_SOURCES]]
    if len(rows) > _SOURCES:
        names = len(rows) - _SOURCES + 1
        lines[-1] = (Span("  "), Span(f"{names} others".ljust(16), "text"), Span("in the list of models", "dim"))
    return lines


def _source(name: str, models: Sequence[ModelStatus]) -> tuple[int, Line]:
    """Return the rank of a source in the list, and its line."""
    first = models[0]
    if not name:
        if not first.usable:
            return 3, _line("warning", "built-in model", f"{first.state}; you can choose another model")
        words = _BUILT_IN.get(first.state, "ready, on this machine, free")
        return 0, _line("success", "built-in model", words)
    if all(one.state.startswith("found") for one in models):
        what = "on this machine" if first.model.local else "set in the shell"
        if first.state.endswith("not yours"):
            what = "on this machine, under another account"
        return 2, _line("dim", name, f"{what}; choose it to use it")
    if not any(one.usable for one in models):
        return 3, _line("warning", name, first.state)
    count = f"{len(models)} model{'s' * (len(models) != 1)}"
    return 1, _line("success", name, f"{count}, {'on this machine' if first.model.local else 'hosted'}")


def _line(role: str, name: str, words: str) -> Line:
    mark = {"success": "● ", "dim": "○ ", "warning": "! "}[role]
    return (Span(mark, role), Span(crop(name, 15).ljust(16)), Span(words, "dim"))
